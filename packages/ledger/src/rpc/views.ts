/** Blocks, transactions, receipts and logs as JSON-RPC shows them, in geth's shapes. */
import { encodeEvmHeader, encodeRlp, type Hex, rlpInteger } from "@freehold/protocol";
import type { Block } from "../block/block.js";
import { logsBloom } from "../block/bloom.js";
import { keccak256 } from "../state/keccak.js";
import { hexOf, SignedAuthorization } from "../transaction/decode.js";
import { effectiveTip, type Transaction } from "../transaction/transaction.js";

export const quantity = (value: bigint | number): Hex => `0x${value.toString(16)}`;

/** Quantity of big-endian bytes without leading zeros. */
const scalar = (bytes: Uint8Array): Hex => quantity(bytes.length === 0 ? 0n : BigInt(hexOf(bytes)));

type Json = Readonly<Record<string, unknown>>;

export function blockView(block: Block, fullTransactions: boolean): Json {
	return {
		...headerView(block),
		hash: block.id,
		transactions: block.transactions.map((tx, index) => (fullTransactions ? transactionView(tx, { block, index }) : tx.id)),
	};
}

/** A block that is not made yet: without hash, nonce and miner, as geth shows it. */
export function pendingBlockView(block: Block, fullTransactions: boolean): Json {
	return {
		...headerView(block),
		hash: null,
		nonce: null,
		miner: null,
		logsBloom: null,
		transactions: block.transactions.map((tx) => (fullTransactions ? transactionView(tx) : tx.id)),
	};
}

/** A header as `newHeads` publishes it. */
export function headView(block: Block): Json {
	const { uncles: _uncles, withdrawals: _withdrawals, size: _size, ...header } = headerView(block);
	return { ...header, hash: block.id };
}

function headerView(block: Block): Json {
	const { header } = block;
	return {
		number: quantity(header.number),
		parentHash: hexOf(header.parentHash),
		nonce: hexOf(header.nonce),
		sha3Uncles: hexOf(header.ommersHash),
		logsBloom: hexOf(header.logsBloom),
		transactionsRoot: hexOf(header.transactionsRoot),
		stateRoot: hexOf(header.stateRoot),
		receiptsRoot: hexOf(header.receiptsRoot),
		miner: hexOf(header.beneficiary),
		difficulty: quantity(header.difficulty),
		totalDifficulty: "0x0",
		extraData: hexOf(header.extraData),
		size: quantity(blockSize(block)),
		gasLimit: quantity(header.gasLimit),
		gasUsed: quantity(header.gasUsed),
		timestamp: quantity(header.timestamp),
		mixHash: hexOf(header.prevRandao),
		uncles: [],
		baseFeePerGas: quantity(header.baseFeePerGas),
		withdrawals: [],
		withdrawalsRoot: hexOf(header.withdrawalsRoot),
		blobGasUsed: quantity(header.blobGasUsed),
		excessBlobGas: quantity(header.excessBlobGas),
		parentBeaconBlockRoot: hexOf(header.parentBeaconBlockRoot),
		requestsHash: hexOf(header.requestsHash),
	};
}

/** Length of the block's RLP: [header, transactions, ommers, withdrawals]. */
function blockSize({ header, transactions }: Block): number {
	const framed = (length: number): number => length + (length < 56 ? 1 : 1 + Math.ceil((32 - Math.clz32(length)) / 8));
	const body = transactions.reduce((sum, { type, raw }) => sum + (type === 0 ? raw.length : framed(raw.length)), 0);
	return framed(encodeEvmHeader(header).length + framed(body) + 2);
}

/** What one unit of gas costs in a block: the base fee and the tip. */
export const effectiveGasPrice = (tx: Transaction, baseFeePerGas: bigint): bigint => baseFeePerGas + effectiveTip(tx, baseFeePerGas);

/** `at` is absent for a transaction that waits in the pool. */
export function transactionView(tx: Transaction, at?: { readonly block: Block; readonly index: number }): Json {
	const price = at === undefined || tx.type < 2 ? tx.maxFeePerGas : effectiveGasPrice(tx, at.block.header.baseFeePerGas);
	return {
		blockHash: at?.block.id ?? null,
		blockNumber: at === undefined ? null : quantity(at.block.header.number),
		from: tx.from,
		gas: quantity(tx.gasLimit),
		gasPrice: quantity(price),
		...(tx.type < 2 ? {} : { maxFeePerGas: quantity(tx.maxFeePerGas), maxPriorityFeePerGas: quantity(tx.maxPriorityFeePerGas) }),
		hash: tx.id,
		input: hexOf(tx.data),
		nonce: quantity(tx.nonce),
		to: tx.to === undefined ? null : hexOf(tx.to),
		transactionIndex: at === undefined ? null : quantity(at.index),
		value: quantity(tx.value),
		type: quantity(tx.type),
		...(tx.type === 0
			? {}
			: { accessList: tx.accessList.map(({ address, storageKeys }) => ({ address: hexOf(address), storageKeys: storageKeys.map(hexOf) })) }),
		...(tx.type === 4 ? { authorizationList: tx.authorizationList.filter((entry) => entry instanceof SignedAuthorization).map(authorizationView) } : {}),
		...(tx.chainId === undefined ? {} : { chainId: quantity(tx.chainId) }),
		v: quantity(tx.v),
		r: scalar(tx.r),
		s: scalar(tx.s),
		...(tx.type === 0 ? {} : { yParity: quantity(tx.v) }),
	};
}

function authorizationView(entry: SignedAuthorization): Json {
	return {
		chainId: quantity(entry.chainId),
		address: hexOf(entry.address),
		nonce: quantity(entry.nonce),
		yParity: quantity(entry.yParity),
		r: scalar(entry.r),
		s: scalar(entry.s),
	};
}

export function receiptView(block: Block, index: number): Json {
	const tx = block.transactions[index];
	const receipt = block.receipts[index];
	if (tx === undefined || receipt === undefined) throw new RangeError(`block ${block.header.number} has no transaction ${index}`);
	return {
		blockHash: block.id,
		blockNumber: quantity(block.header.number),
		contractAddress: tx.to === undefined ? createdAddress(tx) : null,
		cumulativeGasUsed: quantity(receipt.cumulativeGasUsed),
		effectiveGasPrice: quantity(effectiveGasPrice(tx, block.header.baseFeePerGas)),
		from: tx.from,
		gasUsed: quantity(receipt.gasUsed),
		logs: logViews(block, index),
		logsBloom: hexOf(logsBloom(receipt.logs)),
		status: receipt.success ? "0x1" : "0x0",
		to: tx.to === undefined ? null : hexOf(tx.to),
		transactionHash: tx.id,
		transactionIndex: quantity(index),
		type: quantity(tx.type),
	};
}

function createdAddress({ sender, nonce }: Transaction): Hex {
	return hexOf(keccak256(encodeRlp([sender, rlpInteger(nonce)])).subarray(12));
}

/** The logs of one transaction. `logIndex` counts through the block. */
export function logViews(block: Block, index: number): readonly Json[] {
	let logIndex = 0;
	for (let before = 0; before < index; before++) logIndex += block.receipts[before]?.logs.length ?? 0;
	return (block.receipts[index]?.logs ?? []).map((log) => ({
		address: hexOf(log.address),
		topics: log.topics.map(hexOf),
		data: hexOf(log.data),
		blockNumber: quantity(block.header.number),
		transactionHash: block.transactions[index]?.id,
		transactionIndex: quantity(index),
		blockHash: block.id,
		blockTimestamp: quantity(block.header.timestamp),
		logIndex: quantity(logIndex++),
		removed: false,
	}));
}
