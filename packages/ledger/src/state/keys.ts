/** Keys of the state tables. Big-endian block numbers, so that the store's order is the blocks' order. */
import { concatBytes } from "@freehold/protocol";
import type { NibblePath } from "./trie-node.js";

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
	const key = new Uint8Array(8);
	new DataView(key.buffer).setBigUint64(0, number);
	return key;
}

export function blockOfKey(key: Uint8Array): bigint {
	return new DataView(key.buffer, key.byteOffset).getBigUint64(0);
}
