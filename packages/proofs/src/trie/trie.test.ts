import { createMerkleProof, createMPT } from "@ethereumjs/mpt";
import { compareBytes, defaultHashes, encodeRlp, type RlpItem } from "@freehold/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProofError, readTrie, TrieNodes } from "./trie.js";

const { keccak256 } = defaultHashes;

const hashed = (key: Uint8Array): Uint8Array => keccak256(key);

/** Keys and values, some so short that nodes are embedded in their parents. */
const entries = fc.uniqueArray(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 4 }), fc.uint8Array({ minLength: 1, maxLength: 40 })), {
	minLength: 1,
	maxLength: 60,
	selector: ([key]) => key.join(),
});

describe("a trie's proof", () => {
	it("shows the value of a key that is there and the absence of one that is not, as another implementation made it", async () => {
		await fc.assert(
			fc.asyncProperty(entries, fc.uint8Array({ minLength: 5, maxLength: 5 }), async (pairs, stranger) => {
				const trie = await createMPT({ useKeyHashing: true });
				for (const [key, value] of pairs) await trie.put(key, value);
				for (const [key, value] of [...pairs, [stranger, undefined] as const]) {
					const proof = await createMerkleProof(trie, key);
					const nodes = new TrieNodes(proof, defaultHashes);
					expect(readTrie(trie.root(), hashed(key), nodes)).toEqual(value);
					expect(nodes.used().length).toBeGreaterThan(0);
					expect(nodes.used().every((node, index, all) => index === 0 || compareBytes(keccak256(all[index - 1] as Uint8Array), keccak256(node)) < 0)).toBe(
						true,
					);
				}
			}),
			{ numRuns: 40 },
		);
	});

	it("is refused without any one of its nodes", async () => {
		const trie = await createMPT({ useKeyHashing: true });
		for (let index = 0; index < 200; index++) await trie.put(Uint8Array.of(index), new Uint8Array(32).fill(index + 1));
		const key = Uint8Array.of(17);
		const proof = await createMerkleProof(trie, key);
		expect(proof.length).toBeGreaterThan(2);
		for (let left = 0; left < proof.length; left++) {
			const nodes = new TrieNodes(
				proof.filter((_, index) => index !== left),
				defaultHashes,
			);
			expect(() => readTrie(trie.root(), hashed(key), nodes)).toThrow(ProofError);
		}
		expect(() => readTrie(trie.root(), hashed(key), new TrieNodes([proof[0] as Uint8Array, new Uint8Array(0)], defaultHashes))).toThrow(ProofError);
	});

	it("of the trie that holds nothing needs no node", async () => {
		const trie = await createMPT();
		expect(readTrie(trie.root(), hashed(Uint8Array.of(1)), new TrieNodes([], defaultHashes))).toBeUndefined();
	});

	it("has its nodes in ascending order of their hash, each once", async () => {
		const nodes = Array.from({ length: 8 }, (_, index) => encodeRlp([Uint8Array.of(index), new Uint8Array(40)]));
		const sorted = [...nodes].sort((a, b) => compareBytes(keccak256(a), keccak256(b)));
		expect(() => TrieNodes.fromSorted(sorted, defaultHashes)).not.toThrow();
		expect(() => TrieNodes.fromSorted([...sorted].reverse(), defaultHashes)).toThrow(ProofError);
		expect(() => TrieNodes.fromSorted([sorted[0] as Uint8Array, ...sorted], defaultHashes)).toThrow(ProofError);
		expect(TrieNodes.fromSorted(sorted, defaultHashes).allUsed).toBe(false);
	});

	it("is refused when a node is spelt as no trie spells it", () => {
		const key = hashed(Uint8Array.of(1));
		const path = (flag: number, nibbles: readonly number[]): Uint8Array => {
			const all = nibbles.length % 2 === 0 ? [flag, 0, ...nibbles] : [flag + 1, ...nibbles];
			return Uint8Array.from({ length: all.length / 2 }, (_, index) => ((all[2 * index] as number) << 4) | (all[2 * index + 1] as number));
		};
		const nibbles = [...key].flatMap((byte) => [byte >> 4, byte & 15]);
		const value = new Uint8Array(40).fill(1);
		const root = (item: RlpItem): (() => Uint8Array | undefined) => {
			const bytes = encodeRlp(item);
			return () => readTrie(keccak256(bytes), key, new TrieNodes([bytes], defaultHashes));
		};
		const empty = new Uint8Array(0);
		expect(root([path(2, nibbles), value])()).toEqual(value);
		const malformed: Readonly<Record<string, RlpItem>> = {
			"a leaf of the wrong depth": [path(2, nibbles.slice(1)), value],
			"a leaf without a value": [path(2, nibbles), empty],
			"an unknown flag": [Uint8Array.of(0x40, ...key), value],
			"padding that is not zero": [Uint8Array.of(0x21, ...key), value],
			"an extension without a path": [path(0, []), new Uint8Array(32)],
			"an extension to the end": [path(0, nibbles), new Uint8Array(32)],
			"a branch with a value": Array.from({ length: 17 }, () => value),
			"a reference of another length": [path(0, nibbles.slice(0, 3)), new Uint8Array(31)],
			"three items": [empty, empty, empty],
			"a bare string": value,
			"a long node inside its parent": [path(0, nibbles.slice(0, 3)), Array.from({ length: 17 }, () => new Uint8Array(32))],
			"an extension to a leaf": [path(0, nibbles.slice(0, 61)), [path(2, nibbles.slice(61)), Uint8Array.of(1)]],
		};
		for (const [name, item] of Object.entries(malformed)) expect(root(item), name).toThrow(ProofError);
	});
});
