/** A small durable store over LMDB: named tables of bytes, one writer, atomic transactions that resolve after they are on disk. */
import { FreeholdError } from "@freehold/protocol";
import { open, type RootDatabase } from "lmdb";
import { lockFolder } from "./folder-lock.js";
import { Layer, tableKey, tablePrefix } from "./layer.js";
import { checkLength, freeBytes, isDamage, requireRoom, requireRoomToBegin, sealValue, stampFormat, unsealValue } from "./store-file.js";

export interface StoreWriter<T extends string> {
	get(table: T, key: string): Uint8Array | undefined;
	put(table: T, key: string, value: Uint8Array): void;
	remove(table: T, key: string): void;
}

export interface DurableStore<T extends string> {
	/** What is on disk: a transaction that has not resolved yet is not seen. */
	get(table: T, key: string): Uint8Array | undefined;
	/** Entries with start ≤ key < end in UTF-8 order. */
	scan(
		table: T,
		range: { readonly start?: string; readonly end?: string; readonly reverse?: boolean; readonly limit?: number },
	): Iterable<{ readonly key: string; readonly value: Uint8Array }>;
	/**
	 * Runs `work` atomically; resolves with its result after the data is durable (fsync). Concurrent transactions may share one commit. When `work` throws, nothing is written.
	 * `work` runs before this returns and sees the writes of every transaction before it, also of those still on their way to disk; if one of those cannot be
	 * written, this one is refused with it. Throws `store.full` before `work` runs when the disk has no room.
	 *
	 * A commit that fails (`store.failed`) leaves open whether it is on disk, and what `work` changed in memory may not be true: from then on everything is
	 * refused, and only a program that starts anew knows what was kept. See `onFailure`.
	 */
	transact<R>(work: (writer: StoreWriter<T>) => R): Promise<R>;
	/** Waits for transactions on their way and gives the folder back. */
	close(): Promise<void>;
}

export interface StoreOptions {
	/** Upper bound of the file, in bytes; address space, not disk. Default 64 GiB. */
	readonly mapBytes?: number;
	/** Transactions waiting for the disk before `transact` refuses with `store.busy`; default 10,000. */
	readonly maxWaiting?: number;
	/** Told once when a commit has failed: the program must end, since what it holds in memory may be ahead of its disk, or behind it. */
	readonly onFailure?: (error: unknown) => void;
}

interface Waiting {
	readonly resolve: () => void;
	readonly reject: (error: unknown) => void;
}

interface Batch {
	readonly layer: Layer;
	readonly waiting: Waiting[];
}

/** Raised with every change of how tables, keys or values stand in the file. Format 1 had no check of its values. */
const STORE_KIND = "freehold-store";
const STORE_FORMAT = 2;
const DEFAULT_MAP_BYTES = 64 * 1024 ** 3;
const DEFAULT_MAX_WAITING = 10_000;
/** ENOSPC, EDQUOT and LMDB's MDB_MAP_FULL, by name or number. */
const FULL_CODES: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", 28, 122, -30792]);
const LITTLE_BYTES = 1024 * 1024;
const FULL_WORDS = /no space left on device|disk quota exceeded|MDB_MAP_FULL/i;

/** Opens the store in `dir`, made when missing. Throws `store.locked` while another process has it. */
export function openStore<const T extends string>(dir: string, tables: readonly T[], options: StoreOptions = {}): DurableStore<T> {
	const prefixes = new Map<T, Buffer>(tables.map((table) => [table, tablePrefix(table)]));
	const unlock = lockFolder(dir);
	let database: RootDatabase<Buffer, Buffer>;
	try {
		stampFormat(dir, STORE_KIND, STORE_FORMAT);
		checkLength(dir);
		database = open<Buffer, Buffer>({
			path: dir,
			encoding: "binary",
			keyEncoding: "binary",
			mapSize: options.mapBytes ?? DEFAULT_MAP_BYTES,
			// A commit resolves after the sync, not after the write: that is the promise of `transact`.
			overlappingSync: false,
			// Batches of its own would end in promises that nobody can listen to.
			eventTurnBatching: false,
		});
	} catch (error) {
		unlock();
		throw translate(error, dir);
	}
	return new LmdbStore(database, dir, prefixes, unlock, options);
}

class LmdbStore<T extends string> implements DurableStore<T> {
	readonly #database: RootDatabase<Buffer, Buffer>;
	readonly #dir: string;
	readonly #prefixes: ReadonlyMap<T, Buffer>;
	readonly #unlock: () => void;
	readonly #maxWaiting: number;
	readonly #onFailure: (error: unknown) => void;
	/** On its way to disk. */
	#writing: Batch | undefined;
	/** Collected while the disk is busy; goes next as one commit. */
	#next: Batch = emptyBatch();
	#idle: Promise<void> = Promise.resolve();
	#closed = false;
	#failure: { readonly error: unknown } | undefined;

	constructor(
		database: RootDatabase<Buffer, Buffer>,
		dir: string,
		prefixes: ReadonlyMap<T, Buffer>,
		unlock: () => void,
		{ maxWaiting = DEFAULT_MAX_WAITING, onFailure = () => undefined }: StoreOptions,
	) {
		this.#database = database;
		this.#dir = dir;
		this.#prefixes = prefixes;
		this.#unlock = unlock;
		this.#maxWaiting = maxWaiting;
		this.#onFailure = onFailure;
	}

	get(table: T, key: string): Uint8Array | undefined {
		return this.#read(tableKey(this.#prefix(table), key));
	}

	*scan(
		table: T,
		{ start, end, reverse = false, limit }: { readonly start?: string; readonly end?: string; readonly reverse?: boolean; readonly limit?: number },
	): Iterable<{ readonly key: string; readonly value: Uint8Array }> {
		const prefix = this.#prefix(table);
		const from = start === undefined ? prefix : tableKey(prefix, start);
		const to = end === undefined ? Buffer.from([...prefix.subarray(0, -1), 1]) : tableKey(prefix, end);
		// Backwards, LMDB's range starts at the upper bound and includes it.
		const range = reverse ? { start: to, end: from, reverse, inclusiveEnd: true, exclusiveStart: true } : { start: from, end: to };
		for (const { key, value } of this.#database.getRange({ ...range, ...(limit === undefined ? {} : { limit }) })) {
			yield { key: key.toString("utf8", prefix.length), value: unsealValue(value) };
		}
	}

	async transact<R>(work: (writer: StoreWriter<T>) => R): Promise<R> {
		if (this.#closed) throw new Error(`the store in ${this.#dir} is closed`);
		if (this.#next.waiting.length >= this.#maxWaiting) throw new FreeholdError("store.busy", { path: this.#dir, waiting: this.#maxWaiting });
		if (this.#failure !== undefined) throw this.#failure.error;
		requireRoomToBegin(this.#dir, this.#next.layer.bytes + (this.#writing?.layer.bytes ?? 0));
		const own = new Layer();
		const result = work({
			get: (table, key) => {
				const full = tableKey(this.#prefix(table), key);
				const name = full.toString("latin1");
				for (const layer of [own, this.#next.layer, this.#writing?.layer]) {
					const change = layer?.read(name);
					if (change !== undefined) return change.value;
				}
				return this.#read(full);
			},
			put: (table, key, value) => own.write(tableKey(this.#prefix(table), key), Buffer.from(value)),
			remove: (table, key) => own.write(tableKey(this.#prefix(table), key), undefined),
		});
		const batch = this.#next;
		// A transaction without writes still waits for what it has read.
		own.mergeInto(batch.layer);
		const durable = new Promise<void>((resolve, reject) => batch.waiting.push({ resolve, reject }));
		if (this.#writing === undefined) this.#start();
		await durable;
		return result;
	}

	async close(): Promise<void> {
		if (this.#closed) return;
		this.#closed = true;
		await this.#idle;
		await this.#database.close();
		this.#unlock();
	}

	#read(key: Buffer): Buffer | undefined {
		try {
			const value = this.#database.get(key);
			return value === undefined ? undefined : unsealValue(value);
		} catch (error) {
			throw translate(error, this.#dir);
		}
	}

	#prefix(table: T): Buffer {
		const prefix = this.#prefixes.get(table);
		if (prefix === undefined) throw new Error(`the store in ${this.#dir} has no table ${table}`);
		return prefix;
	}

	#start(): void {
		this.#writing = emptyBatch();
		this.#idle = this.#drain();
	}

	async #drain(): Promise<void> {
		// Work of the same turn of the event loop goes into the first commit together.
		await Promise.resolve();
		while (this.#next.waiting.length > 0) {
			const batch = this.#next;
			this.#writing = batch;
			this.#next = emptyBatch();
			try {
				await this.#commit(batch.layer);
				// Readers must see the commit before its transactions resolve.
				this.#database.resetReadTxn();
				for (const { resolve } of batch.waiting) resolve();
			} catch (error) {
				const refusal = new FreeholdError("store.failed", { path: this.#dir }, { cause: translate(error, this.#dir) });
				this.#failure = { error: refusal };
				// The next batch may have read what is now lost.
				const { waiting } = this.#next;
				this.#next = emptyBatch();
				for (const { reject } of [...batch.waiting, ...waiting]) reject(refusal);
				this.#onFailure(refusal);
			}
		}
		this.#writing = undefined;
	}

	async #commit(layer: Layer): Promise<void> {
		if (layer.size === 0) return;
		requireRoom(this.#dir, layer.bytes);
		const parts: PromiseLike<boolean>[] = [];
		const whole = this.#database.batch(() => {
			for (const { key, value } of layer.changes()) parts.push(value === undefined ? this.#database.remove(key) : this.#database.put(key, sealValue(value)));
		});
		// Every part fails with the whole, and none may be left without an ear.
		const [outcome] = await Promise.allSettled([whole, ...parts]);
		if (outcome.status === "rejected") throw await causeOf(outcome.reason);
	}
}

/** What stands behind a failed commit: the library tells it in a promise of its own. */
async function causeOf(error: unknown): Promise<unknown> {
	if (!(error instanceof Error) || !("commitError" in error)) return error;
	const [told] = await Promise.allSettled([error.commitError]);
	return told.status === "rejected" ? new Error(error.message, { cause: told.reason }) : error;
}

function emptyBatch(): Batch {
	return { layer: new Layer(), waiting: [] };
}

/** The one place that knows LMDB's and the system's errors. */
export function translate(error: unknown, dir: string): unknown {
	let cause: unknown = error;
	for (let depth = 0; depth < 8 && cause instanceof Error; depth++, cause = cause.cause) {
		const code = "code" in cause ? cause.code : undefined;
		// LMDB tells a write cut short as an input/output error: the file system knows which it was.
		if (isDamage(code)) return new FreeholdError("store.damaged", { path: dir }, { cause: error });
		if (FULL_CODES.has(code) || FULL_WORDS.test(cause.message) || ((code === "EIO" || code === 5) && freeBytes(dir) < LITTLE_BYTES))
			return new FreeholdError("store.full", { path: dir }, { cause: error });
	}
	return error;
}
