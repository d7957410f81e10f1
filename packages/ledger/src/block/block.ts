/** An EVM block: header, transactions, receipts; and its assembly from what the execution gave. */
import { type EvmHeader, encodeEvmHeader, type Hex } from "@freehold/protocol";
import type { BlockEnv, TxOutcome } from "../execution/types.js";
import { keccak256 } from "../state/keccak.js";
import { hexOf } from "../transaction/decode.js";
import type { Transaction } from "../transaction/transaction.js";
import { BLOOM_BYTES, logsBloom } from "./bloom.js";
import { EMPTY_TRIE_ROOT, orderedTrieRoot } from "./ordered-trie.js";
import { encodeReceipt, type Receipt } from "./receipt.js";

/** Gas limit of every block. */
export const BLOCK_GAS_LIMIT = 100_000_000n;

export interface Block {
	readonly header: EvmHeader;
	readonly hash: Uint8Array;
	readonly id: Hex;
	readonly transactions: readonly Transaction[];
	/** Receipt i belongs to transaction i. */
	readonly receipts: readonly Receipt[];
}

/** keccak256 of the RLP of an empty list: no ommers, ever. */
const EMPTY_LIST_HASH = Uint8Array.from(Buffer.from("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347", "hex"));
/** SHA-256 of nothing: no execution requests (EIP-7685). */
const EMPTY_REQUESTS_HASH = Uint8Array.from(Buffer.from("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "hex"));

type Executed = Extract<TxOutcome, { kind: "executed" }>;

/** Block of the transactions that were executed, in order, in `env`. */
export function assembleBlock(env: BlockEnv, included: readonly { readonly tx: Transaction; readonly outcome: Executed }[], stateRoot: Uint8Array): Block {
	const receipts: Receipt[] = [];
	const encoded: Uint8Array[] = [];
	const bloom = new Uint8Array(BLOOM_BYTES);
	let cumulativeGasUsed = 0n;
	for (const { tx, outcome } of included) {
		cumulativeGasUsed += outcome.gasUsed;
		const receipt: Receipt = {
			success: outcome.success,
			gasUsed: outcome.gasUsed,
			cumulativeGasUsed,
			logs: outcome.logs,
		};
		const own = logsBloom(outcome.logs);
		if (outcome.logs.length > 0) for (let index = 0; index < BLOOM_BYTES; index++) bloom[index] = (bloom[index] as number) | (own[index] as number);
		receipts.push(receipt);
		encoded.push(encodeReceipt(tx.type, receipt, own));
	}
	const header: EvmHeader = {
		parentHash: env.parentHash,
		ommersHash: EMPTY_LIST_HASH,
		beneficiary: env.coinbase,
		stateRoot,
		transactionsRoot: orderedTrieRoot(included.map(({ tx }) => tx.raw)),
		receiptsRoot: orderedTrieRoot(encoded),
		logsBloom: bloom,
		difficulty: 0n,
		number: env.number,
		gasLimit: env.gasLimit,
		gasUsed: cumulativeGasUsed,
		timestamp: env.timestamp,
		extraData: new Uint8Array(0),
		prevRandao: env.prevRandao,
		nonce: new Uint8Array(8),
		baseFeePerGas: env.baseFeePerGas,
		withdrawalsRoot: EMPTY_TRIE_ROOT,
		blobGasUsed: 0n,
		excessBlobGas: 0n,
		parentBeaconBlockRoot: new Uint8Array(32),
		requestsHash: EMPTY_REQUESTS_HASH,
	};
	const hash = keccak256(encodeEvmHeader(header));
	return { header, hash, id: hexOf(hash), transactions: included.map(({ tx }) => tx), receipts };
}
