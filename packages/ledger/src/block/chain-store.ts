/**
 * EVM blocks in the state machine's own tables, so that a block, its state and its indexes become durable together.
 *
 * | table         | key                              | value                                               |
 * |---------------|----------------------------------|-----------------------------------------------------|
 * | `block`       | `h` number                       | header RLP                                          |
 * | `block`       | `b` number                       | RLP [transactions, senders] as byte strings         |
 * | `block`       | `r` number                       | RLP of receipts (without blooms)                    |
 * | `block`       | `n` hash                         | number                                              |
 * | `block`       | `c` number                       | height of the consensus block that it was made in   |
 * | `transaction` | hash                             | number, index (4 bytes)                             |
 * | `log`         | `l` number                       | – (the block has logs)                              |
 * | `log`         | `a` address number               | – (the block has logs of this address)              |
 * | `log`         | `t` first topic, number          | – (the block has logs with this first topic)        |
 *
 * Numbers are eight bytes, big-endian.
 */
import {
	bigintToBytes,
	type Crypto,
	concatBytes,
	decodeEvmHeader,
	decodeRlp,
	type EvmHeader,
	encodeEvmHeader,
	encodeRlp,
	equalBytes,
	type Hex,
} from "@freehold/protocol";
import type { StateMachine, TableWrite } from "../execution/types.js";
import { keccak256 } from "../state/keccak.js";
import { decodeTransaction, hexOf, integerOf } from "../transaction/decode.js";
import type { Block } from "./block.js";
import { EMPTY_TRIE_ROOT } from "./ordered-trie.js";
import { receiptsFromItems, receiptToItem } from "./receipt.js";

/** Transactions in the blocks kept decoded in memory. */
const CACHED_TRANSACTIONS = 20_000;
const CACHED_BLOCKS = 256;
const MARK = Uint8Array.of(1);

const prefixed = (prefix: string, ...parts: readonly Uint8Array[]): Uint8Array => concatBytes(Buffer.from(prefix, "latin1"), ...parts);
export const be8 = (value: bigint): Uint8Array => {
	const bytes = new Uint8Array(8);
	new DataView(bytes.buffer).setBigUint64(0, value);
	return bytes;
};

/** Where the header of an EVM block stands in the table `block`. */
export const headerKey = (number: bigint): Uint8Array => prefixed("h", be8(number));

export interface TransactionLocation {
	readonly block: Block;
	readonly index: number;
}

/** What a chain is read from. */
export type ChainTables = Pick<StateMachine, "head" | "get" | "scan">;

export class ChainStore {
	readonly #state: ChainTables;
	readonly #chainId: bigint;
	readonly #crypto: Pick<Crypto, "recover">;
	/** In order of use; the oldest first. */
	readonly #blocks = new Map<bigint, Block>();
	#cachedTransactions = 0;
	#head: Block | undefined;

	constructor(state: ChainTables, chainId: bigint, crypto: Pick<Crypto, "recover">) {
		this.#state = state;
		this.#chainId = chainId;
		this.#crypto = crypto;
		const head = state.head();
		this.#head = head === undefined ? undefined : this.block(head.number);
	}

	/** Headers and bodies as they are stored, for a snapshot. */
	static tablesOf(tables: Pick<ChainTables, "get">): {
		readonly headerRlp: (number: bigint) => Uint8Array | undefined;
		readonly body: (number: bigint) => { readonly body: Uint8Array; readonly receipts: Uint8Array } | undefined;
	} {
		return {
			headerRlp: (number) => tables.get("block", headerKey(number)),
			body: (number) => {
				const body = tables.get("block", prefixed("b", be8(number)));
				const receipts = tables.get("block", prefixed("r", be8(number)));
				return body === undefined || receipts === undefined ? undefined : { body, receipts };
			},
		};
	}

	/** What a ledger that begins in the middle of a chain writes: headers from the newest down, and the newest block whole. */
	static snapshotWrites(headers: readonly Uint8Array[], body: { readonly body: Uint8Array; readonly receipts: Uint8Array } | undefined): TableWrite[] {
		const writes = headers.flatMap((rlp): TableWrite[] => {
			const number = be8(decodeEvmHeader(rlp).number);
			return [
				{ table: "block", key: prefixed("h", number), value: rlp },
				{ table: "block", key: prefixed("n", keccak256(rlp)), value: number },
			];
		});
		const [newest] = headers;
		if (body === undefined || newest === undefined) return writes;
		const number = be8(decodeEvmHeader(newest).number);
		writes.push({ table: "block", key: prefixed("b", number), value: body.body }, { table: "block", key: prefixed("r", number), value: body.receipts });
		return writes;
	}

	/** The last committed block. Throws before genesis. */
	get head(): Block {
		if (this.#head === undefined) throw new Error("the chain has no genesis block yet");
		return this.#head;
	}

	get isEmpty(): boolean {
		return this.#head === undefined;
	}

	/** What makes `block` durable; the consensus block of `consensusHeight` made it. */
	writes(block: Block, consensusHeight: bigint): TableWrite[] {
		const number = be8(block.header.number);
		const writes: TableWrite[] = [
			{ table: "block", key: prefixed("h", number), value: encodeEvmHeader(block.header) },
			{ table: "block", key: prefixed("n", block.hash), value: number },
			{ table: "block", key: prefixed("c", number), value: be8(consensusHeight) },
		];
		if (block.transactions.length === 0) return writes;
		const body = encodeRlp([block.transactions.map(({ raw }) => raw), concatBytes(...block.transactions.map(({ sender }) => sender))]);
		writes.push(
			{ table: "block", key: prefixed("b", number), value: body },
			{ table: "block", key: prefixed("r", number), value: encodeRlp(block.receipts.map(receiptToItem)) },
		);
		block.transactions.forEach(({ hash }, index) => {
			writes.push({ table: "transaction", key: hash, value: concatBytes(number, bigintToBytes(BigInt(index), 4)) });
		});
		for (const key of logKeys(block, number)) writes.push({ table: "log", key, value: MARK });
		return writes;
	}

	/** Takes over a block whose writes are durable. */
	committed(block: Block): void {
		this.#head = block;
		this.#remember(block);
	}

	header(number: bigint): EvmHeader | undefined {
		const known = this.#blocks.get(number);
		if (known !== undefined) return known.header;
		const rlp = this.headerRlp(number);
		return rlp === undefined ? undefined : decodeEvmHeader(rlp);
	}

	headerRlp(number: bigint): Uint8Array | undefined {
		return this.#state.get("block", headerKey(number));
	}

	hash(number: bigint): Uint8Array | undefined {
		const known = this.#blocks.get(number);
		if (known !== undefined) return known.hash;
		const rlp = this.headerRlp(number);
		return rlp === undefined ? undefined : keccak256(rlp);
	}

	/** A block; kept in memory for the next who asks. */
	block(number: bigint): Block | undefined {
		const known = this.#blocks.get(number);
		if (known !== undefined) {
			this.#blocks.delete(number);
			this.#blocks.set(number, known);
			return known;
		}
		const block = this.peek(number);
		if (block !== undefined) this.#remember(block);
		return block;
	}

	/** A block, for scans that should not push others out of memory. */
	peek(number: bigint): Block | undefined {
		const known = this.#blocks.get(number);
		if (known !== undefined) return known;
		const rlp = this.headerRlp(number);
		return rlp === undefined ? undefined : this.#decode(rlp, number);
	}

	numberOf(hash: Uint8Array): bigint | undefined {
		const number = this.#state.get("block", prefixed("n", hash));
		return number === undefined ? undefined : integerOf(number);
	}

	/** Height of the consensus block in which the EVM block was made; 0 for genesis. */
	consensusHeightOf(number: bigint): bigint | undefined {
		const height = this.#state.get("block", prefixed("c", be8(number)));
		return height === undefined ? undefined : integerOf(height);
	}

	transaction(hash: Uint8Array): TransactionLocation | undefined {
		const location = this.#state.get("transaction", hash);
		if (location === undefined) return undefined;
		const block = this.block(integerOf(location.subarray(0, 8)));
		return block === undefined ? undefined : { block, index: Number(integerOf(location.subarray(8))) };
	}

	/** Numbers in [from, to], ascending, of blocks that have logs: of any address, of one, or with one first topic. */
	*blocksWithLogs(by: { readonly address?: Uint8Array; readonly topic?: Uint8Array }, from: bigint, to: bigint): Iterable<bigint> {
		const prefix = by.address !== undefined ? prefixed("a", by.address) : by.topic !== undefined ? prefixed("t", by.topic) : prefixed("l");
		for (const { key } of this.#state.scan("log", concatBytes(prefix, be8(from)), concatBytes(prefix, be8(to + 1n)))) {
			yield integerOf(key.subarray(prefix.length));
		}
	}

	/** Undefined for a block of which a snapshot brought the header alone. */
	#decode(headerRlp: Uint8Array, number: bigint): Block | undefined {
		const header = decodeEvmHeader(headerRlp);
		const hash = keccak256(headerRlp);
		const body = this.#state.get("block", prefixed("b", be8(number)));
		const receipts = this.#state.get("block", prefixed("r", be8(number)));
		if (body === undefined || receipts === undefined)
			return equalBytes(header.transactionsRoot, EMPTY_TRIE_ROOT) ? { header, hash, id: hexOf(hash), transactions: [], receipts: [] } : undefined;
		const [raws, senders] = decodeRlp(body) as readonly [readonly Uint8Array[], Uint8Array];
		const transactions = raws.map((raw, index) => decodeTransaction(raw, this.#chainId, this.#crypto, senders.subarray(20 * index, 20 * index + 20)));
		return { header, hash, id: hexOf(hash), transactions, receipts: receiptsFromItems(decodeRlp(receipts)) };
	}

	#remember(block: Block): void {
		this.#blocks.set(block.header.number, block);
		this.#cachedTransactions += block.transactions.length;
		for (const [number, oldest] of this.#blocks) {
			if (this.#blocks.size <= CACHED_BLOCKS && this.#cachedTransactions <= CACHED_TRANSACTIONS) break;
			if (oldest === block) break;
			this.#blocks.delete(number);
			this.#cachedTransactions -= oldest.transactions.length;
		}
	}
}

function logKeys(block: Block, number: Uint8Array): readonly Uint8Array[] {
	const keys = new Map<Hex, Uint8Array>();
	for (const { logs } of block.receipts) {
		for (const { address, topics } of logs) {
			keys.set(hexOf(address), prefixed("a", address, number));
			const [first] = topics;
			if (first !== undefined) keys.set(hexOf(first), prefixed("t", first, number));
		}
	}
	return keys.size === 0 ? [] : [prefixed("l", number), ...keys.values()];
}
