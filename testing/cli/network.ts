/** A local network in a folder of its own, started by the command line, for tests of the command line. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keepNetwork } from "../secrets/keep.ts";
import { freePortBase, type Ran, type Shell, shell } from "./command.ts";

export const UP_DEADLINE_MS = 100_000;
const LOOK_MS = 50;

export interface TestNetwork {
	/** Data folder of the network. */
	readonly data: string;
	/** Path of a file of the test's own. */
	path(name: string): string;
	/** Commands on this network; the passphrase of every account is the same. */
	readonly freehold: Shell;
	/** The same with more of an environment. */
	shellWith(env: Readonly<Record<string, string>>): Shell;
	/** Runs a command that must succeed. */
	good(...args: string[]): Promise<Ran>;
	/** Drains the network; gives its exit status. */
	stop(): Promise<number | null>;
	/** Stops it if it runs and removes the folder. */
	remove(): Promise<void>;
}

/** Resolves when `network.json` is there. `options` are those of `freehold up`. */
export async function startTestNetwork(...options: string[]): Promise<TestNetwork> {
	const folder = await mkdtemp(join(tmpdir(), "freehold-cli-"));
	const path = (name: string): string => join(folder, name);
	const data = path("network");
	await writeFile(path("password"), "correct horse\n");
	const shellWith = (env: Readonly<Record<string, string>>): Shell => {
		const bare = shell({ FREEHOLD_HOME: path("home"), FREEHOLD_PASSWORD_FILE: path("password"), ...env });
		return { run: (...args) => bare.run("--data", data, ...args), start: (...args) => bare.start("--data", data, ...args) };
	};
	const freehold = shellWith({});
	const network = freehold.start("up", "--port-base", String(await freePortBase()), ...options);
	const ended = once(network, "exit");
	await untilUp(data, ended);
	const stop = (): Promise<number | null> => end(network, ended);
	return {
		data,
		path,
		freehold,
		shellWith,
		stop,
		async good(...args) {
			const ran = await freehold.run(...args);
			if (ran.status !== 0) throw new Error(`freehold ${args.join(" ")} ended with ${ran.status}: ${ran.out}${ran.err}`);
			return ran;
		},
		async remove() {
			await stop();
			keepNetwork(data);
			await rm(folder, { recursive: true, force: true });
		},
	};
}

async function untilUp(data: string, ended: Promise<unknown>): Promise<void> {
	let running = true;
	void ended.then(() => {
		running = false;
	});
	const deadline = performance.now() + UP_DEADLINE_MS;
	while ((await stat(join(data, "network.json")).catch(() => undefined)) === undefined) {
		if (!running || performance.now() > deadline) {
			const logs = await Promise.all(["ledger", "gateway"].map((name) => readFile(join(data, "logs", `${name}.log`), "utf8").catch(() => "no log")));
			throw new Error(`the network did not start: ${logs.map((log) => log.slice(-2_000)).join("\n")}`);
		}
		await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
	}
}

async function end(network: ChildProcess, ended: Promise<unknown[]>): Promise<number | null> {
	if (network.exitCode === null && network.signalCode === null) network.kill("SIGTERM");
	await ended;
	return network.exitCode;
}
