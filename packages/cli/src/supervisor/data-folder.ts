/** The folder of a network (specification of the surface, §1): where each thing stands, and reading and writing it whole or not at all. */
import { mkdir, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { CheckpointFile, Hex, NetworkFile } from "@freehold/protocol";
import { atomicWriteFile, folderHolder } from "@freehold/service";

/** A funded account of a development network. */
export interface DevelopmentAccount {
	readonly name: string;
	readonly address: Hex;
	readonly privateKey: Hex;
}

/** `run/<role>.json`, written by each process itself. */
export interface RunFile {
	readonly pid: number;
	readonly url: string;
	readonly startedAt: number;
}

/** `run/supervisor.json` */
export interface SupervisorFile {
	readonly pid: number;
	readonly startedAt: number;
	/** Restarts of each process since then. */
	readonly restarts: Readonly<Record<string, number>>;
}

export class DataFolder {
	readonly root: string;

	constructor(root: string) {
		this.root = resolve(root);
	}

	get networkFile(): string {
		return join(this.root, "network.json");
	}
	get checkpointFile(): string {
		return join(this.root, "checkpoint.json");
	}
	get accountsFile(): string {
		return join(this.root, "accounts.json");
	}
	get supervisorFile(): string {
		return join(this.root, "run", "supervisor.json");
	}
	get genesisFile(): string {
		return join(this.root, "genesis.json");
	}
	/** How many order blocks; not there for one sequencer. */
	get validatorsFile(): string {
		return join(this.root, "validators.json");
	}
	get seededFile(): string {
		return join(this.root, "seeded.json");
	}
	runFile(name: string): string {
		return join(this.root, "run", `${name}.json`);
	}
	get logs(): string {
		return join(this.root, "logs");
	}
	logFile(name: string): string {
		return join(this.logs, `${name}.log`);
	}
	keyFile(name: string): string {
		return join(this.root, "keys", `${name}.key`);
	}
	roleFolder(name: string): string {
		return join(this.root, name);
	}

	async make(): Promise<void> {
		await mkdir(this.root, { recursive: true });
		for (const [folder, mode] of [
			["run", 0o755],
			["logs", 0o755],
			["keys", 0o700],
		] as const)
			await mkdir(join(this.root, folder), { recursive: true, mode });
	}

	network(): Promise<NetworkFile | undefined> {
		return readJson<NetworkFile>(this.networkFile);
	}
	checkpoint(): Promise<CheckpointFile | undefined> {
		return readJson<CheckpointFile>(this.checkpointFile);
	}
	accounts(): Promise<readonly DevelopmentAccount[] | undefined> {
		return readJson<readonly DevelopmentAccount[]>(this.accountsFile);
	}
	supervisor(): Promise<SupervisorFile | undefined> {
		return readJson<SupervisorFile>(this.supervisorFile);
	}
	run(name: string): Promise<RunFile | undefined> {
		return readJson<RunFile>(this.runFile(name));
	}

	/** The process that supervises this folder now. It holds the folder's lock, so neither a file that was left behind nor a process id that was given again passes for it. */
	async livingSupervisor(): Promise<Pick<SupervisorFile, "pid" | "restarts"> | undefined> {
		const pid = folderHolder(this.root);
		if (pid === undefined) return undefined;
		const file = await this.supervisor();
		return file?.pid === pid ? file : { pid, restarts: {} };
	}
}

export async function writeJson(path: string, value: unknown, mode = 0o644): Promise<void> {
	await atomicWriteFile(path, `${JSON.stringify(value, null, 2)}\n`, mode);
}

export async function removeFile(path: string): Promise<void> {
	await rm(path, { force: true });
}

/** A JSON file of ours; undefined when it is not there or was cut off. */
async function readJson<T>(path: string): Promise<T | undefined> {
	try {
		return JSON.parse(await readFile(path, "utf8")) as T;
	} catch {
		return undefined;
	}
}
