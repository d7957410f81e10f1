/** Blocks, transactions and receipts; sending a transaction. */
import { assembleBlock, BLOCK_GAS_LIMIT, type Block } from "../block/block.js";
import { MAX_TX_BYTES } from "../sequencer/consensus-block.js";
import { hexOf } from "../transaction/decode.js";
import type { Methods, RpcContext } from "./context.js";
import { blockNumberParameter, booleanParameter, hashParameter, type Parameters, quantityParameter, stateBlockParameter } from "./parameters.js";
import { invalidParams, serverError } from "./rpc-error.js";
import { blockView, pendingBlockView, quantity, receiptView, transactionView } from "./views.js";

export function blockMethods(context: RpcContext): Methods {
	const { application, now } = context;
	const { chain, pool } = application;

	const byNumber = (value: unknown): Block | "pending" | undefined => {
		const number = blockNumberParameter(value, chain);
		return number === "pending" ? number : chain.block(number);
	};
	const byHash = (value: unknown): Block | undefined => {
		const number = chain.numberOf(hashParameter(value, "block hash"));
		return number === undefined ? undefined : chain.block(number);
	};
	/** What the next block would hold if it were made now; its execution is not known. */
	const pending = (): Block => {
		const env = application.nextEnv(BigInt(Math.floor(now() / 1000)));
		const txs = pool.select({ baseFeePerGas: env.baseFeePerGas, gasLimit: BLOCK_GAS_LIMIT, maxBytes: MAX_TX_BYTES, overheadBytes: 0 });
		const empty = assembleBlock(env, [], chain.head.header.stateRoot);
		return { ...empty, transactions: txs };
	};
	const transactionAt = (block: Block | "pending" | undefined, index: unknown) => {
		const at = Number(quantityParameter(index, "index", 32));
		if (block === "pending") {
			const tx = pending().transactions[at];
			return tx === undefined ? null : transactionView(tx);
		}
		const tx = block?.transactions[at];
		return block === undefined || tx === undefined ? null : transactionView(tx, { block, index: at });
	};
	const count = (block: Block | "pending" | undefined) =>
		block === undefined ? null : quantity((block === "pending" ? pending() : block).transactions.length);
	const located = (hash: unknown) => chain.transaction(hashParameter(hash, "transaction hash"));

	return {
		eth_blockNumber: () => quantity(chain.head.header.number),
		eth_getBlockByNumber: ([number, full]) => {
			const block = byNumber(number);
			if (block === "pending") return pendingBlockView(pending(), booleanParameter(full, "full transactions"));
			return block === undefined ? null : blockView(block, booleanParameter(full, "full transactions"));
		},
		eth_getBlockByHash: ([hash, full]) => {
			const block = byHash(hash);
			return block === undefined ? null : blockView(block, booleanParameter(full, "full transactions"));
		},
		eth_getBlockTransactionCountByNumber: ([number]) => count(byNumber(number)),
		eth_getBlockTransactionCountByHash: ([hash]) => count(byHash(hash)),
		eth_getUncleCountByBlockNumber: ([number]) => (byNumber(number) === undefined ? null : "0x0"),
		eth_getUncleCountByBlockHash: ([hash]) => (byHash(hash) === undefined ? null : "0x0"),
		eth_getTransactionByBlockNumberAndIndex: ([number, index]) => transactionAt(byNumber(number), index),
		eth_getTransactionByBlockHashAndIndex: ([hash, index]) => transactionAt(byHash(hash), index),
		eth_getTransactionByHash: ([hash]) => {
			const found = located(hash);
			if (found !== undefined) {
				const tx = found.block.transactions[found.index];
				return tx === undefined ? null : transactionView(tx, found);
			}
			const waiting = pool.get(hexOf(hashParameter(hash, "transaction hash")));
			return waiting === undefined ? null : transactionView(waiting);
		},
		eth_getRawTransactionByHash: ([hash]) => {
			const found = located(hash);
			const tx = found === undefined ? pool.get(hexOf(hashParameter(hash, "transaction hash"))) : found.block.transactions[found.index];
			return tx === undefined ? "0x" : hexOf(tx.raw);
		},
		eth_getTransactionReceipt: ([hash]) => {
			const found = located(hash);
			return found === undefined ? null : receiptView(found.block, found.index);
		},
		eth_getBlockReceipts: ([value]) => {
			const { number, isPending } = stateBlockParameter(value, chain);
			const block = isPending ? undefined : chain.block(number);
			return block === undefined ? null : block.transactions.map((_, index) => receiptView(block, index));
		},
		eth_sendRawTransaction: (params) => sendRawTransaction(context, params),
	};
}

/** The hot path: hex → bytes → decoded, sender recovered, pooled; once each. */
function sendRawTransaction({ application, notify }: RpcContext, [value]: Parameters): string {
	if (typeof value !== "string" || !value.startsWith("0x")) throw invalidParams("transaction: must be a hex string");
	const raw = Uint8Array.from(Buffer.from(value.slice(2), "hex"));
	if (2 * raw.length + 2 !== value.length) throw invalidParams("transaction: no valid hex");
	const { code, log, hash } = application.checkTx(raw, { onlyReplayProtected: true });
	if (code !== 0) throw serverError(log);
	notify();
	return hexOf(hash);
}
