/**
 * Language models in processes of their own, one process for each release: a model that crashes, hangs or eats memory costs its own calls, never another's.
 * Calls of one release run beside each other in its process.
 */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EngineDescription, FreeholdError, type TextAbilities, type TextDelta, type TextRequest } from "@freehold/protocol";
import type { ReleaseFiles } from "../engine.js";
import { EngineProcess } from "../isolation/engine-process.js";
import type { Event, Request } from "../isolation/message.js";
import { newStrikes, type Strikes } from "./strikes.js";

export interface TextPoolOptions {
	/** Calls of one release that are written at once. Default 8; fewer where a model's memory of them would be large. */
	readonly sequences?: number;
	/** Most tokens of prompt and answer together. Default 8,192. */
	readonly windowTokens?: number;
	/** Threads of one step; default: as many as suit the model. */
	readonly threads?: number;
	/** Memory of one process beside the model's own file, in bytes. Default 1 GiB. */
	readonly memoryBytes?: number;
	/** Releases loaded at once. Default 4. */
	readonly maxReleases?: number;
	/** Calls of one release, running or waiting. Default 256. */
	readonly maxCalls?: number;
	/** Wall-clock limit of one call. Default 10 min. */
	readonly runTimeoutMs?: number;
	/** Default 120 s. */
	readonly loadTimeoutMs?: number;
	readonly startTimeoutMs?: number;
	/** How long a call that was given up may go on before its process is ended. Default 10 s: one step of a large model takes seconds. */
	readonly abortGraceMs?: number;
	/** Rest after which a process is let go. Default 30 min. */
	readonly idleMs?: number;
	/** Calls after which a process is replaced. Default 20,000. */
	readonly recycleAfter?: number;
	/** Folders of model files; see `EngineProcessOptions`. */
	readonly modelFolders?: readonly string[] | undefined;
	readonly now?: () => number;
}

export interface TextAnswerOf {
	readonly engine: EngineDescription;
	/** Of an embedding; empty otherwise. */
	readonly vectors: readonly Uint8Array[];
	/** See `TextEnd`. */
	readonly inputTokens?: number;
}

/** As the sink of a session; who runs the call is told with its beginning, so that a call that breaks off can name it. */
export interface TextListener {
	started(inputTokens: number, engine: EngineDescription): void;
	delta(delta: TextDelta): void;
}

/** Calls of language models, wherever they run. */
export interface TextPool {
	/**
	 * Runs one call. Refusals: those of `TextSession.run`, `engine.busy`, `engine.timeout`, `engine.outOfMemory`, `engine.crashed`, `engine.modelInvalid`, and
	 * `engine.quarantined` for a release that keeps bringing its engine down. An aborted signal rejects with its reason and stops the work.
	 */
	run(files: ReleaseFiles, request: TextRequest, sink: TextListener, signal?: AbortSignal): Promise<TextAnswerOf>;
	countTokens(files: ReleaseFiles, request: TextRequest, signal?: AbortSignal): Promise<number>;
	/** Loads a release ahead of its first call and says what it can be asked. */
	load(files: ReleaseFiles, signal?: AbortSignal): Promise<TextAbilities>;
	/** Another release can be loaded without letting one go. */
	readonly hasRoom: boolean;
	/** The engine, started once if none has run yet. */
	describe(): Promise<EngineDescription>;
	/** Calls in the processes, those that wait for their turn there included. */
	readonly depth: number;
	readonly pids: readonly number[];
	/** Refuses new calls, waits for running ones, ends the processes. */
	close(): Promise<void>;
}

/** A release in its process. */
interface Stand {
	readonly files: ReleaseFiles;
	readonly ready: Promise<{ readonly process: EngineProcess; readonly abilities: TextAbilities }>;
	/** Set once it runs. */
	process: EngineProcess | undefined;
	active: number;
	calls: number;
	usedAt: number;
	idle: NodeJS.Timeout | undefined;
}

const GIB = 1024 ** 3;
/** Refusals after which a release is suspected. */
const bringsDown: ReadonlySet<string> = new Set(["engine.crashed", "engine.timeout", "engine.outOfMemory"]);

export async function createTextPool(options: TextPoolOptions = {}): Promise<TextPool> {
	return new ProcessPool(await mkdtemp(join(tmpdir(), "freehold-text-")), options);
}

class ProcessPool implements TextPool {
	readonly #folder: string;
	readonly #options: Required<Omit<TextPoolOptions, "now" | "modelFolders">>;
	readonly #modelFolders: readonly string[] | undefined;
	readonly #now: () => number;
	readonly #strikes: Strikes;
	readonly #stands = new Map<string, Stand>();
	/** Also those that are replaced and finish their last calls. */
	readonly #work = new Set<Promise<unknown>>();
	#active = 0;
	#engine: Promise<EngineDescription> | undefined;
	#closed = false;

	constructor(folder: string, { now = Date.now, modelFolders, ...options }: TextPoolOptions) {
		this.#folder = folder;
		this.#modelFolders = modelFolders;
		this.#now = now;
		this.#strikes = newStrikes(now);
		this.#options = {
			sequences: 8,
			windowTokens: 8_192,
			threads: 0,
			memoryBytes: GIB,
			maxReleases: 4,
			maxCalls: 256,
			runTimeoutMs: 600_000,
			loadTimeoutMs: 120_000,
			startTimeoutMs: 20_000,
			abortGraceMs: 10_000,
			idleMs: 1_800_000,
			recycleAfter: 20_000,
			...options,
		};
	}

	get hasRoom(): boolean {
		return this.#stands.size < this.#options.maxReleases;
	}

	describe(): Promise<EngineDescription> {
		this.#engine ??= this.#start(0).then(async (process) => {
			await process.end();
			return process.description;
		});
		// A start that failed says nothing of the next.
		this.#engine.catch(() => {
			this.#engine = undefined;
		});
		return this.#engine;
	}

	get depth(): number {
		return this.#active;
	}

	get pids(): readonly number[] {
		return [...this.#stands.values()].flatMap(({ process }) => (process?.alive === true && process.pid !== undefined ? [process.pid] : []));
	}

	run(files: ReleaseFiles, request: TextRequest, sink: TextListener, signal?: AbortSignal): Promise<TextAnswerOf> {
		return this.#perform(files, signal, async (process) => {
			const onEvent = (event: Event): void => {
				// Nobody listens to what was still on its way when the caller left.
				if (signal?.aborted === true) return;
				if (event.kind === "started") sink.started(event.inputTokens, process.description);
				else sink.delta(event.delta);
			};
			const reply = await this.#ask(process, { kind: "write", session: files.id, request }, signal, onEvent);
			if (reply.kind !== "wrote") throw new FreeholdError("engine.crashed", { reason: `it answered ${reply.kind}` });
			return { engine: process.description, vectors: reply.vectors };
		});
	}

	countTokens(files: ReleaseFiles, request: TextRequest, signal?: AbortSignal): Promise<number> {
		return this.#perform(files, signal, async (process) => {
			const reply = await this.#ask(process, { kind: "count", session: files.id, request }, signal);
			if (reply.kind !== "counted") throw new FreeholdError("engine.crashed", { reason: `it answered ${reply.kind}` });
			return reply.tokens;
		});
	}

	load(files: ReleaseFiles, signal?: AbortSignal): Promise<TextAbilities> {
		return this.#perform(files, signal, async (_, abilities) => abilities);
	}

	async close(): Promise<void> {
		this.#closed = true;
		await Promise.allSettled(this.#work);
		for (const stand of [...this.#stands.values()]) this.#drop(stand);
		await Promise.allSettled(this.#work);
		await rm(this.#folder, { recursive: true, force: true });
	}

	/** One piece of work in the release's process, counted, bounded and judged. */
	async #perform<R>(files: ReleaseFiles, signal: AbortSignal | undefined, work: (process: EngineProcess, abilities: TextAbilities) => Promise<R>): Promise<R> {
		signal?.throwIfAborted();
		if (this.#closed) throw new FreeholdError("service.stopping", { service: "The engine pool" });
		const waitMs = this.#strikes.waitMs(files.id);
		if (waitMs > 0) throw new FreeholdError("engine.quarantined", { count: this.#strikes.count(files.id), seconds: Math.ceil(waitMs / 1000) });
		const stand = this.#stand(files);
		if (stand.active >= this.#options.maxCalls) throw new FreeholdError("engine.busy", { waiting: stand.active });
		stand.active++;
		stand.calls++;
		this.#active++;
		clearTimeout(stand.idle);
		const outcome = this.#judged(stand, signal, work);
		return this.#tracked(
			outcome.finally(() => {
				stand.active--;
				this.#active--;
				stand.usedAt = this.#now();
				this.#rest(stand);
			}),
		);
	}

	async #judged<R>(stand: Stand, signal: AbortSignal | undefined, work: (process: EngineProcess, abilities: TextAbilities) => Promise<R>): Promise<R> {
		try {
			const { process, abilities } = await stand.ready;
			signal?.throwIfAborted();
			const result = await work(process, abilities);
			this.#strikes.clear(stand.files.id);
			return result;
		} catch (error) {
			// All calls of a process that dies hear of it; it is one strike.
			const first = this.#stands.get(stand.files.id) === stand;
			const fell = stand.process?.alive !== true && error instanceof FreeholdError;
			if (fell && first) {
				if (bringsDown.has(error.code) && signal?.aborted !== true) this.#strikes.strike(stand.files.id);
				this.#drop(stand);
			}
			throw error;
		}
	}

	#ask(process: EngineProcess, request: Request, signal: AbortSignal | undefined, onEvent?: (event: Event) => void) {
		const { runTimeoutMs, abortGraceMs } = this.#options;
		const late = new AbortController();
		const limit = setTimeout(() => late.abort(new FreeholdError("engine.timeout", { seconds: runTimeoutMs / 1000 })), runTimeoutMs);
		const common = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]);
		let grace: NodeJS.Timeout | undefined;
		// A step that does not end takes the process with it: there is no other way to stop native code.
		common.addEventListener(
			"abort",
			() => {
				grace = setTimeout(() => void process.end(), abortGraceMs);
			},
			{ once: true },
		);
		return process.request(request, { timeoutMs: runTimeoutMs + abortGraceMs, signal: common, ...(onEvent === undefined ? {} : { onEvent }) }).finally(() => {
			clearTimeout(limit);
			clearTimeout(grace);
		});
	}

	#stand(files: ReleaseFiles): Stand {
		const known = this.#stands.get(files.id);
		if (known !== undefined && known.calls < this.#options.recycleAfter) return known;
		// The worn process finishes what it has; new calls go to a fresh one.
		if (known !== undefined) this.#retire(known);
		else if (this.#stands.size >= this.#options.maxReleases) this.#makeRoom();
		const stand: Stand = { files, ready: this.#open(files), process: undefined, active: 0, calls: 0, usedAt: this.#now(), idle: undefined };
		stand.ready.then(
			({ process }) => {
				stand.process = process;
			},
			() => undefined,
		);
		this.#stands.set(files.id, stand);
		return stand;
	}

	/** Lets the release go that was asked for least recently and is not asked now. Throws `engine.busy` when there is none. */
	#makeRoom(): void {
		const idle = [...this.#stands.values()].filter(({ active }) => active === 0).sort((a, b) => a.usedAt - b.usedAt);
		const [oldest] = idle;
		if (oldest === undefined) throw new FreeholdError("engine.busy", { waiting: this.#active });
		this.#drop(oldest);
	}

	async #open(files: ReleaseFiles): Promise<{ readonly process: EngineProcess; readonly abilities: TextAbilities }> {
		const { size } = await stat(files.modelPath);
		const { loadTimeoutMs } = this.#options;
		const process = await this.#start(size);
		try {
			const reply = await process.request({ kind: "load", session: files.id, modelPath: files.modelPath }, { timeoutMs: loadTimeoutMs });
			if (reply.kind !== "loadedText") throw new FreeholdError("engine.crashed", { reason: `it answered ${reply.kind}` });
			this.#engine = Promise.resolve(process.description);
			return { process, abilities: reply.abilities };
		} catch (error) {
			await process.end();
			throw error;
		}
	}

	#start(fileBytes: number): Promise<EngineProcess> {
		const { memoryBytes, threads, sequences, windowTokens, startTimeoutMs } = this.#options;
		return EngineProcess.start({
			engine: "llama",
			threads,
			sequences,
			windowTokens,
			// The file's own pages, and the copy that some processors want it arranged in.
			memoryBytes: memoryBytes + 2 * fileBytes,
			folder: this.#folder,
			startTimeoutMs,
			modelFolders: this.#modelFolders,
		}).catch((error: unknown) => {
			throw new FreeholdError("service.starting", { service: "The engine" }, { cause: error });
		});
	}

	#rest(stand: Stand): void {
		if (stand.active > 0) return;
		if (this.#stands.get(stand.files.id) !== stand) {
			void this.#end(stand);
			return;
		}
		stand.idle = setTimeout(() => this.#drop(stand), this.#options.idleMs);
		stand.idle.unref();
	}

	#retire(stand: Stand): void {
		this.#stands.delete(stand.files.id);
		clearTimeout(stand.idle);
		if (stand.active === 0) void this.#end(stand);
	}

	#drop(stand: Stand): void {
		if (this.#stands.get(stand.files.id) === stand) this.#stands.delete(stand.files.id);
		clearTimeout(stand.idle);
		void this.#end(stand);
	}

	#end(stand: Stand): Promise<unknown> {
		return this.#tracked(
			stand.ready.then(
				({ process }) => process.end(),
				() => undefined,
			),
		);
	}

	#tracked<R>(work: Promise<R>): Promise<R> {
		this.#work.add(work);
		const done = (): void => {
			this.#work.delete(work);
		};
		work.then(done, done);
		return work;
	}
}
