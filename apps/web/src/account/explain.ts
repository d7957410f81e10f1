/**
 * What a signature would do, in plain words, read from the very data that is signed: never from what the page believes it asked for.
 * Data that this file cannot read is not signed.
 */
import { channelsAbi, modelRegistryAbi, royaltiesAbi, usageLedgerAbi } from "@freehold/contracts/abi";
import { contractAddresses, type Hex, networkOf } from "@freehold/protocol";
import { type Abi, decodeFunctionData } from "viem";
import { exactOpg, shortOpg } from "../format/amount.js";
import { shortHash } from "../format/hash.js";
import { exactTime } from "../format/time.js";

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
	readonly kind: "deposit" | "voucher" | "transaction";
	/** A sentence that begins with a verb: what happens on yes. */
	readonly title: string;
	readonly sentences: readonly string[];
	/** Label, short value, exact value. */
	readonly rows: readonly (readonly [label: string, value: string, exact?: string])[];
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
			kind: "voucher",
			title: `Take ${shortOpg(value)} OPG back from your channel`,
			sentences: ["The gateway gives back what your calls did not use. Nothing is paid."],
			rows: [["Amount", `${shortOpg(value)} OPG`, exactOpg(value)], ["Channel", shortHash(channel), channel], where],
			amount: 0n,
			channel: channel as Hex,
			raw,
			yes: "Take it back",
		};
	}
	return undefined;
}

type Args = readonly unknown[];
interface CallWords {
	readonly title: string;
	readonly sentences: readonly string[];
	readonly rows?: Explanation["rows"];
	readonly yes: string;
}

const CALLS: Readonly<Record<string, { readonly abi: Abi; readonly words: Readonly<Record<string, (args: Args) => CallWords>> }>> = {
	[contractAddresses.ModelRegistry]: {
		abi: modelRegistryAbi as Abi,
		words: {
			publish: (args) => publishWords(args),
			setPrice: (args) => {
				const perCall = amountOf((args[1] as Record<string, unknown>)["perCall"]) ?? 0n;
				return {
					title: `Ask ${shortOpg(perCall)} OPG for a call from now on`,
					sentences: ["The new price counts for later calls. A cut takes effect at once, a rise after an hour."],
					rows: [hashRow("Release", args[0]), ["Price a call", `${shortOpg(perCall)} OPG`, exactOpg(perCall)]],
					yes: "Set the price",
				};
			},
			retire: (args) => ({
				title: "Retire a release",
				sentences: ["Nobody can ask it any more. Old receipts stay valid."],
				rows: [hashRow("Release", args[0])],
				yes: "Retire it",
			}),
		},
	},
	[contractAddresses.Royalties]: {
		abi: royaltiesAbi as Abi,
		words: {
			claim: (args) => ({
				title: "Take out what your models earned",
				sentences: ["Everything that the chain owes you is paid to the address below."],
				rows: [hashRow("Paid to", args[0])],
				yes: "Take it out",
			}),
			flow: (args) => ({
				title: "Move on what is on its way to your models",
				sentences: ["Income that descendants owe to your releases is passed up the lineage. Anyone may do this; it costs you only the fee."],
				rows: [["Releases", String(Array.isArray(args[0]) ? args[0].length : 0)]],
				yes: "Move it on",
			}),
		},
	},
	[contractAddresses.UsageLedger]: {
		abi: usageLedgerAbi as Abi,
		words: {
			withdraw: (args) => ({
				title: "Take out fees and refunds",
				sentences: ["What the ledger owes you is paid to the address below."],
				rows: [hashRow("Paid to", args[0])],
				yes: "Take it out",
			}),
		},
	},
	[contractAddresses.Channels]: {
		abi: channelsAbi as Abi,
		words: {
			deposit: (args) => ({
				title: `Put ${shortOpg(amountOf(args[1]) ?? 0n)} OPG into your payment channel`,
				sentences: ["This carries the transfer that you agreed to a moment ago."],
				rows: [["Amount", `${shortOpg(amountOf(args[1]) ?? 0n)} OPG`, exactOpg(amountOf(args[1]) ?? 0n)]],
				yes: "Put it in",
			}),
			initiateWithdraw: (args) => ({
				title: "Begin to leave a channel alone",
				sentences: ["The gateway did not close it together with you. After the notice that the channel states, the rest is yours without anyone's help."],
				rows: [["Amount", `${shortOpg(amountOf(args[1]) ?? 0n)} OPG`, exactOpg(amountOf(args[1]) ?? 0n)]],
				yes: "Begin",
			}),
			finalizeWithdraw: () => ({
				title: "Take the rest out of a channel",
				sentences: ["The notice is over; what is left comes back to your balance."],
				yes: "Take it out",
			}),
		},
	},
};

/** Undefined: not one of the things that this page signs. */
export function explainTransaction(transaction: TransactionData): Explanation | undefined {
	const { to, data, value, chainId, gas, maxFeePerGas } = transaction;
	const known = to === undefined ? undefined : CALLS[to.toLowerCase()];
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

function publishWords(args: Args): CallWords {
	const [namespace, name, , data, price] = args as [string, string, unknown, Record<string, unknown>, Record<string, unknown>];
	const parents = Array.isArray(data["parents"]) ? (data["parents"] as { readonly release: string; readonly bps: number }[]) : [];
	const perCall = amountOf(price["perCall"]) ?? 0n;
	return {
		title: `Publish ${namespace}/${name} ${String(data["major"])}.${String(data["minor"])} as yours`,
		sentences: [
			`The chain records you as its owner, with a price of ${shortOpg(perCall)} OPG a call.`,
			parents.length === 0
				? "It owes nothing to other models."
				: `It passes on ${parents.map(({ bps }) => `${bps / 100} %`).join(", ")} of what it earns to the releases it was made from.`,
			"A release never changes after this; the price can.",
		],
		rows: [
			["Price a call", `${shortOpg(perCall)} OPG`, exactOpg(perCall)],
			["Price an input unit", `${shortOpg(amountOf(price["perInputUnit"]) ?? 0n)} OPG`, exactOpg(amountOf(price["perInputUnit"]) ?? 0n)],
			["Price an output unit", `${shortOpg(amountOf(price["perOutputUnit"]) ?? 0n)} OPG`, exactOpg(amountOf(price["perOutputUnit"]) ?? 0n)],
			["Licence", String(data["licence"])],
			hashRow("Files", data["manifest"]),
			...parents.map(({ release, bps }): readonly [string, string, string] => [`Owes ${bps / 100} %`, shortHash(release), release]),
		],
		yes: "Publish",
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

function hashRow(label: string, value: unknown): readonly [string, string, string] {
	return [label, shortHash(String(value)), String(value)];
}

function networkRow(chainId: number): readonly [string, string] {
	const network = networkOf(chainId);
	return ["Network", `${network?.name ?? "unknown"}${network?.development === true ? " (no real money)" : ""}, chain ${chainId}`];
}

function amountOf(value: unknown): bigint | undefined {
	if (typeof value === "bigint") return value;
	if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
	return typeof value === "string" && /^(\d+|0x[0-9a-f]+)$/.test(value) ? BigInt(value) : undefined;
}

function lower(value: unknown): string | undefined {
	return typeof value === "string" ? value.toLowerCase() : undefined;
}

function readable(value: unknown): string {
	return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? inner.toString() : inner), 2);
}
