/** The calls of contracts that this page signs, in words: each row is read from the call's own arguments. */
import { channelsAbi, modelRegistryAbi, royaltiesAbi, usageLedgerAbi } from "@freehold/contracts/abi";
import { contractAddresses } from "@freehold/protocol";
import type { Abi } from "viem";
import { exactOpg, percent, shortOpg } from "../format/amount.js";
import { shortHash } from "../format/hash.js";

/** Label, short value, exact value. */
export type Rows = readonly (readonly [label: string, value: string, exact?: string])[];
export type Args = readonly unknown[];
export interface CallWords {
	readonly title: string;
	readonly sentences: readonly string[];
	readonly rows?: Rows;
	readonly yes: string;
}

/** What each call that this page makes does, by contract and function. Whatever is not here is not signed. */
export const callWords: Readonly<Record<string, { readonly abi: Abi; readonly words: Readonly<Record<string, (args: Args) => CallWords>> }>> = {
	[contractAddresses.ModelRegistry]: {
		abi: modelRegistryAbi as Abi,
		words: {
			publish: (args) => publishWords(args),
			setPrice: (args) => {
				const price = priceOf(args[1]);
				return {
					title: `Ask ${priceWords(price)} from now on`,
					sentences: ["The new price counts for later calls. A cut takes effect at once, a rise after an hour."],
					rows: [hashRow("Release", args[0]), ...priceRows(price)],
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

function publishWords(args: Args): CallWords {
	const [namespace, name, , data, price] = args as [string, string, unknown, Record<string, unknown>, unknown];
	const parents = Array.isArray(data["parents"]) ? (data["parents"] as { readonly release: string; readonly bps: number }[]) : [];
	const asked = priceOf(price);
	const terms = (data["terms"] ?? {}) as Record<string, unknown>;
	const leastBps = amountOf(terms["leastBps"]) ?? 0n;
	return {
		title: `Publish ${namespace}/${name} ${String(data["major"])}.${String(data["minor"])} as yours`,
		sentences: [
			`The chain records you as its owner, with a price of ${priceWords(asked)}.`,
			parents.length === 0
				? "It owes nothing to other models."
				: `It passes on ${parents.map(({ bps }) => `${bps / 100} %`).join(", ")} of what it earns to the releases it was made from.`,
			"A release never changes after this; the price can.",
		],
		rows: [
			...priceRows(asked),
			...(leastBps === 0n ? [] : [["Least from descendants", percent(leastBps, 10_000n), `${leastBps} basis points`] as const]),
			...amountRows("Least from descendants", [terms["leastPerCall"], terms["leastPerInputUnit"], terms["leastPerOutputUnit"]], true),
			["Licence", String(data["licence"])],
			hashRow("Files", data["manifest"]),
			...parents.map(({ release, bps }): readonly [string, string, string] => [`Owes ${bps / 100} %`, shortHash(release), release]),
		],
		yes: "Publish",
	};
}

type PriceParts = readonly [perCall: unknown, perInputUnit: unknown, perOutputUnit: unknown];
const UNITS = ["a call", "an input unit", "an output unit"] as const;

function priceOf(value: unknown): PriceParts {
	const { perCall, perInputUnit, perOutputUnit } = value as Record<string, unknown>;
	return [perCall, perInputUnit, perOutputUnit];
}

/** `1.00 OPG a call and 0.01 OPG an input unit`: every part that is asked. */
function priceWords(parts: PriceParts): string {
	const words = parts.flatMap((part, index) => {
		const amount = amountOf(part) ?? 0n;
		return index > 0 && amount === 0n ? [] : [`${shortOpg(amount)} OPG ${UNITS[index]}`];
	});
	return words.length < 3 ? words.join(" and ") : `${words[0]}, ${words[1]} and ${words[2]}`;
}

function priceRows(parts: PriceParts): Rows {
	return amountRows("Price", parts, false);
}

function amountRows(label: string, parts: PriceParts, onlyAsked: boolean): Rows {
	return parts.flatMap((part, index) => {
		const amount = amountOf(part) ?? 0n;
		return onlyAsked && amount === 0n ? [] : [[`${label} for ${UNITS[index]}`, `${shortOpg(amount)} OPG`, exactOpg(amount)] as const];
	});
}

function hashRow(label: string, value: unknown): readonly [string, string, string] {
	return [label, shortHash(String(value)), String(value)];
}

/** An amount as JSON or an ABI has it, smallest unit; undefined for anything else. */
export function amountOf(value: unknown): bigint | undefined {
	if (typeof value === "bigint") return value;
	if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
	return typeof value === "string" && /^(\d+|0x[0-9a-f]+)$/.test(value) ? BigInt(value) : undefined;
}
