import fc from "fast-check";
import { encodeAbiParameters, keccak256 } from "viem";
import { describe, expect, it } from "vitest";
import type { Hex } from "../bytes/bytes.js";
import { limits } from "../limits.js";
import {
	addSums,
	type BatchLeaf,
	batchProof,
	batchRoot,
	batchTree,
	foldBatchProof,
	foldSumProof,
	type Line,
	lineHash,
	refundsHash,
	type SumNode,
	type Sums,
	sumProof,
	sumTree,
	top,
} from "./sum-tree.js";

const word = (index: number): Hex => `0x${index.toString(16).padStart(64, "0")}`;
const sums = (seed: number): Sums => ({
	calls: 1n,
	inputUnits: BigInt(seed),
	outputUnits: BigInt(seed * 2),
	nodeFee: BigInt(seed * 3),
	gatewayFee: BigInt(seed * 5),
});
const leafOf = (index: number): BatchLeaf => ({ receipt: word(index + 1), sums: sums(index + 1) });
const leaves = (count: number): BatchLeaf[] => Array.from({ length: count }, (_, index) => leafOf(index));
const lineOf = (index: number): Line => ({ release: word(index), priceVersion: index, node: `0x${"0b".repeat(20)}`, ...sums(index), root: word(99) });

/** As Solidity's `abi.encode`, by viem. */
const SUMS = [{ type: "uint64" }, { type: "uint64" }, { type: "uint64" }, { type: "uint256" }, { type: "uint256" }] as const;
const sumArgs = (value: Sums): readonly [bigint, bigint, bigint, bigint, bigint] => [
	value.calls,
	value.inputUnits,
	value.outputUnits,
	value.nodeFee,
	value.gatewayFee,
];
const leafHash = (leaf: BatchLeaf): Hex =>
	keccak256(encodeAbiParameters([{ type: "uint8" }, { type: "bytes32" }, ...SUMS], [0, leaf.receipt, ...sumArgs(leaf.sums)]));
const innerHash = (left: SumNode, right: SumNode): Hex =>
	keccak256(
		encodeAbiParameters(
			[{ type: "uint8" }, { type: "bytes32" }, ...SUMS, { type: "bytes32" }, ...SUMS],
			[1, left.hash, ...sumArgs(left.sums), right.hash, ...sumArgs(right.sums)],
		),
	);

describe("the tree of a line", () => {
	it("of three calls is what the contract computes", () => {
		const [a, b, c] = leaves(3).map((leaf) => ({ hash: leafHash(leaf), sums: leaf.sums })) as [SumNode, SumNode, SumNode];
		const ab = { hash: innerHash(a, b), sums: addSums(a.sums, b.sums) };
		expect(top(sumTree(leaves(3)))).toEqual({ hash: innerHash(ab, c), sums: addSums(ab.sums, c.sums) });
	});

	it("of one call is that call", () => {
		expect(top(sumTree(leaves(1)))).toEqual({ hash: leafHash(leafOf(0)), sums: leafOf(0).sums });
		expect(sumProof(sumTree(leaves(1)), 0)).toEqual([]);
		expect(() => sumTree([])).toThrow(RangeError);
	});

	it("leads from every call to its top, and from no other", () => {
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(), fc.nat(), (count, pick, other) => {
				const all = leaves(count);
				const tree = sumTree(all);
				const index = pick % count;
				const proof = sumProof(tree, index);
				expect(foldSumProof(all[index] as BatchLeaf, proof)).toEqual(top(tree));
				const stranger = other % count;
				if (stranger !== index) expect(foldSumProof(all[stranger] as BatchLeaf, proof)?.hash).not.toBe(top(tree).hash);
				const cheaper = { ...(all[index] as BatchLeaf), sums: { ...(all[index] as BatchLeaf).sums, nodeFee: 0n } };
				expect(foldSumProof(cheaper, proof)?.hash).not.toBe(top(tree).hash);
				expect(top(tree).sums.calls).toBe(BigInt(count));
			}),
			{ numRuns: 80 },
		);
	});

	it("has no top when a sum overflows or a path is longer than any tree", () => {
		const full = { ...leafOf(0), sums: { ...leafOf(0).sums, inputUnits: (1n << 64n) - 1n } };
		expect(() => sumTree([full, leafOf(1)])).toThrow(RangeError);
		const step = { siblingOnLeft: false, hash: word(1), sums: sums(1) };
		expect(foldSumProof(full, [step])).toBeUndefined();
		expect(
			foldSumProof(
				leafOf(0),
				Array.from({ length: limits.batchProofSteps + 1 }, () => step),
			),
		).toBeUndefined();
	});
});

describe("the tree of a batch", () => {
	it("hashes lines and refunds as Solidity encodes them", () => {
		const line = lineOf(7);
		const types = [{ type: "uint8" }, { type: "bytes32" }, { type: "uint32" }, { type: "address" }, ...SUMS, { type: "bytes32" }] as const;
		expect(lineHash(line)).toBe(keccak256(encodeAbiParameters(types, [2, line.release, line.priceVersion, line.node, ...sumArgs(line), line.root])));
		for (const count of [0, 1, 3]) {
			const refunds = Array.from({ length: count }, (_, index) => ({ payer: `0x${"0c".repeat(20)}` as Hex, amount: BigInt(index + 1) }));
			const refundType = {
				type: "tuple[]",
				components: [
					{ name: "payer", type: "address" },
					{ name: "amount", type: "uint256" },
				],
			} as const;
			expect(refundsHash(refunds)).toBe(keccak256(encodeAbiParameters([{ type: "uint8" }, refundType], [4, refunds])));
		}
	});

	it("leads from every line to its root", () => {
		for (const count of [0, 1, 2, 3, 7, 8, 9, 256]) {
			const lines = Array.from({ length: count }, (_, index) => lineOf(index));
			const refunds = [{ payer: `0x${"0c".repeat(20)}` as Hex, amount: 4n }];
			const tree = batchTree(lines, refunds);
			for (const index of new Set([0, count >> 1, count - 1].filter((at) => at >= 0 && at < count))) {
				const proof = batchProof(tree, index);
				expect(foldBatchProof(lineHash(lines[index] as Line), proof)).toBe(batchRoot(lines, refunds));
				expect(foldBatchProof(lineHash({ ...(lines[index] as Line), nodeFee: 1_000n }), proof)).not.toBe(batchRoot(lines, refunds));
			}
			expect(batchRoot(lines, [])).not.toBe(batchRoot(lines, refunds));
		}
	});
});
