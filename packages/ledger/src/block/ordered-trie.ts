/** Root of the Merkle-Patricia trie that maps RLP(index) to each item: transactions root and receipts root (yellow paper, appendix D). */
import { encodeRlp, type RlpItem, rlpInteger } from "@freehold/protocol";
import { keccak256 } from "../state/keccak.js";

/** keccak256 of the RLP of the empty string. */
export const EMPTY_TRIE_ROOT: Uint8Array = Uint8Array.from(Buffer.from("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421", "hex"));

interface Entry {
	/** Nibbles of the key. */
	readonly path: Uint8Array;
	readonly value: Uint8Array;
}

export function orderedTrieRoot(items: readonly Uint8Array[]): Uint8Array {
	if (items.length === 0) return EMPTY_TRIE_ROOT;
	const entries = items.map((value, index) => ({ path: nibbles(encodeRlp(rlpInteger(BigInt(index)))), value }));
	entries.sort((a, b) => Buffer.compare(a.path, b.path));
	return keccak256(encodeRlp(node(entries, 0, entries.length, 0)));
}

/** Node over entries[from, to), whose paths agree in their first `depth` nibbles. Keys are prefix-free, so branches hold no value. */
function node(entries: readonly Entry[], from: number, to: number, depth: number): readonly RlpItem[] {
	const first = entries[from] as Entry;
	if (to - from === 1) return [compact(first.path.subarray(depth), true), first.value];
	const last = entries[to - 1] as Entry;
	let shared = depth;
	while (first.path[shared] === last.path[shared]) shared++;
	if (shared > depth) return [compact(first.path.subarray(depth, shared), false), reference(node(entries, from, to, shared))];
	const children: RlpItem[] = [];
	for (let nibble = 0, start = from; nibble < 16; nibble++) {
		let end = start;
		while (end < to && (entries[end] as Entry).path[depth] === nibble) end++;
		children.push(end === start ? new Uint8Array(0) : reference(node(entries, start, end, depth + 1)));
		start = end;
	}
	children.push(new Uint8Array(0));
	return children;
}

/** A node stands in its parent as itself when its RLP is shorter than a hash. */
function reference(child: readonly RlpItem[]): RlpItem {
	const encoded = encodeRlp(child);
	return encoded.length < 32 ? child : keccak256(encoded);
}

function nibbles(bytes: Uint8Array): Uint8Array {
	const path = new Uint8Array(2 * bytes.length);
	bytes.forEach((byte, index) => {
		path[2 * index] = byte >> 4;
		path[2 * index + 1] = byte & 15;
	});
	return path;
}

/** Hex-prefix encoding. */
function compact(path: Uint8Array, leaf: boolean): Uint8Array {
	const odd = path.length % 2;
	const bytes = new Uint8Array(1 + (path.length - odd) / 2);
	bytes[0] = (leaf ? 0x20 : 0) | (odd ? 0x10 | (path[0] as number) : 0);
	for (let index = odd, out = 1; index < path.length; index += 2) bytes[out++] = ((path[index] as number) << 4) | (path[index + 1] as number);
	return bytes;
}
