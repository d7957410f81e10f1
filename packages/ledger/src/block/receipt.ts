/** Receipts: what a transaction did, as the receipts root commits to it (EIP-658, EIP-2718) and as the store keeps it. */
import { encodeRlp, type RlpItem, rlpInteger } from "@freehold/protocol";
import type { Log } from "../execution/types.js";
import { integerOf } from "../transaction/decode.js";
import { logsBloom } from "./bloom.js";

export interface Receipt {
	readonly success: boolean;
	readonly gasUsed: bigint;
	/** Gas used in the block up to and including this transaction. */
	readonly cumulativeGasUsed: bigint;
	readonly logs: readonly Log[];
}

const ONE = Uint8Array.of(1);
const EMPTY = new Uint8Array(0);

const logItem = (log: Log): RlpItem => [log.address, log.topics, log.data];

/** The bytes that the receipts root is made of. */
export function encodeReceipt(type: number, receipt: Receipt, bloom: Uint8Array = logsBloom(receipt.logs)): Uint8Array {
	const body = encodeRlp([receipt.success ? ONE : EMPTY, rlpInteger(receipt.cumulativeGasUsed), bloom, receipt.logs.map(logItem)]);
	if (type === 0) return body;
	const typed = new Uint8Array(1 + body.length);
	typed[0] = type;
	typed.set(body, 1);
	return typed;
}

/** For the store: without the bloom, which the logs give. */
export function receiptToItem(receipt: Receipt): RlpItem {
	return [receipt.success ? ONE : EMPTY, rlpInteger(receipt.gasUsed), receipt.logs.map(logItem)];
}

/** Receipts of a block of their stored items. */
export function receiptsFromItems(items: readonly RlpItem[]): readonly Receipt[] {
	let cumulativeGasUsed = 0n;
	return items.map((item) => {
		const [status, gas, logs] = item as readonly [Uint8Array, Uint8Array, readonly (readonly [Uint8Array, readonly Uint8Array[], Uint8Array])[]];
		const gasUsed = integerOf(gas);
		cumulativeGasUsed += gasUsed;
		return {
			success: status.length === 1,
			gasUsed,
			cumulativeGasUsed,
			logs: logs.map(([address, topics, data]) => ({ address, topics, data })),
		};
	});
}
