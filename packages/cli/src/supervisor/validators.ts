/** Several validators on one machine: how many, where they answer, and the processes that run them. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { FreeholdError } from "@freehold/protocol";
import type { DataFolder } from "./data-folder.js";
import type { ProcessPlan } from "./supervisor.js";

export const MOST_VALIDATORS = 16;
/** From the network's first port: JSON-RPC of the second validator and on, peers, the engines' own JSON-RPC. */
const PORTS = { rpc: 10, p2p: 30, engine: 50 } as const;

export interface ValidatorPorts {
	readonly rpc: number;
	readonly p2p: number;
	readonly engine: number;
}

/** The first validator answers where a network's ledger does. */
export function validatorPorts(base: number, count: number): readonly ValidatorPorts[] {
	return Array.from({ length: count }, (_, index) => ({
		rpc: index === 0 ? base : base + PORTS.rpc + index,
		p2p: base + PORTS.p2p + index,
		engine: base + PORTS.engine + index,
	}));
}

/** Name of a validator's process, log and folder: `ledger`, `ledger-2`, … */
export const validatorName = (index: number): string => (index === 0 ? "ledger" : `ledger-${index + 1}`);

/** How many validators a folder's network has; undefined for a folder without one. */
export async function validatorsOf(folder: DataFolder): Promise<number | undefined> {
	const known = await readFile(folder.validatorsFile, "utf8").catch(() => undefined);
	if (known !== undefined) return (JSON.parse(known) as { readonly count: number }).count;
	return (await stat(folder.genesisFile).catch(() => undefined)) === undefined ? undefined : 1;
}

/** What was asked for, or what the folder has. Throws `config.invalid` when it has another number: who orders blocks is part of a chain. */
export async function agreedCount(folder: DataFolder, asked: number | undefined): Promise<number> {
	const known = await validatorsOf(folder);
	if (known === undefined || asked === undefined || known === asked) return asked ?? known ?? 1;
	const has = known === 1 ? "one sequencer" : `${known} validators`;
	throw new FreeholdError("config.invalid", { option: "--validators", reason: `the network in ${folder.root} has ${has}. Start another one with --data DIR` });
}

/** CometBFT's folder of a validator. */
export const homeOf = (folder: DataFolder, index: number): string => join(folder.roleFolder(validatorName(index)), "consensus");

export interface ValidatorPlan {
	readonly folder: DataFolder;
	readonly host: string;
	readonly base: number;
	readonly nodeIds: readonly string[];
	/** CometBFT's program. */
	readonly engine: string;
}

/** A ledger for each validator, every one connected to all others. */
export function planValidators({ folder, host, base, nodeIds, engine }: ValidatorPlan): readonly ProcessPlan[] {
	const ports = validatorPorts(base, nodeIds.length);
	const peers = nodeIds.map((nodeId, index) => `${nodeId}@${host}:${ports[index]?.p2p}`);
	return ports.map(({ rpc, p2p, engine: enginePort }, index) => {
		const name = validatorName(index);
		const options = {
			host,
			port: String(rpc),
			data: folder.roleFolder(name),
			"validator-home": homeOf(folder, index),
			cometbft: engine,
			p2p: `${host}:${p2p}`,
			peers: peers.filter((_, other) => other !== index).join(","),
			"engine-port": String(enginePort),
		};
		return { role: "ledger", name, url: `http://${host}:${rpc}`, args: Object.entries(options).flatMap(([option, value]) => [`--${option}`, value]) };
	});
}
