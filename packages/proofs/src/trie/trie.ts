/**
 * Reading a Merkle Patricia trie through some of its nodes (Ethereum yellow paper, appendix D). A key's value is proved, or its absence is; a node that
 * is needed and not there, or not spelt as the trie spells it, refuses the proof.
 */
import { compareBytes, decodeRlp, encodeRlp, equalBytes, type Hashes, type Hex, type RlpItem, toHex } from "@freehold/protocol";

/** A proof that does not prove what it should. */
export class ProofError extends Error {
	override readonly name = "ProofError";
}

/** Root of the trie that holds nothing: keccak256 of the RLP of an empty byte string. */
const EMPTY_ROOT: Hex = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";

/** The nodes of a proof by their hash. It remembers which ones were needed. */
export class TrieNodes {
	readonly #nodes = new Map<Hex, Uint8Array>();
	readonly #used = new Set<Hex>();

	/** Takes the nodes as they come; repetitions are one. */
	constructor(nodes: readonly Uint8Array[], hashes: Hashes) {
		for (const node of nodes) this.#nodes.set(toHex(hashes.keccak256(node)), node);
	}

	/** Only from nodes in strictly ascending order of their hash, so that a set of nodes has one spelling. */
	static fromSorted(nodes: readonly Uint8Array[], hashes: Hashes): TrieNodes {
		const sorted = new TrieNodes([], hashes);
		let last: Uint8Array | undefined;
		for (const node of nodes) {
			const hash = hashes.keccak256(node);
			if (last !== undefined && compareBytes(last, hash) >= 0) throw new ProofError("the nodes of the state proof are not in order, each once");
			sorted.#nodes.set(toHex(hash), node);
			last = hash;
		}
		return sorted;
	}

	get(hash: Uint8Array): Uint8Array {
		const key = toHex(hash);
		const node = this.#nodes.get(key);
		if (node === undefined) throw new ProofError(`node ${key} of the state proof is missing`);
		this.#used.add(key);
		return node;
	}

	/** True when every node was needed. */
	get allUsed(): boolean {
		return this.#used.size === this.#nodes.size;
	}

	/** The nodes that were needed, in ascending order of their hash. */
	used(): Uint8Array[] {
		return [...this.#used].sort().map((hash) => this.#nodes.get(hash) as Uint8Array);
	}
}

/** Value at `key` (already hashed: 32 bytes) below `root`; undefined when it is proved that there is none. Throws `ProofError`. */
export function readTrie(root: Uint8Array, key: Uint8Array, nodes: TrieNodes): Uint8Array | undefined {
	if (toHex(root) === EMPTY_ROOT) return undefined;
	const path = nibblesOf(key);
	let node = decodeNode(nodes.get(root));
	let depth = 0;
	for (;;) {
		if (node.length === 17) {
			const nibble = path[depth];
			// Keys all have one length, so a branch never holds a value of its own.
			if (nibble === undefined || !isEmpty(node[16])) throw new ProofError("a branch of the state proof is malformed");
			depth++;
			const child = childOf(node[nibble], nodes);
			if (child === undefined) return undefined;
			node = child;
			continue;
		}
		const [encodedPath, target] = node as readonly [RlpItem, RlpItem];
		const { nibbles, leaf } = decodePath(encodedPath);
		const matches = nibbles.every((nibble, index) => path[depth + index] === nibble);
		if (leaf) {
			if (depth + nibbles.length !== path.length) throw new ProofError("a leaf of the state proof has the wrong depth");
			if (!(target instanceof Uint8Array) || target.length === 0) throw new ProofError("a leaf of the state proof has no value");
			return matches ? target : undefined;
		}
		if (nibbles.length === 0 || depth + nibbles.length >= path.length) throw new ProofError("an extension of the state proof is malformed");
		if (!matches) return undefined;
		depth += nibbles.length;
		const child = childOf(target, nodes);
		if (child?.length !== 17) throw new ProofError("an extension of the state proof does not lead to a branch");
		node = child;
	}
}

/** The node that a reference leads to: by its hash, or itself where it is shorter than one. Undefined for an empty reference. */
function childOf(reference: RlpItem | undefined, nodes: TrieNodes): readonly RlpItem[] | undefined {
	if (reference === undefined) throw new ProofError("a node of the state proof is malformed");
	if (reference instanceof Uint8Array) {
		if (reference.length === 0) return undefined;
		if (reference.length !== 32) throw new ProofError("a reference in the state proof is malformed");
		const bytes = nodes.get(reference);
		if (bytes.length < 32) throw new ProofError("a node of the state proof stands apart though it is short");
		return decodeNode(bytes);
	}
	if (encodeRlp(reference).length >= 32) throw new ProofError("a node of the state proof is embedded though it is long");
	return checkNode(reference);
}

function decodeNode(bytes: Uint8Array): readonly RlpItem[] {
	let item: RlpItem;
	try {
		item = decodeRlp(bytes);
	} catch (error) {
		throw new ProofError("a node of the state proof is not RLP", { cause: error });
	}
	return checkNode(item);
}

function checkNode(item: RlpItem): readonly RlpItem[] {
	if (item instanceof Uint8Array || (item.length !== 17 && item.length !== 2)) throw new ProofError("a node of the state proof has the wrong number of items");
	return item;
}

/** Hex-prefix encoding: the first nibble says leaf (2) and odd (1). */
function decodePath(encoded: RlpItem): { readonly nibbles: readonly number[]; readonly leaf: boolean } {
	if (!(encoded instanceof Uint8Array) || encoded.length === 0 || encoded.length > 33) throw new ProofError("a path in the state proof is malformed");
	const nibbles = nibblesOf(encoded);
	const flag = nibbles[0] as number;
	const odd = (flag & 1) === 1;
	if (flag > 3 || (!odd && nibbles[1] !== 0)) throw new ProofError("a path in the state proof is malformed");
	return { nibbles: nibbles.slice(odd ? 1 : 2), leaf: flag >= 2 };
}

function nibblesOf(bytes: Uint8Array): number[] {
	const nibbles: number[] = [];
	for (const byte of bytes) nibbles.push(byte >> 4, byte & 15);
	return nibbles;
}

function isEmpty(item: RlpItem | undefined): boolean {
	return item instanceof Uint8Array && equalBytes(item, new Uint8Array(0));
}
