/**
 * What each block replaced: the way back to earlier states. The entries of one block are written together, in a few records in
 * order of block, because a record for each entry would scatter a block's writes over the whole file.
 *
 * A block has an index record (the sorted fingerprints of what changed) and chunk records (the entries in the same order). Looking
 * something up searches the indexes, which are small and stay in memory, and reads a chunk only where the fingerprint occurs.
 */
import { RecordError } from "./record-error.js";
import type { StateChange } from "./state-store.js";

/** Entries per chunk: some tens of kilobytes. */
const CHUNK_ENTRIES = 128;
const NUMBER_BYTES = 8;

const KIND_BYTE: Readonly<Record<StateChange["kind"], number>> = { account: 1, slot: 2, node: 3 };

/** One record of a block's history. */
export interface HistoryRecord {
	readonly key: Uint8Array;
	readonly value: Uint8Array;
}

/** Key of the index record of a block (chunk 0), or of one of its chunks, counted from 1. */
export function historyKey(block: bigint, chunk: number): Uint8Array {
	const key = new Uint8Array(NUMBER_BYTES + 2);
	const view = new DataView(key.buffer);
	view.setBigUint64(0, block);
	view.setUint16(NUMBER_BYTES, chunk);
	return key;
}

/** The block that a record belongs to. */
export function blockOfHistoryKey(key: Uint8Array): bigint {
	return new DataView(key.buffer, key.byteOffset).getBigUint64(0);
}

/** The name under which a change is filed. */
export function historySubject(kind: StateChange["kind"], key: Uint8Array): Uint8Array {
	const subject = new Uint8Array(key.length + 1);
	subject[0] = KIND_BYTE[kind];
	subject.set(key, 1);
	return subject;
}

/** All records of a block. There is always an index, also of nothing. */
export function packHistory(block: bigint, changes: readonly StateChange[]): HistoryRecord[] {
	const entries = changes.map(({ kind, key, before }) => {
		const subject = historySubject(kind, key);
		return { subject, before, fingerprint: fingerprint(subject) };
	});
	entries.sort((a, b) => a.fingerprint - b.fingerprint);
	const index = new DataView(new ArrayBuffer(entries.length * 4));
	for (const [position, entry] of entries.entries()) index.setUint32(position * 4, entry.fingerprint);
	const records = [{ key: historyKey(block, 0), value: new Uint8Array(index.buffer) }];
	for (let start = 0; start < entries.length; start += CHUNK_ENTRIES) {
		records.push({ key: historyKey(block, 1 + start / CHUNK_ENTRIES), value: packChunk(entries.slice(start, start + CHUNK_ENTRIES)) });
	}
	return records;
}

/** The fingerprints of what one block changed. */
export class HistoryIndex {
	readonly #fingerprints: Uint32Array;

	constructor(record: Uint8Array) {
		if (record.length % 4 !== 0) throw new RecordError("an index of history");
		const view = new DataView(record.buffer, record.byteOffset, record.length);
		this.#fingerprints = Uint32Array.from({ length: record.length / 4 }, (_, position) => view.getUint32(position * 4));
	}

	/** The chunks, counted from 1, that may hold a subject of this fingerprint: mostly none. */
	*chunks(wanted: number): Generator<number> {
		let [low, high] = [0, this.#fingerprints.length];
		while (low < high) {
			const middle = (low + high) >>> 1;
			if ((this.#fingerprints[middle] as number) < wanted) low = middle + 1;
			else high = middle;
		}
		for (let last = 0; this.#fingerprints[low] === wanted; low++) {
			const chunk = 1 + Math.floor(low / CHUNK_ENTRIES);
			if (chunk !== last) yield chunk;
			last = chunk;
		}
	}
}

/** The value that a subject had before the chunk's block: empty for none, undefined when the chunk does not hold the subject. */
export function findInChunk(chunk: Uint8Array, subject: Uint8Array): Uint8Array | undefined {
	const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
	for (let at = 0; at < chunk.length; ) {
		if (at + 5 > chunk.length) throw new RecordError("a chunk of history");
		const subjectLength = chunk[at] as number;
		const valueLength = view.getUint32(at + 1);
		const value = at + 5 + subjectLength;
		if (value + valueLength > chunk.length) throw new RecordError("a chunk of history");
		if (subjectLength === subject.length && subject.every((byte, index) => byte === chunk[at + 5 + index])) return chunk.slice(value, value + valueLength);
		at = value + valueLength;
	}
	return undefined;
}

/** 32 bits of a subject (FNV-1a). Collisions cost a look into a chunk, nothing else. */
export function fingerprint(subject: Uint8Array): number {
	let hash = 0x811c9dc5;
	for (let index = 0; index < subject.length; index++) hash = Math.imul(hash ^ (subject[index] as number), 0x01000193);
	return hash >>> 0;
}

function packChunk(entries: readonly { readonly subject: Uint8Array; readonly before: Uint8Array | undefined }[]): Uint8Array<ArrayBuffer> {
	const size = entries.reduce((sum, { subject, before }) => sum + 5 + subject.length + (before?.length ?? 0), 0);
	const chunk = new Uint8Array(size);
	const view = new DataView(chunk.buffer);
	let at = 0;
	for (const { subject, before } of entries) {
		chunk[at] = subject.length;
		view.setUint32(at + 1, before?.length ?? 0);
		chunk.set(subject, at + 5);
		at += 5 + subject.length;
		if (before !== undefined) chunk.set(before, at);
		at += before?.length ?? 0;
	}
	return chunk;
}
