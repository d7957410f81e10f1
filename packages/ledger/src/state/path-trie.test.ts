import { createMPT, verifyMerkleProof } from "@ethereumjs/mpt";
import { toHex } from "@freehold/protocol";
import { describe, expect, test } from "vitest";
import { budget, Random } from "../../test/random.js";
import { keccak256 } from "./keccak.js";
import { EMPTY_ROOT, PathTrie } from "./path-trie.js";
import { proveKey } from "./proof.js";

/** A trie over a map, as the store would hold its nodes. */
class StoredTrie {
	readonly nodes = new Map<string, Uint8Array>();
	readonly #keepDepth: number;
	trie: PathTrie;

	constructor(keepDepth: number) {
		this.#keepDepth = keepDepth;
		this.trie = this.#open();
	}

	read = (path: Uint8Array): Uint8Array | undefined => this.nodes.get(path.join());

	commit(): Uint8Array {
		const written = new Set<string>();
		return this.trie.commit((path, rlp, before) => {
			const key = path.join();
			if (before !== undefined) expect(before).toEqual(this.nodes.get(key));
			if (written.has(key)) throw new Error(`the node at ${key} was written twice`);
			written.add(key);
			if (rlp === undefined) this.nodes.delete(key);
			else this.nodes.set(key, rlp);
		});
	}

	reopen(): void {
		this.trie = this.#open(this.trie.root);
	}

	#open(root?: Uint8Array): PathTrie {
		return new PathTrie({ read: this.read, keepDepth: this.#keepDepth, ...(root === undefined ? {} : { root }) });
	}
}

/** Keys of one length that share prefixes and collide often; values from one byte (embedded nodes) to larger than a hash. */
function workload(seed: number, keyBytes: number) {
	const random = new Random(seed);
	const known: Uint8Array[] = [];
	return {
		random,
		key(): Uint8Array {
			if (known.length > 0 && random.chance(0.5)) return random.pick(known);
			const key = random.bytes(keyBytes);
			if (known.length > 0 && random.chance(0.5)) key.set(random.pick(known).subarray(0, random.below(keyBytes)));
			known.push(key);
			return key;
		},
		value: () => random.bytes(1 + random.below(random.pick([2, 40, 110]))).map((byte, index) => (index === 0 && byte === 0 ? 1 : byte)),
	};
}

describe("the path-keyed trie", () => {
	test("an empty trie has the empty root and proves nothing", () => {
		const stored = new StoredTrie(4);
		expect(stored.commit()).toEqual(EMPTY_ROOT);
		expect(proveKey(stored.read, new Uint8Array(32))).toEqual([]);
	});

	for (const { keyBytes, keepDepth } of [
		{ keyBytes: 2, keepDepth: 0 },
		{ keyBytes: 3, keepDepth: 2 },
		{ keyBytes: 8, keepDepth: 4 },
		{ keyBytes: 32, keepDepth: 1 },
	]) {
		test(`keys of ${keyBytes} bytes, keeping ${keepDepth} levels: the reference trie has the same root after every block`, async () => {
			const { random, key, value } = workload(keyBytes * 7 + keepDepth, keyBytes);
			const stored = new StoredTrie(keepDepth);
			const reference = await createMPT();
			const content = new Map<string, Uint8Array>();
			for (let block = 0; block < budget(40, 400); block++) {
				for (let change = random.below(12); change >= 0; change--) {
					const where = key();
					if (random.chance(block % 10 === 9 ? 0.9 : 0.35)) {
						stored.trie.delete(where);
						await reference.del(where);
						content.delete(toHex(where));
					} else {
						const what = value();
						stored.trie.put(where, what);
						await reference.put(where, what);
						content.set(toHex(where), what);
					}
				}
				expect(toHex(stored.commit())).toBe(toHex(reference.root()));
				if (random.chance(0.2)) stored.reopen();
				const probe = key();
				expect(stored.trie.get(probe)).toEqual(content.get(toHex(probe)));
				const proof = proveKey(stored.read, probe);
				if (content.size > 0) expect((await verifyMerkleProof(probe, proof)) ?? undefined).toEqual(content.get(toHex(probe)));
				if (content.size > 0) expect(keccak256(proof[0] as Uint8Array)).toEqual(stored.trie.root);
			}
			await removeAll(stored, content);
		}, 120_000);
	}
});

/** Nothing of an emptied trie stays in the store. */
async function removeAll(stored: StoredTrie, content: ReadonlyMap<string, Uint8Array>): Promise<void> {
	stored.reopen();
	for (const key of content.keys()) stored.trie.delete(Uint8Array.from(Buffer.from(key.slice(2), "hex")));
	expect(stored.commit()).toEqual(EMPTY_ROOT);
	expect(stored.nodes.size).toBe(0);
}
