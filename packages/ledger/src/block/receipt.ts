/** Receipts: what a transaction did, as the receipts root commits to it (EIP-658, EIP-2718) and as the store keeps it. */
import { encodeRlp, type RlpItem, rlpInteger } from "@freehold/protocol";
import type { Log } from "../execution/types.js";
import { RecordError } from "../state/record-error.js";
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

/** Receipts of a block of their stored items. Throws `RecordError` when they are damaged. */
export function receiptsFromItems(items: RlpItem): readonly Receipt[] {
	let cumulativeGasUsed = 0n;
	return listOf(items).map((item) => {
		const [status, gas, logs] = tuple(item, 3);
		const success = bytesOf(status, 0, 1);
		const used = bytesOf(gas, 0, 8);
		if (used[0] === 0 || (success.length === 1 && success[0] !== 1)) throw new RecordError("a receipt");
		const gasUsed = integerOf(used);
		cumulativeGasUsed += gasUsed;
		return { success: success.length === 1, gasUsed, cumulativeGasUsed, logs: listOf(logs).map(logFromItem) };
	});
}

function logFromItem(item: RlpItem): Log {
	const [address, topics, data] = tuple(item, 3);
	return {
		address: bytesOf(address, 20, 20),
		topics: listOf(topics).map((topic) => bytesOf(topic, 32, 32)),
		data: bytesOf(data, 0, Number.POSITIVE_INFINITY),
	};
}

function listOf(item: RlpItem | undefined): readonly RlpItem[] {
	if (item === undefined || item instanceof Uint8Array) throw new RecordError("a receipt");
	return item;
}

function tuple(item: RlpItem, length: number): readonly RlpItem[] {
	const list = listOf(item);
	if (list.length !== length) throw new RecordError("a receipt");
	return list;
}

function bytesOf(item: RlpItem | undefined, least: number, most: number): Uint8Array {
	if (!(item instanceof Uint8Array) || item.length < least || item.length > most) throw new RecordError("a receipt");
	return item;
}
