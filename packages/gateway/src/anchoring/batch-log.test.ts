import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { batchRoot, type Hex, type Sums } from "@freehold/protocol";
import { nativeCrypto, openStore } from "@freehold/service";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type GatewayStore, type MemberRecord, recordsOf, tables } from "../store/tables.js";
import { type BatchBounds, type BatchChannelRecord, BatchLog } from "./batch-log.js";
import { batchData, claimsOf, groupLines, sealBatch } from "./seal.js";

const word = (value: number): Hex => `0x${value.toString(16).padStart(64, "0")}`;
const address = (value: number): Hex => `0x${value.toString(16).padStart(40, "0")}`;
const bounds: BatchBounds = { calls: 4, lines: 2, refunds: 2, channels: 3 };
const config = {
	payer: address(1),
	payerAuthorizer: address(1),
	receiver: address(2),
	receiverAuthorizer: address(3),
	token: address(4),
	withdrawDelay: 900,
	salt: word(0),
};

const member = (call: number, release = 1): MemberRecord => ({
	callId: word(call),
	release: word(release),
	priceVersion: 1,
	node: address(9),
	receipt: word(call + 1000),
	nodeKey: address(9),
	sums: { calls: 1n, inputUnits: 1n, outputUnits: 2n, nodeFee: 3n, gatewayFee: 4n },
});
const channel = (id: number, charged = 1n): BatchChannelRecord => ({ channelId: word(id), config, charged, maxClaimableAmount: 10n, signature: "0x" });

let dir: string;
let store: GatewayStore;
beforeEach(async () => {
	dir = await mkdtemp(join(tmpdir(), "freehold-batch-"));
	store = openStore(dir, tables);
});
afterEach(async () => {
	await store.close();
	await rm(dir, { recursive: true });
});

const place = (log: BatchLog, call: number, options: { release?: number; channel?: number; refund?: boolean } = {}) =>
	store.transact((writer) =>
		log.place(
			member(call, options.release),
			options.channel === undefined ? undefined : channel(options.channel),
			options.refund === true ? { payer: address(5), amount: 1n, payment: "p" } : undefined,
			writer,
		),
	);

describe("the open batch", () => {
	it("takes calls until a bound is reached, then leaves itself for sealing", async () => {
		const log = new BatchLog(store, 7, () => 0, bounds);
		expect(await place(log, 1, { channel: 1 })).toEqual({ seq: 7, index: 0 });
		expect(await place(log, 2, { release: 2, channel: 2 })).toEqual({ seq: 7, index: 1 });
		expect((await place(log, 3, { release: 3 })).seq).toBe(8);
		await place(log, 4, { release: 3, channel: 1 });
		await place(log, 5, { release: 3, channel: 2 });
		await place(log, 6, { release: 3, channel: 3 });
		expect((await place(log, 7, { release: 3, channel: 3 })).seq).toBe(9);
		await place(log, 8, { release: 3, refund: true });
		await place(log, 9, { release: 3, refund: true });
		expect((await place(log, 10, { release: 3, refund: true })).seq).toBe(10);
		expect(log.waiting).toEqual([7, 8, 9]);
	});

	it("keeps a channel's last charge of the batch, not of the next one", async () => {
		const log = new BatchLog(store, 1, () => 0, bounds);
		await store.transact((writer) => log.place(member(1), channel(1, 5n), undefined, writer));
		await store.transact((writer) => log.place(member(2), channel(1, 6n), undefined, writer));
		log.close();
		await store.transact((writer) => log.place(member(3), channel(1, 7n), undefined, writer));
		const charged = (seq: number) => [...recordsOf<BatchChannelRecord>(store, "batchChannels", seq)].map((record) => record.charged);
		expect([charged(1), charged(2)]).toEqual([[6n], [7n]]);
		expect(claimsOf(recordsOf<BatchChannelRecord>(store, "batchChannels", 1), 1, nativeCrypto).claims.map((claim) => claim.totalClaimed)).toEqual([6n]);
	});

	it("is found again after a restart, with what waits before it", async () => {
		const log = new BatchLog(store, 1, () => 0, bounds);
		for (let call = 1; call <= 6; call++) await place(log, call, { channel: 1 });
		await store.transact((writer) => log.placeRefund({ payer: address(5), amount: 1n, payment: "p" }, writer));
		const again = new BatchLog(store, 1, () => 50, bounds);
		expect(again.waiting).toEqual([1]);
		expect(again.open).toMatchObject({ seq: 2, calls: 2, entries: 3 });
		expect(await place(again, 7)).toEqual({ seq: 2, index: 2 });
	});

	it("knows how many calls are not on the chain, and since when, also after a restart", async () => {
		let now = 1_000;
		const log = new BatchLog(store, 1, () => now, bounds);
		expect(log.unanchored).toEqual({ calls: 0, ageMs: 0 });
		for (let call = 1; call <= 4; call++) await place(log, call);
		now = 3_000;
		await place(log, 5);
		now = 4_000;
		expect(log.unanchored).toEqual({ calls: 5, ageMs: 3_000 });
		const again = new BatchLog(store, 1, () => now, bounds);
		now = 4_500;
		expect(again.unanchored).toEqual({ calls: 5, ageMs: 500 });
		log.anchored(1);
		expect(log.unanchored).toEqual({ calls: 1, ageMs: 1_500 });
	});

	it("begins with what the chain expects when the store is empty", () => {
		expect(new BatchLog(store, 42, () => 0, bounds).open.seq).toBe(42);
	});
});

describe("a sealed batch", () => {
	const sums = fc.record({
		calls: fc.constant(1n),
		inputUnits: fc.bigInt(0n, 2n ** 40n),
		outputUnits: fc.bigInt(0n, 2n ** 40n),
		nodeFee: fc.bigInt(0n, 2n ** 90n),
		gatewayFee: fc.bigInt(0n, 2n ** 90n),
	});
	const members = fc
		.array(fc.record({ release: fc.nat(3), node: fc.nat(2), sums }), { minLength: 1, maxLength: 60 })
		.map((list) => list.map((item, index): MemberRecord => ({ ...member(index, item.release), node: address(item.node), sums: item.sums })));

	it("adds up to its calls, and its root is the contract's", () => {
		fc.assert(
			fc.property(members, (list) => {
				const lines = groupLines(list);
				const { lines: sealed, root, refunds } = sealBatch(lines, [{ payer: address(1), amount: 5n }], nativeCrypto);
				expect(root).toBe(batchRoot(sealed, refunds));
				for (const field of ["calls", "inputUnits", "outputUnits", "nodeFee", "gatewayFee"] as const satisfies readonly (keyof Sums)[])
					expect(sealed.reduce((sum, line) => sum + line[field], 0n)).toBe(list.reduce((sum, item) => sum + item.sums[field], 0n));
				expect(new Set(sealed.map((line) => `${line.release}${line.node}`)).size).toBe(sealed.length);
			}),
			{ numRuns: 50 },
		);
	});

	it("says the same whenever it is sealed, and its public leaves name no payer and no question", () => {
		const list = [member(51), member(52, 2), member(53)];
		expect(sealBatch(groupLines(list), [], nativeCrypto)).toEqual(sealBatch(groupLines(list), [], nativeCrypto));
		const data = batchData({ chainId: 1, gateway: address(1), seq: 1 }, groupLines(list));
		expect(data).toContain(word(1051));
		expect(data).not.toContain(word(51));
	});
});
