/**
 * Decides what a receipt file proves, from the file and a checkpoint alone: no network, no clock, no trust in whoever handed it over (design of receipts).
 *
 * Everything in the file is checked; what is there and wrong makes it a forgery. Left out by the holder may be: request, response, both with `holder`, the
 * anchor, and items of evidence (they stand outside the signatures).
 */

import { ANCHOR_GRACE_SECONDS } from "@freehold/contracts/layout";
import {
	type Checkpoint,
	type Crypto,
	charge,
	type EvidenceKind,
	formatOpg,
	fromHex,
	type Hex,
	modeName,
	networkOf,
	type Order,
	orderDigest,
	type Price,
	parseReceiptFile,
	payerCommitment,
	type ReceiptFile,
	receiptDigest,
	toHex,
} from "@freehold/protocol";
import { defaultCrypto } from "../crypto/default-crypto.js";
import { type AnchorVerdict, judgeAnchor, type KeyInterval, type StateFacts } from "./anchored-facts.js";
import { type Check, type CheckName, fails, holds, judge, unproven } from "./checks.js";
import { answerCheck, engineCheck, requestCheck } from "./commitment-checks.js";
import { evidenceCheck, isBondedNode, kindOfSignature } from "./evidence.js";
import { wordsOf } from "./words.js";

export interface VerifyOptions {
	/** The block and the signers that the verifier trusts. */
	readonly checkpoint: Checkpoint;
	/** Chain that the checkpoint is of; undefined: the one that the file names. */
	readonly chainId?: number;
	/** Default: pure JavaScript. */
	readonly crypto?: Crypto;
	/** Kinds of evidence that must hold. */
	readonly require?: readonly EvidenceKind[];
	/** The verifier's time in Unix milliseconds: a header from the future is refused. Not asked when absent. */
	readonly now?: number;
	/**
	 * The verifier's time for files whose proof leads over changed sets of validators, which answer for what they signed for a week only. Default: `now`; without
	 * either such a file stays unproven.
	 */
	readonly trustNow?: number;
	/** What the caller knows from elsewhere (its own reading of the chain). It is used only while the file has no anchor to prove it. */
	readonly known?: {
		readonly gatewayKeys?: readonly Hex[];
		readonly nodeKeys?: readonly Hex[];
		readonly price?: Price;
	};
}

/**
 * `meets`: genuine, anchored, all that is required holds. `forged`: something in the file is wrong. `unanchored`: nothing is wrong, and the file does not
 * (or, before the checkpoint, not usefully) prove when it was made. `missingEvidence`: genuine and anchored, and a required kind does not hold.
 */
export type Outcome = "meets" | "forged" | "missingEvidence" | "unanchored";

export interface ReceiptVerdict {
	readonly outcome: Outcome;
	readonly checks: readonly Check[];
	/** Kinds of evidence that hold. */
	readonly kinds: readonly EvidenceKind[];
	/** What the file proves, in sentences. */
	readonly known: readonly string[];
	/** What it leaves open, in sentences. */
	readonly notKnown: readonly string[];
}

/** Verdict on a file of which only the text is at hand: what does not parse is forged. */
export function verifyReceiptText(text: string, options: VerifyOptions): ReceiptVerdict {
	let file: ReceiptFile;
	try {
		file = parseReceiptFile(text);
	} catch (error) {
		const detail = error instanceof Error ? error.message : "the file does not parse";
		return { outcome: "forged", checks: [fails("file", detail)], kinds: [], known: [], notKnown: [] };
	}
	return verifyReceipt(file, options);
}

/**
 * @example
 * const { outcome, checks } = verifyReceipt(parseReceiptFile(text), { checkpoint });
 * if (outcome !== "meets") throw new Error(checks.find((check) => !check.ok)?.detail);
 */
export function verifyReceipt(file: ReceiptFile, options: VerifyOptions): ReceiptVerdict {
	const crypto = options.crypto ?? defaultCrypto;
	const { order, receipt, chainId } = file;
	const orderHash = orderDigest(order, chainId, crypto);
	const receiptHash = receiptDigest(receipt, chainId, crypto);
	const gatewayKey = recover(orderHash, file.orderSignature, crypto);
	const nodeKey = recover(receiptHash, file.receiptSignature, crypto);
	const anchor =
		file.anchor === undefined
			? undefined
			: judgeAnchor(
					{
						order,
						receipt,
						receiptDigest: receiptHash,
						anchor: file.anchor,
						info: { seq: file.anchor.seq, gatewayKey: gatewayKey ?? NO_ADDRESS, nodeKey: nodeKey ?? NO_ADDRESS },
						checkpoint: options.checkpoint,
						consensusChainId: networkOf(chainId)?.consensusChainId ?? `freehold-${chainId}`,
						now: options.now,
						trustNow: options.trustNow,
					},
					crypto,
				);
	const facts = anchor?.facts;
	const price = facts?.price ?? (anchor === undefined ? options.known?.price : undefined);
	const checks: Check[] = [
		judge("file", `chain ${chainId}`, [
			options.chainId !== undefined && options.chainId !== chainId && `the file is of chain ${chainId}, not of ${options.chainId}`,
		]),
		firstFailure(
			"order",
			orderTerms(file, orderHash, price),
			signatureCheck("order", "gateway", order.gateway, gatewayKey, facts?.gatewayKey, anchor, options.known?.gatewayKeys),
		),
		signatureCheck("signed", "node", order.node, nodeKey, facts?.nodeKey, anchor, options.known?.nodeKeys),
		payerCheck(file, crypto),
		requestCheck(file, crypto),
		answerCheck(file, crypto),
		engineCheck(file, crypto),
		evidenceCheck(file.evidence, receiptHash, crypto),
		releaseCheck(order, anchor),
		priceCheck(file, price, anchor),
		...(anchor?.checks ?? UNANCHORED.map((name) => unproven(name, "the file has no anchor"))),
	];
	const forged = checks.some((check) => check.result === "fails");
	const signed = checks.some((check) => check.name === "signed" && check.ok);
	const bonded = isBondedNode(facts?.node, facts?.minBond);
	const kinds: readonly EvidenceKind[] = !forged && signed && bonded ? [kindOfSignature(file.engine)] : [];
	const missing = (options.require ?? []).filter((kind) => !kinds.includes(kind));
	const outcome = forged ? "forged" : anchor === undefined || anchor.beyond !== undefined ? "unanchored" : missing.length > 0 ? "missingEvidence" : "meets";
	return { outcome, checks, kinds, ...wordsOf({ file, outcome, kinds, missing, anchor, bonded }) };
}

const UNANCHORED = ["anchored", "sum", "state", "header"] as const satisfies readonly CheckName[];
/** Stands where a signature recovers to no key; no key of the registry is this one. */
const NO_ADDRESS: Hex = `0x${"00".repeat(20)}`;

function recover(digest: Hex, signature: Hex, crypto: Crypto): Hex | undefined {
	const address = crypto.recover(fromHex(digest), fromHex(signature));
	return address && toHex(address);
}

/** What order and receipt say of each other. */
function orderTerms({ order, receipt }: ReceiptFile, orderHash: Hex, price: Price | undefined): Check {
	const most = price && charge(price, { calls: 1n, inputUnits: order.maxInputUnits, outputUnits: order.maxOutputUnits }, order);
	return judge("order", `signed by gateway ${order.gateway}, and kept to`, [
		receipt.order !== orderHash && "the receipt answers another order",
		modeName(order.mode) === undefined && `mode ${order.mode} is not known`,
		(receipt.inputUnits > order.maxInputUnits || receipt.outputUnits > order.maxOutputUnits) && "more units were used than ordered",
		receipt.charge < order.nodeFee + order.gatewayFee && "the charge does not cover the fees of the order",
		most !== undefined && receipt.charge > most && `${formatOpg(receipt.charge)} OPG was charged, the order allows ${formatOpg(most)} OPG`,
		(receipt.startedAt > receipt.finishedAt || receipt.finishedAt > order.deadline) && "the answer does not lie before the order's deadline",
	]);
}

/** A signature, and whether its key was the operator's when the batch was anchored. */
function signatureCheck(
	name: "order" | "signed",
	role: "gateway" | "node",
	operator: Hex,
	key: Hex | undefined,
	interval: KeyInterval | undefined,
	anchor: AnchorVerdict | undefined,
	knownKeys: readonly Hex[] | undefined,
): Check {
	if (key === undefined) return fails(name, `the ${role}'s signature is malformed`);
	const good = holds(name, `by key ${key} of ${role} ${operator}`);
	if (anchor === undefined) {
		if (knownKeys === undefined) return unproven(name, `signed by ${key}; that this is the ${role}'s key only an anchored receipt proves`);
		return knownKeys.includes(key) ? good : fails(name, `${key}, who signed, is not a key of ${role} ${operator}`);
	}
	const time = anchor.facts.batch?.timestamp;
	if (interval === undefined) return fails(name, `${key}, who signed, is not proved to be a key of ${role} ${operator}`);
	if (interval.validFrom === 0n) return fails(name, `${key}, who signed, is not a key of ${role} ${operator}`);
	if (time === undefined) return unproven(name, "the time of the batch is not proved");
	if (time < interval.validFrom || time >= interval.validUntil)
		return fails(name, `key ${key} of ${role} ${operator} was not valid when the batch was anchored`);
	return good;
}

function payerCheck({ order, holder }: ReceiptFile, crypto: Crypto): Check {
	if (holder === undefined) return unproven("payer", "left out of the file");
	return judge("payer", holder.payer, [payerCommitment(holder.payer, holder.salt, crypto) !== order.payer && "the order names another payer"]);
}

function releaseCheck(order: Order, anchor: AnchorVerdict | undefined): Check {
	if (anchor === undefined) return unproven("release", "the file has no anchor");
	const { release, batch } = anchor.facts;
	if (release === undefined || batch === undefined) return fails("release", `the file does not prove release ${order.release}`);
	const time = batch.timestamp;
	return judge("release", `${order.release} published and served`, [
		(release.publishedAt === 0n || release.publishedAt > time) && "there was no such release when the batch was anchored",
		release.retiredAt !== 0n && time > release.retiredAt + GRACE && "the release had been retired by its owner",
		(release.modes & (1n << BigInt(order.mode))) === 0n && `the release does not offer mode ${modeName(order.mode) ?? order.mode}`,
	]);
}

const GRACE = BigInt(ANCHOR_GRACE_SECONDS);

function priceCheck({ order, receipt }: ReceiptFile, price: StateFacts["price"] | Price, anchor: AnchorVerdict | undefined): Check {
	const batch = anchor?.facts.batch;
	if (price === undefined || (anchor !== undefined && batch === undefined)) {
		const detail = "the file does not prove the price";
		return anchor === undefined ? unproven("price", detail) : fails("price", detail);
	}
	const due = charge(price, { calls: 1n, inputUnits: receipt.inputUnits, outputUnits: receipt.outputUnits }, order);
	return judge("price", `${formatOpg(receipt.charge)} OPG by price version ${order.priceVersion}`, [
		"validFrom" in price && batch !== undefined && outsideInterval(price, batch.timestamp),
		receipt.charge !== due && `${formatOpg(receipt.charge)} OPG was charged, ${formatOpg(due)} OPG was due`,
	]);
}

/** As the ledger admits lines: a version may be charged until its end and a grace. */
function outsideInterval(price: { readonly validFrom: bigint; readonly validUntil: bigint }, time: bigint): string | undefined {
	if (price.validFrom === 0n) return "there is no such version of the price";
	// A version that ends before it begins was withdrawn while it waited.
	const withdrawn = price.validUntil !== 0n && price.validUntil < price.validFrom;
	if (withdrawn || price.validFrom > time) return "the price was not in force";
	return price.validUntil !== 0n && time > price.validUntil + GRACE ? "the price had ended" : undefined;
}

/** The failing one; else the one that leaves something open; else the first. */
function firstFailure(name: CheckName, terms: Check, signature: Check): Check {
	if (terms.result === "fails") return terms;
	return signature.result === "holds" ? terms : { ...signature, name };
}
