/**
 * Keeps the processes of a network alive: starts each role as `freehold node run <role>` would be, in a process group of its own, restarts one that dies
 * (with back-off, and counted), drains all on the first signal and stops at once on a second.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { FreeholdError } from "@freehold/protocol";
import { isProcessAlive, lockFolder, type RoleName } from "@freehold/service";
import { type DataFolder, removeFile, type SupervisorFile, writeJson } from "./data-folder.js";

const COMMAND = fileURLToPath(new URL("../../bin/freehold.js", import.meta.url));
const READY_DEADLINE_MS = 60_000;
const DRAIN_DEADLINE_MS = 20_000;
const POLL_MS = 25;
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 10_000;
/** A process that lived this long starts again with the shortest back-off. */
const SETTLED_MS = 30_000;

/** One process: its role, its name (several may share a role) and the arguments after `node run <role>`. */
export interface ProcessPlan {
	readonly role: RoleName;
	readonly name: string;
	readonly url: string;
	readonly args: readonly string[];
}

export interface SupervisorEvents {
	/** A process ended without being asked to. */
	readonly died: (name: string, how: string, restarts: number) => void;
}

interface Supervised {
	readonly plan: ProcessPlan;
	child: ChildProcess | undefined;
	restarts: number;
	backoffMs: number;
	startedAt: number;
	/** Resolves when the process that runs now has ended. */
	ended: Promise<void>;
}

export class Supervisor {
	readonly #folder: DataFolder;
	readonly #events: SupervisorEvents;
	readonly #env: NodeJS.ProcessEnv;
	readonly #processes = new Map<string, Supervised>();
	readonly #startedAt: number;
	#stopping = false;
	#unlock = (): void => {};
	#saving: Promise<void> = Promise.resolve();

	constructor(folder: DataFolder, events: SupervisorEvents, env: NodeJS.ProcessEnv, startedAt: number) {
		this.#folder = folder;
		this.#events = events;
		this.#env = env;
		this.#startedAt = startedAt;
	}

	/** Claims the folder. Throws `store.locked` while another supervisor has it. */
	async claim(): Promise<void> {
		this.#unlock = lockFolder(this.#folder.root);
		await this.#save();
	}

	/** Waits for processes of an earlier supervisor that was killed: they drain by themselves, and hold ports and stores until then. */
	async earlierEnded(names: readonly string[]): Promise<void> {
		const runs = await Promise.all(names.map((name) => this.#folder.run(name)));
		const deadline = performance.now() + DRAIN_DEADLINE_MS;
		const living = (): boolean => runs.some((run) => run !== undefined && isProcessAlive(run.pid));
		while (!this.#stopping && living() && performance.now() < deadline) await delay(POLL_MS);
	}

	/** Starts a process and resolves when it says that it is ready. It is asked once its run file is there, since looking for a file costs less than a connection that is refused. */
	async start(plan: ProcessPlan): Promise<void> {
		const supervised: Supervised = { plan, child: undefined, restarts: 0, backoffMs: FIRST_BACKOFF_MS, startedAt: 0, ended: Promise.resolve() };
		this.#processes.set(plan.name, supervised);
		await this.#save();
		await removeFile(this.#folder.runFile(plan.name));
		await this.#launch(supervised);
		await this.#untilReady(supervised);
	}

	/** Asks every process to finish its work and waits; what does not end in time is ended. Later starts last. */
	async drain(): Promise<void> {
		this.#stopping = true;
		const groups: (readonly RoleName[])[] = [["gateway"], ["inference", "hub"], ["storage", "ledger"]];
		for (const roles of groups) {
			const members = [...this.#processes.values()].filter((member) => roles.includes(member.plan.role));
			await Promise.all(members.map((member) => this.#end(member)));
		}
		await this.#saving;
		await removeFile(this.#folder.supervisorFile);
		this.#unlock();
	}

	/** Ends every process now. */
	killAll(): void {
		this.#stopping = true;
		for (const { child } of this.#processes.values()) signalGroup(child, "SIGKILL");
	}

	async #launch(supervised: Supervised): Promise<void> {
		const { plan } = supervised;
		const log = await open(this.#folder.logFile(plan.name), "a");
		try {
			// Asked to stop while the file was opened: nothing may be started that nobody would end.
			if (this.#stopping) return;
			const child = spawn(process.execPath, [COMMAND, "node", "run", plan.role, ...plan.args, "--run-file", this.#folder.runFile(plan.name)], {
				// A role drains when its standard input closes: that is how it learns that its supervisor is gone.
				stdio: ["pipe", log.fd, log.fd],
				detached: true,
				env: { ...this.#env, FREEHOLD_SUPERVISED: "1" },
			});
			supervised.child = child;
			supervised.startedAt = performance.now();
			supervised.ended = new Promise((resolve) => {
				const finish = (how: string): void => {
					if (supervised.child !== child) return;
					supervised.child = undefined;
					resolve();
					if (!this.#stopping) this.#restart(supervised, how);
				};
				child.once("error", (error) => finish(error.message));
				child.once("exit", (code, signal) => finish(signal === null ? `exit code ${code}` : signal));
			});
			child.stdin?.on("error", () => {});
		} finally {
			await log.close();
		}
	}

	#restart(supervised: Supervised, how: string): void {
		supervised.restarts += 1;
		if (performance.now() - supervised.startedAt > SETTLED_MS) supervised.backoffMs = FIRST_BACKOFF_MS;
		const wait = supervised.backoffMs;
		supervised.backoffMs = Math.min(LONGEST_BACKOFF_MS, supervised.backoffMs * 2);
		this.#events.died(supervised.plan.name, how, supervised.restarts);
		void this.#save();
		setTimeout(() => {
			// Where not even its log can be opened (a full disk), it is tried again like one that ended.
			if (!this.#stopping) this.#launch(supervised).catch((error: unknown) => this.#restart(supervised, String(error)));
		}, wait);
	}

	async #untilReady(supervised: Supervised): Promise<void> {
		const { plan } = supervised;
		const deadline = performance.now() + READY_DEADLINE_MS;
		while (performance.now() < deadline && !this.#stopping) {
			if (supervised.restarts > 2)
				throw new FreeholdError("network.down", {
					what: `The ${plan.name} process keeps ending; its log ${this.#folder.logFile(plan.name)} says why. It`,
					url: plan.url,
				});
			if ((await this.#folder.run(plan.name)) !== undefined && (await isReady(plan.url))) return;
			await delay(POLL_MS);
		}
		throw new FreeholdError("network.down", { what: `The ${plan.name} process (log: ${this.#folder.logFile(plan.name)})`, url: plan.url });
	}

	async #end(supervised: Supervised): Promise<void> {
		if (supervised.child === undefined) return;
		signalGroup(supervised.child, "SIGTERM");
		const inTime = await Promise.race([supervised.ended.then(() => true), delay(DRAIN_DEADLINE_MS).then(() => false)]);
		if (inTime) return;
		signalGroup(supervised.child, "SIGKILL");
		await supervised.ended;
	}

	async #save(): Promise<void> {
		const file: SupervisorFile = {
			pid: process.pid,
			startedAt: this.#startedAt,
			restarts: Object.fromEntries([...this.#processes].map(([name, { restarts }]) => [name, restarts])),
		};
		// The count is for people to see: a disk that is full must not end the processes that work.
		this.#saving = this.#saving.then(() => writeJson(this.#folder.supervisorFile, file)).catch(() => undefined);
		await this.#saving;
	}
}

/** True when `GET /ready` answers 200. */
export async function isReady(url: string): Promise<boolean> {
	try {
		const response = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(2_000) });
		await response.arrayBuffer();
		return response.ok;
	} catch {
		return false;
	}
}

function signalGroup(child: ChildProcess | undefined, signal: NodeJS.Signals): void {
	if (child?.pid === undefined) return;
	try {
		// SIGTERM is for the role, which ends its own helpers; SIGKILL must reach them too.
		process.kill(signal === "SIGKILL" ? -child.pid : child.pid, signal);
	} catch {
		// It has just ended.
	}
}

function delay(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
