/** The ledger as a process of its own, on a folder that outlives it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually, type LocalLedger, rpcClient } from "./local-ledger.js";

const SCRIPT = fileURLToPath(new URL("./ledger-process.mjs", import.meta.url));

export interface LedgerChild {
	readonly process: ChildProcess;
	readonly rpc: LocalLedger["rpc"];
	/** Standard output and error so far. */
	readonly output: () => string;
	/** Resolves with exit code and signal. */
	readonly ended: Promise<readonly [number | null, NodeJS.Signals | null]>;
}

export function spawnLedger(dir: string, env: Readonly<Record<string, string>> = {}) {
	const runFile = join(dir, "run.json");
	const args = [
		"--data",
		join(dir, "ledger"),
		"--genesis",
		join(dir, "genesis.json"),
		"--sequencer-key",
		join(dir, "sequencer.key"),
		"--port",
		"0",
		"--run-file",
		runFile,
		"--block-interval",
		"2ms",
	];
	const child = spawn(process.execPath, [SCRIPT, ...args], { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
	let output = "";
	for (const stream of [child.stdout, child.stderr]) {
		stream.on("data", (chunk: Buffer) => {
			output += chunk.toString();
		});
	}
	const ended = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
	return { child, runFile, ended, output: () => output };
}

/** Started and answering; undefined when it was killed before that. */
export async function startLedgerChild(dir: string, env: Readonly<Record<string, string>> = {}): Promise<LedgerChild | undefined> {
	await rm(join(dir, "run.json"), { force: true });
	const { child, runFile, ended, output } = spawnLedger(dir, env);
	const url = await eventually(
		async () => {
			if (child.exitCode !== null || child.signalCode !== null) return "ended";
			return readFile(runFile, "utf8").then(
				(text) => (JSON.parse(text) as { readonly url: string }).url,
				() => undefined,
			);
		},
		"the ledger",
		30_000,
	);
	if (url === "ended" && child.signalCode !== "SIGKILL") throw new Error(`the ledger ended with ${child.exitCode ?? child.signalCode}: ${output()}`);
	return url === "ended" ? undefined : { process: child, rpc: rpcClient(url), output, ended };
}
