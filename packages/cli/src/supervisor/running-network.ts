/** Brings a local network up: claims the folder, starts the processes in order, seeds the models, and writes `network.json` last. */
import { stat } from "node:fs/promises";
import type { CheckpointFile, NetworkFile } from "@freehold/protocol";
import { fetchJson, type RoleName, roleNames } from "@freehold/service";
import { type DataFolder, removeFile, writeJson } from "./data-folder.js";
import { describe, HOST, type LedgerStatus, plan, portsFrom, prepareFolder, urlOf } from "./local-network.js";
import { keepBounded } from "./log-files.js";
import { requireFreePorts } from "./ports.js";
import { seedModels } from "./seed.js";
import { Supervisor } from "./supervisor.js";
import { agreedCount, planValidators, validatorName, validatorPorts } from "./validators.js";

export const DEFAULT_LOG_BYTES = 64 * 1024 ** 2;
const LOG_LOOK_MS = 10_000;

export interface StartOptions {
	readonly folder: DataFolder;
	readonly portBase: number;
	readonly batchAgeMs?: string;
	/** How many order blocks; by default what the folder has, or one. */
	readonly validators?: number;
	/** Size at which a process's log is turned over. */
	readonly logBytes?: number;
	readonly env: NodeJS.ProcessEnv;
	readonly clock: { now(): number };
	/** Called before CometBFT is built, which takes a minute and happens once. */
	readonly building: () => void;
	/** Called as each process becomes ready. */
	readonly ready: (name: RoleName) => void;
	readonly died: (name: string, how: string, restarts: number) => void;
	readonly seeding: (model: string) => void;
	/** Given as soon as there is something to stop, so that a signal during the start ends what runs already. */
	readonly started: (supervisor: Supervisor) => void;
}

export interface RunningNetwork {
	readonly network: NetworkFile;
	readonly supervisor: Supervisor;
	/** How many order blocks. */
	readonly validators: number;
	/** Drains every process and removes `network.json`. */
	readonly stop: () => Promise<void>;
}

/** Throws `store.locked`, `config.invalid` (a busy port) or `network.down`; nothing is left running then. */
export async function startNetwork(options: StartOptions): Promise<RunningNetwork> {
	const { folder, portBase } = options;
	await folder.make();
	const supervisor = new Supervisor(folder, { died: options.died }, options.env, options.clock.now());
	await supervisor.claim();
	options.started(supervisor);
	const endLogs = keepBounded(folder.logs, { mostBytes: options.logBytes ?? DEFAULT_LOG_BYTES, lookEveryMs: LOG_LOOK_MS });
	const stop = async (): Promise<void> => {
		await removeFile(folder.networkFile);
		await supervisor.drain();
		await endLogs();
	};
	try {
		await removeFile(folder.networkFile);
		const count = await agreedCount(folder, options.validators);
		const several = count > 1 ? await import("./validator-homes.js") : undefined;
		const engine = await several?.provideEngine(options.env, options.building);
		const ports = count > 1 ? validatorPorts(portBase, count).flatMap(({ rpc, p2p, engine: own }) => [rpc, p2p, own]) : [];
		const names = Array.from({ length: count }, (_, index) => validatorName(index));
		await supervisor.earlierEnded([...names, ...roleNames]);
		await requireFreePorts(HOST, [...new Set([...Object.values(portsFrom(portBase)), ...ports])]);
		const accounts = await prepareFolder(folder, options.clock.now());
		const validators =
			several === undefined || engine === undefined
				? undefined
				: planValidators({ folder, host: HOST, base: portBase, nodeIds: await several.prepareValidators(folder, count), engine });
		const stages = plan(folder, portBase, {
			...(options.batchAgeMs === undefined ? {} : { batchAgeMs: options.batchAgeMs }),
			...(validators === undefined ? {} : { validators }),
		});
		for (const stage of stages) {
			await Promise.all(
				stage.map(async (process) => {
					await supervisor.start(process);
					options.ready(process.role);
				}),
			);
		}
		const network = describe(portBase, await ledgerStatus(urlOf(portsFrom(portBase).ledger)));
		await writeCheckpoint(folder, network);
		await seedModels({ folder, network, accounts, seeding: options.seeding });
		await writeJson(folder.networkFile, network);
		return { network, supervisor, validators: count, stop };
	} catch (error) {
		await stop();
		throw error;
	}
}

/** `checkpoint.json` is written at the first start and stays: it is what this folder's owner trusts. */
async function writeCheckpoint(folder: DataFolder, network: NetworkFile): Promise<void> {
	const known = await stat(folder.checkpointFile).catch(() => undefined);
	if (known !== undefined) return;
	const { version, chainId, contracts, checkpoint } = network;
	const file: CheckpointFile = { version, chainId, contracts, checkpoint };
	await writeJson(folder.checkpointFile, file);
}

async function ledgerStatus(rpcUrl: string): Promise<LedgerStatus> {
	const answer = (await fetchJson(rpcUrl, {
		what: "The ledger",
		json: { jsonrpc: "2.0", id: 1, method: "freehold_status", params: [] },
		deadlineMs: 10_000,
	})) as { result: LedgerStatus };
	return answer.result;
}
