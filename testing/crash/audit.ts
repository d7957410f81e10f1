/** Every party's view of the money, side by side, to the unit: clients, gateway, chain, hub. */
import { tillAddress } from "@freehold/payments";
import { type EarningsBody, type Hex, hubRoutes, type NetworkFile, systemAddresses } from "@freehold/protocol";
import type { Freehold, Inference } from "@freehold/sdk";
import { type ChainEvent, contracts, decodeEvent } from "@freehold/sdk/chain";
import { expect } from "vitest";
import { eventually } from "../journey/programs.js";

/** A client and everything that it was answered. */
export interface Paid {
	readonly freehold: Freehold;
	readonly answers: readonly Inference[];
	/** Calls that failed on the way and were asked anew, in words: for a report of books that do not agree. */
	readonly failures?: readonly string[];
}

export interface Audited {
	readonly network: NetworkFile;
	/** Clients that paid at the gateway; nobody else did. */
	readonly payers: readonly Paid[];
	readonly owners: readonly Hex[];
	readonly models: readonly { readonly name: string; readonly release: Hex }[];
}

/** A model's usage as the hub tells it. */
interface HubUsage {
	readonly days: readonly { readonly release: Hex; readonly calls: number; readonly gross: string }[];
}

export const sum = (amounts: Iterable<bigint>): bigint => {
	let total = 0n;
	for (const amount of amounts) total += amount;
	return total;
};

/** All that the three contracts of money said since the first block. */
export interface Books {
	readonly events: readonly ChainEvent[];
	/** Events of a name; `Refunded` of `UsageLedger`, since `Channels` has one of its own. */
	readonly of: (name: string) => readonly Readonly<Record<string, bigint & Hex>>[];
}

export async function readBooks(freehold: Freehold): Promise<Books> {
	const money = [contracts.UsageLedger, contracts.Royalties, contracts.Channels];
	const logs = await freehold.client.chain.logs({
		addresses: money.map(({ address }) => address),
		fromBlock: 0n,
		toBlock: await freehold.client.chain.blockNumber(),
	});
	const events = logs.flatMap((log) => decodeEvent(log, money) ?? []);
	return {
		events,
		of: (name) =>
			events
				.filter((event) => event.name === name && (name !== "Refunded" || event.address === contracts.UsageLedger.address))
				.map(({ args }) => args as Readonly<Record<string, bigint & Hex>>),
	};
}

/** Throws where any two views differ. To be called when every answer is final. */
export async function audit({ network, payers, owners, models }: Audited): Promise<void> {
	const [first] = payers;
	if (first === undefined) throw new RangeError("nobody paid");
	const { chain } = first.freehold.client;
	const books = await readBooks(first.freehold);
	const answers = payers.flatMap((payer) => payer.answers);
	const charges = sum(answers.map(({ charge }) => charge));

	// One answer, one call, one receipt; each in exactly one batch.
	expect(new Set(answers.map(({ callId }) => callId)).size).toBe(answers.length);
	const lines = books.of("LinePaid");
	// What the gateway brought itself: answers of orders that it had given up, and that nobody else paid.
	const covered = await coveredBy(first.freehold, answers[0]?.receiptFile.order.gateway);
	const counted = sum(lines.map((line) => line["calls"] ?? 0n));
	expect(covered === 0n ? counted === BigInt(answers.length) : counted > BigInt(answers.length), `${counted} calls, ${answers.length} answers`).toBe(true);
	expect(books.of("LineHeld")).toEqual([]);
	const anchored = books.of("Anchored");
	expect(anchored.map((batch) => batch["seq"])).toEqual(anchored.map((_, index) => BigInt(index + 1)));

	// What clients were charged is what was split, and nothing stays in the till.
	const paidOut = sum(lines.map((line) => (line["ownerAmount"] ?? 0n) + (line["nodeFee"] ?? 0n) + (line["gatewayFee"] ?? 0n)));
	const refunds = sum(books.of("Refunded").map((refund) => refund["amount"] ?? 0n));
	expect(paidOut).toBe(charges + covered);
	expect(sum(anchored.map((batch) => batch["total"] ?? 0n))).toBe(charges + covered + refunds);
	const gateway = answers[0]?.receiptFile.order.gateway;
	const node = answers[0]?.receiptFile.order.node;
	if (gateway === undefined || node === undefined) throw new RangeError("nothing was answered");
	expect(await chain.read(contracts.OPG, "balanceOf", [tillAddress(gateway)])).toBe(0n);
	const credits = await Promise.all([node, gateway, systemAddresses.treasury].map((address) => chain.read(contracts.UsageLedger, "credit", [address])));
	expect(sum(credits)).toBe(sum(lines.map((line) => (line["nodeFee"] ?? 0n) + (line["gatewayFee"] ?? 0n))));

	// Owners have been credited all of their part: nothing is left upstream, and nobody has claimed yet.
	const claimable = await Promise.all(owners.map((owner) => chain.read(contracts.Royalties, "claimable", [owner])));
	expect(sum(claimable)).toBe(sum(books.of("OwnerCredited").map((credited) => credited["amount"] ?? 0n)));
	expect(sum(claimable)).toBe(sum(lines.map((line) => line["ownerAmount"] ?? 0n)));

	for (const payer of payers) await auditChannels(payer);
	for (const { name, release } of models) {
		const mine = answers.filter((answer) => answer.release === release);
		const usage = await chain.read(contracts.UsageLedger, "usageOf", [release]);
		if (covered === 0n)
			expect({ calls: usage.calls, gross: usage.gross }).toEqual({ calls: BigInt(mine.length), gross: sum(mine.map(({ charge }) => charge)) });
		await hubAgreesOnUsage(network, name, release, usage);
	}
	for (const [index, owner] of owners.entries())
		await hubAgrees(
			network,
			`${network.hubUrl}${hubRoutes.earnings.path.replace(":address", owner)}`,
			(body: EarningsBody) => body.reconciled && body.claimable === claimable[index]?.toString(),
		);
}

/** What a gateway has put into its own till. */
async function coveredBy({ client: { chain } }: Freehold, gateway: Hex | undefined): Promise<bigint> {
	if (gateway === undefined) return 0n;
	const till = tillAddress(gateway);
	const logs = await chain.logs({ addresses: [contracts.OPG.address], fromBlock: 0n, toBlock: await chain.blockNumber() });
	const transfers = logs.flatMap((log) => decodeEvent(log, [contracts.OPG]) ?? []);
	const lower = (value: unknown): string => String(value).toLowerCase();
	return sum(
		transfers
			.filter(({ name, args }) => name === "Transfer" && lower(args["from"]) === gateway && lower(args["to"]) === till)
			.map(({ args }) => args["value"] as bigint),
	);
}

/** The chain took from each channel what the client knows of: not a unit more than it was charged, and never more than it signed. */
export async function auditChannels({ freehold, answers, failures = [] }: Paid): Promise<void> {
	const { client } = freehold;
	const lanes = await client.lanes.list();
	expect(lanes.length).toBeGreaterThan(0);
	for (const lane of lanes) {
		const [balance, totalClaimed] = await client.chain.read(contracts.Channels, "channels", [lane.channelId]);
		expect(totalClaimed).toBeLessThanOrEqual(lane.signed);
		expect({ totalClaimed, balance }).toEqual({ totalClaimed: lane.charged, balance: lane.balance });
	}
	const story = `${answers.map(({ callId }) => callId).join(" ")}\n${failures.join("\n")}`;
	expect(sum(lanes.map(({ charged }) => charged)), story).toBe(sum(answers.map(({ charge }) => charge)));
}

/** What the hub says of a release is what the chain says. */
export function hubAgreesOnUsage(network: NetworkFile, name: string, release: Hex, usage: { readonly calls: bigint; readonly gross: bigint }): Promise<void> {
	return hubAgrees(network, `${network.hubUrl}${hubRoutes.usage.path.replace(":namespace/:name", name)}`, ({ days }: HubUsage) => {
		const indexed = days.filter((day) => day.release === release);
		return sum(indexed.map(({ calls }) => BigInt(calls))) === usage.calls && sum(indexed.map(({ gross }) => BigInt(gross))) === usage.gross;
	});
}

/** The hub follows the chain, so it is given a moment. */
async function hubAgrees<T>({ hubUrl }: NetworkFile, url: string, agrees: (body: T) => boolean): Promise<void> {
	let last: unknown;
	await eventually(
		async () => {
			const response = await fetch(url);
			last = await response.json();
			return response.ok && agrees(last as T) ? true : undefined;
		},
		() => `the hub at ${hubUrl} says otherwise: ${url} ${JSON.stringify(last)}`,
	);
}
