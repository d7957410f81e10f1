/** A small durable store over LMDB: named tables of bytes, one writer, atomic transactions that resolve after they are on disk. */

export interface StoreWriter<T extends string> {
	get(table: T, key: string): Uint8Array | undefined;
	put(table: T, key: string, value: Uint8Array): void;
	remove(table: T, key: string): void;
}

export interface DurableStore<T extends string> {
	get(table: T, key: string): Uint8Array | undefined;
	/** Entries with start ≤ key < end in UTF-8 order. */
	scan(
		table: T,
		range: { readonly start?: string; readonly end?: string; readonly reverse?: boolean; readonly limit?: number },
	): Iterable<{ readonly key: string; readonly value: Uint8Array }>;
	/**
	 * Runs `work` atomically; resolves with its result after the data is durable (fsync). Concurrent transactions may share one commit. When `work` throws, nothing is written.
	 */
	transact<R>(work: (writer: StoreWriter<T>) => R): Promise<R>;
	close(): Promise<void>;
}
