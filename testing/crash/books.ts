/** Every party's books after the kills, compared to the unit: clients, gateway, node, chain, hub, storage. */
import { deserialize } from "node:v8";
import { tillAddress } from "@freehold/payments";
import type { Hex } from "@freehold/protocol";
import { verifyReceipt } from "@freehold/sdk";
import { contracts } from "@freehold/sdk/chain";
import { nativeCrypto, openStore } from "@freehold/service";
import { expect } from "vitest";
import { eventually } from "../journey/programs.js";
import { auditChannels, type Books, hubAgreesOnUsage, readBooks, sum } from "./audit.js";
import type { ChannelClient } from "./parties/channel-client.js";
import type { ExactClient } from "./parties/exact-client.js";
import { GIFT, type GiftTaker } from "./parties/gift-taker.js";
import { type Keeper, type Publisher, readBlob } from "./parties/keeper.js";
import { CHAIN_ID, type World } from "./world.js";

export interface Parties {
	readonly channels: readonly ChannelClient[];
	readonly publishers: readonly Publisher[];
	readonly exact: readonly ExactClient[];
	/** Without idempotency keys: they may lose an answer on the way, and nothing else. */
	readonly keyless: readonly ExactClient[];
	readonly keepers: readonly Keeper[];
	readonly gifts: readonly GiftTaker[];
	/** Money of each exact client before its first payment. */
	readonly balances: ReadonlyMap<Hex, bigint>;
	readonly models: readonly { readonly name: string; readonly release: Hex }[];
}

export interface Findings {
	readonly calls: number;
	readonly charges: bigint;
	readonly refunds: bigint;
	readonly batches: number;
	readonly blobs: number;
	/** Answers that a node has kept of orders that its gateway gave up: its debt, which nobody was charged for, and which it has not paid yet. */
	readonly orphans: number;
	/** Those that it has paid itself. */
	readonly paidOrphans: number;
}

interface StoredCall {
	readonly order: { readonly callId: Hex };
	readonly receipt: { readonly charge: bigint };
	readonly payer: Hex;
}

const SETTLED_DEADLINE_MS = 60_000;
const PROOF_DEADLINE_MS = 60_000;

/** Throws where any two views differ. Everything must run; nobody may ask any more. The gateway and the node are stopped to read their stores. */
export async function compareBooks(world: World, parties: Parties): Promise<Findings> {
	const { network } = world;
	const gateway = world.operator("gateway").address;
	const node = world.operator("inference").address;
	const reader = world.person(0);
	const { chain } = reader.client;
	const till = tillAddress(gateway);

	// What was interrupted is finished by itself: no order, payment or batch stays open.
	await eventually(
		async () => {
			const metrics = await (await fetch(`${world.urlOf("gateway")}/ready`)).json().catch(() => undefined);
			const waits = (metrics as { readonly detail?: { readonly unanchoredCalls?: number; readonly unanchoredAgeMs?: number } } | undefined)?.detail;
			// Also a batch that is sealed and not yet in a block: until then its vouchers are not in the till, which is empty.
			return waits?.unanchoredCalls === 0 && waits.unanchoredAgeMs === 0 && (await chain.balance(till)) === 0n ? true : undefined;
		},
		() => `the till to be empty\n${world.lastWords()}`,
		SETTLED_DEADLINE_MS,
	);

	// Clients: every answer is one call with a proof that stands alone.
	const sdk = [...parties.channels, ...parties.publishers];
	for (const { freehold, answers } of sdk) {
		for (const { callId, charge } of answers) {
			const { state, file } = await freehold.receipts.wait(callId, { timeoutMs: PROOF_DEADLINE_MS });
			expect([callId, state, file.receipt.charge]).toEqual([callId, "final", charge]);
			expect(verifyReceipt(file, { checkpoint: network.checkpoint, chainId: CHAIN_ID, crypto: nativeCrypto }).outcome).toBe("meets");
		}
	}
	const exactAnswers = [...parties.exact, ...parties.keyless].flatMap(({ payments }) => payments.filter(({ outcome }) => outcome === "answered"));
	for (const { callId, charge } of exactAnswers) {
		const { state, file } = await reader.receipts.wait(callId as Hex, { timeoutMs: PROOF_DEADLINE_MS });
		expect([state, file.receipt.charge]).toEqual(["final", charge]);
	}
	for (const payer of sdk) await auditChannels(payer);

	const books = await readBooks(reader);
	const charges = auditBatches(books);
	await auditExact(world, parties, books);
	await auditCredits(world, books, node, gateway);

	// Storage, gifts, hub.
	for (const { blobs } of parties.keepers) for (const sha256 of blobs) await readBlob(world.urlOf("storage"), sha256);
	for (const { asked } of parties.gifts) {
		for (const [address, times] of asked) {
			const has = await chain.balance(address);
			expect([address, has > 0n && has % GIFT === 0n && has <= BigInt(times) * GIFT]).toEqual([address, true]);
		}
	}
	const answersOf = (release: Hex): number => sdk.flatMap(({ answers }) => answers).filter((answer) => answer.release === release).length;
	const used: { readonly model: string; readonly release: Hex; readonly calls: bigint }[] = [];
	for (const { model, release } of parties.publishers.flatMap(({ releases }) => releases)) {
		const usage = await chain.read(contracts.UsageLedger, "usageOf", [release]);
		used.push({ model, release, calls: usage.calls });
		await hubAgreesOnUsage(network, model, release, usage);
	}
	for (const { name, release } of parties.models) await hubAgreesOnUsage(network, name, release, await chain.read(contracts.UsageLedger, "usageOf", [release]));

	// The gateway's and the node's own books.
	await world.process("gateway").stop();
	await world.process("inference").stop();
	const calls = await readTable<StoredCall>(world.path("gateway/store"), "calls");
	const paidOrphans = await readTable<{ readonly order: { readonly release: Hex }; readonly charge: bigint }>(world.path("gateway/store"), "orphans");
	for (const { model, release, calls: counted } of used) {
		const own = paidOrphans.filter(({ order }) => order.release === release).length;
		expect([model, counted]).toEqual([model, BigInt(answersOf(release) + own)]);
	}
	const orders = await readTable<unknown>(world.path("gateway/store"), "orders");
	const kept = await readTable<{ readonly receipt: { readonly charge: string }; readonly order: { readonly callId: Hex } }>(
		world.path("inference/store"),
		"receipts",
	);
	expect(orders.length).toBe(0);
	expect(sum(calls.map(({ receipt }) => receipt.charge)) + sum(paidOrphans.map(({ charge }) => charge))).toBe(charges);
	const received = new Set<Hex>([...sdk.flatMap(({ answers }) => answers.map(({ callId }) => callId)), ...exactAnswers.map(({ callId }) => callId as Hex)]);
	// Every charge has an answer that its client has; one without a key may have lost its own.
	const keyless = new Set(parties.keyless.map(({ address }) => address));
	const lost = parties.keyless.flatMap(({ payments }) => payments.filter(({ outcome }) => outcome === "lost")).length;
	const unclaimed = calls.filter(({ order }) => !received.has(order.callId));
	expect(unclaimed.filter(({ payer }) => !keyless.has(payer)).map(({ order, payer }) => [order.callId, payer])).toEqual([]);
	expect(unclaimed.length).toBeLessThanOrEqual(lost);
	expect(calls.length).toBe(received.size + unclaimed.length);
	const byNode = new Set(kept.map(({ order }) => order.callId));
	expect(calls.filter(({ order }) => !byNode.has(order.callId))).toEqual([]);
	await Promise.all([world.start("gateway"), world.start("inference")]);
	return {
		calls: calls.length,
		charges,
		refunds: sum(books.of("Refunded").map((refund) => refund["amount"] ?? 0n)),
		batches: books.of("Anchored").length,
		blobs: parties.keepers.reduce((count, { blobs }) => count + blobs.length, 0),
		orphans: kept.length - calls.length - paidOrphans.length,
		paidOrphans: paidOrphans.length,
	};
}

/** Batches follow each other without a gap; what they took is what they paid. Gives the sum of all charges. */
function auditBatches(books: Books): bigint {
	const anchored = books.of("Anchored");
	expect(anchored.map((batch) => batch["seq"])).toEqual(anchored.map((_, index) => BigInt(index + 1)));
	expect(books.of("LineHeld")).toEqual([]);
	const charges = sum(books.of("LinePaid").map((line) => (line["ownerAmount"] ?? 0n) + (line["nodeFee"] ?? 0n) + (line["gatewayFee"] ?? 0n)));
	const refunds = sum(books.of("Refunded").map((refund) => refund["amount"] ?? 0n));
	expect(sum(anchored.map((batch) => batch["total"] ?? 0n))).toBe(charges + refunds);
	return charges;
}

/** What an exact client paid is what it was charged, and what it got back. */
async function auditExact(world: World, { exact, keyless, balances }: Parties, books: Books): Promise<void> {
	const { chain } = world.person(0).client;
	for (const { name, address, payments } of [...exact, ...keyless]) {
		const paid = (balances.get(address) ?? 0n) - (await chain.balance(address));
		const credit = await chain.read(contracts.UsageLedger, "credit", [address]);
		const back = sum(
			books
				.of("Refunded")
				.filter((refund) => String(refund["payer"]).toLowerCase() === address)
				.map((refund) => refund["amount"] ?? 0n),
		);
		const charged = sum(payments.map(({ charge }) => charge ?? 0n));
		const lost = sum(payments.filter(({ outcome }) => outcome === "lost").map(({ amount }) => amount));
		expect([name, credit]).toEqual([name, back]);
		const unexplained = paid - credit - charged;
		// Only one who never asked again can have paid for an answer that it did not get.
		const most = keyless.some((client) => client.address === address) ? lost : 0n;
		const story = payments.map(({ outcome, nonce, callId, charge }) => ({ outcome, nonce, callId, charge: charge?.toString() }));
		expect(unexplained >= 0n && unexplained <= most, `${name} paid ${unexplained} more than it was charged: ${JSON.stringify(story)}`).toBe(true);
	}
}

async function auditCredits(world: World, books: Books, node: Hex, gateway: Hex): Promise<void> {
	const { chain } = world.person(0).client;
	const treasury = await Promise.all([node, gateway, TREASURY].map((address) => chain.read(contracts.UsageLedger, "credit", [address])));
	const lines = books.of("LinePaid");
	expect(sum(treasury)).toBe(sum(lines.map((line) => (line["nodeFee"] ?? 0n) + (line["gatewayFee"] ?? 0n))));
	const owners = [...new Set(books.of("OwnerCredited").map((credited) => String(credited["owner"]) as Hex))];
	const claimable = await Promise.all(owners.map((owner) => chain.read(contracts.Royalties, "claimable", [owner])));
	const owned = sum(lines.map((line) => line["ownerAmount"] ?? 0n));
	expect(sum(claimable)).toBe(owned);
	expect(sum(books.of("OwnerCredited").map((credited) => credited["amount"] ?? 0n))).toBe(owned);
}

const TREASURY: Hex = "0x4f50470000000000000000000000000000000007";

/** All records of a table of a program that does not run. */
async function readTable<T>(folder: string, table: string): Promise<readonly T[]> {
	const store = openStore(folder, [table]);
	try {
		return [...store.scan(table, {})].map(({ value }) => deserialize(value) as T);
	} finally {
		await store.close();
	}
}
