/**
 * An incremental Merkle Patricia trie whose stored nodes are keyed by their path: one version per path, nothing to collect.
 * Only nodes on changed paths are loaded, rehashed and written. All keys of one trie have the same length.
 */
import { hashingScratch, hashScratch } from "./keccak.js";
import {
	BranchNode,
	decodeNode,
	ExtensionNode,
	encodeNode,
	LeafNode,
	type NibblePath,
	type Reference,
	sharedLength,
	type TrieNode,
	toNibbles,
} from "./trie-node.js";

/** Keccak-256 of the RLP of the empty string: the root of a trie without keys. */
export const EMPTY_ROOT: Uint8Array = Uint8Array.from(Buffer.from("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421", "hex"));

export interface PathTrieOptions {
	/** RLP of the stored node at a path, undefined when there is none. */
	readonly read: (path: NibblePath) => Uint8Array | undefined;
	/** Root of what is stored; omit for an empty trie. */
	readonly root?: Uint8Array;
	/** Nodes deeper than this many nibbles leave memory after each commit. */
	readonly keepDepth: number;
}

/**
 * Takes one node to store, or undefined where a stored node is gone. Called once for each path. `before` is what the store holds
 * there now, where the trie knows it.
 */
export type NodeWriter = (path: NibblePath, rlp: Uint8Array | undefined, before?: Uint8Array) => void;

export class PathTrie {
	readonly #read: PathTrieOptions["read"];
	readonly #keepDepth: number;
	#root: TrieNode | undefined;
	#rootHash: Uint8Array;
	/** False until the stored root node has been loaded. */
	#loaded: boolean;
	/** Paths at which a stored node may have to go, by their text. */
	readonly #vacated = new Map<string, NibblePath>();

	constructor(options: PathTrieOptions) {
		this.#read = options.read;
		this.#keepDepth = options.keepDepth;
		this.#rootHash = options.root ?? EMPTY_ROOT;
		this.#loaded = Buffer.compare(this.#rootHash, EMPTY_ROOT) === 0;
	}

	/** Root as of the last commit. */
	get root(): Uint8Array {
		return this.#rootHash;
	}

	get(key: Uint8Array): Uint8Array | undefined {
		const path = toNibbles(key);
		let node = this.#loadRoot();
		let depth = 0;
		while (node !== undefined) {
			if (node instanceof BranchNode) {
				node = this.#child(node, path, depth++);
				continue;
			}
			if (sharedLength(node.path, path, depth) < node.path.length) return undefined;
			if (node instanceof LeafNode) return node.value;
			depth += node.path.length;
			node = this.#below(node, path, depth);
		}
		return undefined;
	}

	put(key: Uint8Array, value: Uint8Array): void {
		this.#root = this.#insert(this.#loadRoot(), toNibbles(key), 0, value);
	}

	delete(key: Uint8Array): void {
		this.#root = this.#remove(this.#loadRoot(), toNibbles(key), 0);
	}

	/** Hashes what changed, hands every changed node to `write`, and returns the new root. */
	commit(write: NodeWriter): Uint8Array {
		const root = this.#loadRoot();
		if (root === undefined) this.#rootHash = EMPTY_ROOT;
		else if (root.reference === undefined) {
			this.#rootHash = this.#commitRoot(root, write);
		}
		for (const path of this.#vacated.values()) write(path, undefined);
		this.#vacated.clear();
		return this.#rootHash;
	}

	#loadRoot(): TrieNode | undefined {
		if (!this.#loaded) {
			this.#root = this.#load(new Uint8Array(0), 0, this.#rootHash);
			this.#loaded = true;
		}
		return this.#root;
	}

	/** The stored node at the first `depth` nibbles of `path`. */
	#load(path: NibblePath, depth: number, reference: Reference): TrieNode {
		const rlp = this.#read(path.subarray(0, depth));
		if (rlp === undefined) throw new Error(`the store lacks the trie node at path [${path.subarray(0, depth).join(" ")}]`);
		const node = decodeNode(rlp, reference);
		node.stored = rlp;
		return node;
	}

	/** Child of a branch at `depth` on the way along `path`. */
	#child(branch: BranchNode, path: NibblePath, depth: number): TrieNode | undefined {
		const index = path[depth] as number;
		if (!branch.has(index)) return undefined;
		let child = branch.loaded(index);
		if (child === undefined) {
			child = this.#load(path, depth + 1, branch.hash(index));
			branch.keep(index, child);
		}
		return child;
	}

	/** The branch below an extension; `depth` counts the extension's own nibbles. */
	#below(extension: ExtensionNode, path: NibblePath, depth: number): BranchNode {
		if (extension.child instanceof Uint8Array) {
			const child = this.#load(path, depth, extension.child);
			if (!(child instanceof BranchNode)) throw new Error("below an extension stands a branch");
			extension.child = child;
		}
		return extension.child;
	}

	#insert(node: TrieNode | undefined, path: NibblePath, depth: number, value: Uint8Array): TrieNode {
		if (node === undefined) return new LeafNode(path.slice(depth), value);
		if (node instanceof BranchNode) {
			node.change(path[depth] as number, this.#insert(this.#child(node, path, depth), path, depth + 1, value));
			return node;
		}
		const shared = sharedLength(node.path, path, depth);
		if (shared < node.path.length) return split(node, shared, path, depth, value);
		if (node instanceof LeafNode) node.value = value;
		else node.child = this.#insert(this.#below(node, path, depth + shared), path, depth + shared, value) as BranchNode;
		node.reference = undefined;
		return node;
	}

	/** The subtree without the key; the same clean object when the key was not there. */
	#remove(node: TrieNode | undefined, path: NibblePath, depth: number): TrieNode | undefined {
		if (node === undefined) return undefined;
		if (node instanceof BranchNode) return this.#removeBelowBranch(node, path, depth);
		if (sharedLength(node.path, path, depth) < node.path.length) return node;
		if (node instanceof LeafNode) {
			this.#vacate(path, depth);
			return undefined;
		}
		const below = depth + node.path.length;
		const child = this.#remove(this.#below(node, path, below), path, below);
		if (child === undefined) throw new Error("a branch never loses its last two children at once");
		if (child instanceof BranchNode) {
			node.child = child;
			if (child.reference === undefined) node.reference = undefined;
			return node;
		}
		this.#vacate(path, below);
		return prepend(node.path, child);
	}

	#removeBelowBranch(branch: BranchNode, path: NibblePath, depth: number): TrieNode {
		const index = path[depth] as number;
		const child = this.#child(branch, path, depth);
		if (child === undefined) return branch;
		const left = this.#remove(child, path, depth + 1);
		if (left !== undefined) {
			if (left !== child || left.reference === undefined) branch.change(index, left);
			return branch;
		}
		branch.remove(index);
		if ((branch.mask & (branch.mask - 1)) !== 0) return branch;
		// One child remains: it takes the branch's place.
		const last = 31 - Math.clz32(branch.mask);
		const lastPath = path.slice();
		lastPath[depth] = last;
		const survivor = this.#child(branch, lastPath, depth);
		if (survivor === undefined) throw new Error("a branch's mask names a child that is not there");
		if (!(survivor instanceof BranchNode)) this.#vacate(lastPath, depth + 1);
		return prepend(Uint8Array.of(last), survivor);
	}

	#vacate(path: NibblePath, depth: number): void {
		const at = path.slice(0, depth);
		this.#vacated.set(pathText(at), at);
	}

	/** The root is stored and hashed however short it is. */
	#commitRoot(root: TrieNode, write: NodeWriter): Uint8Array {
		const path = new Uint8Array(64);
		const reference = this.#commitNode(root, path, 0, write);
		if (reference.length === 32) return reference;
		hashingScratch().set(reference);
		const rootHash = hashScratch(reference.length);
		this.#store(root, path.subarray(0, 0), reference, write);
		return rootHash;
	}

	/** Gives the node at the first `depth` nibbles of `path`, and all that changed below it, a reference. */
	#commitNode(node: TrieNode, path: NibblePath, depth: number, write: NodeWriter): Reference {
		if (node.reference !== undefined) return node.reference;
		if (node instanceof BranchNode) this.#commitChildren(node, path, depth, write);
		else if (node instanceof ExtensionNode && !(node.child instanceof Uint8Array)) {
			path.set(node.path, depth);
			const below = depth + node.path.length;
			const reference = this.#commitNode(node.child, path, below, write);
			if (below > this.#keepDepth && reference.length === 32) node.child = reference;
		}
		const scratch = hashingScratch();
		const length = encodeNode(node, scratch);
		const rlp = scratch.slice(0, length);
		if (length < 32) {
			node.reference = rlp;
			node.stored = depth > 0 ? undefined : node.stored;
			if (depth > 0) this.#vacate(path, depth);
			return rlp;
		}
		node.reference = hashScratch(length);
		this.#store(node, path.slice(0, depth), rlp, write);
		return node.reference;
	}

	#commitChildren(branch: BranchNode, path: NibblePath, depth: number, write: NodeWriter): void {
		for (let left = branch.dirty; left !== 0; ) {
			const index = 31 - Math.clz32(left);
			left &= ~(1 << index);
			const child = branch.loaded(index);
			if (child === undefined) throw new Error("a dirty child is in memory");
			path[depth] = index;
			const reference = this.#commitNode(child, path, depth + 1, write);
			if (reference.length < 32) continue;
			branch.hashes.set(reference, index * 32);
			if (depth + 1 > this.#keepDepth && branch.children !== undefined) branch.children[index] = undefined;
		}
		branch.dirty = 0;
	}

	#store(node: TrieNode, path: NibblePath, rlp: Uint8Array, write: NodeWriter): void {
		if (this.#vacated.size > 0) this.#vacated.delete(pathText(path));
		write(path, rlp, node.stored);
		node.stored = rlp;
	}
}

/** A branch (under an extension when something is shared) in place of a leaf or extension that the new key leaves. */
function split(node: LeafNode | ExtensionNode, shared: number, path: NibblePath, depth: number, value: Uint8Array): TrieNode {
	const branch = new BranchNode();
	const index = node.path[shared] as number;
	const rest = node.path.slice(shared + 1);
	if (node instanceof LeafNode) branch.change(index, new LeafNode(rest, node.value));
	else if (rest.length > 0) branch.change(index, new ExtensionNode(rest, node.child));
	else if (node.child instanceof Uint8Array || node.child.reference !== undefined) branch.keep(index, node.child);
	else branch.change(index, node.child);
	branch.change(path[depth + shared] as number, new LeafNode(path.slice(depth + shared + 1), value));
	return shared === 0 ? branch : new ExtensionNode(node.path.slice(0, shared), branch);
}

/** `node` one or more nibbles higher up: leaves and extensions grow, a branch gets an extension above it. */
function prepend(path: NibblePath, node: TrieNode): TrieNode {
	if (node instanceof BranchNode) return new ExtensionNode(path, node);
	const joined = new Uint8Array(path.length + node.path.length);
	joined.set(path);
	joined.set(node.path, path.length);
	return node instanceof LeafNode ? new LeafNode(joined, node.value) : new ExtensionNode(joined, node.child);
}

const pathText = (path: NibblePath): string => String.fromCharCode(...path);
