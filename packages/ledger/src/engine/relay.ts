/**
 * Brings transactions that entered the pool here to the engine, which gossips them and makes blocks for them. In batches, in order, and until the engine has them:
 * while it is away they wait in the pool, and a new engine gets all that waits.
 */
import type { Mempool } from "../mempool/mempool.js";
import type { Transaction } from "../transaction/transaction.js";
import type { EngineClient } from "./engine-client.js";

export interface RelayModules {
	readonly client: Pick<EngineClient, "broadcast">;
	readonly pool: Pick<Mempool, "get" | "waiting">;
	readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
	readonly events: RelayEvents;
}

export interface RelayEvents {
	/** The engine does not take transactions now. */
	readonly relayWaits: (error: unknown, waiting: number) => void;
}

const BATCH = 256;
/** Together with `BATCH`: an answer of the engine stays short. */
const BATCH_BYTES = 1024 * 1024;
const RETRY_MS = 250;
const KNOWN = /already exists in cache/;

export class Relay {
	readonly #modules: RelayModules;
	readonly #stop = new AbortController();
	/** Ids in order of arrival; no more than the pool holds. */
	readonly #waiting = new Set<string>();
	#running: Promise<void> | undefined;

	constructor(modules: RelayModules) {
		this.#modules = modules;
	}

	/** Sends a transaction of the pool soon. */
	add(tx: Transaction): void {
		this.#waiting.add(tx.id);
		this.#wake();
	}

	/** A new engine knows nothing: it gets all that waits. */
	addAll(): void {
		for (const { tx } of this.#modules.pool.waiting()) this.#waiting.add(tx.id);
		this.#wake();
	}

	async stop(): Promise<void> {
		this.#stop.abort();
		await this.#running;
	}

	#wake(): void {
		if (this.#running !== undefined || this.#stop.signal.aborted) return;
		this.#running = this.#run().finally(() => {
			this.#running = undefined;
			if (this.#waiting.size > 0) this.#wake();
		});
	}

	async #run(): Promise<void> {
		const { client, pause, events } = this.#modules;
		const { signal } = this.#stop;
		// What arrives together goes together.
		await new Promise((resolve) => setImmediate(resolve));
		while (this.#waiting.size > 0 && !signal.aborted) {
			const batch = this.#batch();
			let isRefused = false;
			try {
				const said =
					batch.length === 0
						? []
						: await client.broadcast(
								batch.map(({ raw }) => raw),
								signal,
							);
				for (const [index, { id }] of batch.entries()) {
					const reason = said[index];
					if (reason === undefined || KNOWN.test(reason)) this.#waiting.delete(id);
					else isRefused = true;
				}
				if (isRefused) events.relayWaits(new Error(said.find((reason) => reason !== undefined && !KNOWN.test(reason))), this.#waiting.size);
			} catch (error) {
				if (signal.aborted) return;
				isRefused = true;
				events.relayWaits(error, this.#waiting.size);
			}
			if (isRefused) await pause(RETRY_MS, signal).catch(() => undefined);
		}
	}

	/** The oldest that are still in the pool. */
	#batch(): Transaction[] {
		const batch: Transaction[] = [];
		let bytes = 0;
		for (const id of this.#waiting) {
			const tx = this.#modules.pool.get(id);
			if (tx === undefined) {
				this.#waiting.delete(id);
				continue;
			}
			bytes += tx.raw.length;
			if (batch.length > 0 && (batch.length >= BATCH || bytes > BATCH_BYTES)) break;
			batch.push(tx);
		}
		return batch;
	}
}
