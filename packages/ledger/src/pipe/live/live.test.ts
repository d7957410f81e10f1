/** Models in calls without a transaction: what is asked, of whom, what is believed, and what it may cost. */
import { fromHex, type Hex, type LiveAnswer, type LiveAsk, liveAnswerDigest, liveOfferDigest, toHex } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { encodeFunctionData, parseAbi } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { compiled } from "../../../../../testing/pipe/solidity.js";
import { COST, type DrivenDesk, MODEL, nodes, openDesk, outputOf, RELEASE, type TestAccount } from "../../../test/driven-desk.js";
import { CHAIN_ID, eventually } from "../../../test/local-ledger.js";
import { LiveBudget } from "./live-budget.js";
import { LiveDesk, liveBounds } from "./live-desk.js";
import { LiveNodes } from "./live-nodes.js";
import type { Owed } from "./presumption.js";

const prober = parseAbi([
	"function ask(int256,int256) returns (int256)",
	"function chain(int256,int256)",
	"function many(uint256)",
	"function value() view returns (int256)",
]);
const SPONSOR: Hex = `0x${"5a".repeat(20)}`;
const staying = () => new AbortController().signal;

let desk: DrivenDesk;
let address: Hex;
let live: LiveDesk;
let owed: Owed[];
/** What runs when the test says that its time is over. */
let timers: { readonly at: number; readonly work: () => void }[];
let questions: LiveAsk[];

beforeAll(async () => {
	desk = await openDesk();
	const { Prober } = compiled();
	if (Prober === undefined) throw new Error("there is no Prober");
	address = await desk.deploy(Prober, [MODEL]);
}, 120_000);
afterAll(() => desk?.close());
beforeEach(() => {
	[owed, timers, questions] = [[], [], []];
	live = open();
});

function open(answersPerMinute = 100, perHour = 100n * COST): LiveDesk {
	const { application, state, calls, clock } = desk;
	const later = (ms: number, work: () => void) => {
		const timer = { at: clock.now + ms, work };
		timers.push(timer);
		return () => {
			timers = timers.filter((other) => other !== timer);
		};
	};
	const modules = { now: () => clock.now, later };
	return new LiveDesk({
		...{ chainId: CHAIN_ID, state, calls, now: modules.now },
		nodes: new LiveNodes(modules),
		budget: new LiveBudget({ answersPerMinute, perHour }, modules.now),
		payments: { payer: SPONSOR, isFull: false, owe: async (answer) => void owed.push(answer) },
		recover: nativeCrypto.recover,
		next: () => ({ env: application.nextEnv(BigInt(Math.floor(clock.now / 1000))), number: application.chain.head.header.number }),
		random: (length) => crypto.getRandomValues(new Uint8Array(length)),
	});
}
function pass(ms: number): void {
	desk.clock.now += ms;
	for (const timer of timers.filter(({ at }) => at <= desk.clock.now)) {
		timers = timers.filter((other) => other !== timer);
		timer.work();
	}
}

const operatorOf = (node: TestAccount): Hex => node.address.toLowerCase() as Hex;
async function offer(
	node: TestAccount,
	{ at = desk.clock.now, by = node }: { readonly at?: number; readonly by?: TestAccount } = {},
): Promise<readonly LiveAsk[]> {
	const signature = await by.sign({ hash: toHex(liveOfferDigest(operatorOf(node), at, CHAIN_ID)) });
	return live.offer(operatorOf(node), at, fromHex(signature), 20_000, [staying()]);
}
/** Sees that the node has offered, and what it is asked from then on. */
async function serve(node: TestAccount, answers: (ask: LiveAsk) => Promise<void>): Promise<void> {
	const before = timers.length;
	void (async () => {
		for (;;) {
			const asks = await offer(node);
			questions.push(...asks);
			for (const ask of asks) await answers(ask);
			if (asks.length === 0) return;
		}
	})();
	await eventually(async () => (timers.length > before ? true : undefined), "the offer", 10_000);
}
async function give(node: TestAccount, ask: LiveAsk, value: bigint, change: Partial<LiveAnswer> = {}, by = node): Promise<void> {
	const units = { inputUnits: "1", outputUnits: "1" };
	const answer = { id: ask.id, operator: operatorOf(node), release: RELEASE, priceVersion: 1, ...units, ok: true, output: outputOf(value), ...change };
	live.take(answer, fromHex(await by.sign({ hash: toHex(liveAnswerDigest(answer, ask, CHAIN_ID)) })));
}

function call(functionName: "ask" | "chain" | "many", args: readonly bigint[], caller = "a") {
	const { application, clock } = desk;
	const request = {
		...{ from: new Uint8Array(20), to: fromHex(address), value: 0n, gasLimit: 30_000_000n, gasPrice: 0n, strict: false },
		...{ data: fromHex(encodeFunctionData({ abi: prober, functionName, args: args as never })), accessList: [], authorizationList: [] },
	};
	const job = () => ({ request, env: application.nextEnv(BigInt(Math.floor(clock.now / 1000))), at: application.chain.head.header.number });
	return live.call(job, { name: caller, signal: staying });
}
const [first, second] = nodes;
const numberIn = (outcome: Awaited<ReturnType<typeof call>>): bigint => {
	if (outcome.kind !== "executed" || !outcome.success)
		throw new Error(outcome.kind === "executed" ? Buffer.from(outcome.output).toString("latin1") : outcome.reason);
	return BigInt(toHex(outcome.output));
};

describe("a call that asks a model", () => {
	test("gets the true answer, of which nothing stays but what is owed", async () => {
		const [head, root] = [desk.application.chain.head.header.number, toHex(desk.application.chain.head.header.stateRoot)];
		await serve(first, (ask) => give(first, ask, 7_500n));
		expect(numberIn(await call("ask", [1n, 2n]))).toBe(7_500n);
		expect(owed).toEqual([
			{
				kind: 0,
				payer: address.toLowerCase(),
				operator: operatorOf(first),
				release: RELEASE,
				priceVersion: 1,
				inputUnits: "1",
				outputUnits: "1",
				ok: true,
				output: outputOf(7_500n),
			},
		]);
		expect(questions).toMatchObject([{ kind: 0, sponsor: SPONSOR }]);
		expect(desk.application.pool.size).toBe(0);
		expect([desk.application.chain.head.header.number, toHex(desk.application.chain.head.header.stateRoot)]).toEqual([head, root]);
		expect(BigInt(toHex(desk.view(address, encodeFunctionData({ abi: prober, functionName: "value" }))))).toBe(0n);
		expect(desk.prepaid(address)).toBe(50n * 10n ** 18n);
	}, 30_000);

	test("may ask again with the answer, and pays once for what was asked a moment ago", async () => {
		let value = 1_000n;
		await serve(first, (ask) => give(first, ask, value));
		await call("chain", [1n, 2n]);
		expect(questions).toHaveLength(2);
		value = 2_000n;
		expect(numberIn(await call("ask", [1n, 2n]))).toBe(1_000n);
		expect(owed).toHaveLength(2);
		pass(liveBounds.keptMs);
		expect(numberIn(await call("ask", [1n, 2n]))).toBe(2_000n);
		expect(owed).toHaveLength(3);
	}, 30_000);

	test("fails with the model's refusal, for which nothing is owed", async () => {
		const refusal = { ok: false, output: toHex(Buffer.from("the shape is wrong")), release: `0x${"00".repeat(32)}` as Hex, priceVersion: 0 };
		await serve(first, (ask) => give(first, ask, 0n, refusal));
		const outcome = await call("ask", [3n, 3n]);
		expect(outcome).toMatchObject({ kind: "executed", success: false });
		expect(outcome.kind === "executed" && Buffer.from(outcome.output).toString("latin1")).toContain("inference failed: the shape is wrong");
		expect(owed).toEqual([]);
	}, 30_000);

	test("asks nobody where it fails for another reason, and says when nobody offers", async () => {
		await expect(call("ask", [4n, 4n])).rejects.toThrow("no node offers live model calls to this ledger now");
		expect(await call("many", [0n])).toMatchObject({ success: true });
		const nine = await call("many", [9n]);
		expect(nine.kind === "executed" && Buffer.from(nine.output).toString("latin1")).toContain("too many model calls");
		expect(owed).toEqual([]);
	}, 30_000);
});

describe("who answers", () => {
	test("is a node of the list, by its own key, at this moment", async () => {
		const stranger = desk.account(3);
		await expect(offer(stranger)).rejects.toThrow("is not on the list");
		await expect(offer(first, { by: second })).rejects.toThrow("is not of a key of this operator");
		await expect(offer(first, { at: desk.clock.now - liveBounds.offerMs - 1 })).rejects.toThrow("must be this moment");
	});

	test("is another where the first is silent, and in the end nobody: the call fails with a reason", async () => {
		await serve(first, async () => pass(liveBounds.answerMs));
		await serve(second, (ask) => give(second, ask, 8_000n));
		expect(numberIn(await call("ask", [5n, 1n]))).toBe(8_000n);
		live = open();
		await serve(first, async () => pass(liveBounds.answerMs));
		await expect(call("ask", [5n, 2n])).rejects.toThrow("no node answered the model that this call asks");
		expect(owed).toHaveLength(1);
	}, 30_000);

	test("cannot be forged: an answer by another's key, to another question, or twice is refused", async () => {
		const refused: unknown[] = [];
		await serve(first, async (ask) => {
			for (const forged of [() => give(first, ask, 1n, {}, second), () => give(second, ask, 1n), () => give(first, { ...ask, id: `0x${"77".repeat(32)}` }, 1n)])
				await forged().catch((error: unknown) => refused.push(String(error)));
			await give(first, ask, 9_000n);
		});
		expect(numberIn(await call("ask", [6n, 1n]))).toBe(9_000n);
		expect(refused).toHaveLength(3);
		const [ask] = questions;
		await expect(give(first, ask as LiveAsk, 1n)).rejects.toThrow("nobody waits for this answer");
	}, 30_000);

	test.each([
		["of a release that was not asked", { release: `0x${"12".repeat(32)}` as Hex }],
		["at a price that is not in force", { priceVersion: 2 }],
		["that cannot be decoded", { output: "0x1234" as Hex }],
		["that is too long", { output: `0x${"00".repeat(8_193)}` as Hex }],
	])(
		"with a result %s is not believed, and another is asked",
		async (_, change) => {
			await serve(first, (ask) => give(first, ask, 1n, change));
			await serve(second, (ask) => give(second, ask, 4_000n));
			expect(numberIn(await call("ask", [7n, 1n]))).toBe(4_000n);
			expect(owed.map(({ operator }) => operator)).toEqual([operatorOf(second)]);
		},
		30_000,
	);
});

describe("what strangers may spend", () => {
	test("is so many answers a minute, and so much money an hour", async () => {
		live = open(2);
		await serve(first, (ask) => give(first, ask, 1n));
		await call("ask", [20n, 1n]);
		await call("ask", [21n, 1n]);
		await expect(call("ask", [22n, 1n])).rejects.toThrow("2 model calls a minute: try again in 60 s");
		pass(60_000);
		await serve(first, (ask) => give(first, ask, 1n));
		await call("ask", [22n, 1n]);
		// Ten answers' money: one may cost a tenth of it, and that much is held for each.
		live = open(100, 10n * COST);
		await serve(first, (ask) => give(first, ask, 1n));
		for (let index = 0n; index < 10n; index++) await call("ask", [30n + index, 1n]);
		await expect(call("ask", [50n, 1n])).rejects.toThrow("is used up");
		pass(3_600_000);
		await serve(first, (ask) => give(first, ask, 1n));
		await call("ask", [50n, 1n]);
	}, 60_000);

	test("is nothing for an answer that costs more than one may", async () => {
		live = open(100, 10n * COST - 10n);
		await serve(first, (ask) => give(first, ask, 1n));
		await expect(call("ask", [60n, 1n])).rejects.toThrow("no node answered");
		expect(owed).toEqual([]);
	}, 30_000);

	test("is what four calls of one caller take at once, whatever they ask", async () => {
		await serve(first, () => new Promise(() => undefined));
		const running = [61n, 62n, 63n, 64n].map((value) => call("ask", [value, 1n], "greedy").catch(() => undefined));
		await eventually(async () => (timers.length >= 4 ? true : undefined), "four questions", 10_000);
		await expect(call("ask", [65n, 1n], "greedy")).rejects.toThrow("too many live model calls are under way");
		pass(liveBounds.answerMs);
		await Promise.all(running);
	}, 30_000);
});
