/** Transactions that deliver a model's result, as the contract at `0x…F4` takes them (`contracts/solidity/pipe/Results.sol`). */
import { contractAddresses, equalBytes, fromHex, type Hex, utf8 } from "@freehold/protocol";
import type { ExecutableTx } from "../execution/types.js";
import { keccak256 } from "../state/keccak.js";
import { hexOf } from "../transaction/decode.js";

/** Calls of one transaction that opens them; the contract takes no more. */
const MAX_OPENED = 64;

/** A block's proposer takes no more results than this; a proposal with more is refused. */
export const MAX_RESULTS_PER_BLOCK = 64;

export const INFERENCE_ADDRESS = fromHex(contractAddresses.Inference);

/** First four bytes of a call. */
export const selector = (signature: string): Uint8Array => keccak256(utf8(signature)).subarray(0, 4);

const DELIVER = selector("deliver((bytes32,uint64,uint8,address,bytes32,address,uint8,bytes32,uint32,uint64,uint64,bool,bytes))");
const OPEN = selector("open(bytes32[],address)");
const HOUSEKEEPING = [OPEN, ...["settle(bytes32[])", "enroll(address)", "withdraw(address)", "evict(address)"].map(selector)];
const WORD = 32;
/** Selector, then the offset of the structure. */
const STRUCTURE_AT = 4 + WORD;
const LEAST_BYTES = STRUCTURE_AT + 13 * WORD;

export interface DeliveryHead {
	/** The call's id: keccak256(transaction, index, keccak256(kind, payer, request)). */
	readonly id: Hex;
	/** Hash of the transaction that makes the call. */
	readonly transaction: Hex;
	/** Who delivers, as it says. */
	readonly operator: Hex;
}

/** What a transaction delivers; undefined when it delivers nothing. Whether it may, the contract says. */
export function readDelivery({ to, data }: Pick<ExecutableTx, "to" | "data">): DeliveryHead | undefined {
	if (to === undefined || !equalBytes(to, INFERENCE_ADDRESS) || data.length < LEAST_BYTES || !equalBytes(data.subarray(0, 4), DELIVER)) return undefined;
	const words = (from: number, count: number): Uint8Array => data.subarray(STRUCTURE_AT + from * WORD, STRUCTURE_AT + (from + count) * WORD);
	const id = keccak256(Buffer.concat([words(0, 2), keccak256(words(2, 3))]));
	return { id: hexOf(id), transaction: hexOf(words(0, 1)), operator: hexOf(words(5, 1).subarray(12)) };
}

/** Calls that a transaction would open; none when it opens none. Whether it may, the contract says. */
export function readOpenings({ to, data }: Pick<ExecutableTx, "to" | "data">): readonly Hex[] {
	if (to === undefined || !equalBytes(to, INFERENCE_ADDRESS) || !equalBytes(data.subarray(0, 4), OPEN)) return [];
	const word = (index: number): Uint8Array => data.subarray(4 + index * WORD, 4 + (index + 1) * WORD);
	// Selector, offset of the list, operator, length, ids: the one spelling that encoders give.
	const count = Number(BigInt(hexOf(word(2)) === "0x" ? 0 : hexOf(word(2))));
	if (count > MAX_OPENED || data.length < 4 + (3 + count) * WORD) return [];
	return Array.from({ length: count }, (_, index) => hexOf(word(3 + index)));
}

/** True for a call of the contract that asks no model: such a transaction need not be simulated. */
export function isHousekeeping(data: Uint8Array): boolean {
	return HOUSEKEEPING.some((known) => equalBytes(data.subarray(0, 4), known));
}

/**
 * Whether a proposal keeps the rules of results: each stands before the transaction that uses it, and there are not too many. Who delivered what is judged by the
 * contract when the block is executed.
 */
export function resultsInOrder(txs: readonly (Pick<ExecutableTx, "to" | "data"> & { readonly id: string })[]): boolean {
	const before = new Set<string>();
	let results = 0;
	for (const tx of txs) {
		const delivery = readDelivery(tx);
		if (delivery !== undefined && (++results > MAX_RESULTS_PER_BLOCK || before.has(delivery.transaction))) return false;
		before.add(tx.id);
	}
	return true;
}
