/** What the anchor part of a file proves: its place in a batch, the state after that batch, and the consensus that stands behind the state. */
import { layout } from "@freehold/contracts/layout";
import {
	bytesToBigint,
	type Checkpoint,
	type Crypto,
	decodeEvmHeader,
	type EvmHeader,
	equalBytes,
	foldBatchProof,
	foldSumProof,
	fromHex,
	type Hex,
	lineHash,
	type Order,
	type Price,
	type Receipt,
	type ReceiptAnchor,
} from "@freehold/protocol";
import { judgeLightBlock } from "../consensus/light-block.js";
import { judgeLightPath } from "../light/light-path.js";
import { ProvenState } from "../state/proven-state.js";
import { fieldsOf, type RecordRef } from "../state/slots.js";
import { ProofError, TrieNodes } from "../trie/trie.js";
import { type Check, fails, holds, judge, unproven } from "./checks.js";
import { type AnchorInfo, receiptRecords } from "./required-state.js";

/** A key's interval; Unix seconds, the end not included. */
export interface KeyInterval {
	readonly validFrom: bigint;
	readonly validUntil: bigint;
}

export interface OperatorFacts {
	readonly bond: bigint;
	readonly unbonding: bigint;
	readonly roles: bigint;
	readonly registeredAt: bigint;
}

/** What the proven state says. A part that is not proved is undefined. Times in Unix seconds. */
export interface StateFacts {
	readonly batch: { readonly root: bigint; readonly blockNumber: bigint; readonly timestamp: bigint } | undefined;
	readonly gatewayKey: KeyInterval | undefined;
	readonly nodeKey: KeyInterval | undefined;
	readonly gateway: OperatorFacts | undefined;
	readonly node: OperatorFacts | undefined;
	readonly minBond: bigint | undefined;
	readonly release: { readonly publishedAt: bigint; readonly retiredAt: bigint; readonly modes: bigint } | undefined;
	readonly price: (Price & { readonly validFrom: bigint; readonly validUntil: bigint }) | undefined;
}

const BEYOND = {
	older: "is older than the checkpoint: prove the receipt again with a newer block",
	expired: "is beyond a checkpoint that is too old: prove the receipt again with a newer checkpoint",
	elsewhere: "is reached by a way that does not pass the checkpoint: prove the receipt again from it",
} as const;

export interface AnchorVerdict {
	/** `anchored`, `sum`, `state` and `header`. */
	readonly checks: readonly Check[];
	readonly facts: StateFacts;
	/**
	 * The header is signed as it must be, and the checkpoint does not reach it: it is older, or the way to it leads over sets that are trusted no more, or passes the
	 * checkpoint by.
	 */
	readonly beyond: keyof typeof BEYOND | undefined;
	readonly evmHeader: EvmHeader | undefined;
}

export interface AnchorQuestion {
	readonly order: Order;
	readonly receipt: Receipt;
	readonly receiptDigest: Hex;
	readonly anchor: ReceiptAnchor;
	readonly info: AnchorInfo;
	readonly checkpoint: Checkpoint;
	readonly consensusChainId: string;
	readonly now: number | undefined;
	/** The clock for a path over changed sets. */
	readonly trustNow: number | undefined;
}

export function judgeAnchor(question: AnchorQuestion, crypto: Crypto): AnchorVerdict {
	const { anchor } = question;
	const evmHeader = decodeHeader(anchor.evmHeader);
	const header = headerCheck(question, crypto);
	const { facts, check: state } = readState(question, evmHeader, crypto);
	return {
		checks: [anchoredCheck(question, facts, evmHeader, crypto), sumCheck(question, crypto), state, header.check],
		facts,
		beyond: header.beyond,
		evmHeader,
	};
}

function headerCheck(question: AnchorQuestion, crypto: Crypto): { readonly check: Check; readonly beyond: AnchorVerdict["beyond"] } {
	const { anchor, checkpoint, consensusChainId, now, trustNow } = question;
	const { lightBlock, lightPath } = anchor;
	const { header } = lightBlock;
	const verdict =
		lightPath === undefined
			? judgeLightBlock(lightBlock, { checkpoint, consensusChainId, now }, crypto)
			: judgeLightPath(lightPath, lightBlock, { checkpoint, consensusChainId, now: trustNow ?? now }, crypto);
	const failed = (reason: string) => ({ check: fails("header", reason), beyond: undefined });
	if (verdict.kind === "refused") return failed(verdict.reason);
	if (!equalBytes(header.appHash, crypto.keccak256(anchor.evmHeader))) return failed("the consensus header proves another block than the one in the file");
	if (verdict.kind !== "trusted") {
		const detail = `block ${header.height} ${BEYOND[verdict.kind]} (receipt refresh)`;
		return { check: unproven("header", detail), beyond: verdict.kind };
	}
	const who = checkpoint.kind === "sequencer" ? "the one operator of the network" : "more than two thirds of the validators";
	return { check: holds("header", `consensus block ${header.height} signed by ${who}`), beyond: undefined };
}

/** From the receipt's leaf to the line, and from the line to the root that the ledger keeps. */
function anchoredCheck({ order, anchor }: AnchorQuestion, { batch }: StateFacts, evmHeader: EvmHeader | undefined, crypto: Crypto): Check {
	const { line } = anchor;
	const root = foldBatchProof(lineHash(line, crypto), anchor.lineProof, crypto);
	if (batch === undefined) return fails("anchored", "the file does not prove what the ledger keeps of the batch");
	return judge("anchored", `batch ${anchor.seq} of gateway ${order.gateway}, in block ${batch.blockNumber}`, [
		batch.root === 0n && "the ledger has no such batch",
		(root === undefined || bytesToBigint(fromHex(root)) !== batch.root) && "the line does not belong to the batch",
		(line.release !== order.release || line.priceVersion !== order.priceVersion || line.node !== order.node) && "the line is for other calls than this one",
		evmHeader !== undefined &&
			(evmHeader.number < batch.blockNumber || evmHeader.timestamp < batch.timestamp) &&
			"the batch is newer than the block that proves it",
	]);
}

function sumCheck({ order, receipt, receiptDigest, anchor }: AnchorQuestion, crypto: Crypto): Check {
	const { inputUnits, outputUnits } = receipt;
	const { nodeFee, gatewayFee } = order;
	const leaf = { receipt: receiptDigest, sums: { calls: 1n, inputUnits, outputUnits, nodeFee, gatewayFee } };
	const steps = anchor.leafProof.map(({ siblingOnLeft, hash, ...sums }) => ({ siblingOnLeft, hash, sums }));
	const summed = foldSumProof(leaf, steps, crypto);
	const { line } = anchor;
	const equal =
		summed !== undefined &&
		summed.hash === line.root &&
		summed.sums.calls === line.calls &&
		summed.sums.inputUnits === line.inputUnits &&
		summed.sums.outputUnits === line.outputUnits &&
		summed.sums.nodeFee === line.nodeFee &&
		summed.sums.gatewayFee === line.gatewayFee;
	return judge("sum", `one of ${line.calls} calls whose sums are the line's`, [!equal && "this call with its units and fees is not in the line's sums"]);
}

function readState(
	{ order, info, anchor }: AnchorQuestion,
	evmHeader: EvmHeader | undefined,
	crypto: Crypto,
): { readonly facts: StateFacts; readonly check: Check } {
	const wrong: string[] = [];
	const nodes = attempt(() => TrieNodes.fromSorted(anchor.stateNodes, crypto), wrong);
	const state = evmHeader === undefined || nodes === undefined ? undefined : new ProvenState(evmHeader.stateRoot, nodes, crypto);
	if (evmHeader === undefined) wrong.push("the header of the block is malformed");
	const records = receiptRecords(order, info);
	const read = (record: RecordRef): ReadonlyMap<number, bigint> | undefined => state && attempt(() => state.read(record), wrong);
	const keyOf = (record: RecordRef): KeyInterval | undefined => {
		const words = read(record);
		if (words === undefined) return undefined;
		const { validFrom = 0n, validUntil = 0n } = fieldsOf(layout.NodeRegistry.key.fields, words);
		return { validFrom, validUntil };
	};
	const operatorOf = (record: RecordRef): OperatorFacts | undefined => {
		const words = read(record);
		if (words === undefined) return undefined;
		const { bond = 0n, unbonding = 0n, roles = 0n, registeredAt = 0n } = fieldsOf(layout.NodeRegistry.operator.fields, words);
		return { bond, unbonding, roles, registeredAt };
	};
	const batch = read(records.batch);
	const release = read(records.release);
	const price = read(records.price);
	const facts: StateFacts = {
		batch: batch && filled(fieldsOf(layout.UsageLedger.batch.fields, batch)),
		gatewayKey: keyOf(records.gatewayKey),
		nodeKey: keyOf(records.nodeKey),
		gateway: operatorOf(records.gateway),
		node: operatorOf(records.node),
		minBond: read(records.minBond)?.get(0),
		release: release && filled(fieldsOf(layout.ModelRegistry.release.fields, release)),
		price: price && filled(fieldsOf(layout.ModelRegistry.price.fields, price)),
	};
	if (nodes !== undefined && wrong.length === 0 && !nodes.allUsed) wrong.push("the state proof holds nodes that prove nothing");
	const number = evmHeader?.number ?? 0n;
	return { facts, check: judge("state", `read from the state of block ${number}`, [wrong[0]]) };
}

/** Fields that were read, zero for the others. */
function filled<K extends string>(fields: { readonly [name in K]: bigint | undefined }): { readonly [name in K]: bigint } {
	return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value ?? 0n])) as { readonly [name in K]: bigint };
}

function decodeHeader(rlp: Uint8Array): EvmHeader | undefined {
	try {
		return decodeEvmHeader(rlp);
	} catch {
		return undefined;
	}
}

function attempt<T>(work: () => T, wrong: string[]): T | undefined {
	try {
		return work();
	} catch (error) {
		if (!(error instanceof ProofError)) throw error;
		wrong.push(error.message);
		return undefined;
	}
}
