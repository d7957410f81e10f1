/** Runs the `freehold` command as people do: a process, its exit status, what it prints. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

const COMMAND = fileURLToPath(new URL("../../packages/cli/bin/freehold.js", import.meta.url));
const DEADLINE_MS = 170_000;

export interface Ran {
	readonly status: number | null;
	readonly out: string;
	readonly err: string;
	/** Standard output as JSON. */
	json(): never;
}

export interface Shell {
	run(...args: string[]): Promise<Ran>;
	/** Starts a command that stays. */
	start(...args: string[]): ChildProcess;
}

/** A shell whose commands have this environment and no terminal. */
export function shell(env: Readonly<Record<string, string>>): Shell {
	const start = (args: readonly string[]): ChildProcess =>
		spawn(process.execPath, [COMMAND, ...args], { env: { ...process.env, NO_COLOR: "1", ...env }, stdio: ["ignore", "pipe", "pipe"] });
	return {
		start: (...args) => start(args),
		async run(...args) {
			const child = start(args);
			const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
			let out = "";
			let err = "";
			child.stdout?.on("data", (chunk: Buffer) => {
				out += chunk.toString("utf8");
			});
			child.stderr?.on("data", (chunk: Buffer) => {
				err += chunk.toString("utf8");
			});
			const [status] = (await once(child, "close")) as [number | null];
			clearTimeout(timer);
			return { status, out, err, json: () => JSON.parse(out) as never };
		},
	};
}

const NETWORK_PORTS = 5;

/** First of enough free ports in a row, below those that the system gives to outgoing connections: a role that is started again needs its port back. */
export async function freePortBase(count = NETWORK_PORTS): Promise<number> {
	for (;;) {
		const base = 20_000 + Math.floor(Math.random() * 11_900);
		const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(base + index)));
		if (free.every(Boolean)) return base;
	}
}

function isFree(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const probe = createServer();
		probe.once("error", () => resolve(false));
		probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
	});
}
