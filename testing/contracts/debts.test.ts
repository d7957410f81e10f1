/** A call that its gateway kept for itself: owner and node are paid from its bond, once, and only if it cannot show the anchoring. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { account, type Chain, OPG_UNIT, openChain } from "./chain.js";
import {
	anchor,
	type CallOptions,
	claimableOf,
	creditOf,
	ledger,
	lineOf,
	nodes,
	opg,
	type PaidCall,
	paidCall,
	priceOf,
	publish,
	ROLE,
	register,
	TREASURY,
	tillOf,
} from "./market.js";

const [gateway, node, owner, payer, reporter, rogue] = [account(0), account(1), account(2), account(3), account(4), account(5)];
const price = priceOf({ perCall: OPG_UNIT, perOutputUnit: 10n });
const BOND = 1_000n * OPG_UNIT;
const FEE = OPG_UNIT / 10n;
const HOUR = 3_600;
const DAY = 86_400;
let chain: Chain;
let release: `0x${string}`;
let ids = 0;
beforeAll(async () => {
	chain = await openChain();
	await register(chain, gateway, ROLE.gateway);
	await register(chain, node, ROLE.inference);
	({ release } = await publish(chain, owner, { name: "debt/model", price }));
	await chain.send(payer, { ...opg, functionName: "transfer", args: [tillOf(chain, gateway.address), 1_000n * OPG_UNIT] });
});
afterAll(() => chain.close());
beforeEach(() => chain.advance(10));

const order = (options: Partial<CallOptions> = {}) =>
	paidCall({ gateway, node, payer: payer.address, release, price, outputUnits: 5n, nodeFee: FEE, gatewayFee: 7n, at: chain.time, id: ids++, ...options });
const OWED = OPG_UNIT + 50n;

async function report(call: PaidCall, who = reporter) {
	const signed = await call.sign();
	return chain.send(who, { ...ledger, functionName: "claimUnanchored", args: [call.order, signed.order, call.receipt, signed.receipt] });
}
async function answer(call: PaidCall, batch: { calls: readonly PaidCall[]; seq: bigint }) {
	const { line, proofs } = lineOf(batch.calls);
	const index = batch.calls.indexOf(call);
	return chain.send(payer, {
		...ledger,
		functionName: "answerUnanchored",
		args: [call.orderDigest, batch.seq, [line], [], 0n, call.leaf.sums, [...(proofs[index] ?? [])]],
	});
}
async function anchored(calls: readonly PaidCall[]) {
	const seq = chain.read({ ...ledger, functionName: "nextSeq", args: [gateway.address] });
	await anchor(chain, gateway, [lineOf(calls).line]);
	return { calls, seq };
}
const pay = (call: PaidCall) => chain.send(reporter, { ...ledger, functionName: "payUnanchored", args: [call.orderDigest] });
const bond = () => chain.read({ ...nodes, functionName: "operatorOf", args: [gateway.address] });
const held = () => [claimableOf(chain, owner.address), creditOf(chain, node.address), creditOf(chain, reporter.address), creditOf(chain, TREASURY)] as const;

describe("an order with a receipt that no batch holds", () => {
	test("is reported, waits a day for an answer, and is paid from the bond: owner, node, a fifth of the penalty to the reporter", async () => {
		const call = order();
		chain.advance(400);
		const before = held();
		const sent = await report(call);
		expect(sent.event("DebtOpened")).toEqual({
			order: call.orderDigest,
			gateway: gateway.address,
			reporter: reporter.address,
			ownerAmount: OWED,
			nodeFee: FEE,
		});
		const penalty = (OWED + FEE) / 2n;
		expect(sent.event("BondLocked")).toMatchObject({ operator: gateway.address, amount: OWED + FEE + penalty });
		expect(bond()).toMatchObject({ bond: BOND, locked: OWED + FEE + penalty });
		await expect(report(call)).rejects.toThrow("DebtExists");
		await expect(pay(call)).rejects.toThrow("TooEarly");
		chain.advance(DAY);
		const paid = await pay(call);
		const share = (penalty * 2_000n) / 10_000n;
		expect(paid.event("DebtPaid")).toEqual({
			order: call.orderDigest,
			gateway: gateway.address,
			ownerAmount: OWED,
			nodeFee: FEE,
			reporterAmount: share,
			treasuryAmount: penalty - share,
		});
		expect(paid.event("Slashed")).toMatchObject({ operator: gateway.address, cause: call.orderDigest, amount: OWED + FEE + penalty });
		expect(held()).toEqual([before[0] + OWED, before[1] + FEE, before[2] + share, before[3] + penalty - share]);
		expect(bond()).toMatchObject({ bond: BOND - OWED - FEE - penalty, locked: 0n });
		await expect(pay(call)).rejects.toThrow("DebtNotOpen");
		await expect(report(call)).rejects.toThrow("DebtExists");
	});
	test("reporting oneself costs more than it brings", async () => {
		const call = order();
		chain.advance(400);
		await report(call, gateway);
		const before = [bond().bond, creditOf(chain, gateway.address)] as const;
		chain.advance(DAY);
		await pay(call);
		expect(before[0] - bond().bond).toBeGreaterThan(creditOf(chain, gateway.address) - before[1]);
	});
});

describe("an anchored call", () => {
	test("is not paid a second time: anyone answers with the leaf, and nothing is taken", async () => {
		const calls = [order(), order(), order()];
		const batch = await anchored(calls);
		const [, call] = calls;
		if (call === undefined) throw new Error("no call");
		chain.advance(400);
		await report(call);
		const before = [bond().bond, ...held()];
		const sent = await answer(call, batch);
		expect(sent.event("DebtAnswered")).toEqual({ order: call.orderDigest, gateway: gateway.address, seq: batch.seq, late: false });
		expect([bond().bond, ...held()]).toEqual(before);
		expect(sent.event("BondUnlocked")).toMatchObject({ operator: gateway.address, locked: 0n });
		chain.advance(DAY);
		await expect(pay(call)).rejects.toThrow("DebtNotOpen");
		await expect(report(call)).rejects.toThrow("DebtExists");
	});
	test("anchored only after the report: owner and node have been paid by the batch, the penalty alone is taken", async () => {
		const call = order();
		chain.advance(400);
		await report(call);
		chain.advance(1);
		const batch = await anchored([call]);
		const before = held();
		const locked = bond();
		const sent = await answer(call, batch);
		expect(sent.event("DebtAnswered")["late"]).toBe(true);
		const penalty = (OWED + FEE) / 2n;
		expect(sent.event("DebtPaid")).toMatchObject({ ownerAmount: 0n, nodeFee: 0n });
		expect(held()[0]).toBe(before[0]);
		expect(held()[1]).toBe(before[1]);
		expect(locked.bond - bond().bond).toBe(penalty);
		expect(bond().locked).toBe(0n);
	});
	test("a false answer is refused", async () => {
		const [call, other] = [order(), order()];
		const batch = await anchored([other]);
		chain.advance(400);
		await report(call);
		await expect(answer(call, { ...batch, calls: [call] })).rejects.toThrow("RootMismatch");
		await expect(answer(call, { ...batch, seq: 999n })).rejects.toThrow("BatchMissing");
		const { line } = lineOf([other]);
		await expect(
			chain.send(payer, { ...ledger, functionName: "answerUnanchored", args: [call.orderDigest, batch.seq, [line], [], 0n, call.leaf.sums, []] }),
		).rejects.toThrow("LeafNotInLine");
		await expect(
			chain.send(payer, { ...ledger, functionName: "answerUnanchored", args: [other.orderDigest, batch.seq, [line], [], 0n, other.leaf.sums, []] }),
		).rejects.toThrow("DebtNotOpen");
	});
});

describe("a report is refused", () => {
	test("before the deadline and 5 minutes, or a day after", async () => {
		const call = order();
		chain.advance(359);
		await expect(report(call)).rejects.toThrow("TooEarly");
		const late = order();
		chain.advance(60 + DAY + 1);
		await expect(report(late)).rejects.toThrow("TooLate");
	});
	test("when either signature is not by a key that was valid", async () => {
		const forgedOrder = order({ gateway: rogue, order: { gateway: gateway.address } });
		const forgedReceipt = order({ node: rogue, order: { node: node.address } });
		chain.advance(400);
		await expect(report(forgedOrder)).rejects.toThrow("InvalidSignature(gateway)");
		await expect(report(forgedReceipt)).rejects.toThrow("InvalidSignature(node)");
	});
	test("when the order is signed after its key was revoked", async () => {
		await chain.send(gateway, { ...nodes, functionName: "addKey", args: [rogue.address] });
		const early = order({ gateway: rogue, order: { gateway: gateway.address } });
		chain.advance(1);
		await chain.send(gateway, { ...nodes, functionName: "revokeKey", args: [rogue.address] });
		chain.advance(5);
		const late = order({ gateway: rogue, order: { gateway: gateway.address } });
		chain.advance(400);
		await expect(report(late)).rejects.toThrow("InvalidSignature(gateway)");
		await report(early);
	});
	test("when the receipt says more than the order allows", async () => {
		const at = chain.time;
		const base = { at } as const;
		const cases = [
			order({ ...base, outputUnits: 1_001n }),
			order({ ...base, inputUnits: 1_001n }),
			order({ ...base, receipt: { startedAt: BigInt(at) * 1000n + 50n, finishedAt: BigInt(at) * 1000n } }),
			order({ ...base, receipt: { finishedAt: BigInt(at + 61) * 1000n } }),
			order({ ...base, order: { deadline: BigInt(at) * 1000n + BigInt(HOUR) * 1000n + 1n } }),
			order({ ...base, receipt: { order: `0x${"11".repeat(32)}` } }),
		];
		chain.advance(HOUR + 400);
		for (const call of cases) await expect(report(call)).rejects.toThrow("OrderMismatch");
		await expect(report(order({ ...base, receipt: { charge: 1n } }))).rejects.toThrow("ChargeMismatch");
		await expect(report(order({ ...base, priceVersion: 9 }))).rejects.toThrow("UnknownPrice");
	});
});

describe("a bond that is leaving or too small", () => {
	test("what is locked cannot be withdrawn while it is judged; a gateway cannot run with the money", async () => {
		const runner = account(6);
		await register(chain, runner, ROLE.gateway, runner.address, 100n * OPG_UNIT);
		await chain.send(runner, { ...nodes, functionName: "unbond", args: [100n * OPG_UNIT] });
		chain.advance(7 * DAY - 500);
		const call = order({ gateway: runner });
		chain.advance(400);
		await report(call);
		chain.advance(100);
		const locked = OWED + FEE + (OWED + FEE) / 2n;
		const out = await chain.send(runner, { ...nodes, functionName: "withdrawBond", args: [runner.address] });
		expect(out.event("BondWithdrawn")["amount"]).toBe(100n * OPG_UNIT - locked);
		await expect(chain.send(runner, { ...nodes, functionName: "withdrawBond", args: [runner.address] })).rejects.toThrow("NothingToUnbond");
		chain.advance(DAY);
		expect((await pay(call)).event("DebtPaid")).toMatchObject({ ownerAmount: OWED, nodeFee: FEE });
		expect(chain.read({ ...nodes, functionName: "operatorOf", args: [runner.address] })).toMatchObject({ bond: 0n, locked: 0n, unbonding: 0n });
	});
	test("owner first, then node, then penalty, as far as it reaches", async () => {
		const poor = account(7);
		await register(chain, poor, ROLE.gateway, poor.address, 100n * OPG_UNIT);
		const dear = await publish(chain, owner, { name: "debt/dear", price: { perCall: 60n * OPG_UNIT } });
		const calls = [1, 2].map(() => order({ gateway: poor, release: dear.release, price: priceOf({ perCall: 60n * OPG_UNIT }), nodeFee: 20n * OPG_UNIT }));
		chain.advance(400);
		for (const call of calls) await report(call);
		chain.advance(DAY);
		const [first, second] = calls;
		if (first === undefined || second === undefined) throw new Error("no calls");
		expect((await pay(first)).event("DebtPaid")).toMatchObject({ ownerAmount: 60n * OPG_UNIT, nodeFee: 20n * OPG_UNIT, reporterAmount: 4n * OPG_UNIT });
		expect((await pay(second)).events.map((event) => event.name)).toEqual([]);
		expect(chain.read({ ...ledger, functionName: "debtOf", args: [second.orderDigest] })).toMatchObject({ status: 3, locked: 0n });
	});
});
