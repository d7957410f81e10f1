/** CometBFT as a child of the ledger: started after the application listens, started again when it ends, ended with the ledger. */
import { type ChildProcess, spawn } from "node:child_process";
import { hasSignedNothing } from "./home.js";

export interface EngineOptions {
	readonly program: string;
	readonly home: string;
	/** Socket of the application. */
	readonly abciPath: string;
	/** `HOST:PORT` of its JSON-RPC; for this ledger, so a loopback address. */
	readonly rpc: string;
	/** `HOST:PORT` for peers. */
	readonly p2p: string;
	/** `id@host:port`, comma-separated. */
	readonly peers: string;
}

export interface EngineEvents {
	readonly engineStarted: (pid: number) => void;
	/** It ended without being asked to; it is started again after `waitMs`. */
	readonly engineEnded: (how: string, lastWords: string, waitMs: number) => void;
}

/** Blocks that are looked through for votes of a key that has no record of them. */
const DOUBLE_SIGN_BLOCKS = 20;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 10_000;
/** An engine that lived this long is started again at once. */
const SETTLED_MS = 30_000;
const STOP_DEADLINE_MS = 10_000;
/** Of what it wrote before it ended. */
const LAST_WORDS = 2_000;

export class EngineProcess {
	readonly #options: EngineOptions;
	readonly #events: EngineEvents;
	/** Milliseconds that only rise. */
	readonly #ticks: () => number;
	#child: ChildProcess | undefined;
	#ended: Promise<void> = Promise.resolve();
	#timer: NodeJS.Timeout | undefined;
	#waitMs = FIRST_WAIT_MS;
	#stopping = false;

	constructor(options: EngineOptions, events: EngineEvents, ticks: () => number) {
		this.#options = options;
		this.#events = events;
		this.#ticks = ticks;
	}

	/** Process id; undefined while it is not there. */
	get pid(): number | undefined {
		return this.#child?.pid;
	}

	start(): void {
		const { program, home, abciPath, rpc, p2p, peers } = this.#options;
		const startedAt = this.#ticks();
		const args = ["start", "--home", home, "--proxy_app", `unix://${abciPath}`, "--rpc.laddr", `tcp://${rpc}`, "--p2p.laddr", `tcp://${p2p}`];
		// A key without a record of what it signed may be a copy, or may have lost it: where the last blocks hold its votes, the engine does not begin to vote.
		if (hasSignedNothing(home)) args.push("--consensus.double_sign_check_height", String(DOUBLE_SIGN_BLOCKS));
		const child = spawn(program, [...args, "--p2p.persistent_peers", peers], { stdio: ["ignore", "pipe", "pipe"] });
		this.#child = child;
		let lastWords = "";
		for (const stream of [child.stdout, child.stderr]) {
			stream?.on("data", (chunk: Buffer) => {
				lastWords = (lastWords + chunk.toString("utf8")).slice(-LAST_WORDS);
			});
		}
		this.#ended = new Promise((resolve) => {
			let isOver = false;
			const finish = (how: string): void => {
				if (isOver) return;
				isOver = true;
				this.#child = undefined;
				resolve();
				if (!this.#stopping) this.#again(how, lastWords, this.#ticks() - startedAt);
			};
			child.once("error", (error) => finish(error.message));
			child.once("close", (code, signal) => finish(signal ?? `exit code ${code}`));
		});
		if (child.pid !== undefined) this.#events.engineStarted(child.pid);
	}

	/** Asks it to end, and ends it when it does not. */
	async stop(): Promise<void> {
		this.#stopping = true;
		clearTimeout(this.#timer);
		const child = this.#child;
		if (child === undefined) return;
		child.kill("SIGTERM");
		const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
		await this.#ended;
		clearTimeout(timer);
	}

	#again(how: string, lastWords: string, livedMs: number): void {
		if (livedMs > SETTLED_MS) this.#waitMs = FIRST_WAIT_MS;
		const waitMs = this.#waitMs;
		this.#waitMs = Math.min(LONGEST_WAIT_MS, 2 * waitMs);
		this.#events.engineEnded(how, lastWords.trim(), waitMs);
		this.#timer = setTimeout(() => {
			if (!this.#stopping) this.start();
		}, waitMs);
	}
}
