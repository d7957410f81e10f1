/**
 * The batch tree: a Merkle tree whose leaves and inner nodes commit to the whole vector of sums, so that a line's declared totals
 * can be checked from any leaf upwards (design of ownership, §3.5). The contract computes the same hashes.
 */
import { type Hex, toHex } from "../bytes/bytes.js";
import { encodeWords, type Word } from "../codec/words.js";
import { defaultHashes, type Hashes } from "../crypto/crypto.js";
import { limits } from "../limits.js";

export interface Sums {
	readonly calls: bigint;
	readonly inputUnits: bigint;
	readonly outputUnits: bigint;
	readonly nodeFee: bigint;
	readonly gatewayFee: bigint;
}

/** One call: the digest of its receipt and what it adds. */
export interface BatchLeaf {
	readonly receipt: Hex;
	readonly sums: Sums;
}

export interface SumNode {
	readonly hash: Hex;
	readonly sums: Sums;
}

export interface SumProofStep extends SumNode {
	readonly siblingOnLeft: boolean;
}

/** All calls of a batch that share release, price version and node. `root` is the top hash of their sum tree. */
export interface Line extends Sums {
	readonly release: Hex;
	readonly priceVersion: number;
	readonly node: Hex;
	readonly root: Hex;
}

export interface BatchRefund {
	readonly payer: Hex;
	readonly amount: bigint;
}

export interface HashProofStep {
	readonly siblingOnLeft: boolean;
	readonly hash: Hex;
}

const MAX_UINT64 = (1n << 64n) - 1n;
const MAX_UINT256 = (1n << 256n) - 1n;

const sumWords = (sums: Sums): readonly Word[] => [sums.calls, sums.inputUnits, sums.outputUnits, sums.nodeFee, sums.gatewayFee];

function hashWords(words: readonly Word[], hashes: Hashes): Hex {
	return toHex(hashes.keccak256(encodeWords(words)));
}

export function leafNode(leaf: BatchLeaf, hashes: Hashes = defaultHashes): SumNode {
	return { hash: hashWords([0, leaf.receipt, ...sumWords(leaf.sums)], hashes), sums: leaf.sums };
}

/** Parent of two nodes. Throws `RangeError` when a sum leaves its type's range, as the contract reverts. */
export function parentNode(left: SumNode, right: SumNode, hashes: Hashes = defaultHashes): SumNode {
	return { hash: hashWords([1, left.hash, ...sumWords(left.sums), right.hash, ...sumWords(right.sums)], hashes), sums: addSums(left.sums, right.sums) };
}

export function addSums(a: Sums, b: Sums): Sums {
	const sums = {
		calls: a.calls + b.calls,
		inputUnits: a.inputUnits + b.inputUnits,
		outputUnits: a.outputUnits + b.outputUnits,
		nodeFee: a.nodeFee + b.nodeFee,
		gatewayFee: a.gatewayFee + b.gatewayFee,
	};
	const fits =
		sums.calls <= MAX_UINT64 &&
		sums.inputUnits <= MAX_UINT64 &&
		sums.outputUnits <= MAX_UINT64 &&
		sums.nodeFee <= MAX_UINT256 &&
		sums.gatewayFee <= MAX_UINT256;
	if (!fits) throw new RangeError("the sums of a batch overflow");
	return sums;
}

/** All levels of the tree over at least one leaf, leaves first; the last level holds the top alone. */
export function sumTree(leaves: readonly BatchLeaf[], hashes: Hashes = defaultHashes): readonly (readonly SumNode[])[] {
	return levelsOf(
		leaves.map((leaf) => leafNode(leaf, hashes)),
		(left, right) => parentNode(left, right, hashes),
	);
}

/** Path from leaf `index` to the top. */
export function sumProof(levels: readonly (readonly SumNode[])[], index: number): SumProofStep[] {
	return pathOf(levels, index);
}

/** Top that a leaf and its path lead to; undefined when the path is too long or a sum overflows. */
export function foldSumProof(leaf: BatchLeaf, proof: readonly SumProofStep[], hashes: Hashes = defaultHashes): SumNode | undefined {
	if (proof.length > limits.batchProofSteps) return undefined;
	let node = leafNode(leaf, hashes);
	try {
		for (const step of proof) node = step.siblingOnLeft ? parentNode(step, node, hashes) : parentNode(node, step, hashes);
	} catch {
		return undefined;
	}
	return node;
}

export function lineHash(line: Line, hashes: Hashes = defaultHashes): Hex {
	return hashWords([2, line.release, line.priceVersion, line.node, ...sumWords(line), line.root], hashes);
}

/** keccak256(abi.encode(uint8 4, Refund[])): head words, offset, length, then the pairs. */
export function refundsHash(refunds: readonly BatchRefund[], hashes: Hashes = defaultHashes): Hex {
	return hashWords([4, 64, refunds.length, ...refunds.flatMap((refund): Word[] => [refund.payer, refund.amount])], hashes);
}

/** Levels of the tree over [line hashes…, refunds hash]; the top is the batch's root. */
export function batchTree(lines: readonly Line[], refunds: readonly BatchRefund[], hashes: Hashes = defaultHashes): readonly (readonly Hex[])[] {
	return levelsOf([...lines.map((line) => lineHash(line, hashes)), refundsHash(refunds, hashes)], (left, right) => hashWords([3, left, right], hashes));
}

export function batchRoot(lines: readonly Line[], refunds: readonly BatchRefund[], hashes: Hashes = defaultHashes): Hex {
	return top(batchTree(lines, refunds, hashes));
}

/** Path from line `index` to the batch's root. */
export function batchProof(levels: readonly (readonly Hex[])[], index: number): HashProofStep[] {
	return pathOf(
		levels.map((level) => level.map((hash) => ({ hash }))),
		index,
	);
}

/** Root that a line's hash and its path lead to; undefined when the path is too long. */
export function foldBatchProof(line: Hex, proof: readonly HashProofStep[], hashes: Hashes = defaultHashes): Hex | undefined {
	if (proof.length > limits.batchProofSteps) return undefined;
	let hash = line;
	for (const step of proof) hash = step.siblingOnLeft ? hashWords([3, step.hash, hash], hashes) : hashWords([3, hash, step.hash], hashes);
	return hash;
}

/** The single element of the last level. */
export function top<T>(levels: readonly (readonly T[])[]): T {
	const root = levels.at(-1)?.[0];
	if (root === undefined) throw new RangeError("a tree needs at least one leaf");
	return root;
}

function levelsOf<T>(leaves: readonly T[], join: (left: T, right: T) => T): readonly (readonly T[])[] {
	if (leaves.length === 0) throw new RangeError("a tree needs at least one leaf");
	const levels: (readonly T[])[] = [leaves];
	for (let level = leaves; level.length > 1; ) {
		const above: T[] = [];
		for (let index = 0; index < level.length; index += 2) {
			const left = level[index] as T;
			const right = level[index + 1];
			above.push(right === undefined ? left : join(left, right));
		}
		levels.push(above);
		level = above;
	}
	return levels;
}

function pathOf<T extends object>(levels: readonly (readonly T[])[], index: number): (T & { siblingOnLeft: boolean })[] {
	const path: (T & { siblingOnLeft: boolean })[] = [];
	let position = index;
	for (const level of levels.slice(0, -1)) {
		const siblingOnLeft = position % 2 === 1;
		const sibling = level[siblingOnLeft ? position - 1 : position + 1];
		if (sibling !== undefined) path.push({ ...sibling, siblingOnLeft });
		position >>= 1;
	}
	return path;
}
