/** Blocks, transactions and receipts as the bytes that their hashes are made of. */
import { decodeRlp, encodeEvmHeader, encodeRlp } from "@freehold/protocol";
import type { Block } from "../block/block.js";
import { encodeReceipt } from "../block/receipt.js";
import { hexOf } from "../transaction/decode.js";
import type { Methods, RpcContext } from "./context.js";
import { existingBlock, hashParameter, stateBlockParameter } from "./parameters.js";

export function rawMethods({ application: { chain, pool } }: RpcContext): Methods {
	const at = (value: unknown): Block => existingBlock(chain, stateBlockParameter(value, chain).number);
	return {
		debug_getRawHeader: ([block]) => hexOf(encodeEvmHeader(at(block).header)),
		debug_getRawBlock: ([block]) => hexOf(blockRlp(at(block))),
		debug_getRawReceipts: ([value]) => {
			const { transactions, receipts } = at(value);
			return receipts.map((receipt, index) => hexOf(encodeReceipt(transactions[index]?.type ?? 0, receipt)));
		},
		debug_getRawTransaction: ([value]) => {
			const hash = hashParameter(value, "transaction hash");
			const found = chain.transaction(hash);
			const tx = found === undefined ? pool.get(hexOf(hash)) : found.block.transactions[found.index];
			return tx === undefined ? "0x" : hexOf(tx.raw);
		},
	};
}

/** [header, transactions, ommers, withdrawals]; a typed transaction is a byte string, a legacy one a list (EIP-2718). */
function blockRlp({ header, transactions }: Block): Uint8Array {
	const body = transactions.map(({ type, raw }) => (type === 0 ? decodeRlp(raw) : raw));
	return encodeRlp([decodeRlp(encodeEvmHeader(header)), body, [], []]);
}
