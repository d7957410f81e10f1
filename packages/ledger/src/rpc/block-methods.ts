/** Blocks, transactions and receipts. */
import { assembleBlock, BLOCK_GAS_LIMIT, type Block } from "../block/block.js";
import { MAX_TX_BYTES } from "../sequencer/consensus-block.js";
import { hexOf } from "../transaction/decode.js";
import type { Methods, RpcContext } from "./context.js";
import { blockNumberParameter, booleanParameter, hashParameter, quantityParameter, stateBlockParameter } from "./parameters.js";
import { blockView, headView, pendingBlockView, quantity, receiptView, transactionView } from "./views.js";

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
	/** Blocks of this chain have no uncles. */
	const noUncle = (_block: unknown, index: unknown): null => {
		quantityParameter(index, "index", 32);
		return null;
	};
	const rawAt = (block: Block | "pending" | undefined, index: unknown): string => {
		const tx = (block === "pending" ? pending() : block)?.transactions[Number(quantityParameter(index, "index", 32))];
		return tx === undefined ? "0x" : hexOf(tx.raw);
	};
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
		eth_getUncleByBlockNumberAndIndex: ([number, index]) => noUncle(byNumber(number), index),
		eth_getUncleByBlockHashAndIndex: ([hash, index]) => noUncle(byHash(hash), index),
		eth_getHeaderByNumber: ([number]) => {
			const block = byNumber(number);
			return block === undefined ? null : headView(block === "pending" ? pending() : block);
		},
		eth_getHeaderByHash: ([hash]) => {
			const block = byHash(hash);
			return block === undefined ? null : headView(block as Block);
		},
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
		eth_getRawTransactionByBlockNumberAndIndex: ([number, index]) => rawAt(byNumber(number), index),
		eth_getRawTransactionByBlockHashAndIndex: ([hash, index]) => rawAt(byHash(hash), index),
		eth_getTransactionReceipt: ([hash]) => {
			const found = located(hash);
			return found === undefined ? null : receiptView(found.block, found.index);
		},
		eth_getBlockReceipts: ([value]) => {
			const { number, isPending } = stateBlockParameter(value, chain);
			const block = isPending ? undefined : chain.block(number);
			return block === undefined ? null : block.transactions.map((_, index) => receiptView(block, index));
		},
	};
}
