/** Programs as processes of their own, started as `freehold node run <role>` starts them, so that a kill is a kill. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { keepKeyFile, keepLog } from "../secrets/keep.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const COMMAND = new URL("../../packages/cli/bin/freehold.js", import.meta.url);
const START_DEADLINE_MS = 90_000;
const END_DEADLINE_MS = 20_000;

export type TestedRole = "ledger" | "storage" | "inference" | "gateway" | "hub";

export interface RunningProgram {
	readonly url: string;
	readonly pid: number;
	/** Everything it logged so far. */
	readonly output: () => string;
	/** Ends it by SIGKILL. */
	readonly kill: () => Promise<void>;
	/** Drains it; gives the exit code. */
	readonly stop: () => Promise<number | null>;
	/** Resolves when it has ended, however. */
	readonly ended: Promise<void>;
}

export async function temporaryFolder(): Promise<{ readonly path: string; readonly remove: () => Promise<void> }> {
	const path = await mkdtemp(join(tmpdir(), "freehold-journey-"));
	return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Lines that let `ahead` follow a file. */
function jumpingClock(file: string): string {
	return `const { readFileSync } = await import("node:fs");
setInterval(() => { try { ahead = Number(readFileSync(${JSON.stringify(file)}, "utf8")); } catch {} }, 20).unref();`;
}

export interface StartOptions {
	readonly env?: Readonly<Record<string, string>>;
	/** Where its run file goes. */
	readonly folder: string;
	/** Its clock is that far in the future. */
	readonly aheadMs?: number;
	readonly deadlineMs?: number;
	/** File with milliseconds that its clock is ahead by, read anew all the time: a clock that jumps. */
	readonly clockFile?: string;
}

/** How a process ended. */
export interface Ending {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
}

/** A program from the moment its process exists. */
export interface BegunProgram {
	readonly pid: number;
	readonly output: () => string;
	readonly ended: Promise<Ending>;
	/** Undefined while it runs. */
	readonly ending: () => Ending | undefined;
	/** Its URL, once it answers; rejects when it ends before. */
	readonly ready: Promise<string>;
	/** Ends it by SIGKILL. */
	readonly kill: () => Promise<void>;
	/** Drains it; gives the exit code. */
	readonly stop: () => Promise<number | null>;
}

/** Starts a program and waits until it answers. Options by their flag, without the dashes. */
export async function startProgram(role: TestedRole, options: Readonly<Record<string, string>>, start: StartOptions): Promise<RunningProgram> {
	const begun = beginProgram(role, options, start);
	const url = await begun.ready;
	return { ...begun, url, ended: begun.ended.then(() => undefined) };
}

/** Starts a program and does not wait. */
export function beginProgram(
	role: TestedRole,
	options: Readonly<Record<string, string>>,
	{ env = {}, folder, aheadMs = 0, deadlineMs = START_DEADLINE_MS, clockFile }: StartOptions,
): BegunProgram {
	const runFile = join(folder, `run-${role}-${Math.random().toString(36).slice(2)}.json`);
	const argv = ["node", "run", role, ...Object.entries(options).flatMap(([flag, value]) => [`--${flag}`, value]), "--run-file", runFile];
	const script = `const clock = Date.now; let ahead = ${aheadMs}; Date.now = () => clock() + ahead;
${clockFile === undefined ? "" : jumpingClock(clockFile)}
process.argv.splice(1, 0, ${JSON.stringify(fileURLToPath(COMMAND))});
await import(${JSON.stringify(COMMAND.href)});`;
	const child = spawn(process.execPath, ["--input-type=module", "-e", script, "--", ...argv], {
		cwd: root,
		env: { ...process.env, ...env },
		stdio: ["ignore", "pipe", "pipe"],
	});
	let output = "";
	for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
	let ending: Ending | undefined;
	const ended = once(child, "exit").then(([code, signal]) => {
		ending = { code, signal } as Ending;
		keepLog(output);
		for (const [flag, value] of Object.entries(options)) if (/key(-file)?$/.test(flag)) keepKeyFile(value);
		return ending;
	});
	const ready = runInfo(runFile, child, () => output, role, deadlineMs).then(({ url }) => url);
	ready.catch(() => undefined);
	return {
		pid: child.pid ?? 0,
		output: () => output,
		ended,
		ending: () => ending,
		ready,
		kill: async () => {
			child.kill("SIGKILL");
			await ended;
		},
		stop: async () => {
			if (ending === undefined) {
				child.kill("SIGTERM");
				const timer = setTimeout(() => child.kill("SIGKILL"), END_DEADLINE_MS);
				await ended;
				clearTimeout(timer);
			}
			return child.exitCode;
		},
	};
}

async function runInfo(
	runFile: string,
	child: ChildProcess,
	output: () => string,
	role: string,
	deadlineMs: number,
): Promise<{ readonly url: string; readonly pid: number }> {
	const info = await eventually(
		async () => {
			if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${role} ended while it started:\n${output()}`);
			const text = await readFile(runFile, "utf8").catch(() => undefined);
			return text === undefined ? undefined : (JSON.parse(text) as { readonly url: string; readonly pid: number });
		},
		() => `${role} did not start:\n${output()}`,
		deadlineMs,
	);
	return { url: info.url, pid: info.pid };
}

/** The value as soon as it is there. */
export async function eventually<T>(read: () => Promise<T | undefined>, what: string | (() => string), deadlineMs = 15_000): Promise<T> {
	const end = performance.now() + deadlineMs;
	for (;;) {
		const value = await read();
		if (value !== undefined) return value;
		if (performance.now() > end) throw new Error(typeof what === "string" ? `${what}: not within ${deadlineMs} ms` : what());
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}
