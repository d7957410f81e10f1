/** Validators as programs of their own: a ledger and its CometBFT each, on folders that outlive them. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { engineGenesis, prepareHome, writeGenesis } from "../src/engine/home.js";
import { CONSENSUS_CHAIN_ID } from "./driven-ledger.js";
import { eventually, type LocalLedger, rpcClient } from "./local-ledger.js";
import { appStateNow, engine, freePorts } from "./validators.js";

const SCRIPT = fileURLToPath(new URL("./ledger-process.mjs", import.meta.url));
const START_MS = 60_000;

export interface ValidatorProcess {
	readonly child: ChildProcess;
	readonly rpc: LocalLedger["rpc"];
	readonly url: string;
	readonly output: () => string;
	/** Resolves when the program has ended. */
	readonly ended: Promise<unknown>;
}

export interface ValidatorProcesses {
	readonly dir: string;
	/** CometBFT's folder. */
	readonly homeOf: (index: number) => string;
	/** CometBFT's own JSON-RPC. */
	readonly engineUrl: (index: number) => string;
	/** Starts the validator, answering; undefined when it ended before it did. */
	readonly start: (index: number, env?: Readonly<Record<string, string>>) => Promise<ValidatorProcess | undefined>;
	/** Ends ledger and engine at once, as a power cut would. */
	readonly kill: (validator: ValidatorProcess) => Promise<void>;
	readonly stop: () => Promise<void>;
}

/** Folders, keys and the shared genesis of `count` validators and of `others` that only follow; none runs yet. */
export async function validatorProcesses(count: number, others = 0): Promise<ValidatorProcesses> {
	const dir = await mkdtemp(join(tmpdir(), "freehold-validator-processes-"));
	const appState = appStateNow();
	const homeOf = (index: number): string => join(dir, String(index), "consensus");
	const identities = await Promise.all(Array.from({ length: count + others }, (_, index) => prepareHome(homeOf(index), "local")));
	const validators = identities.slice(0, count).map(({ publicKey }, index) => ({ publicKey, power: 10n, name: `v${index}` }));
	const genesis = engineGenesis({ chainId: CONSENSUS_CHAIN_ID, timestamp: appState.timestamp, validators, appState });
	const ports = await freePorts(2 * (count + others));
	await Promise.all(identities.map((_, index) => writeGenesis(homeOf(index), genesis)));
	const peersOf = (own: number): string =>
		identities.flatMap(({ nodeId }, index) => (index === own ? [] : [`${nodeId}@127.0.0.1:${ports[2 * index]}`])).join(",") || "none";
	const alive = new Set<ValidatorProcess>();
	const kill = async (validator: ValidatorProcess): Promise<void> => {
		try {
			if (validator.child.pid !== undefined) process.kill(-validator.child.pid, "SIGKILL");
		} catch {
			// It has ended by itself.
		}
		await validator.ended;
		alive.delete(validator);
	};
	return {
		dir,
		kill,
		homeOf,
		engineUrl: (index) => `http://127.0.0.1:${ports[2 * index + 1]}`,
		async start(index, env = {}) {
			const runFile = join(dir, String(index), "run.json");
			await rm(runFile, { force: true });
			const options = {
				data: join(dir, String(index), "ledger"),
				"validator-home": homeOf(index),
				cometbft: engine ?? "",
				p2p: `127.0.0.1:${ports[2 * index]}`,
				"engine-port": String(ports[2 * index + 1]),
				peers: peersOf(index),
				port: "0",
				"snapshot-blocks": "5",
				"run-file": runFile,
			};
			const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
			// A process group of its own, so that its engine can be killed with it.
			const child = spawn(process.execPath, [SCRIPT, ...args], { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"], detached: true });
			let output = "";
			for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
			const ended = once(child, "exit");
			let url: string | undefined;
			await eventually(
				async () => {
					if (child.exitCode !== null || child.signalCode !== null) return true;
					const text = await readFile(runFile, "utf8").catch(() => undefined);
					if (text !== undefined) url = (JSON.parse(text) as { readonly url: string }).url;
					return url === undefined ? undefined : true;
				},
				"the validator",
				START_MS,
			);
			if (url === undefined) {
				if (child.signalCode !== "SIGKILL") throw new Error(`the validator ended with ${child.exitCode ?? child.signalCode}: ${output}`);
				return undefined;
			}
			const validator = { child, rpc: rpcClient(url), url, output: () => output, ended };
			alive.add(validator);
			return validator;
		},
		async stop() {
			await Promise.all([...alive].map(kill));
			await rm(dir, { recursive: true, force: true });
		},
	};
}
