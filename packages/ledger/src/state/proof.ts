/** Merkle proofs out of stored nodes, for any state of which the nodes can be read. */
import { decodeRlp, type RlpItem } from "@freehold/protocol";
import { type NibblePath, toNibbles } from "./trie-node.js";

/**
 * The RLP nodes from the root towards `key`, of presence or absence, as `eth_getProof` gives them (EIP-1186). Nodes embedded in
 * their parent are not repeated. Empty for an empty trie.
 */
export function proveKey(read: (path: NibblePath) => Uint8Array | undefined, key: Uint8Array): Uint8Array[] {
	const path = toNibbles(key);
	const proof: Uint8Array[] = [];
	let rlp = read(path.subarray(0, 0));
	let depth = 0;
	while (rlp !== undefined) {
		proof.push(rlp);
		const next = descend(decodeRlp(rlp), path, depth);
		if (next === undefined) return proof;
		depth = next;
		rlp = read(path.subarray(0, depth));
		if (rlp === undefined) throw new Error(`the store lacks the trie node at path [${path.subarray(0, depth).join(" ")}]`);
	}
	return proof;
}

/** Depth of the next stored node on the way along `path`, undefined where the way ends. Walks through embedded nodes. */
function descend(item: RlpItem, path: NibblePath, start: number): number | undefined {
	let node = item;
	let depth = start;
	for (;;) {
		if (node instanceof Uint8Array) return node.length === 32 ? depth : undefined;
		if (node.length === 17) {
			node = node[path[depth++] as number] as RlpItem;
			continue;
		}
		const [compact, child] = node as readonly [Uint8Array, RlpItem];
		const flags = (compact[0] as number) >> 4;
		const nibbles = toNibbles(compact).subarray((flags & 1) === 1 ? 1 : 2);
		if ((flags & 2) === 2 || nibbles.some((nibble, index) => nibble !== path[depth + index])) return undefined;
		depth += nibbles.length;
		node = child;
	}
}
