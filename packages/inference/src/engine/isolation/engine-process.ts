/** One engine in a process of its own, as its parent sees it: numbered requests, each with a deadline, and an end that names its reason. */
import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import type { Duplex, Readable } from "node:stream";
import { type EngineDescription, FreeholdError, limits, tensorLimits } from "@freehold/protocol";
import { availableFences, confine, confinedEnvironment, type Fences, fencesFor } from "./confinement.js";
import { FrameReader, maxHeaderBytes } from "./frame.js";
import { decodeReply, type Event, encodeRequest, isEvent, type Reply, type Request } from "./message.js";
import { memoryMarker } from "./watchdog.js";
import type { EngineKind, WorkerConfig } from "./worker.js";

export interface EngineProcessOptions {
	readonly engine: EngineKind;
	/** Threads inside one call; of the engine for language models 0: as many as suit the model. */
	readonly threads: number;
	/** Of the engine for language models: calls at once, and the longest window in tokens. */
	readonly sequences?: number;
	readonly windowTokens?: number;
	/** Resident memory at which the process is ended. */
	readonly memoryBytes: number;
	/** An empty folder. */
	readonly folder: string;
	readonly startTimeoutMs: number;
	/** Folders of model files, and all that the process may read beside its own program; undefined: whatever its user may. */
	readonly modelFolders?: readonly string[] | undefined;
}

export interface RequestLimits {
	/** After which the process is ended. */
	readonly timeoutMs: number;
	readonly onEvent?: (event: Event) => void;
	/** Asks the process to give the request up, which then rejects with the signal's reason. */
	readonly signal?: AbortSignal;
}

const SCRIPT = createRequire(import.meta.url).resolve("@freehold/inference/engine-worker");
/** Room beside the model's own memory: the program, its stacks, and what is mapped but not touched. */
const DATA_SLACK_BYTES = 1024 * 1024 * 1024;
const LAST_WORDS_BYTES = 4096;
/** Says which of several builds of its library a process has loaded. */
const OWN_MAPS = "/proc/self/maps";
/** Number of the reply that nobody asked for: the process says that it is ready. */
const GREETING = 0;

export class EngineProcess {
	readonly description: EngineDescription;
	readonly #child: ChildProcess;
	readonly #channel: Channel;
	readonly #memoryBytes: number;
	#requests = 0;

	private constructor(child: ChildProcess, channel: Channel, description: EngineDescription, memoryBytes: number) {
		this.#child = child;
		this.#channel = channel;
		this.description = description;
		this.#memoryBytes = memoryBytes;
	}

	/** Starts the process and waits until its engine answers. Throws `engine.crashed` or `engine.timeout`. */
	static async start(options: EngineProcessOptions): Promise<EngineProcess> {
		const maxFrameBytes = Math.max(tensorLimits.maxBytes, limits.jsonBodyBytes) + maxHeaderBytes + 4;
		const config: WorkerConfig = {
			engine: options.engine,
			threads: options.threads,
			sequences: options.sequences ?? 1,
			windowTokens: options.windowTokens ?? 0,
			memoryBytes: options.memoryBytes,
			maxFrameBytes,
			maxOutputBytes: tensorLimits.maxBytes,
			parentPid: process.pid,
		};
		const { modelFolders } = options;
		const readable = modelFolders === undefined ? undefined : [...modelFolders, options.folder, ...(options.engine === "llama" ? [OWN_MAPS] : [])];
		const confinement = { dataBytes: options.memoryBytes + DATA_SLACK_BYTES, fences: await engineFences(modelFolders), readable };
		const command = confine(SCRIPT, [JSON.stringify(config)], confinement);
		const child = spawn(command.file, command.args, {
			cwd: options.folder,
			env: confinedEnvironment,
			stdio: ["ignore", "ignore", "pipe", "pipe"],
			windowsHide: true,
		});
		const channel = new Channel(child, maxFrameBytes, options.memoryBytes);
		const reply = await channel.reply(GREETING, { timeoutMs: options.startTimeoutMs });
		if (reply.kind !== "ready") {
			channel.end();
			throw new FreeholdError("engine.crashed", { reason: "it did not say that it was ready" });
		}
		return new EngineProcess(child, channel, reply.engine, options.memoryBytes);
	}

	/** False once the process has ended or has been told to. */
	get alive(): boolean {
		return this.#channel.alive;
	}

	get pid(): number | undefined {
		return this.#child.pid;
	}

	/** Asks and waits. A missed deadline ends the process; so does an answer that leaves it unfit. */
	async request(request: Request, requestLimits: RequestLimits): Promise<Reply> {
		const { signal } = requestLimits;
		const id = ++this.#requests;
		const answer = this.#channel.reply(id, requestLimits);
		this.#channel.send(encodeRequest(id, request));
		const cancel = (): void => this.#channel.send(encodeRequest(0, { kind: "cancel", target: id }));
		if (signal?.aborted === true) cancel();
		else signal?.addEventListener("abort", cancel, { once: true });
		const reply = await answer.finally(() => signal?.removeEventListener("abort", cancel));
		if (reply.kind === "cancelled") throw signal?.reason;
		if (reply.kind !== "error") return reply;
		if (reply.fatal) this.#channel.end();
		throw reply.error.code === "engine.outOfMemory" ? new FreeholdError("engine.outOfMemory", { limit: this.#memoryBytes }) : reply.error;
	}

	/** Ends the process at once and waits until it is gone. */
	async end(): Promise<void> {
		this.#channel.end();
		await this.#channel.gone;
	}
}

/** The fences around an engine whose models lie in these folders. Where they may lie anywhere, it keeps our user: another one might not get at them. */
export async function engineFences(modelFolders: readonly string[] | undefined): Promise<Fences> {
	return modelFolders === undefined ? { ...(await availableFences()), user: false } : fencesFor(SCRIPT, modelFolders);
}

interface Waiting {
	resolve(reply: Reply): void;
	reject(error: FreeholdError): void;
	onEvent(event: Event): void;
	readonly timer: NodeJS.Timeout;
}

/** The pipe to the process, and the watch over its life. */
class Channel {
	readonly gone: Promise<void>;
	readonly #child: ChildProcess;
	readonly #pipe: Duplex;
	readonly #memoryBytes: number;
	readonly #waiting = new Map<number, Waiting>();
	#verdict: FreeholdError | undefined;
	#lastWords = "";

	constructor(child: ChildProcess, maxFrameBytes: number, memoryBytes: number) {
		this.#child = child;
		this.#memoryBytes = memoryBytes;
		this.#pipe = child.stdio[3] as Duplex;
		const reader = new FrameReader(maxFrameBytes);
		this.#pipe.on("data", (chunk: Buffer) => {
			try {
				for (const frame of reader.push(chunk)) {
					const { id, message } = decodeReply(frame);
					this.#receive(id, message);
				}
			} catch (error) {
				this.end(new FreeholdError("engine.crashed", { reason: "it answered in a form that no engine uses" }, { cause: error }));
			}
		});
		this.#pipe.on("error", () => {});
		const words = child.stderr as Readable;
		words.setEncoding("utf8");
		words.on("data", (text: string) => {
			this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS_BYTES);
		});
		this.gone = new Promise((resolve) => {
			child.once("error", (error) => {
				this.#finish(new FreeholdError("engine.crashed", { reason: `it could not be started: ${error.message}` }));
				resolve();
			});
			// "close" comes after the last words have been read, "exit" may not.
			child.once("close", (code, signal) => {
				this.#finish(this.#reason(code, signal));
				resolve();
			});
		});
	}

	get alive(): boolean {
		return this.#verdict === undefined;
	}

	send(parts: readonly Uint8Array[]): void {
		if (!this.alive) return;
		this.#pipe.cork();
		for (const part of parts) this.#pipe.write(part);
		this.#pipe.uncork();
	}

	/** The last reply to a request. */
	reply(id: number, { timeoutMs, onEvent }: RequestLimits): Promise<Reply> {
		if (this.#verdict !== undefined) return Promise.reject(this.#verdict);
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => this.end(new FreeholdError("engine.timeout", { seconds: timeoutMs / 1000 })), timeoutMs);
			this.#waiting.set(id, { resolve, reject, onEvent: onEvent ?? (() => this.#stray()), timer });
		});
	}

	/** Kills the process. Calls in progress end with the verdict. */
	end(verdict = new FreeholdError("engine.crashed", { reason: "it was stopped" })): void {
		this.#child.kill("SIGKILL");
		this.#finish(verdict);
	}

	#receive(id: number, reply: Reply | Event): void {
		const waiting = this.#waiting.get(id);
		if (waiting === undefined) this.#stray();
		else if (isEvent(reply)) waiting.onEvent(reply);
		else {
			this.#waiting.delete(id);
			clearTimeout(waiting.timer);
			waiting.resolve(reply);
		}
	}

	#stray(): void {
		this.end(new FreeholdError("engine.crashed", { reason: "it spoke without being asked" }));
	}

	#finish(verdict: FreeholdError): void {
		this.#verdict ??= verdict;
		for (const { reject, timer } of this.#waiting.values()) {
			clearTimeout(timer);
			reject(this.#verdict);
		}
		this.#waiting.clear();
	}

	#reason(code: number | null, signal: NodeJS.Signals | null): FreeholdError {
		if (this.#lastWords.includes(memoryMarker) || /bad_alloc|out of memory/i.test(this.#lastWords)) {
			return new FreeholdError("engine.outOfMemory", { limit: this.#memoryBytes });
		}
		return new FreeholdError("engine.crashed", signal === null ? { reason: `exit code ${code}` } : { reason: `signal ${signal}`, signal });
	}
}
