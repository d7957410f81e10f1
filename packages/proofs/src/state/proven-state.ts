/** Values of contract storage, proved below a state root. */
import { bytesToBigint, decodeRlp, fromHex, type Hashes, type Hex, type RlpItem } from "@freehold/protocol";
import { ProofError, readTrie, type TrieNodes } from "../trie/trie.js";
import { type RecordRef, slotOf } from "./slots.js";

export class ProvenState {
	readonly #stateRoot: Uint8Array;
	readonly #nodes: TrieNodes;
	readonly #hashes: Hashes;
	readonly #storageRoots = new Map<Hex, Uint8Array | undefined>();

	constructor(stateRoot: Uint8Array, nodes: TrieNodes, hashes: Hashes) {
		this.#stateRoot = stateRoot;
		this.#nodes = nodes;
		this.#hashes = hashes;
	}

	/** The words that a reference asks for. Throws `ProofError` when the nodes do not prove one. */
	read(reference: RecordRef): ReadonlyMap<number, bigint> {
		return new Map(reference.words.map((word) => [word, this.slot(reference.contract, slotOf(reference, word, this.#hashes))]));
	}

	/** One storage word; zero where it is proved that nothing is stored. */
	slot(contract: Hex, slot: Hex): bigint {
		const root = this.#storageRoot(contract);
		const value = root === undefined ? undefined : readTrie(root, this.#hashes.keccak256(fromHex(slot)), this.#nodes);
		return value === undefined ? 0n : decodeWord(value);
	}

	#storageRoot(contract: Hex): Uint8Array | undefined {
		if (this.#storageRoots.has(contract)) return this.#storageRoots.get(contract);
		const account = readTrie(this.#stateRoot, this.#hashes.keccak256(fromHex(contract)), this.#nodes);
		const root = account === undefined ? undefined : storageRootOf(account);
		this.#storageRoots.set(contract, root);
		return root;
	}
}

/** Third of an account's four fields: nonce, balance, storage root, code hash. */
function storageRootOf(account: Uint8Array): Uint8Array {
	const fields = decode(account);
	const root = fields instanceof Uint8Array || fields.length !== 4 ? undefined : fields[2];
	if (!(root instanceof Uint8Array) || root.length !== 32) throw new ProofError("an account in the state proof is malformed");
	return root;
}

function decodeWord(value: Uint8Array): bigint {
	const bytes = decode(value);
	if (!(bytes instanceof Uint8Array) || bytes.length === 0 || bytes.length > 32 || bytes[0] === 0) throw new ProofError("a stored word is malformed");
	return bytesToBigint(bytes);
}

function decode(bytes: Uint8Array): RlpItem {
	try {
		return decodeRlp(bytes);
	} catch (error) {
		throw new ProofError("a value in the state proof is not RLP", { cause: error });
	}
}
