/**
 * Tensors as they are committed to, sent between processes, and run: a dtype, a shape, and bytes.
 *
 * The bytes are the elements in row-major order, little-endian. A bool is one byte, 0 or 1. A string is its UTF-8 length as four little-endian bytes,
 * then the UTF-8. NaN has one spelling (the quiet NaN with a clear sign and an empty payload), so that equal values are equal bytes.
 */
import { toHex } from "../bytes/bytes.js";
import { defaultHashes, type Hashes } from "../crypto/crypto.js";
import { limits } from "../limits.js";
import type { CommittedTensor } from "../receipt/commitment.js";
import type { Dtype } from "./dtype.js";

export interface Tensor {
	readonly dtype: Dtype;
	readonly shape: readonly number[];
	readonly bytes: Uint8Array;
}

/** Tensors by name. */
export type Tensors = { readonly [name: string]: Tensor };

/** A length, a symbol that stands for one length wherever it occurs, or null for any length. */
export type Dimension = number | string | null;

/** What a model says of one input or output. */
export interface TensorSpec {
	readonly name: string;
	readonly dtype: Dtype;
	/** Null: the rank is not fixed. */
	readonly shape: readonly Dimension[] | null;
}

export interface TensorSchema {
	readonly inputs: readonly TensorSpec[];
	readonly outputs: readonly TensorSpec[];
}

/** Bounds on tensors that come from outside. */
export interface TensorLimits {
	/** Tensors in one request. */
	readonly maxTensors: number;
	readonly maxRank: number;
	/** Elements of all tensors of one request together. */
	readonly maxElements: number;
	/** Bytes of all tensors of one request together. */
	readonly maxBytes: number;
}

export const tensorLimits: TensorLimits = {
	maxTensors: limits.tensorsPerCall,
	maxRank: limits.tensorRank,
	maxElements: limits.tensorElements,
	maxBytes: limits.tensorBytes,
};

/** What a commitment says of a tensor. It covers values, never their spelling in JSON. */
export function commitTensor(tensor: Tensor, hashes: Hashes = defaultHashes): CommittedTensor {
	return { dtype: tensor.dtype, shape: [...tensor.shape], sha256: toHex(hashes.sha256(tensor.bytes)), bytes: tensor.bytes.length };
}

/** Commitments of each tensor, by name. */
export function commitTensors(tensors: Tensors, hashes: Hashes = defaultHashes): { readonly [name: string]: CommittedTensor } {
	return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, commitTensor(tensor, hashes)]));
}

/** Elements that a shape holds; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
	let count = 1;
	for (const length of shape) count *= length;
	return count;
}

/** `[1, N, ?]`: a shape as errors and pages print it. */
export function formatShape(shape: readonly Dimension[] | null): string {
	return shape === null ? "any shape" : `[${shape.map((length) => length ?? "?").join(", ")}]`;
}
