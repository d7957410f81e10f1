/**
 * What a signature would do, in plain words, read from the very data that is signed: never from what the page believes it asked for.
 * Data that this file cannot read is not signed.
 */
import { contractAddresses, type Hex, networkOf } from "@freehold/protocol";
import { type Abi, decodeFunctionData } from "viem";
import { exactOpg, shortOpg } from "../format/amount.js";
import { shortHash } from "../format/hash.js";
import { exactTime } from "../format/time.js";
import { type Args, amountOf, callWords, type Rows } from "./call-words.js";
import { keyWords } from "./key-words.js";
import { licenceWords } from "./licence-words.js";

export interface TypedData {
	readonly domain: { readonly name: string; readonly version: string; readonly chainId: number; readonly verifyingContract: Hex };
	readonly types: Readonly<Record<string, readonly { readonly name: string; readonly type: string }[]>>;
	readonly primaryType: string;
	readonly message: Readonly<Record<string, unknown>>;
}

export interface TransactionData {
	readonly chainId: number;
	readonly to?: Hex;
	readonly data: Hex;
	readonly value: bigint;
	readonly gas: bigint;
	readonly maxFeePerGas: bigint;
}

export interface Explanation {
	/** `look`: shows the account what is its own, and moves nothing. */
	readonly kind: "deposit" | "voucher" | "refund" | "transaction" | "key" | "licence" | "look";
	/** A sentence that begins with a verb: what happens on yes. */
	readonly title: string;
	readonly sentences: readonly string[];
	readonly rows: Rows;
	/** A text that is agreed to as a whole. */
	readonly document?: { readonly label: string; readonly text: string };
	/** Money that leaves the account's own hands, at most. */
	readonly amount: bigint;
	/** Channel of a voucher. */
	readonly channel?: Hex;
	/** The data as it is signed, for those who read it. */
	readonly raw: string;
	readonly yes: string;
}

/** Undefined: not one of the things that this page signs. */
export function explainTypedData(typed: TypedData): Explanation | undefined {
	const { domain, primaryType, message } = typed;
	const network = networkOf(domain.chainId);
	if (network === undefined) return undefined;
	const contract = domain.verifyingContract.toLowerCase();
	const where = networkRow(domain.chainId);
	const raw = readable(typed);
	if (primaryType === "ReceiveWithAuthorization" && contract === contractAddresses.OPG && lower(message["to"]) === contractAddresses.Erc3009DepositCollector) {
		const value = amountOf(message["value"]);
		const until = amountOf(message["validBefore"]);
		if (value === undefined || until === undefined) return undefined;
		return {
			kind: "deposit",
			title: `Put ${shortOpg(value)} OPG into a payment channel`,
			sentences: [
				"The money moves from your balance into a channel that pays for your calls. It costs no fee.",
				"Only what your calls cost can be taken out of it. What is left comes back when you close the channel.",
				"Each call then signs a voucher over what it costs. You are not asked again until these vouchers together would pass what you put in.",
			],
			rows: [
				["Amount", `${shortOpg(value)} OPG`, exactOpg(value)],
				["From", shortHash(String(message["from"])), String(message["from"])],
				["Valid until", exactTime(Number(until) * 1000)],
				where,
			],
			amount: value,
			raw,
			yes: "Put it in",
		};
	}
	if (primaryType === "Voucher" && contract === contractAddresses.Channels) {
		const value = amountOf(message["maxClaimableAmount"]);
		const channel = lower(message["channelId"]);
		if (value === undefined || channel === undefined) return undefined;
		return {
			kind: "voucher",
			title: `Let the gateway claim up to ${shortOpg(value)} OPG in all`,
			sentences: [
				"This voucher covers everything that you have asked through this channel so far, this call included. It replaces the one before; the amounts do not add up.",
			],
			rows: [["At most, in all", `${shortOpg(value)} OPG`, exactOpg(value)], ["Channel", shortHash(channel), channel], where],
			amount: value,
			channel: channel as Hex,
			raw,
			yes: "Sign the voucher",
		};
	}
	if (primaryType === "Refund" && contract === contractAddresses.Channels) {
		const value = amountOf(message["amount"]);
		const channel = lower(message["channelId"]);
		if (value === undefined || channel === undefined) return undefined;
		return {
			kind: "refund",
			title: `Take ${shortOpg(value)} OPG back from your channel`,
			sentences: ["The gateway gives back what your calls did not use. Nothing is paid."],
			rows: [["Amount", `${shortOpg(value)} OPG`, exactOpg(value)], ["Channel", shortHash(channel), channel], where],
			amount: 0n,
			raw,
			yes: "Take it back",
		};
	}
	if (primaryType === "KeyRequest" && contract === contractAddresses.Channels) {
		const words = keyWords(message);
		return words && { ...words, rows: [...words.rows, ["Gateway", shortHash(String(message["gateway"])), String(message["gateway"])], where], amount: 0n, raw };
	}
	if (primaryType === "LicenceAcceptance" && contract === contractAddresses.UsageLedger) {
		const words = licenceWords(message);
		return words && { ...words, rows: [...words.rows, where], amount: 0n, raw };
	}
	return undefined;
}

/** Undefined: not one of the things that this page signs. */
export function explainTransaction(transaction: TransactionData): Explanation | undefined {
	const { to, data, value, chainId, gas, maxFeePerGas } = transaction;
	const known = to === undefined ? undefined : callWords[to.toLowerCase()];
	if (known === undefined || networkOf(chainId) === undefined || value !== 0n) return undefined;
	const call = decode(known.abi, data);
	const words = call === undefined ? undefined : known.words[call.functionName];
	if (call === undefined || words === undefined) return undefined;
	const { title, sentences, rows = [], yes } = words(call.args);
	const fee = gas * maxFeePerGas;
	return {
		kind: "transaction",
		title,
		sentences,
		rows: [...rows, ["Fee at most", `${shortOpg(fee)} OPG`, exactOpg(fee)], networkRow(chainId)],
		amount: 0n,
		raw: readable({ to, value, gas, maxFeePerGas, call: { function: call.functionName, args: call.args } }),
		yes,
	};
}

function decode(abi: Abi, data: Hex): { readonly functionName: string; readonly args: Args } | undefined {
	try {
		const { functionName, args } = decodeFunctionData({ abi, data });
		return { functionName, args: args ?? [] };
	} catch {
		return undefined;
	}
}

function networkRow(chainId: number): readonly [string, string] {
	const network = networkOf(chainId);
	return ["Network", `${network?.name ?? "unknown"}${network?.development === true ? " (no real money)" : ""}, chain ${chainId}`];
}

function lower(value: unknown): string | undefined {
	return typeof value === "string" ? value.toLowerCase() : undefined;
}

function readable(value: unknown): string {
	return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? inner.toString() : inner), 2);
}
