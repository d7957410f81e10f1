/** Changes that are not on disk yet, by full key. */
import { FreeholdError } from "@freehold/protocol";

/** LMDB's own limit is 1,978 bytes with pages of 4 KiB. */
const MAX_KEY_BYTES = 1_900;

export interface Change {
	readonly key: Buffer;
	/** Undefined removes. */
	readonly value: Buffer | undefined;
}

export class Layer {
	// Latin-1 text of the key's bytes: equal texts are equal bytes.
	readonly #changes = new Map<string, Change>();
	#bytes = 0;

	get size(): number {
		return this.#changes.size;
	}

	/** Of all keys and values, at most: what was written twice counts twice. */
	get bytes(): number {
		return this.#bytes;
	}

	read(name: string): Change | undefined {
		return this.#changes.get(name);
	}

	write(key: Buffer, value: Buffer | undefined): void {
		this.#changes.set(key.toString("latin1"), { key, value });
		this.#bytes += key.length + (value?.length ?? 0);
	}

	changes(): Iterable<Change> {
		return this.#changes.values();
	}

	mergeInto(target: Layer): void {
		for (const [name, change] of this.#changes) target.#changes.set(name, change);
		target.#bytes += this.#bytes;
	}
}

/** Name of a table and a zero byte: tables never overlap, and each sorts by its own keys. */
export function tablePrefix(table: string): Buffer {
	if (!/^[A-Za-z][A-Za-z0-9-]{0,62}$/.test(table)) throw new Error(`${table} cannot name a table`);
	return Buffer.from(`${table}\0`, "utf8");
}

export function tableKey(prefix: Buffer, key: string): Buffer {
	const full = Buffer.concat([prefix, Buffer.from(key, "utf8")]);
	if (full.length > MAX_KEY_BYTES) throw new FreeholdError("request.invalid", { field: "key", reason: `longer than ${MAX_KEY_BYTES} bytes` });
	return full;
}
