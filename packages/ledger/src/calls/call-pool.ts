/**
 * Work of strangers that only reads (`eth_call`, gas estimates, proofs) on threads of its own: however long it computes, blocks are made and others are answered.
 * Threads start when they are first needed. One of them is kept for callers who used little time lately, so nobody waits behind another's endless loop.
 */
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { FreeholdError, limits } from "@freehold/protocol";
import { limitExceeded, RpcError } from "../rpc/rpc-error.js";
import type { Job, JobKind, Jobs, Loaded, Reply, ThreadData } from "./jobs.js";
import { type Turn, Turns } from "./turns.js";

export interface CallPoolOptions extends ThreadData {
	/** At least 1; with one thread nothing can be kept free. */
	readonly threads: number;
}

export interface CallPoolModules {
	/** Milliseconds, rising. */
	readonly now: () => number;
}

/** Who wants the work done, and until when. */
export interface Asker {
	/** Callers with the same name share their turns. */
	readonly name: string;
	readonly signal: () => AbortSignal;
}

export interface Work<K extends JobKind> {
	readonly kind: K;
	/** What it holds in memory while it waits, roughly. */
	readonly bytes: number;
	/** Asked when the turn has come, so that "latest" means the head of that moment. */
	readonly input: () => Jobs[K]["input"];
	/** Milliseconds that it may run, within the pool's own bound. */
	readonly deadlineMs?: number;
}

interface Task {
	readonly deadlineMs: number;
	readonly job: () => Job;
	readonly resolve: (output: Jobs[JobKind]["output"]) => void;
	readonly reject: (error: unknown) => void;
}

interface Thread {
	readonly worker: Worker;
	/** Resolves once it has loaded what it needs. */
	readonly loaded: Promise<void>;
	turn: Turn<Task> | undefined;
	watch: NodeJS.Timeout | undefined;
}

/** Gas bounds every call to about a second. A thread that is silent for longer is given up. */
const SILENCE_MS = 30_000;
const CLOSE_MS = 2_000;
const HEAP_MB = 256;

export class CallPool {
	readonly #options: CallPoolOptions;
	readonly #turns: Turns<Task>;
	readonly #threads = new Set<Thread>();
	#closed = false;

	constructor(options: CallPoolOptions, { now }: CallPoolModules) {
		this.#options = options;
		this.#turns = new Turns({ now, maxWaiting: limits.rpcWaitingCalls, maxBytes: limits.rpcWaitingBytes });
	}

	get depth(): { readonly waiting: number; readonly running: number } {
		return { waiting: this.#turns.waiting, running: [...this.#threads].filter(({ turn }) => turn !== undefined).length };
	}

	/**
	 * Does the work when its turn comes. Throws `RangeError` when the block is outside the history window, `-32005` when too much waits, the work takes too long or the
	 * caller goes away, `service.stopping` once the pool closes.
	 */
	run<K extends JobKind>({ kind, bytes, input, deadlineMs = SILENCE_MS }: Work<K>, { name, signal }: Asker): Promise<Jobs[K]["output"]> {
		if (this.#closed) return Promise.reject(stopping());
		return new Promise<Jobs[JobKind]["output"]>((resolve, reject) => {
			const gone = signal();
			if (gone.aborted) {
				reject(limitExceeded("the caller went away"));
				return;
			}
			const onGone = (): void => {
				if (this.#turns.remove(turn)) reject(limitExceeded("the caller went away"));
			};
			const forget = (): void => gone.removeEventListener("abort", onGone);
			const task: Task = {
				deadlineMs: Math.min(deadlineMs, SILENCE_MS),
				job: () => ({ kind, input: input() }) as Job,
				resolve: (output) => {
					forget();
					resolve(output);
				},
				reject: (error) => {
					forget();
					reject(error);
				},
			};
			const turn: Turn<Task> = { caller: name, bytes, work: task };
			for (const { work } of this.#turns.add(turn)) work.reject(limitExceeded("others who used less time come first"));
			gone.addEventListener("abort", onGone, { once: true });
			this.#next();
		});
	}

	/** Refuses what waits, lets what runs end, then lets the threads go. */
	async close(): Promise<void> {
		this.#closed = true;
		for (const { work } of this.#turns.clear()) work.reject(stopping());
		await Promise.all([...this.#threads].map((thread) => this.#end(thread)));
	}

	/** Gives waiting work to idle threads. */
	#next(): void {
		while (this.#turns.waiting > 0) {
			const idle = [...this.#threads].find(({ turn }) => turn === undefined);
			if (idle === undefined && this.#threads.size >= this.#options.threads) return;
			const turn = this.#turns.take(this.#heavyRunning() >= Math.max(1, this.#options.threads - 1));
			if (turn === undefined) return;
			this.#give(idle ?? this.#start(), turn);
		}
	}

	#heavyRunning(): number {
		return [...this.#threads].filter(({ turn }) => turn !== undefined && this.#turns.isHeavy(turn.caller)).length;
	}

	#give(thread: Thread, turn: Turn<Task>): void {
		let job: Job;
		try {
			job = turn.work.job();
		} catch (error) {
			turn.work.reject(error);
			return;
		}
		thread.turn = turn;
		thread.watch = setTimeout(() => {
			this.#lose(thread, limitExceeded("the call takes too long"));
			stop(thread);
		}, turn.work.deadlineMs).unref();
		thread.worker.postMessage(job);
	}

	#start(): Thread {
		const { dir, chainId, historyBlocks, mapSizeBytes, cacheEntries } = this.#options;
		const script = createRequire(import.meta.url).resolve("@freehold/ledger/call-thread");
		const workerData: ThreadData = { dir, chainId, historyBlocks, mapSizeBytes, cacheEntries };
		// None of the program's own flags: some (`--input-type`) make a thread refuse a file.
		const worker = new Worker(script, { workerData, env: {}, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
		const loaded = new Promise<void>((resolve) => worker.once("message", () => resolve()));
		const thread: Thread = { worker, loaded, turn: undefined, watch: undefined };
		worker.on("message", (reply: Reply | Loaded) => {
			if (reply.kind !== "loaded") this.#receive(thread, reply);
		});
		worker.on("error", (error) => this.#lose(thread, error));
		worker.on("exit", (code) => this.#lose(thread, new Error(`a reading thread ended with ${code}`)));
		worker.unref();
		this.#threads.add(thread);
		return thread;
	}

	#receive(thread: Thread, reply: Reply): void {
		const { turn } = thread;
		clearTimeout(thread.watch);
		thread.turn = undefined;
		if (turn !== undefined) {
			this.#turns.charge(turn.caller, reply.tookMs);
			if (reply.kind === "done") turn.work.resolve(reply.output);
			else turn.work.reject(errorOf(reply));
		}
		this.#next();
	}

	/** A thread that is no more: its work fails, what waits goes to another. */
	#lose(thread: Thread, error: unknown): void {
		if (!this.#threads.delete(thread)) return;
		clearTimeout(thread.watch);
		thread.turn?.work.reject(error);
		thread.turn = undefined;
		if (!this.#closed) this.#next();
	}

	async #end(thread: Thread): Promise<void> {
		const { worker } = thread;
		worker.ref();
		const timer = setTimeout(() => stop(thread), CLOSE_MS);
		await new Promise<void>((resolve) => {
			worker.once("exit", () => resolve());
			worker.postMessage(undefined);
		});
		clearTimeout(timer);
	}
}

/** A thread that is terminated while it loads native code takes the whole process along. */
function stop({ worker, loaded }: Thread): void {
	void loaded.then(() => worker.terminate());
}

function errorOf(reply: Extract<Reply, { readonly reason: string }>): Error {
	if (reply.kind === "error") return new RpcError(reply.code, reply.reason, reply.data);
	return reply.kind === "failed" ? new Error(reply.reason) : new RangeError(reply.reason);
}

const stopping = (): FreeholdError => new FreeholdError("service.stopping", { service: "The ledger" });
