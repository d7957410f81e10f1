/** A signed transaction: what was sent, who sent it, and its hash. Decoded once at the edge and carried through pool, block and RPC. */
import type { Hex } from "@freehold/protocol";
import type { ExecutableTx } from "../execution/types.js";

export interface Transaction extends ExecutableTx {
	/** The canonical bytes (EIP-2718 envelope, or the RLP list of a legacy transaction). */
	readonly raw: Uint8Array;
	/** keccak256 of `raw`. */
	readonly hash: Uint8Array;
	/** Lower-case hex of `hash`: the pool's and the indexes' key. */
	readonly id: Hex;
	/** Lower-case hex of the sender. */
	readonly from: Hex;
	/** Undefined for a legacy transaction without replay protection (before EIP-155). */
	readonly chainId: bigint | undefined;
	/** `v` of legacy transactions, y parity of typed ones. */
	readonly v: bigint;
	readonly r: Uint8Array;
	readonly s: Uint8Array;
}

/** Why a transaction cannot be accepted, in the words that Ethereum clients look for. */
export class TransactionError extends Error {
	override readonly name = "TransactionError";
}

/** What one unit of gas pays above the base fee; negative when the transaction cannot pay the base fee. Wei per gas. */
export function effectiveTip(tx: ExecutableTx, baseFeePerGas: bigint): bigint {
	const room = tx.maxFeePerGas - baseFeePerGas;
	if (tx.type < 2) return room;
	return least(tx.maxPriorityFeePerGas, room);
}

/** Plain data: it goes to another thread. */
export function plainTransaction(tx: Transaction): ExecutableTx {
	const { type, hash, sender, nonce, to, value, data, gasLimit, maxFeePerGas, maxPriorityFeePerGas, accessList } = tx;
	const authorizationList = tx.authorizationList.map(({ chainId, address, nonce: own, authority }) => ({ chainId, address, nonce: own, authority }));
	return { type, hash, sender, nonce, to, value, data, gasLimit, maxFeePerGas, maxPriorityFeePerGas, accessList, authorizationList };
}

/** The smaller of two amounts. */
export function least(a: bigint, b: bigint): bigint {
	if (a < b) return a;
	return b;
}

/** The most that a transaction can cost its sender: gas limit at the maximal price, and the value. */
export function maximalCost(tx: ExecutableTx): bigint {
	return tx.gasLimit * tx.maxFeePerGas + tx.value;
}
