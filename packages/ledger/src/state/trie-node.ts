/** Nodes of the Merkle Patricia trie (yellow paper, appendix D) and their RLP. Paths hold one nibble per byte. */

/** How a parent names a child: the 32-byte hash of its RLP, or the RLP itself when that is shorter than 32 bytes. */
export type Reference = Uint8Array;
/** One nibble (0–15) per byte. */
export type NibblePath = Uint8Array;

export type TrieNode = LeafNode | ExtensionNode | BranchNode;

/**
 * `reference` is undefined while the node differs from what is stored; `stored` is the RLP in the store at the node's own path, where
 * it is known. A node object never moves to another path.
 */
export class LeafNode {
	readonly path: NibblePath;
	value: Uint8Array;
	reference: Reference | undefined;
	stored: Uint8Array | undefined;

	constructor(path: NibblePath, value: Uint8Array, reference?: Reference) {
		this.path = path;
		this.value = value;
		this.reference = reference;
	}
}

export class ExtensionNode {
	readonly path: NibblePath;
	/** The branch below, or its hash while it is not loaded. */
	child: BranchNode | Uint8Array;
	reference: Reference | undefined;
	stored: Uint8Array | undefined;

	constructor(path: NibblePath, child: BranchNode | Uint8Array, reference?: Reference) {
		this.path = path;
		this.child = child;
		this.reference = reference;
	}
}

export class BranchNode {
	/** Hashes of the children that have one, 32 bytes each by nibble. A dirty child's entry is stale. */
	readonly hashes = new Uint8Array(512);
	/** Bit i: there is a child i. */
	mask = 0;
	/** Bit i: child i changed since it was last hashed. */
	dirty = 0;
	children: (TrieNode | undefined)[] | undefined;
	reference: Reference | undefined;
	stored: Uint8Array | undefined;

	has(index: number): boolean {
		return ((this.mask >> index) & 1) === 1;
	}

	loaded(index: number): TrieNode | undefined {
		return this.children?.[index];
	}

	hash(index: number): Uint8Array {
		return this.hashes.slice(index * 32, index * 32 + 32);
	}

	/** Puts an unchanged child in place: a loaded node, or the hash of a stored one. */
	keep(index: number, child: TrieNode | Uint8Array): void {
		this.mask |= 1 << index;
		if (child instanceof Uint8Array) {
			this.hashes.set(child, index * 32);
			return;
		}
		this.children ??= new Array<TrieNode | undefined>(16).fill(undefined);
		this.children[index] = child;
		if (child.reference?.length === 32) this.hashes.set(child.reference, index * 32);
	}

	/** Puts a changed child in place. */
	change(index: number, child: TrieNode): void {
		this.keep(index, child);
		this.dirty |= 1 << index;
		this.reference = undefined;
	}

	remove(index: number): void {
		const bit = 1 << index;
		if (this.children !== undefined) this.children[index] = undefined;
		this.mask &= ~bit;
		this.dirty &= ~bit;
		this.reference = undefined;
	}
}

/** The nibbles of `key`, high half first. */
export function toNibbles(key: Uint8Array): NibblePath {
	const path = new Uint8Array(key.length * 2);
	for (let index = 0; index < key.length; index++) {
		const byte = key[index] as number;
		path[2 * index] = byte >> 4;
		path[2 * index + 1] = byte & 15;
	}
	return path;
}

/** Length of the nibbles that `path` shares with `key` from `offset` on. */
export function sharedLength(path: NibblePath, key: NibblePath, offset: number): number {
	let length = 0;
	while (length < path.length && path[length] === key[offset + length]) length++;
	return length;
}

/** Writes the node's RLP at the start of `out` and returns its length. Loaded children must have their references. */
export function encodeNode(node: TrieNode, out: Uint8Array): number {
	return node instanceof BranchNode ? encodeBranch(node, out) : encodeShort(node, out);
}

function encodeBranch(node: BranchNode, out: Uint8Array): number {
	let size = 1;
	for (let index = 0; index < 16; index++) {
		const embedded = node.loaded(index)?.reference;
		size += !node.has(index) ? 1 : embedded !== undefined && embedded.length < 32 ? embedded.length : 33;
	}
	let at = writeListHeader(out, size);
	for (let index = 0; index < 16; index++) {
		if (!node.has(index)) {
			out[at++] = 0x80;
			continue;
		}
		const embedded = node.loaded(index)?.reference;
		if (embedded !== undefined && embedded.length < 32) {
			out.set(embedded, at);
			at += embedded.length;
		} else {
			out[at++] = 0xa0;
			const from = index * 32;
			for (let byte = 0; byte < 32; byte++) out[at + byte] = node.hashes[from + byte] as number;
			at += 32;
		}
	}
	out[at++] = 0x80;
	return at;
}

function encodeShort(node: LeafNode | ExtensionNode, out: Uint8Array): number {
	const path = compactPath(node.path, node instanceof LeafNode);
	if (node instanceof LeafNode) {
		const start = writeListHeader(out, stringSize(path) + stringSize(node.value));
		return writeString(out, writeString(out, start, path), node.value);
	}
	const child = node.child instanceof Uint8Array ? node.child : node.child.reference;
	if (child === undefined) throw new Error("a child must be hashed before its parent");
	const embedded = child.length < 32;
	const start = writeListHeader(out, stringSize(path) + (embedded ? child.length : 33));
	const at = writeString(out, start, path);
	if (!embedded) return writeString(out, at, child);
	out.set(child, at);
	return at + child.length;
}

/** Hex-prefix encoding: flags for leaf and odd length, then two nibbles a byte. */
function compactPath(path: NibblePath, leaf: boolean): Uint8Array {
	const odd = path.length & 1;
	const bytes = new Uint8Array((path.length >> 1) + 1);
	bytes[0] = (leaf ? 0x20 : 0) | (odd === 1 ? 0x10 | (path[0] as number) : 0);
	for (let index = odd, at = 1; index < path.length; index += 2) bytes[at++] = ((path[index] as number) << 4) | (path[index + 1] as number);
	return bytes;
}

const isByte = (bytes: Uint8Array): boolean => bytes.length === 1 && (bytes[0] as number) < 0x80;

function stringSize(bytes: Uint8Array): number {
	return isByte(bytes) ? 1 : bytes.length < 56 ? 1 + bytes.length : bytes.length < 256 ? 2 + bytes.length : 3 + bytes.length;
}

function writeString(out: Uint8Array, at: number, bytes: Uint8Array): number {
	if (isByte(bytes)) {
		out[at] = bytes[0] as number;
		return at + 1;
	}
	const start = writeLength(out, at, bytes.length, 0x80);
	out.set(bytes, start);
	return start + bytes.length;
}

function writeListHeader(out: Uint8Array, size: number): number {
	return writeLength(out, 0, size, 0xc0);
}

function writeLength(out: Uint8Array, at: number, length: number, base: number): number {
	let next = at;
	if (length < 56) out[next++] = base + length;
	else {
		out[next++] = base + 55 + (length < 256 ? 1 : 2);
		if (length >= 256) out[next++] = length >> 8;
		out[next++] = length & 255;
	}
	return next;
}

/** The node that `rlp` spells. `reference` is what its parent calls it. Throws `Error` on anything that no trie node can be. */
export function decodeNode(rlp: Uint8Array, reference: Reference): TrieNode {
	const items = splitList(rlp);
	if (items.length === 17) return decodeBranch(items, reference);
	const [path, second] = items;
	if (items.length !== 2 || path === undefined || second === undefined) throw new Error(`a trie node has 2 or 17 items, not ${items.length}`);
	const { nibbles, leaf } = expandPath(payload(path));
	if (leaf) return new LeafNode(nibbles, payload(second).slice(), reference);
	if (second[0] === 0xa0) return new ExtensionNode(nibbles, second.slice(1), reference);
	const child = decodeNode(second, second.slice());
	if (!(child instanceof BranchNode)) throw new Error("below an extension stands a branch");
	return new ExtensionNode(nibbles, child, reference);
}

function decodeBranch(items: readonly Uint8Array[], reference: Reference): BranchNode {
	const branch = new BranchNode();
	for (let index = 0; index < 16; index++) {
		const item = items[index] as Uint8Array;
		if (item[0] === 0x80) continue;
		branch.keep(index, item[0] === 0xa0 ? item.subarray(1) : decodeNode(item, item.slice()));
	}
	branch.reference = reference;
	return branch;
}

/** The items of an RLP list, headers included. */
function splitList(rlp: Uint8Array): Uint8Array[] {
	const items: Uint8Array[] = [];
	const first = rlp[0] as number;
	if (first < 0xc0) throw new Error("a trie node is a list");
	for (let at = first < 0xf8 ? 1 : 1 + first - 0xf7; at < rlp.length; ) {
		const end = itemEnd(rlp, at);
		items.push(rlp.subarray(at, end));
		at = end;
	}
	return items;
}

function itemEnd(rlp: Uint8Array, at: number): number {
	const first = rlp[at] as number;
	if (first < 0x80) return at + 1;
	const code = first < 0xc0 ? first - 0x80 : first - 0xc0;
	if (code < 56) return at + 1 + code;
	let length = 0;
	for (let index = 1; index <= code - 55; index++) length = length * 256 + (rlp[at + index] as number);
	return at + 1 + (code - 55) + length;
}

/** The bytes of an RLP string. */
function payload(item: Uint8Array): Uint8Array {
	const first = item[0] as number;
	return first < 0x80 ? item : item.subarray(first < 0xb8 ? 1 : 1 + first - 0xb7);
}

function expandPath(compact: Uint8Array): { nibbles: NibblePath; leaf: boolean } {
	const flags = (compact[0] as number) >> 4;
	const nibbles = toNibbles(compact).slice((flags & 1) === 1 ? 1 : 2);
	return { nibbles, leaf: (flags & 2) === 2 };
}
