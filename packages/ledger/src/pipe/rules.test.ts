/** The rules of `docs/concepts/contracts-that-call-models.md`, one by one, through the desk: real blocks on a clock that the test moves. */
import { contractAddresses, fromHex, type Hex } from "@freehold/protocol";
import { encodeFunctionData, keccak256 } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { compiled } from "../../../../testing/pipe/solidity.js";
import { COST, type DrivenDesk, deliveryOf, MODEL, nodes, openDesk, openingOf } from "../../test/driven-desk.js";
import { MAX_RESULTS_PER_BLOCK } from "./delivery.js";
import { pipeBounds } from "./desk.js";

const { Prober } = compiled();
if (Prober === undefined) throw new Error("there is no Prober");

let desk: DrivenDesk;
let prober: Hex;
beforeAll(async () => {
	desk = await openDesk();
}, 120_000);
beforeEach(async () => {
	prober = await desk.deploy(Prober, [MODEL]);
}, 60_000);
afterAll(() => desk?.close());

const call = (functionName: string, ...args: readonly unknown[]): Hex => encodeFunctionData({ abi: Prober.abi, functionName, args });
const value = (): bigint => BigInt(`0x${Buffer.from(desk.view(prober, call("value"))).toString("hex")}`);
const spent = (): bigint => 50n * 10n ** 18n - desk.prepaid(prober);
const only = <T>(items: readonly T[]): T => {
	expect(items).toHaveLength(1);
	return items[0] as T;
};

describe("a call that outlasts the block", () => {
	test("waits in the pool while blocks go on, and its sender's later transactions wait behind it", async () => {
		const asking = desk.submit(await desk.sign(desk.account(1), prober, call("ask", 1n, 2n)));
		// Also before anybody has seen what it asks.
		await desk.block();
		expect(desk.receipt(asking)).toBeUndefined();
		const later = await desk.send(desk.account(1), prober, call("set", 77n));
		await desk.open();
		for (let round = 0; round < 3; round++) {
			const other = await desk.send(desk.account(2), desk.account(3).address, "0x");
			await desk.block();
			expect(desk.receipt(other)?.success).toBe(true);
		}
		expect([asking, later].map((hash) => desk.receipt(hash))).toEqual([undefined, undefined]);
		await desk.answer(only(desk.asked("answer")), 7_500n);
		await desk.block();
		expect(desk.receipt(asking)?.success).toBe(true);
		expect(desk.receipt(later)?.at).toBeGreaterThan(desk.receipt(asking)?.at ?? 99);
		expect(value()).toBe(77n);
		expect(spent()).toBe(COST);
	}, 30_000);
});

describe("a result that has gone stale", () => {
	test("since the state changed: the transaction asks anew, runs on what it asked last, and pays for that alone", async () => {
		await desk.include(desk.account(2), prober, call("set", 0n));
		const asking = await desk.send(desk.account(1), prober, call("askState"));
		await desk.open();
		const stale = only(desk.asked("answer"));
		await desk.include(desk.account(2), prober, call("set", 5_000n));
		await desk.answer(stale, 111n);
		const fresh = only(desk.asked("open"));
		expect(fresh.id).not.toBe(stale.id);
		expect(fresh.request).not.toBe(stale.request);
		// The stale result is in the chain by now, and is of no use.
		await desk.open();
		expect(desk.receipt(asking)).toBeUndefined();
		await desk.answer(only(desk.asked("answer")), 222n);
		await desk.block();
		expect(desk.receipt(asking)?.success).toBe(true);
		expect(value()).toBe(222n);
		expect(spent()).toBe(COST);
	}, 30_000);
	test("after 128 blocks: the call finds nothing, and nobody pays", async () => {
		// The same question in two transactions: one is executed in the last block in which it can be, the other in the next.
		const outcomes: boolean[] = [];
		for (const blocks of [128, 129]) {
			const who = desk.account(blocks === 128 ? 4 : 5);
			const raw = await desk.sign(who, prober, call("ask", 1n, 2n));
			desk.submit(raw);
			await desk.pass(0);
			await desk.open();
			await desk.answer(only(desk.asked("answer")), 9n);
			const delivery = desk.application.prepareProposal(desk.proposal());
			// A proposer that leaves the asking transaction out, until it is late.
			await desk.block(delivery.filter((tx) => Buffer.compare(tx, fromHex(raw)) !== 0));
			for (let passed = 1; passed < blocks; passed++)
				await desk.block([fromHex(await desk.sign(desk.account(6), desk.account(7).address, "0x", { gas: 21_000n }))]);
			await desk.block([fromHex(raw)]);
			outcomes.push(desk.receipt(keccak256(raw))?.success ?? false);
			desk.forget(who);
		}
		expect(outcomes).toEqual([true, false]);
		expect(spent()).toBe(COST);
	}, 60_000);
});

describe("order under congestion", () => {
	test("results that are used, and openings of calls that wait, go before what pays more; their consumers by what they pay", async () => {
		const asking = await desk.send(desk.account(1), prober, call("ask", 3n, 4n));
		// Ten fill a block.
		const crowd = async () => {
			for (let index = 0; index < 12; index++)
				await desk.send(desk.account(8 + (index % 3)), desk.account(3).address, "0x", { gas: 10_000_000n, tip: 1_000_000n });
		};
		await crowd();
		const opening = only(desk.asked("open"));
		const opened = await desk.send(opening.node, contractAddresses.Inference, openingOf([opening.id], opening.node));
		await desk.block();
		expect(desk.receipt(opened)?.at).toBe(0);
		await crowd();
		const delivered = await desk.answer(only(desk.asked("answer")), 5n);
		await desk.block();
		expect(desk.receipt(delivered)?.at).toBe(0);
		expect(desk.receipt(asking)).toBeUndefined();
		for (let more = 0; more < 3; more++) await desk.block();
		expect(desk.receipt(asking)?.success).toBe(true);
	}, 60_000);
	test("so many transactions of one sender wait for models; the next is refused with the reason", async () => {
		const who = desk.account(11);
		for (let index = 0; index < pipeBounds.transactionsOfSender; index++) await desk.send(who, prober, call("ask", BigInt(index), 1n));
		const raw = await desk.sign(who, prober, call("ask", 99n, 1n));
		desk.submit(raw);
		await desk.pass(0);
		expect(() => desk.submit(raw)).toThrow("too many transactions wait for models");
		desk.forget(who);
		await desk.block();
	}, 60_000);
});

describe("a silent node", () => {
	const drawn = () => only(desk.asked("answer"));
	test("is followed by the next after 15 s and by another after 30 s, by the block's clock; then the transaction leaves, with the reason", async () => {
		const raw = await desk.sign(desk.account(1), prober, call("ask", 5n, 5n));
		desk.submit(raw);
		await desk.pass(0);
		await desk.open();
		const turns = [drawn()];
		for (let turn = 1; turn < 3; turn++) {
			await desk.pass(turn === 1 ? 16_000 : 15_000);
			turns.push(drawn());
		}
		expect(turns.map(({ attempt }) => attempt)).toEqual([0, 1, 2]);
		expect(turns[1]?.node).not.toBe(turns[0]?.node);
		expect(turns[2]?.node).toBe(turns[0]?.node);
		await desk.pass(15_000);
		expect(desk.asked("answer")).toEqual([]);
		expect(desk.application.pool.get(keccak256(raw))).toBeUndefined();
		expect(() => desk.submit(raw)).toThrow("no node answered the models that it asks");
		expect(spent()).toBe(0n);
		// The opening is void by then: the same transaction may come again.
		await desk.pass(120_000);
		desk.submit(raw);
		await desk.pass(0);
		await desk.open();
		await desk.answer(drawn(), 6n);
		await desk.block();
		expect(desk.receipt(keccak256(raw))?.success).toBe(true);
	}, 30_000);
	test("may still deliver when the next one's turn has come: what arrives first stands", async () => {
		const asking = await desk.send(desk.account(1), prober, call("ask", 6n, 6n));
		await desk.open();
		const first = drawn();
		await desk.pass(16_000);
		const second = drawn();
		expect(second.node).not.toBe(first.node);
		const late = await desk.answer(first, 1n);
		const other = await desk.answer(second, 2n);
		await desk.block();
		await desk.block();
		expect([late, other].map((hash) => desk.receipt(hash)?.success).sort()).toEqual([false, true]);
		expect(desk.receipt(asking)?.success).toBe(true);
		expect(spent()).toBe(COST);
	}, 30_000);
	test("that does not open a call is followed by the next after 2 s", async () => {
		const raw = await desk.sign(desk.account(1), prober, call("ask", 7n, 7n));
		desk.submit(raw);
		await desk.pass(0);
		const first = only(desk.asked("open"));
		await desk.pass(pipeBounds.openMs);
		const second = only(desk.asked("open"));
		expect(second.node).not.toBe(first.node);
		await desk.pass(pipeBounds.openMs * pipeBounds.openTurns);
		expect(desk.asked("open")).toEqual([]);
		expect(() => desk.submit(raw)).toThrow("no node answered");
	}, 30_000);
});

describe("who answers", () => {
	test("is one of the list, however it is asked: another's result, one for a call that was not opened, and a forged one are refused", async () => {
		const asking = await desk.send(desk.account(2), prober, call("ask", 8n, 8n));
		const unopened = only(desk.asked("open"));
		const early = await desk.answer({ ...unopened, attempt: 0 }, 1n);
		await desk.block();
		expect(desk.receipt(early)?.success).toBe(false);
		await desk.open();
		const request = drawnNow();
		const wrong = nodes.find((node) => node !== request.node) as (typeof nodes)[number];
		const stolen = await desk.answer({ ...request, node: wrong }, 2n);
		// The pool's own answer is still asked for, by the one that was drawn.
		expect(drawnNow().node).toBe(request.node);
		await desk.block();
		expect(desk.receipt(stolen)?.success).toBe(false);
		await desk.answer(request, 3n);
		await desk.block();
		expect(desk.receipt(asking)?.success).toBe(true);
		expect(value()).toBe(3n);
	}, 30_000);
	const drawnNow = () => only(desk.asked("answer"));
	test("a result that came before the block with its opening is used after it", async () => {
		// As from a peer that is a block ahead: what it drew is found out on a copy of the same chain.
		const asking = await desk.send(desk.account(2), prober, call("ask", 9n, 9n));
		const opening = only(desk.asked("open"));
		await desk.send(opening.node, contractAddresses.Inference, openingOf([opening.id], opening.node));
		const openings = desk.application.prepareProposal(desk.proposal());
		for (const node of nodes) await desk.send(node, contractAddresses.Inference, deliveryOf({ ...opening, node, attempt: 0 }, 4n));
		expect(desk.asked("open")).toHaveLength(1);
		await desk.block(openings);
		const opened = desk.application.chain.head.header.number;
		await desk.block();
		expect(desk.receipt(asking)).toMatchObject({ success: true, number: opened + 1n });
		expect(value()).toBe(4n);
	}, 30_000);
});

describe("calls that appear only at execution", () => {
	test("fail with their transaction, which costs its gas and no more", async () => {
		await desk.include(desk.account(2), prober, call("set", 0n));
		const asking = await desk.send(desk.account(1), prober, call("askState"));
		await desk.open();
		await desk.answer(only(desk.asked("answer")), 1n);
		// Before it in the same block, the state becomes another.
		const setting = await desk.send(desk.account(2), prober, call("set", 9n), { tip: 1_000_000n });
		await desk.block();
		expect(desk.receipt(setting)?.at).toBeLessThan(desk.receipt(asking)?.at ?? -1);
		expect(desk.receipt(asking)).toMatchObject({ success: false });
		expect(desk.receipt(asking)?.gasUsed).toBeGreaterThan(21_000n);
		expect(value()).toBe(9n);
		expect(spent()).toBe(0n);
	}, 30_000);
});

describe("reverts and re-entrancy", () => {
	test("a caught revert shifts no later call's id, and both calls are charged", async () => {
		const asking = await desk.send(desk.account(1), prober, call("caught", 3n, 4n));
		// The inner call is undone, and still counts: the outer one is the second.
		for (let round = 0; round < 4 && desk.receipt(asking) === undefined; round++) {
			await desk.open();
			for (const request of desk.asked("answer")) await desk.answer(request, 10n + BigInt(request.index));
			await desk.block();
		}
		expect(desk.receipt(asking)?.success).toBe(true);
		expect(value()).toBe(11n);
		expect(spent()).toBe(2n * COST);
	}, 30_000);
	test("a transaction that reverts after its answer is charged", async () => {
		const asking = await desk.send(desk.account(1), prober, call("askAndRevert", 3n, 4n));
		await desk.open();
		await desk.answer(only(desk.asked("answer")), 10n);
		await desk.block();
		expect(desk.receipt(asking)?.success).toBe(false);
		expect(spent()).toBe(COST);
	}, 30_000);
});

describe("limits", () => {
	test("who votes refuses a result behind the transaction that uses it", async () => {
		const raw = await desk.sign(desk.account(1), prober, call("ask", 1n, 1n));
		desk.submit(raw);
		await desk.pass(0);
		await desk.open();
		await desk.answer(only(desk.asked("answer")), 1n);
		const [result, consumer] = desk.application.prepareProposal(desk.proposal()) as [Uint8Array, Uint8Array];
		expect(consumer).toEqual(fromHex(raw));
		expect(desk.application.processProposal(desk.proposal([result, consumer]))).toBe(true);
		expect(desk.application.processProposal(desk.proposal([consumer, result]))).toBe(false);
		await desk.block();
		expect(spent()).toBe(COST);
	}, 30_000);
	test("a result costs its node some 700 gas a byte, and has 8,192 bytes at most", async () => {
		const gasOf = async (bytes: number): Promise<bigint> => {
			const asking = await desk.send(desk.account(1), prober, call("ask", BigInt(bytes), 1n));
			await desk.open();
			const refusal = { ok: false, release: `0x${"00".repeat(32)}`, priceVersion: 0, output: `0x${"41".repeat(bytes)}` };
			const delivered = await desk.answer(only(desk.asked("answer")), 0n, refusal);
			await desk.block();
			expect(desk.receipt(asking)?.success).toBe(false);
			return desk.receipt(delivered)?.gasUsed ?? 0n;
		};
		const [small, large] = [await gasOf(1_024), await gasOf(7_168)];
		const perByte = Number(large - small) / 6_144;
		expect(perByte).toBeGreaterThan(650);
		expect(perByte).toBeLessThan(800);
		await desk.send(desk.account(1), prober, call("ask", 1n, 1n));
		await desk.open();
		const tooLong = await desk.answer(only(desk.asked("answer")), 0n, { ok: false, output: `0x${"41".repeat(8_193)}` });
		await desk.block();
		expect(desk.receipt(tooLong)?.success).toBe(false);
		await desk.answer(only(desk.asked("answer")), 0n);
		await desk.block();
	}, 30_000);
	test("eight calls a transaction, 64 results a block, each before its consumer: more, or another order, is refused by who votes", async () => {
		const ninth = await desk.send(desk.account(1), prober, call("many", 9n));
		await desk.block();
		expect(desk.receipt(ninth)?.success).toBe(false);
		const asking: Hex[] = [];
		// The last one pays most: it stands behind its results all the same, which are beyond the first 64.
		for (let index = 0; index < 9; index++) asking.push(await desk.send(desk.account(1 + index), prober, call("many", 8n), { tip: BigInt(1 + index) }));
		let crowded = 0;
		for (let round = 0; round < 12 && asking.some((hash) => desk.receipt(hash) === undefined); round++) {
			await desk.open();
			const raws: Hex[] = [];
			for (const request of desk.asked("answer")) {
				raws.push(await desk.sign(request.node, contractAddresses.Inference, deliveryOf(request, 1n), { gas: 900_000n }));
				desk.submit(raws.at(-1) as Hex);
			}
			await desk.pass(0);
			if (raws.length > MAX_RESULTS_PER_BLOCK) {
				crowded++;
				expect(desk.application.processProposal(desk.proposal(raws.map(fromHex)))).toBe(false);
				const chosen = desk.application.prepareProposal(desk.proposal([]));
				expect(desk.application.processProposal(desk.proposal(chosen))).toBe(true);
			}
			const block = await desk.block();
			const results = block?.transactions.filter(({ data }) => Buffer.from(data.subarray(0, 4)).equals(fromHex(deliverSelector)));
			expect(results?.length ?? 0).toBeLessThanOrEqual(MAX_RESULTS_PER_BLOCK);
		}
		expect(asking.map((hash) => desk.receipt(hash)?.success)).toEqual(asking.map(() => true));
		expect(crowded).toBeGreaterThan(0);
		expect(spent()).toBe(72n * COST);
	}, 120_000);
});

const deliverSelector = deliveryOf(
	{
		transaction: `0x${"00".repeat(32)}`,
		index: 0,
		kind: 0,
		payer: nodes[0].address,
		request: "0x",
		attempt: 0,
		node: nodes[0],
		id: "0x",
		number: 0,
		step: "answer",
		operator: "0x",
	},
	0n,
).slice(0, 10) as Hex;
