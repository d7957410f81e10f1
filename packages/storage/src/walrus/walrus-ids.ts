/** Walrus blob ids, computed in a thread of their own: encoding takes more than a second of one core, whatever the size. */
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { FreeholdError, type Hex } from "@freehold/protocol";

export interface WalrusIds {
	/** The 32 bytes of the id. The file is hashed on the way: an id is never made of bytes that do not match `sha256`. */
	compute(path: string, sha256: Hex, signal: AbortSignal): Promise<Uint8Array>;
	close(): Promise<void>;
}

export interface WalrusIdsOptions {
	/** Shards of the Walrus network; the id depends on it. Mainnet and testnet: 1000. */
	readonly shards: number;
	/** Files that may wait. */
	readonly maxWaiting: number;
	/** Rest after which the thread lets its memory go. */
	readonly idleMs: number;
}

/** What the thread is asked and answers. */
export interface EncodeRequest {
	readonly path: string;
	readonly sha256: Hex;
}

export type EncodeReply = { readonly blobId: Uint8Array } | { readonly error: string };

interface Job extends EncodeRequest {
	readonly signal: AbortSignal;
	resolve(blobId: Uint8Array): void;
	reject(error: unknown): void;
}

export function walrusIds(options: WalrusIdsOptions): WalrusIds {
	const waiting: Job[] = [];
	let thread: Worker | undefined;
	let current: Job | undefined;
	let rest: NodeJS.Timeout | undefined;
	let closed = false;

	function finish(settle: (job: Job) => void): void {
		const job = current;
		current = undefined;
		if (job !== undefined) settle(job);
		next();
	}

	function start(): Worker {
		const script = createRequire(import.meta.url).resolve("@freehold/storage/walrus-encoder");
		// The program's own flags may be of a kind that threads refuse.
		const worker = new Worker(script, { workerData: { shards: options.shards }, env: {}, execArgv: [] });
		worker.on("message", (reply: EncodeReply) => finish((job) => ("blobId" in reply ? job.resolve(reply.blobId) : job.reject(new Error(reply.error)))));
		worker.on("error", (error) => {
			if (thread === worker) thread = undefined;
			finish((job) => job.reject(error));
		});
		worker.unref();
		return worker;
	}

	function next(): void {
		if (current !== undefined || closed) return;
		clearTimeout(rest);
		const job = waiting.shift();
		if (job === undefined) {
			rest = setTimeout(() => {
				void thread?.terminate();
				thread = undefined;
			}, options.idleMs).unref();
			return;
		}
		if (job.signal.aborted) {
			job.reject(job.signal.reason);
			next();
			return;
		}
		current = job;
		thread ??= start();
		thread.postMessage({ path: job.path, sha256: job.sha256 } satisfies EncodeRequest);
	}

	return {
		compute(path, sha256, signal) {
			if (closed) return Promise.reject(new FreeholdError("service.stopping", { service: "Storage" }));
			if (waiting.length >= options.maxWaiting) return Promise.reject(new FreeholdError("blob.busy", { waiting: waiting.length }));
			return new Promise((resolve, reject) => {
				waiting.push({ path, sha256, signal, resolve, reject });
				next();
			});
		},
		async close() {
			closed = true;
			clearTimeout(rest);
			const stopping = new FreeholdError("service.stopping", { service: "Storage" });
			current?.reject(stopping);
			for (const job of waiting.splice(0)) job.reject(stopping);
			await thread?.terminate();
		},
	};
}
