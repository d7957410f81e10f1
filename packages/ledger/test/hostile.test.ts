/** Transactions from strangers, and the ledger's own records after a bad disk: nothing but the errors that are promised, and one spelling of each. */
import { concatBytes, decodeRlp, encodeRlp, equalBytes, FreeholdError, fromHex, limits, type RlpItem, rlpInteger } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import type { Hex } from "viem";
import { mutateBytes } from "../../../testing/hostile/fuzz/bytes.js";
import { fuzz, type Target } from "../../../testing/hostile/fuzz/fuzzer.js";
import type { Random } from "../../../testing/hostile/fuzz/random.js";
import { receiptsFromItems, receiptToItem } from "../src/block/receipt.js";
import { decodeBlock, encodeBlock } from "../src/sequencer/consensus-block.js";
import { decodeAccount, encodeAccount, trimZeros } from "../src/state/account.js";
import { findInChunk, HistoryIndex, historySubject, packHistory } from "../src/state/history.js";
import { decodeTransaction } from "../src/transaction/decode.js";
import { checkStateless } from "../src/transaction/intrinsic.js";
import { type Transaction, TransactionError } from "../src/transaction/transaction.js";
import { CHAIN_ID, developers } from "./local-ledger.js";

const sender = developers[0] as (typeof developers)[number];
const common = { chainId: CHAIN_ID, nonce: 5, gas: 100_000n, to: sender.address, value: 10n ** 18n, data: `0x${"5a".repeat(70)}` as Hex } as const;
const accessList = [{ address: sender.address, storageKeys: [`0x${"01".repeat(32)}` as Hex, `0x${"02".repeat(32)}` as Hex] }];
const authorization = await sender.signAuthorization?.({ chainId: CHAIN_ID, contractAddress: sender.address, nonce: 3 });
const signed = await Promise.all([
	sender.signTransaction({ type: "legacy", ...common, gasPrice: 10n ** 9n }),
	sender.signTransaction({ type: "eip2930", ...common, gasPrice: 10n ** 9n, accessList }),
	sender.signTransaction({ type: "eip1559", ...common, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n, accessList }),
	sender.signTransaction({ type: "eip1559", ...common, data: "0x", value: 0n, nonce: 0, to: undefined, maxFeePerGas: 1n, maxPriorityFeePerGas: 0n }),
	sender.signTransaction({
		type: "eip7702",
		...common,
		maxFeePerGas: 10n ** 10n,
		maxPriorityFeePerGas: 1n,
		authorizationList: authorization === undefined ? [] : [authorization],
	}),
]);

const transactions: Target<Uint8Array> = {
	name: "transactions",
	seeds: () => signed.map(fromHex),
	mutate: (raw, random, seeds) => (random.chance(0.5) ? damagedFields(raw, random) : mutateBytes(raw, random, seeds)),
	read: (raw) => {
		const tx = decodeTransaction(raw, BigInt(CHAIN_ID), nativeCrypto);
		if (!equalBytes(respelt(tx), raw)) throw new Error("two spellings of one transaction");
		if (tx.sender.length !== 20 || tx.nonce >= (1n << 64n) - 1n || tx.value >= 1n << 256n || raw.length > limits.transactionBytes)
			throw new Error("a field wider than it may be");
		checkStateless(tx, 100_000_000n);
		return true;
	},
	isRefusal: (error) => error instanceof TransactionError,
};

/** The transaction written again from what was read of it. */
function respelt(tx: Transaction): Uint8Array {
	const list = tx.accessList.map(({ address, storageKeys }): RlpItem => [address, storageKeys]);
	const to = tx.to ?? new Uint8Array(0);
	const [nonce, gas, value, v] = [tx.nonce, tx.gasLimit, tx.value, tx.v].map(rlpInteger) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
	const [fee, tip] = [tx.maxFeePerGas, tx.maxPriorityFeePerGas].map(rlpInteger) as [Uint8Array, Uint8Array];
	if (tx.type === 0) return encodeRlp([nonce, fee, gas, to, value, tx.data, v, tx.r, tx.s]);
	const chain = rlpInteger(tx.chainId ?? 0n);
	if (tx.type === 1) return concatBytes(Uint8Array.of(1), encodeRlp([chain, nonce, fee, gas, to, value, tx.data, list, v, tx.r, tx.s]));
	const tail: RlpItem[] = [v, tx.r, tx.s];
	if (tx.type === 2) return concatBytes(Uint8Array.of(2), encodeRlp([chain, nonce, tip, fee, gas, to, value, tx.data, list, ...tail]));
	const authorizations = tx.authorizationList.map((entry): RlpItem => {
		const { yParity, r, s } = entry as unknown as { readonly yParity: bigint; readonly r: Uint8Array; readonly s: Uint8Array };
		return [rlpInteger(entry.chainId), entry.address, rlpInteger(entry.nonce), rlpInteger(yParity), r, s];
	});
	return concatBytes(Uint8Array.of(4), encodeRlp([chain, nonce, tip, fee, gas, to, value, tx.data, list, authorizations, ...tail]));
}

/** Changes fields and leaves the encoding whole, so that what a field may hold is tried. */
function damagedFields(raw: Uint8Array, random: Random): Uint8Array {
	const envelope = (raw[0] ?? 0) >= 0xc0 ? raw.subarray(0, 0) : raw.subarray(0, 1);
	const fields = [...(decodeRlp(raw.subarray(envelope.length)) as readonly RlpItem[])];
	const at = random.below(fields.length);
	const field = fields[at] as RlpItem;
	switch (random.below(6)) {
		case 0:
			fields[at] = field instanceof Uint8Array ? mutateBytes(field, random, [field]) : [...field, ...field];
			break;
		case 1:
			fields[at] = random.pick([new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(1), new Uint8Array(33).fill(0xff), new Uint8Array(32).fill(0xff), [], [[]]]);
			break;
		case 2:
			fields.splice(at, 1);
			break;
		case 3:
			fields.splice(at, 0, random.pick(fields));
			break;
		case 4:
			fields[at] = random.pick(fields);
			break;
		default:
			return concatBytes(Uint8Array.of(random.below(6)), encodeRlp(fields));
	}
	return concatBytes(envelope, encodeRlp(fields));
}

/** What was damaged must be told, and never become something else without a word: the store's own faults are errors of these kinds. */
const isFault = (error: unknown): boolean =>
	error instanceof SyntaxError ||
	error instanceof TransactionError ||
	error instanceof FreeholdError ||
	(error instanceof Error && error.name === "RecordError");

const accounts: Target<Uint8Array> = {
	name: "account records",
	seeds: () => [
		encodeAccount(1n, Uint8Array.of(5, 6), new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)),
		encodeAccount(0n, new Uint8Array(0), new Uint8Array(32), new Uint8Array(32)),
	],
	mutate: mutateBytes,
	read: (record) => {
		const { nonce, balance, storageRoot, codeHash } = decodeAccount(record);
		if (!equalBytes(encodeAccount(nonce, trimZeros(rlpInteger(balance)), storageRoot, codeHash), record))
			throw new Error("a damaged account was read as another");
		return true;
	},
	isRefusal: isFault,
};

const receipts: Target<Uint8Array> = {
	name: "receipt records",
	seeds: () => [
		encodeRlp([
			receiptToItem({
				success: true,
				gasUsed: 21_000n,
				cumulativeGasUsed: 21_000n,
				logs: [{ address: new Uint8Array(20).fill(3), topics: [new Uint8Array(32).fill(4)], data: new Uint8Array(40) }],
			}),
			receiptToItem({ success: false, gasUsed: 30_000n, cumulativeGasUsed: 51_000n, logs: [] }),
		]),
	],
	mutate: mutateBytes,
	read: (record) => {
		const read = receiptsFromItems(decodeRlp(record));
		if (!equalBytes(encodeRlp(read.map(receiptToItem)), record)) throw new Error("damaged receipts were read as others");
		return true;
	},
	isRefusal: isFault,
};

const hash = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const time = { seconds: 1_760_000_000n, nanos: 5 };
const blockId = { hash: hash(1), partsTotal: 1, partsHash: hash(2) };
const storedBlock = encodeBlock({
	header: {
		versionBlock: 11n,
		versionApp: 1n,
		chainId: "freehold-10741",
		height: 9n,
		time,
		lastBlockId: blockId,
		lastCommitHash: hash(3),
		dataHash: hash(4),
		validatorsHash: hash(5),
		nextValidatorsHash: hash(5),
		consensusHash: hash(6),
		appHash: hash(7),
		lastResultsHash: hash(8),
		evidenceHash: hash(9),
		proposerAddress: new Uint8Array(20),
	},
	txs: signed.map((raw) => fromHex(raw)),
	lastCommit: {
		height: 8n,
		round: 0,
		blockId,
		signatures: [{ flag: 2, validatorAddress: new Uint8Array(20), timestamp: time, signature: new Uint8Array(64) }],
	},
});
const consensus: Target<Uint8Array> = {
	name: "consensus blocks as stored",
	seeds: () => [storedBlock],
	mutate: mutateBytes,
	read: (record) => decodeBlock(record).txs.length < record.length,
	isRefusal: isFault,
};

const subject = historySubject("account", new Uint8Array(20).fill(9));
const packed = packHistory(
	7n,
	Array.from({ length: 40 }, (_, index) => ({ kind: "account" as const, key: new Uint8Array(20).fill(index), before: Uint8Array.of(index), after: undefined })),
);
const historyIndex: Target<Uint8Array> = {
	name: "history indexes",
	seeds: () => packed.slice(0, 1).map(({ value }) => value),
	mutate: mutateBytes,
	read: (record) => {
		for (const chunk of new HistoryIndex(record).chunks(1)) if (chunk < 1) throw new Error("a chunk that cannot be");
		return true;
	},
	isRefusal: isFault,
};
const historyChunk: Target<Uint8Array> = {
	name: "history chunks",
	seeds: () => packed.slice(1).map(({ value }) => value),
	mutate: mutateBytes,
	read: (record) => {
		findInChunk(record, subject);
		return true;
	},
	isRefusal: isFault,
};

fuzz(transactions, accounts, receipts, consensus, historyIndex, historyChunk);
