import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contractAddresses, type Hex } from "@freehold/protocol";
import type { ChainEvent } from "@freehold/sdk/chain";
import { openStore } from "@freehold/service";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Exposure } from "./exposure.js";
import { OperatorBook } from "./operators.js";
import { orderPrice, ReleaseBook } from "./releases.js";
import { recordAnswer, removeExpired } from "./retention.js";
import { load, type NodeStore, tables, type Writer } from "./tables.js";

const OPG = 10n ** 18n;
const RELEASE: Hex = `0x${"01".repeat(32)}`;
const GATEWAY: Hex = `0x${"aa".repeat(20)}`;
const NODE: Hex = `0x${"bb".repeat(20)}`;
const KEY: Hex = `0x${"cc".repeat(20)}`;

let folder: string;
let store: NodeStore;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "freehold-books-"));
	store = openStore(folder, tables);
});
afterEach(async () => {
	await store.close();
	rmSync(folder, { recursive: true, force: true });
});

const event = (name: string, args: Readonly<Record<string, unknown>>): ChainEvent => ({
	address: contractAddresses.UsageLedger,
	name,
	args,
	transactionHash: `0x${"00".repeat(32)}`,
	transactionIndex: 0,
	logIndex: 0,
});

async function apply(
	book: { apply(event: ChainEvent, writer: Writer): void },
	...events: readonly [name: string, args: Readonly<Record<string, unknown>>][]
): Promise<void> {
	await store.transact((writer) => {
		for (const [name, args] of events) book.apply(event(name, args), writer);
	});
}

describe("the book of releases", () => {
	const published = ["ReleasePublished", { release: RELEASE, modelId: 7n, data: { manifest: `0x${"02".repeat(32)}`, format: 1, modes: 3 } }] as [
		string,
		object,
	] as [string, Readonly<Record<string, unknown>>];
	const priceSet = (version: number, perCall: bigint, validFrom: number): [string, Readonly<Record<string, unknown>>] => [
		"PriceSet",
		{ release: RELEASE, version, perCall, perInputUnit: 0n, perOutputUnit: 0n, validFrom: BigInt(validFrom) },
	];
	const usable = (book: ReleaseBook, version: number, now: number): bigint | string => {
		try {
			return orderPrice(book.served(RELEASE), version, now).perCall;
		} catch (error) {
			return (error as { readonly code: string }).code;
		}
	};

	it("lets an order use a price while it is in force and five minutes after", async () => {
		const book = new ReleaseBook(store);
		await apply(book, published, priceSet(1, 5n, 1_000), priceSet(2, 9n, 5_000));
		expect(usable(book, 1, 1_000)).toBe(5n);
		expect(usable(book, 2, 4_990)).toBe("order.invalid");
		expect(usable(book, 2, 5_000)).toBe(9n);
		expect(usable(book, 1, 5_299)).toBe(5n);
		expect(usable(book, 1, 5_300)).toBe("order.invalid");
		expect(usable(book, 3, 5_000)).toBe("order.invalid");
	});

	it("never lets it use a price that was withdrawn, and lets the one before go on", async () => {
		const book = new ReleaseBook(store);
		await apply(book, published, priceSet(1, 5n, 1_000), priceSet(2, 9n, 5_000));
		await apply(book, ["PriceWithdrawn", { release: RELEASE, version: 2 }], priceSet(3, 4n, 2_000));
		expect(usable(book, 2, 6_000)).toBe("order.invalid");
		expect(usable(book, 3, 6_000)).toBe(4n);
		expect(usable(book, 1, 2_299)).toBe(5n);
		expect(usable(book, 1, 2_300)).toBe("order.invalid");
	});

	it("knows the same after a restart, and that a release has ended", async () => {
		await apply(new ReleaseBook(store), published, priceSet(1, 5n, 1_000));
		const book = new ReleaseBook(store);
		expect(usable(book, 1, 1_500)).toBe(5n);
		await apply(book, ["ReleaseRetired", { release: RELEASE, retiredAt: 1_600n }]);
		expect(usable(new ReleaseBook(store), 1, 1_500)).toBe("model.retired");
	});
});

describe("the book of operators", () => {
	const registered: [string, Readonly<Record<string, unknown>>][] = [
		["Registered", { operator: GATEWAY, roles: 2, endpoint: "http://g", nodeFee: 0n }],
		["KeyAdded", { operator: GATEWAY, key: KEY, validFrom: 1_000n }],
		["Bonded", { operator: GATEWAY, from: GATEWAY, amount: 200n * OPG, bond: 200n * OPG }],
	];

	it("says who is active, by which key and until when", async () => {
		const book = new OperatorBook(store);
		await apply(book, ...registered);
		expect([book.isActive(GATEWAY, "gateway"), book.isActive(GATEWAY, "inference"), book.isActive(NODE, "gateway")]).toEqual([true, false, false]);
		expect([book.isKeyValid(GATEWAY, KEY, 990), book.isKeyValid(GATEWAY, KEY, 1_000), book.isKeyValid(GATEWAY, NODE, 1_000)]).toEqual([false, true, false]);
		await apply(book, ["KeyRevoked", { operator: GATEWAY, key: KEY, validUntil: 2_000n }]);
		const again = new OperatorBook(store);
		expect([again.isKeyValid(GATEWAY, KEY, 1_999), again.isKeyValid(GATEWAY, KEY, 2_000)]).toEqual([true, false]);
	});

	it("counts only the bond that can still be taken", async () => {
		const book = new OperatorBook(store);
		await apply(book, ...registered);
		expect(book.freeBond(GATEWAY)).toBe(200n * OPG);
		await apply(
			book,
			["BondLocked", { operator: GATEWAY, amount: 30n * OPG, locked: 30n * OPG }],
			["Unbonding", { operator: GATEWAY, amount: 120n * OPG, unbondsAt: 1n }],
		);
		expect(book.freeBond(GATEWAY)).toBe(50n * OPG);
		expect(book.isActive(GATEWAY, "gateway")).toBe(false);
		await apply(book, ["Slashed", { operator: GATEWAY, amount: 30n * OPG, cause: RELEASE, bond: 170n * OPG }]);
		expect(book.freeBond(GATEWAY)).toBe(50n * OPG);
		await apply(book, ["BondWithdrawn", { operator: GATEWAY, to: GATEWAY, amount: 120n * OPG, bond: 50n * OPG }]);
		expect(new OperatorBook(store).freeBond(GATEWAY)).toBe(50n * OPG);
		expect(book.freeBond(NODE)).toBe(0n);
	});
});

describe("exposure", () => {
	const paid = (amount: bigint, node = NODE): [string, Readonly<Record<string, unknown>>] => [
		"LinePaid",
		{ gateway: GATEWAY, node, ownerAmount: amount, nodeFee: 0n },
	];

	it("never lets what a gateway owes, running calls included, pass half of its bond, and never loses count", async () => {
		const step = fc.oneof(
			fc.record({ kind: fc.constant("call" as const), most: fc.bigInt(1n, 40n), share: fc.integer({ min: 0, max: 100 }) }),
			fc.record({ kind: fc.constant("fail" as const), most: fc.bigInt(1n, 40n) }),
			fc.record({ kind: fc.constant("pay" as const), amount: fc.bigInt(1n, 60n) }),
		);
		await fc.assert(
			fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
				const exposure = new Exposure(store, NODE);
				let owed = exposure.owed(GATEWAY);
				for (const item of steps) {
					if (item.kind === "pay") {
						await apply(exposure, paid(item.amount), paid(999n, KEY));
						owed = owed > item.amount ? owed - item.amount : 0n;
					} else {
						let free: () => void;
						try {
							free = exposure.reserve(GATEWAY, item.most, 200n);
						} catch (error) {
							expect(error).toMatchObject({ code: "order.unbacked" });
							expect(owed + item.most > 100n).toBe(true);
							continue;
						}
						expect(owed + item.most <= 100n).toBe(true);
						if (item.kind === "call") {
							const due = (item.most * BigInt(item.share)) / 100n;
							await store.transact((writer) => exposure.add(GATEWAY, due, writer));
							owed += due;
						}
						free();
						free();
					}
					expect(exposure.owed(GATEWAY)).toBe(owed);
				}
			}),
			{ numRuns: 25 },
		);
	});

	it("counts calls that run at the same time", () => {
		const exposure = new Exposure(store, NODE);
		const first = exposure.reserve(GATEWAY, 60n, 200n);
		expect(() => exposure.reserve(GATEWAY, 41n, 200n)).toThrow(/bond covers 100/);
		first();
		exposure.reserve(GATEWAY, 100n, 200n);
	});
});

describe("retention", () => {
	it("removes answers first, then what is left of the call, each at its time", async () => {
		const digest: Hex = `0x${"0d".repeat(32)}`;
		const record = { order: {}, orderSignature: "0x", receipt: {}, receiptSignature: "0x" } as const;
		const retention = { answersMs: 1_000, receiptsMs: 5_000 };
		await store.transact((writer) => recordAnswer({ key: "g/1", digest, body: "{}", record, deadline: 10_000 }, retention, writer));
		const left = (): boolean[] => [
			store.get("answers", digest) !== undefined,
			store.get("receipts", digest) !== undefined,
			load(store, "calls", "g/1") !== undefined,
		];
		expect(await removeExpired(store, 11_000)).toBe(0);
		expect(left()).toEqual([true, true, true]);
		expect(await removeExpired(store, 11_001)).toBe(1);
		expect(left()).toEqual([false, true, true]);
		expect(await removeExpired(store, 15_001)).toBe(1);
		expect(left()).toEqual([false, false, false]);
		expect(await removeExpired(store, 99_999)).toBe(0);
	});
});
