/** Keys of the state store. Big-endian block numbers, so that the store's order is the blocks' order. */
import { concatBytes } from "@freehold/protocol";
import type { NibblePath } from "./trie-node.js";

/** What has a history: the three kinds of state that change from block to block. */
export type StateKind = "account" | "slot" | "node";

const KIND_BYTE: Readonly<Record<StateKind, number>> = { account: 1, slot: 2, node: 3 };

/** Ends a key in front of a block number. Greater than any nibble, so no node's path continues another's history key. */
const TERMINATOR = 0x10;
const NUMBER_BYTES = 8;

export function slotKey(address: Uint8Array, slot: Uint8Array): Uint8Array {
	return concatBytes(address, slot);
}

/** A node of the account trie, or of the storage trie of the account whose address hashes to `owner`. */
export function nodeKey(owner: Uint8Array | undefined, path: NibblePath): Uint8Array {
	const key = new Uint8Array((owner === undefined ? 1 : 33) + path.length);
	if (owner !== undefined) {
		key[0] = 1;
		key.set(owner, 1);
	}
	key.set(path, key.length - path.length);
	return key;
}

export function blockKey(number: bigint): Uint8Array {
	const key = new Uint8Array(NUMBER_BYTES);
	new DataView(key.buffer).setBigUint64(0, number);
	return key;
}

export function blockOfKey(key: Uint8Array): bigint {
	return new DataView(key.buffer, key.byteOffset + key.length - NUMBER_BYTES).getBigUint64(0);
}

/** The part of a history key that names what changed. */
export function historySubject(kind: StateKind, key: Uint8Array): Uint8Array {
	const subject = new Uint8Array(key.length + 2);
	subject[0] = KIND_BYTE[kind];
	subject.set(key, 1);
	subject[key.length + 1] = TERMINATOR;
	return subject;
}

/** Key of the value that a subject had before `block`. */
export function historyKey(subject: Uint8Array, block: bigint): Uint8Array {
	return concatBytes(subject, blockKey(block));
}

/** The subjects of one block, each behind a byte of length. */
export function packSubjects(subjects: readonly Uint8Array[]): Uint8Array {
	let size = 0;
	for (const subject of subjects) size += 1 + subject.length;
	const packed = new Uint8Array(size);
	let at = 0;
	for (const subject of subjects) {
		packed[at] = subject.length;
		packed.set(subject, at + 1);
		at += 1 + subject.length;
	}
	return packed;
}

export function* unpackSubjects(packed: Uint8Array): Generator<Uint8Array> {
	for (let at = 0; at < packed.length; ) {
		const end = at + 1 + (packed[at] as number);
		yield packed.subarray(at + 1, end);
		at = end;
	}
}
