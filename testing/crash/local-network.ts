/** `freehold up` as people run it, in a folder of its own, and what a test does to it: look at its processes and kill them. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CheckpointFile, Hex, NetworkFile } from "@freehold/protocol";
import { type Account, type ConnectOptions, connect, type Freehold } from "@freehold/sdk";
import { nativeCrypto } from "@freehold/service";
import { privateKeyToAccount } from "viem/accounts";
import { freePortBase, type Ran, type Shell, shell } from "../cli/command.js";
import { eventually } from "../journey/programs.js";
import { keepLog, keepNetwork } from "../secrets/keep.js";

export const roles = ["ledger", "storage", "inference", "gateway", "hub"] as const;
export type Role = (typeof roles)[number];

const UP_DEADLINE_MS = 90_000;
const BACK_DEADLINE_MS = 30_000;
const END_DEADLINE_MS = 40_000;

export interface Status {
	readonly running: boolean;
	readonly processes: readonly { readonly role: Role; readonly pid?: number; readonly ready: boolean; readonly restarts: number }[];
}

export interface Ended {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
}

/** One run of `freehold up`. */
export interface Up {
	readonly child: ChildProcess;
	readonly ended: Promise<Ended>;
	readonly output: () => string;
}

/** A data folder that networks run in, one after another. */
export class LocalNetwork {
	readonly data: string;
	readonly portBase: number;
	readonly freehold: Shell;
	readonly #folder: string;
	readonly #started: Up[] = [];

	private constructor(folder: string, portBase: number) {
		this.#folder = folder;
		this.data = join(folder, "network");
		this.portBase = portBase;
		this.freehold = shell({ FREEHOLD_HOME: join(folder, "home") });
	}

	static async make(portBase?: number): Promise<LocalNetwork> {
		return new LocalNetwork(await mkdtemp(join(tmpdir(), "freehold-crash-")), portBase ?? (await freePortBase()));
	}

	/** Starts `freehold up` and does not wait. */
	begin(...args: string[]): Up {
		const child = this.freehold.start("up", "--data", this.data, "--port-base", String(this.portBase), "--batch-age", "300", ...args);
		let output = "";
		for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (text: string) => (output += text));
		const ended = once(child, "exit").then(([code, signal]) => ({ code, signal }) as Ended);
		const up = { child, ended, output: () => output };
		this.#started.push(up);
		return up;
	}

	/** Starts `freehold up` and waits until it says that all is ready. (A `network.json` may be there from a network that was killed.) */
	async up(): Promise<Up> {
		const up = this.begin();
		await eventually(
			async () => {
				if (up.child.exitCode !== null || up.child.signalCode !== null) throw new Error(`the network ended while it started:\n${up.output()}`);
				return up.output().includes("ready in") ? true : undefined;
			},
			() => `the network did not start:\n${up.output()}`,
			UP_DEADLINE_MS,
		);
		return up;
	}

	run(...args: string[]): Promise<Ran> {
		return this.freehold.run("--data", this.data, ...args);
	}

	/** Text of a file of the folder; undefined when it is not there. */
	read(name: string): Promise<string | undefined> {
		return readFile(join(this.data, name), "utf8").catch(() => undefined);
	}

	async json<T>(name: string): Promise<T> {
		const text = await this.read(name);
		if (text === undefined) throw new Error(`there is no ${name}`);
		return JSON.parse(text) as T;
	}

	network(): Promise<NetworkFile> {
		return this.json("network.json");
	}

	checkpoint(): Promise<CheckpointFile> {
		return this.json("checkpoint.json");
	}

	/** A development account as the SDK's client. */
	async account(name: string, options: Omit<ConnectOptions, "network" | "account" | "crypto"> = {}): Promise<Freehold> {
		const accounts = await this.json<readonly { readonly name: string; readonly privateKey: Hex }[]>("accounts.json");
		const key = accounts.find((account) => account.name === name)?.privateKey;
		if (key === undefined) throw new Error(`there is no account ${name}`);
		return connect({ network: await this.network(), account: privateKeyToAccount(key) as Account, crypto: nativeCrypto, ...options });
	}

	/** Process of a role that is ready. */
	pid(role: Role): Promise<number> {
		return eventually(
			async () => {
				const text = await this.read(`run/${role}.json`);
				if (text === undefined || text === "") return undefined;
				const { pid, url } = JSON.parse(text) as { readonly pid: number; readonly url: string };
				return isAlive(pid) && (await isReady(url)) ? pid : undefined;
			},
			() => `${role} to be ready`,
			BACK_DEADLINE_MS,
		);
	}

	/** Processes that a role started: its engines. */
	async children(role: Role): Promise<readonly number[]> {
		return childrenOf(await this.pid(role));
	}

	/** Ends a role by SIGKILL and waits until another process of the role is ready. Gives the one that was killed. */
	async killRole(role: Role): Promise<number> {
		const pid = await this.pid(role);
		process.kill(pid, "SIGKILL");
		await eventually(async () => ((await this.pid(role)) === pid ? undefined : true), `${role} to be back`, BACK_DEADLINE_MS);
		return pid;
	}

	/** Ends everything that still runs, and removes the folder. */
	async remove(): Promise<void> {
		for (const { child, ended } of this.#started) {
			if (child.exitCode !== null || child.signalCode !== null) continue;
			child.kill("SIGTERM");
			const timer = setTimeout(() => child.kill("SIGKILL"), END_DEADLINE_MS);
			await ended;
			clearTimeout(timer);
		}
		keepNetwork(this.data);
		for (const up of this.#started) keepLog(up.output());
		await rm(this.#folder, { recursive: true, force: true });
	}
}

/** True while a process runs; one that has ended and was not fetched yet by its parent does not. */
export function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
	} catch {
		return false;
	}
	return !/^\d+ \(.*\) Z /s.test(readTextNow(`/proc/${pid}/stat`));
}

function readTextNow(path: string): string {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return "";
	}
}

export function allGone(pids: readonly number[], deadlineMs?: number): Promise<true> {
	return eventually(
		async () => (pids.some(isAlive) ? undefined : true),
		() => `processes ${pids.filter(isAlive).join(", ")} still run`,
		deadlineMs,
	);
}

async function isReady(url: string): Promise<boolean> {
	const response = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
	await response?.arrayBuffer().catch(() => undefined);
	return response?.ok === true;
}

/** From the kernel's table; empty where there is none. */
async function childrenOf(parent: number): Promise<readonly number[]> {
	const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
	const found = await Promise.all(pids.map(async (pid) => ((await fieldOf(pid, PARENT)) === parent ? pid : undefined)));
	return found.filter((pid) => pid !== undefined);
}

/** Group that a process belongs to; undefined where the kernel does not tell. */
export function groupOf(pid: number): Promise<number | undefined> {
	return fieldOf(pid, GROUP);
}

/** Positions after the command's name in `/proc/<pid>/stat`. */
const PARENT = 1;
const GROUP = 2;

async function fieldOf(pid: number, position: number): Promise<number | undefined> {
	const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
	return text === undefined ? undefined : Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[position]);
}
