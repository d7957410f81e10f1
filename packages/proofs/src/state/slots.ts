/** Storage slots of records in the contracts' layout. */
import { readField, type StorageField, type StorageRecord } from "@freehold/contracts/layout";
import { bytesToBigint, encodeWords, type Hashes, type Hex, toHex, type Word } from "@freehold/protocol";

/** A record of a contract under its mapping keys: some of its words, by their number. */
export interface RecordRef {
	readonly contract: Hex;
	readonly record: StorageRecord;
	readonly keys: readonly Word[];
	/** Words that are read; the others are not proved. */
	readonly words: readonly number[];
}

/** Slot (32 bytes) of a word of a record: nested mappings as Solidity lays them out. */
export function slotOf({ record, keys }: RecordRef, word: number, hashes: Hashes): Hex {
	if (keys.length !== record.keys.length) throw new RangeError(`the record has ${record.keys.length} keys`);
	let base = encodeWords([record.slot]);
	for (const key of keys) base = hashes.keccak256(encodeWords([key, base]));
	return word === 0 ? toHex(base) : toHex(encodeWords([(bytesToBigint(base) + BigInt(word)) & MAX_WORD]));
}

const MAX_WORD = (1n << 256n) - 1n;

/** Fields of a record by name, from words of which those that were not read are undefined. */
export function fieldsOf<F extends Readonly<Record<string, StorageField>>>(
	fields: F,
	words: ReadonlyMap<number, bigint>,
): { readonly [K in keyof F]: bigint | undefined } {
	const list: bigint[] = [];
	for (const [word, value] of words) list[word] = value;
	return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, words.has(field.word) ? readField(list, field) : undefined])) as {
		readonly [K in keyof F]: bigint | undefined;
	};
}
