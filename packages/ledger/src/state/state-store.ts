/**
 * The durable store of one ledger: state, its history, and the tables of blocks and indexes, in one LMDB environment.
 * A block is one transaction: after a crash the store is at block n or n − 1, never between.
 *
 * Layout. `account`: address → account RLP. `slot`: address ‖ slot → value without leading zeros. `code`: hash → code.
 * `node`: trie nodes by path. `history`: what each block replaced (`history.ts`). `head`: number and root of the last block.
 */
import { concatBytes, FreeholdError } from "@freehold/protocol";
import { checkLength, isDamage, requireRoom, sealValue, stampFormat, unsealValue } from "@freehold/service";
import { type Database, open, type RootDatabase, type Transaction } from "lmdb";
import type { TableName, TableWrite } from "../execution/types.js";
import { blockOfHistoryKey, findInChunk, fingerprint, HistoryIndex, historyKey, historySubject, packHistory } from "./history.js";
import { blockKey, blockOfKey } from "./keys.js";

export interface StateStoreOptions {
	readonly dir: string;
	/** Earlier blocks whose state stays readable. */
	readonly historyBlocks: number;
	/** Address space reserved for the file, in bytes; the file itself grows as needed. */
	readonly mapSizeBytes: number;
	/** For a second view of a store that this process has open: never writes, and sees new commits after `refresh`. */
	readonly readOnly?: boolean;
}

/** What has a history: the three kinds of state that change from block to block. */
export type StateKind = "account" | "slot" | "node";

/** One changed entry of the state: its value before and after the block, undefined for none. */
export interface StateChange {
	readonly kind: StateKind;
	readonly key: Uint8Array;
	readonly before: Uint8Array | undefined;
	readonly after: Uint8Array | undefined;
}

/** All that one block changes. */
export interface BlockCommit {
	readonly number: bigint;
	readonly root: Uint8Array;
	readonly changes: readonly StateChange[];
	readonly codes: readonly { readonly hash: Uint8Array; readonly code: Uint8Array }[];
	readonly tables: readonly TableWrite[];
}

export interface Head {
	readonly number: bigint;
	readonly stateRoot: Uint8Array;
}

type Bin = Database<Buffer, Uint8Array>;

/** Raised with every change of tables, keys or values. Format 1 had no check of its values. */
const STORE_KIND = "freehold-ledger";
const STORE_FORMAT = 2;

const TABLES: readonly TableName[] = ["block", "transaction", "log", "consensus", "meta"];
const BINARY = { keyEncoding: "binary", encoding: "binary" } as const;
const HEAD_KEY = Uint8Array.of(0);
/** Old blocks removed per commit: more than one only after the window was made smaller. */
const PRUNED_PER_COMMIT = 4n;
/** Entries that a scan reads at once. */
const SCAN_CHUNK = 256;

export class StateStore {
	readonly #environment: RootDatabase;
	readonly #state: Readonly<Record<StateKind, Bin>>;
	readonly #code: Bin;
	readonly #history: Bin;
	readonly #headTable: Bin;
	readonly #tables: ReadonlyMap<TableName, Bin>;
	readonly #historyBlocks: bigint;
	readonly #dir: string;
	/** Every read outside a commit sees the state as of the last finished commit. */
	#snapshot: Transaction | undefined;
	#head: Head | undefined;
	#oldest: bigint;
	/** Indexes of the blocks whose history was asked for. */
	readonly #indexes = new Map<bigint, HistoryIndex>();
	#closed: Promise<void> | undefined;

	constructor(options: StateStoreOptions) {
		const { dir: path, mapSizeBytes: mapSize, readOnly = false } = options;
		if (!readOnly) {
			stampFormat(path, STORE_KIND, STORE_FORMAT);
			checkLength(path);
		}
		// Without overlapping sync a commit is on disk when its promise resolves.
		this.#environment = openEnvironment({ path, mapSize, readOnly, maxDbs: 16, overlappingSync: false, compression: false, ...BINARY });
		const table = (name: string): Bin => this.#environment.openDB<Buffer, Uint8Array>({ name, ...BINARY });
		this.#state = { account: table("account"), slot: table("slot"), node: table("node") };
		this.#code = table("code");
		this.#history = table("history");
		this.#headTable = table("head");
		this.#tables = new Map(TABLES.map((name) => [name, table(`table.${name}`)]));
		this.#dir = path;
		this.#historyBlocks = BigInt(options.historyBlocks);
		this.#snapshot = this.#environment.useReadTransaction();
		this.#head = this.#readHead();
		this.#oldest = this.#readOldest();
	}

	get head(): Head | undefined {
		return this.#head;
	}

	/** The earliest block whose state can be read. */
	get oldest(): bigint {
		return this.#oldest;
	}

	/** Value at the head, or at the end of block `at`. Throws `RangeError` when `at` is outside the history window. */
	read(kind: StateKind, key: Uint8Array, at?: bigint): Uint8Array | undefined {
		if (at !== undefined && at !== this.#head?.number) {
			const past = this.#readPast(kind, key, at);
			if (past !== undefined) return past.length === 0 ? undefined : past;
		}
		return this.#get(this.#state[kind], key);
	}

	code(hash: Uint8Array): Uint8Array | undefined {
		return this.#get(this.#code, hash);
	}

	/** All accounts at the head, in order of address: RLP as `account.ts` has it. */
	accounts(): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
		return this.#scan(this.#state.account, new Uint8Array(0), new Uint8Array(21).fill(0xff), {});
	}

	/** Slots of one account at the head. */
	slots(address: Uint8Array): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
		return this.#scan(this.#state.slot, address, concatBytes(address, new Uint8Array(33).fill(0xff)), {});
	}

	get(table: TableName, key: Uint8Array): Uint8Array | undefined {
		return this.#get(this.#table(table), key);
	}

	/** Entries with start ≤ key < end, in order of key, or from the greatest down. Safe to interleave with commits. */
	scan(
		table: TableName,
		start: Uint8Array,
		end: Uint8Array,
		options: { readonly reverse?: boolean; readonly limit?: number } = {},
	): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
		return this.#scan(this.#table(table), start, end, options);
	}

	/** Writes a block in one transaction; resolves when it is on disk. */
	async commit(block: BlockCommit): Promise<void> {
		requireRoom(this.#dir, bytesOf(block));
		await this.#environment.transaction(() => this.#write(block));
		this.#advance(block);
	}

	/** As `commit`, at once. */
	commitSync(block: BlockCommit): void {
		this.#environment.transactionSync(() => this.#write(block));
		this.#advance(block);
	}

	/** Writes to the tables alone, in one transaction; resolves when it is on disk. */
	async commitTables(writes: readonly TableWrite[]): Promise<void> {
		requireRoom(this.#dir, tableBytes(writes));
		await this.#environment.transaction(() => this.#writeTables(writes));
		this.#renewSnapshot();
	}

	/** Sees what was committed since, also by others. */
	refresh(): void {
		this.#renewSnapshot();
		this.#settle(this.#readHead());
	}

	/** Lets the snapshot go, so that its pages can be used again; the next read comes after `refresh`. */
	release(): void {
		this.#snapshot?.done();
		this.#snapshot = undefined;
		this.#environment.resetReadTxn();
	}

	/** Closing again waits for the same end. */
	close(): Promise<void> {
		if (this.#closed === undefined) {
			this.#snapshot?.done();
			this.#closed = this.#environment.close();
		}
		return this.#closed;
	}

	#get(database: Bin, key: Uint8Array): Uint8Array | undefined {
		const value = database.get(key, { transaction: this.#reading() });
		return value === undefined ? undefined : plain(unsealValue(value));
	}

	#reading(): Transaction {
		if (this.#snapshot === undefined) throw new Error("the snapshot was let go");
		return this.#snapshot;
	}

	#table(name: TableName): Bin {
		const table = this.#tables.get(name);
		if (table === undefined) throw new RangeError(`there is no table ${name}`);
		return table;
	}

	/** Empty when there was nothing; undefined when the value has not changed since `at`. */
	#readPast(kind: StateKind, key: Uint8Array, at: bigint): Uint8Array | undefined {
		const head = this.#head?.number ?? -1n;
		if (at > head) throw new RangeError(`block ${at} is ahead of the head ${head}`);
		if (at < this.#oldest) throw new RangeError(`the state of block ${at} has been pruned; the oldest is ${this.#oldest}`);
		const subject = historySubject(kind, key);
		const wanted = fingerprint(subject);
		for (let block = at + 1n; block <= head; block++) {
			for (const chunk of this.#index(block).chunks(wanted)) {
				const record = this.#get(this.#history, historyKey(block, chunk));
				const before = record === undefined ? undefined : findInChunk(record, subject);
				if (before !== undefined) return before;
			}
		}
		return undefined;
	}

	#index(block: bigint): HistoryIndex {
		let index = this.#indexes.get(block);
		if (index === undefined) {
			const record = this.#get(this.#history, historyKey(block, 0));
			if (record === undefined) throw new Error(`the store lacks the history of block ${block}`);
			index = new HistoryIndex(record);
			this.#indexes.set(block, index);
		}
		return index;
	}

	*#scan(database: Bin, start: Uint8Array, end: Uint8Array, options: { readonly reverse?: boolean; readonly limit?: number }) {
		const { reverse = false, limit = Number.POSITIVE_INFINITY } = options;
		let [low, high] = [Buffer.from(start), Buffer.from(end)];
		for (let left = limit; left > 0; ) {
			const chunk = this.#chunk(database, low, high, reverse, Math.min(SCAN_CHUNK, left));
			for (const { key, value } of chunk) yield { key: plain(key), value: plain(unsealValue(value)) };
			const last = chunk.at(-1)?.key;
			if (last === undefined || chunk.length < SCAN_CHUNK) return;
			left -= chunk.length;
			if (reverse) high = Buffer.from(last);
			else low = Buffer.concat([last, NOTHING_ABOVE]);
		}
	}

	/** Up to `limit` entries of [low, high), read at one moment. */
	#chunk(database: Bin, low: Buffer, high: Buffer, reverse: boolean, limit: number): { key: Uint8Array; value: Buffer }[] {
		if (Buffer.compare(low, high) >= 0) return [];
		const transaction = this.#reading();
		if (!reverse) return [...database.getRange({ start: low, end: high, limit, transaction })];
		const below = database.getRange({ start: high, end: low, exclusiveStart: true, inclusiveEnd: true, reverse, limit, transaction });
		return [...below];
	}

	/** Runs inside a write transaction. */
	#write(block: BlockCommit): void {
		this.#requireOwnHead();
		for (const { kind, key, after } of block.changes) {
			if (after === undefined) this.#state[kind].removeSync(key);
			else this.#state[kind].putSync(key, sealValue(after));
		}
		// Nothing is read from before genesis.
		const history = this.#head === undefined ? [] : packHistory(block.number, block.changes);
		for (const { key, value } of history) this.#history.putSync(key, sealValue(value));
		for (const { hash, code } of block.codes) this.#code.putSync(hash, sealValue(code));
		this.#writeTables(block.tables);
		this.#prune(block.number);
		this.#headTable.putSync(HEAD_KEY, sealValue(headRecord(block.number, block.root)));
	}

	/** The store has one writer. A second process would have moved the head on; nothing is written over its work. */
	#requireOwnHead(): void {
		const sealed = this.#headTable.get(HEAD_KEY);
		const stored = sealed === undefined ? undefined : unsealValue(sealed);
		const expected = this.#head === undefined ? undefined : headRecord(this.#head.number, this.#head.stateRoot);
		const same = stored === undefined || expected === undefined ? stored === expected : Buffer.compare(stored, expected) === 0;
		if (!same) throw new Error("another process has written to this ledger's store");
	}

	#writeTables(writes: readonly TableWrite[]): void {
		for (const { table, key, value } of writes) {
			if (value === undefined) this.#table(table).removeSync(key);
			else this.#table(table).putSync(key, sealValue(value));
		}
	}

	#prune(number: bigint): void {
		const [first] = this.#history.getKeys({ limit: 1 });
		if (first === undefined) return;
		const oldest = blockOfHistoryKey(first);
		const end = [number - this.#historyBlocks + 1n, oldest + PRUNED_PER_COMMIT].reduce((a, b) => (a < b ? a : b));
		if (end <= oldest) return;
		for (const key of [...this.#history.getKeys({ end: historyKey(end, 0) })]) this.#history.removeSync(key);
	}

	#renewSnapshot(): void {
		this.release();
		this.#snapshot = this.#environment.useReadTransaction();
	}

	#advance(block: BlockCommit): void {
		this.#renewSnapshot();
		this.#settle({ number: block.number, stateRoot: block.root });
	}

	#settle(head: Head | undefined): void {
		this.#head = head;
		this.#oldest = this.#readOldest();
		for (const number of this.#indexes.keys()) if (number <= this.#oldest) this.#indexes.delete(number);
	}

	#readHead(): Head | undefined {
		const value = this.#get(this.#headTable, HEAD_KEY);
		return value === undefined ? undefined : { number: blockOfKey(value.subarray(0, 8)), stateRoot: value.slice(8) };
	}

	#readOldest(): bigint {
		for (const key of this.#history.getKeys({ limit: 1, transaction: this.#reading() })) return blockOfHistoryKey(key) - 1n;
		return this.#head?.number ?? 0n;
	}
}

/** Throws `store.damaged` for a file that LMDB finds broken. */
function openEnvironment(options: Parameters<typeof open>[0] & { readonly path: string }): RootDatabase {
	try {
		return open(options) as RootDatabase;
	} catch (error) {
		if (error instanceof Error && "code" in error && isDamage(error.code)) throw new FreeholdError("store.damaged", { path: options.path }, { cause: error });
		throw error;
	}
}

/** Of what a block writes; its history holds the values before it. */
function bytesOf({ changes, codes, tables }: BlockCommit): number {
	let bytes = tableBytes(tables);
	for (const { key, before, after } of changes) bytes += 2 * key.length + (before?.length ?? 0) + (after?.length ?? 0);
	for (const { code } of codes) bytes += code.length;
	return bytes;
}

function tableBytes(writes: readonly TableWrite[]): number {
	return writes.reduce((bytes, { key, value }) => bytes + key.length + (value?.length ?? 0), 0);
}

const headRecord = (number: bigint, root: Uint8Array): Uint8Array => concatBytes(blockKey(number), root);

/** The same bytes without the methods of a Buffer. */
const plain = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);

/** Appended to a key, gives the least key above it. */
const NOTHING_ABOVE = Uint8Array.of(0);
