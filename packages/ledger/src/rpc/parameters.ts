/** Parameters of JSON-RPC calls: quantities, byte strings, block parameters. Each parser names the parameter that it refuses. */
import { type EvmHeader, fromHex } from "@freehold/protocol";
import type { Block } from "../block/block.js";
import type { ChainStore } from "../block/chain-store.js";
import { invalidParams, serverError } from "./rpc-error.js";

export type Parameters = readonly unknown[];

export function bytesParameter(value: unknown, name: string, maxBytes = 256 * 1024): Uint8Array {
	if (typeof value !== "string") throw invalidParams(`${name}: must be a hex string`);
	if (value.length > 2 + 2 * maxBytes) throw invalidParams(`${name}: longer than ${maxBytes} bytes`);
	try {
		return fromHex(value);
	} catch (error) {
		throw invalidParams(`${name}: ${error instanceof Error ? error.message : "no hex"}`);
	}
}

export function fixedParameter(value: unknown, length: number, name: string): Uint8Array {
	const bytes = bytesParameter(value, name, length);
	if (bytes.length !== length) throw invalidParams(`${name}: must have ${length} bytes, given ${bytes.length}`);
	return bytes;
}

export const addressParameter = (value: unknown, name = "address"): Uint8Array => fixedParameter(value, 20, name);
export const hashParameter = (value: unknown, name = "hash"): Uint8Array => fixedParameter(value, 32, name);

/** Hex quantity; leading zeros are forgiven. */
export function quantityParameter(value: unknown, name: string, bits = 256): bigint {
	if (typeof value !== "string" || !/^0x[0-9a-fA-F]{1,66}$/.test(value)) throw invalidParams(`${name}: must be a hex quantity`);
	const number = BigInt(value);
	if (number >> BigInt(bits) !== 0n) throw invalidParams(`${name}: does not fit in ${bits} bits`);
	return number;
}

export function objectParameter(value: unknown, name: string): Readonly<Record<string, unknown>> {
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalidParams(`${name}: must be an object`);
	return value as Readonly<Record<string, unknown>>;
}

export function booleanParameter(value: unknown, name: string): boolean {
	if (value === undefined || value === null) return false;
	if (typeof value !== "boolean") throw invalidParams(`${name}: must be true or false`);
	return value;
}

/** Number of the block that a tag or quantity names, which need not exist; `pending` for the block that is not made yet. */
export function blockNumberParameter(value: unknown, chain: ChainStore, name = "block"): bigint | "pending" {
	switch (value) {
		case undefined:
		case null:
		case "latest":
		case "safe":
		case "finalized":
			return chain.head.header.number;
		case "earliest":
			return 0n;
		case "pending":
			return "pending";
		default:
			return quantityParameter(value, name, 64);
	}
}

/** The existing block whose state a call is about (EIP-1898 included); the head for `pending`, which `isPending` tells. */
export function stateBlockParameter(value: unknown, chain: ChainStore): { readonly number: bigint; readonly isPending: boolean } {
	if (typeof value === "object" && value !== null) {
		const { blockHash, blockNumber } = objectParameter(value, "block");
		return stateBlockParameter(blockHash ?? blockNumber, chain);
	}
	if (typeof value === "string" && value.length === 66) {
		const number = chain.numberOf(hashParameter(value, "block hash"));
		if (number === undefined) throw serverError("header for hash not found");
		return { number, isPending: false };
	}
	const number = blockNumberParameter(value, chain);
	const head = chain.head.header.number;
	if (number === "pending") return { number: head, isPending: true };
	if (number > head) throw serverError("header not found");
	return { number, isPending: false };
}

/** State of pruned blocks is a refusal, not a fault. Throws. */
export function prunedIsRefused(error: unknown): never {
	throw error instanceof RangeError ? serverError(error.message) : error;
}

export function existingBlock(chain: ChainStore, number: bigint): Block {
	const block = chain.block(number);
	if (block === undefined) throw serverError("header not found");
	return block;
}

export function existingHeader(chain: ChainStore, number: bigint): EvmHeader {
	const header = chain.header(number);
	if (header === undefined) throw serverError("header not found");
	return header;
}
