/** A batch, its money and what a cheating gateway cannot do. */
import { batchRoot } from "@freehold/protocol";
import fc from "fast-check";
import { type Address, getAddress, toHex, zeroAddress } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { account, type Chain, OPG_UNIT, openChain } from "./chain.js";
import {
	anchor,
	claimableOf,
	creditOf,
	GRACE,
	ledger,
	line,
	lineOf,
	nodes,
	opg,
	paidCall,
	priceOf,
	publish,
	ROLE,
	register,
	registry,
	royalties,
	TREASURY,
	tillOf,
	upstreamOf,
} from "./market.js";

const [gateway, node, owner, payer, stranger, nextOwner] = [account(0), account(1), account(2), account(3), account(4), account(5)];
const price = priceOf({ perCall: 1_000n, perInputUnit: 3n, perOutputUnit: 7n });
let chain: Chain;
let till: Address;
let names = 0;
beforeAll(async () => {
	chain = await openChain();
	await register(chain, gateway, ROLE.gateway);
	await register(chain, node, ROLE.inference);
	till = tillOf(chain, gateway.address);
	await chain.send(payer, { ...opg, functionName: "transfer", args: [till, OPG_UNIT] });
});
afterAll(() => chain.close());

let release: `0x${string}`;
let modelId: bigint;
beforeEach(async () => {
	({ release, modelId } = await publish(chain, owner, { name: `base/m${names++}`, price }));
});

const usage = { calls: 10n, inputUnits: 100n, outputUnits: 50n, nodeFee: 500n, gatewayFee: 300n } as const;
const ownerPart = 10n * 1_000n + 100n * 3n + 50n * 7n;

describe("a paid line", () => {
	test("pays owner, node, gateway and protocol exactly, by the registry's price", async () => {
		const before = [
			creditOf(chain, gateway.address),
			creditOf(chain, node.address),
			creditOf(chain, TREASURY),
			claimableOf(chain, owner.address),
			chain.balance(till),
		] as const;
		const lines = [line({ release, node: node.address, ...usage })];
		const sent = await anchor(chain, gateway, lines);
		const charge = ownerPart + 800n;
		const fee = charge / 100n;
		expect(creditOf(chain, gateway.address) - before[0]).toBe(300n - fee);
		expect(creditOf(chain, node.address) - before[1]).toBe(500n);
		expect(creditOf(chain, TREASURY) - before[2]).toBe(fee);
		expect(claimableOf(chain, owner.address) - before[3]).toBe(ownerPart);
		expect(before[4] - chain.balance(till)).toBe(charge);
		expect(sent.event("LinePaid")).toMatchObject({
			release,
			index: 0n,
			priceVersion: 1,
			node: node.address,
			...usage,
			ownerAmount: ownerPart,
			protocolFee: fee,
		});
		expect(sent.event("Anchored")).toMatchObject({ gateway: gateway.address, root: batchRoot(lines, []), total: charge, lines: 1n, refunds: 0n });
		expect(sent.event("OwnerCredited")).toEqual({ release, owner: owner.address, amount: ownerPart, fromDescendants: false });
		const { calls, inputUnits, outputUnits, gross, net } = chain.read({ ...ledger, functionName: "usageOf", args: [release] });
		expect({ calls, inputUnits, outputUnits, gross, net }).toEqual({ calls: 10n, inputUnits: 100n, outputUnits: 50n, gross: charge, net: ownerPart });
	});
	test("the protocol fee never exceeds the gateway's part", async () => {
		const sent = await anchor(chain, gateway, [line({ release, node: node.address, ...usage, gatewayFee: 5n })]);
		expect(sent.event("LinePaid")).toMatchObject({ gatewayFee: 5n, protocolFee: 5n });
	});
	test("the batch's root, block and time stay in state", async () => {
		const seq = chain.read({ ...ledger, functionName: "nextSeq", args: [gateway.address] });
		const lines = [line({ release, node: node.address, ...usage })];
		await anchor(chain, gateway, lines);
		expect(chain.read({ ...ledger, functionName: "batch", args: [gateway.address, seq] })).toEqual({
			root: batchRoot(lines, []),
			blockNumber: chain.number,
			timestamp: BigInt(chain.time),
		});
		expect(chain.read({ ...ledger, functionName: "batch", args: [gateway.address, seq + 1n] }).blockNumber).toBe(0n);
	});
	test("refunds become credit that goes out to the payer, whoever asks for it", async () => {
		const sent = await anchor(chain, gateway, [], { refunds: [{ payer: payer.address, amount: 77n }] });
		expect(sent.event("Refunded")).toMatchObject({ payer: payer.address, amount: 77n });
		const before = chain.balance(payer.address);
		const paid = await chain.send(stranger, { ...ledger, functionName: "withdrawFor", args: [payer.address] });
		expect(paid.event("Withdrawn")).toEqual({ account: payer.address, to: payer.address, amount: 77n });
		expect(chain.balance(payer.address)).toBe(before + 77n);
		await expect(chain.send(stranger, { ...ledger, functionName: "withdrawFor", args: [payer.address] })).rejects.toThrow("NothingToWithdraw");
	});
	test("credit is taken out by its owner to any address", async () => {
		await anchor(chain, gateway, [line({ release, node: node.address, ...usage })]);
		const amount = creditOf(chain, node.address);
		const before = chain.balance(stranger.address);
		await chain.send(node, { ...ledger, functionName: "withdraw", args: [stranger.address] });
		expect(chain.balance(stranger.address)).toBe(before + amount);
		expect(creditOf(chain, node.address)).toBe(0n);
	});
	test("sold between calls, a model pays each owner for their time", async () => {
		const paid = (): Promise<unknown> => anchor(chain, gateway, [line({ release, node: node.address, ...usage })]);
		const before = [claimableOf(chain, owner.address), claimableOf(chain, nextOwner.address)] as const;
		await paid();
		await chain.send(owner, { ...registry, functionName: "transferFrom", args: [owner.address, nextOwner.address, modelId] });
		await paid();
		expect(claimableOf(chain, owner.address) - before[0]).toBe(ownerPart);
		expect(claimableOf(chain, nextOwner.address) - before[1]).toBe(ownerPart);
	});
});

describe("the example of the design: 1000 units, child owes A 10 % and B 5 %, A owes C 20 %", () => {
	test("C 20, A 80, B 50, child 850", async () => {
		const [ownerC, ownerA, ownerB, ownerChild] = [account(6), account(7), account(8), account(9)];
		const c = await publish(chain, ownerC, { name: "ex/c" });
		await chain.send(ownerC, { ...registry, functionName: "transferNamespace", args: ["ex", ownerA.address] });
		const a = await publish(chain, ownerA, { name: "ex/a", parents: [{ release: c.release, bps: 2_000 }] });
		const b = await publish(chain, ownerB, { name: "data/b" });
		const child = await publish(chain, ownerChild, {
			name: "kid/model",
			price: { perCall: 1_000n },
			parents: [
				{ release: a.release, bps: 1_000 },
				{ release: b.release, bps: 500 },
			],
		});
		const sent = await anchor(chain, gateway, [line({ release: child.release, node: node.address, calls: 1n })]);
		expect(sent.all("RoyaltyBooked")).toEqual([
			{ release: child.release, parent: a.release, amount: 100n },
			{ release: child.release, parent: b.release, amount: 50n },
		]);
		expect(chain.read({ ...royalties, functionName: "owed", args: [a.release] })).toBe(100n);
		const flowed = await chain.send(stranger, { ...royalties, functionName: "flow", args: [[a.release, b.release, c.release]] });
		expect(flowed.all("OwnerCredited").map((event) => [event["owner"], event["amount"], event["fromDescendants"]])).toEqual([
			[ownerA.address, 80n, true],
			[ownerB.address, 50n, true],
			[ownerC.address, 20n, true],
		]);
		expect([ownerC, ownerA, ownerB, ownerChild].map(({ address }) => claimableOf(chain, address))).toEqual([20n, 80n, 50n, 850n]);
	});
});

describe("what a gateway cannot do", () => {
	const lines = () => [line({ release, node: node.address, ...usage })];

	test("anchor out of sequence, twice, or with another root", async () => {
		const next = chain.read({ ...ledger, functionName: "nextSeq", args: [gateway.address] });
		await expect(anchor(chain, gateway, lines(), { seq: next + 1n })).rejects.toThrow("SeqNotNext");
		await expect(anchor(chain, gateway, lines(), { seq: next - 1n })).rejects.toThrow("SeqNotNext");
		await expect(anchor(chain, gateway, lines(), { root: batchRoot([], []) })).rejects.toThrow("RootMismatch");
		await anchor(chain, gateway, lines(), { seq: next });
		await expect(anchor(chain, gateway, lines(), { seq: next })).rejects.toThrow("SeqNotNext");
	});
	test("anchor without the role", async () => {
		await expect(anchor(chain, node, lines())).rejects.toThrow("NotGateway");
		await expect(anchor(chain, stranger, lines())).rejects.toThrow("NotGateway");
	});
	test("take more than its own till holds", async () => {
		const other = account(10);
		await register(chain, other, ROLE.gateway);
		await chain.send(payer, { ...opg, functionName: "transfer", args: [tillOf(chain, other.address), 100n] });
		await expect(anchor(chain, other, lines())).rejects.toThrow("TillTooSmall");
		await expect(anchor(chain, other, [], { refunds: [{ payer: other.address, amount: 101n }] })).rejects.toThrow("TillTooSmall");
		await anchor(chain, other, [], { refunds: [{ payer: payer.address, amount: 100n }] });
	});
	test("take from a till in any other way", async () => {
		await chain.send(stranger, { ...ledger, functionName: "openTill", args: [gateway.address] });
		const { tillAbi } = await import("@freehold/contracts/abi");
		for (const who of [gateway, stranger, owner])
			await expect(chain.send(who, { address: till, abi: tillAbi, functionName: "take", args: [1n] })).rejects.toThrow("NotUsageLedger");
		await expect(chain.transact(stranger.address, { to: till, value: 1n })).rejects.toThrow();
	});
	test("decide what the owner gets: a line names a price version, not an amount", async () => {
		const before = claimableOf(chain, owner.address);
		await anchor(chain, gateway, [line({ release, node: node.address, calls: 2n })]);
		expect(claimableOf(chain, owner.address) - before).toBe(2_000n);
	});
	test("exceed the bounds of a batch, or refund nobody", async () => {
		const many = Array.from({ length: 257 }, () => lines()[0] ?? line({ release, node: node.address }));
		await expect(anchor(chain, gateway, many)).rejects.toThrow("TooManyLines");
		await expect(anchor(chain, gateway, [], { refunds: many.map(() => ({ payer: payer.address, amount: 1n })) })).rejects.toThrow("TooManyRefunds");
		await expect(anchor(chain, gateway, [], { refunds: [{ payer: zeroAddress, amount: 1n }] })).rejects.toThrow("RefundToNobody");
	});
	test("fees: only the treasury sets them, inside the bounds", async () => {
		const call = (fee: number, penalty: number) => ({ ...ledger, functionName: "setFeeParameters", args: [fee, penalty] }) as const;
		await expect(chain.send(gateway, call(0, 0))).rejects.toThrow("NotGovernor");
		await expect(chain.send(TREASURY, call(501, 0))).rejects.toThrow("OutOfBounds");
		await expect(chain.send(TREASURY, call(500, 10_001))).rejects.toThrow("OutOfBounds");
		const sent = await chain.send(TREASURY, call(500, 10_000));
		expect(sent.event("FeeParametersSet")).toEqual({ protocolFeeBps: 500, penaltyBps: 10_000 });
		const paid = await anchor(
			chain,
			gateway,
			lines().map((item) => ({ ...item, gatewayFee: 100_000n })),
		);
		expect(paid.event("LinePaid")["protocolFee"]).toBe(((ownerPart + 500n + 100_000n) * 500n) / 10_000n);
		await chain.send(TREASURY, call(100, 5_000));
	});
});

describe("a till", () => {
	test("stands where anyone can compute it, holds money before it is opened, opens once", async () => {
		const other = account(11);
		const at = tillOf(chain, other.address);
		await chain.send(payer, { ...opg, functionName: "transfer", args: [at, 9n] });
		const opened = await chain.send(stranger, { ...ledger, functionName: "openTill", args: [other.address] });
		expect(opened.event("TillOpened")).toEqual({ gateway: other.address, till: at });
		expect(chain.balance(at)).toBe(9n);
		expect((await chain.send(stranger, { ...ledger, functionName: "openTill", args: [other.address] })).events).toEqual([]);
	});
});

describe("one bad line never stops a batch: its money is held", () => {
	/** Anchors a good line beside a bad one; returns why the bad one was held. */
	async function heldReason(bad: Parameters<typeof line>[0]): Promise<number> {
		const good = await publish(chain, owner, { name: `base/g${names++}`, price });
		const sent = await anchor(chain, gateway, [line(bad), line({ release: good.release, node: node.address, ...usage })]);
		expect(sent.all("LinePaid")).toHaveLength(1);
		expect(sent.all("OwnerCredited")).toHaveLength(1);
		return sent.event("LineHeld")["reason"] as number;
	}

	test("an unknown release, an unknown price version, no node, no calls", async () => {
		expect(await heldReason({ release: `0x${"ab".repeat(32)}`, node: node.address, ...usage })).toBe(1);
		expect(await heldReason({ release, priceVersion: 2, node: node.address, ...usage })).toBe(1);
		expect(await heldReason({ release, priceVersion: 0, node: node.address, ...usage })).toBe(1);
		expect(await heldReason({ release, node: zeroAddress, ...usage })).toBe(5);
		expect(await heldReason({ release, node: node.address, ...usage, calls: 0n })).toBe(6);
	});
	test("a price that has not begun, or that was withdrawn before it began", async () => {
		await chain.send(owner, { ...registry, functionName: "setPrice", args: [release, priceOf({ perCall: 2_000n })] });
		expect(await heldReason({ release, priceVersion: 2, node: node.address, ...usage })).toBe(2);
		await chain.send(owner, { ...registry, functionName: "setPrice", args: [release, priceOf({ perCall: 500n })] });
		chain.advance(3_601);
		expect(await heldReason({ release, priceVersion: 2, node: node.address, ...usage })).toBe(2);
	});
	test("an old price counts until its end + 5 min + 1 h, then no more", async () => {
		await chain.send(owner, { ...registry, functionName: "setPrice", args: [release, priceOf({ perCall: 1n })] });
		chain.advance(GRACE);
		expect((await anchor(chain, gateway, [line({ release, priceVersion: 1, node: node.address, ...usage })])).event("LinePaid")["ownerAmount"]).toBe(ownerPart);
		chain.advance(1);
		expect(await heldReason({ release, priceVersion: 1, node: node.address, ...usage })).toBe(3);
	});
	test("a retired release is paid until its end + 5 min + 1 h, then no more", async () => {
		await chain.send(owner, { ...registry, functionName: "retire", args: [release] });
		chain.advance(GRACE);
		await anchor(chain, gateway, [line({ release, node: node.address, ...usage })]);
		const before = claimableOf(chain, owner.address);
		chain.advance(1);
		expect(await heldReason({ release, node: node.address, ...usage })).toBe(4);
		expect(claimableOf(chain, owner.address) - before).toBe(ownerPart);
	});

	test("whatever a line says, the batch goes through and every unit is paid or held", async () => {
		const word = fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }).map((value) => toHex(value, { size: 32 }));
		const lines = fc.array(
			fc.record({
				release: fc.oneof(fc.constant(undefined), word),
				priceVersion: fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((version) => (version % 3 === 0 ? 1 : version)),
				node: fc.oneof(
					fc.constant(zeroAddress),
					word.map((value) => getAddress(`0x${value.slice(26)}`)),
				),
				calls: fc.bigInt({ min: 0n, max: 1_000n }),
				inputUnits: fc.bigInt({ min: 0n, max: 1_000n }),
				outputUnits: fc.bigInt({ min: 0n, max: 1_000n }),
				nodeFee: fc.bigInt({ min: 0n, max: 10n ** 9n }),
				gatewayFee: fc.bigInt({ min: 0n, max: 10n ** 9n }),
				root: word,
			}),
			{ minLength: 1, maxLength: 9 },
		);
		await fc.assert(
			fc.asyncProperty(lines, async (drawn) => {
				const before = chain.balance(till);
				const sent = await anchor(
					chain,
					gateway,
					drawn.map((item) => ({ ...item, release: item.release ?? release })),
				);
				const paid = sent.all("LinePaid").map((event) => ["ownerAmount", "nodeFee", "gatewayFee"].reduce((sum, part) => sum + (event[part] as bigint), 0n));
				const held = sent.all("LineHeld").map((event) => event["amount"] as bigint);
				expect(paid.length + held.length).toBe(drawn.length);
				expect([...paid, ...held].reduce((sum, amount) => sum + amount, 0n)).toBe(before - chain.balance(till));
			}),
			{ numRuns: 40 },
		);
	});
	test("the largest batch fits into a block many times", async () => {
		const parents: { release: `0x${string}`; bps: number }[] = [];
		for (let index = 0; index < 8; index++) parents.push({ release: (await publish(chain, owner, { name: `base/p${names++}` })).release, bps: 1_000 });
		const releases: `0x${string}`[] = [];
		for (let index = 0; index < 32; index++) releases.push((await publish(chain, owner, { name: `base/c${names++}`, price, parents })).release);
		const many = Array.from({ length: 256 }, (_, index) => line({ release: releases[index % 32] ?? release, node: node.address, ...usage }));
		const refunds = Array.from({ length: 256 }, (_, index) => ({ payer: account(index % 16).address, amount: 1n }));
		const sent = await anchor(chain, gateway, many, { refunds });
		expect(sent.gasUsed).toBeLessThan(30_000_000n);
	});

	test("the payers of a held line take their part with leaf, order, receipt and salt, once each", async () => {
		const calls = [0, 1, 2, 3, 4].map((index) =>
			paidCall({
				gateway,
				node,
				payer: account(6 + index).address,
				release,
				price,
				inputUnits: BigInt(index),
				outputUnits: 2n,
				nodeFee: 11n,
				gatewayFee: 13n,
				at: chain.time,
				id: index,
			}),
		);
		await chain.send(owner, { ...registry, functionName: "retire", args: [release] });
		chain.advance(GRACE + 1);
		const seq = chain.read({ ...ledger, functionName: "nextSeq", args: [gateway.address] });
		const { line: held, proofs } = lineOf(calls);
		const sent = await anchor(chain, gateway, [held]);
		const total = sent.event("LineHeld")["amount"] as bigint;
		expect(total).toBe(calls.reduce((sum, call) => sum + call.receipt.charge, 0n));

		const claim = (
			index: number,
			change: { leaf?: object; order?: object; receipt?: object; payer?: Address; salt?: `0x${string}`; line?: object; index?: bigint } = {},
		) => {
			const call = calls[index];
			const steps = proofs[index];
			if (call === undefined || steps === undefined) throw new RangeError("no such call");
			return chain.send(stranger, {
				...ledger,
				functionName: "claimHeld",
				args: [
					gateway.address,
					seq,
					change.index ?? 0n,
					{ ...held, ...change.line },
					{ ...call.leaf.sums, ...change.leaf },
					[...steps],
					{ ...call.order, ...change.order },
					{ ...call.receipt, ...change.receipt },
					change.payer ?? call.payer,
					change.salt ?? call.salt,
				],
			});
		};
		await expect(claim(0, { index: 1n })).rejects.toThrow("NothingHeld");
		await expect(claim(0, { line: { nodeFee: 0n } })).rejects.toThrow("LineMismatch");
		await expect(claim(0, { leaf: { nodeFee: 12n } })).rejects.toThrow("LeafNotInLine");
		await expect(claim(0, { leaf: { calls: 5n } })).rejects.toThrow("LeafNotInLine");
		await expect(claim(0, { receipt: { charge: 1n } })).rejects.toThrow("LeafNotInLine");
		await expect(claim(0, { order: { nodeFee: 1n } })).rejects.toThrow("OrderMismatch");
		await expect(claim(0, { payer: stranger.address })).rejects.toThrow("NotThePayer");
		await expect(claim(0, { salt: `0x${"00".repeat(32)}` })).rejects.toThrow("NotThePayer");
		for (const [index, call] of calls.entries()) {
			const before = creditOf(chain, call.payer);
			const paid = await claim(index);
			expect(paid.event("HeldClaimed")).toMatchObject({ payer: call.payer, amount: call.receipt.charge, receipt: call.receiptDigest });
			expect(creditOf(chain, call.payer) - before).toBe(call.receipt.charge);
			await expect(claim(index)).rejects.toThrow("LeafAlreadyClaimed");
		}
		expect(chain.read({ ...ledger, functionName: "heldAmount", args: [gateway.address, seq, 0n] })).toBe(0n);
	});

	test("a price that appears later does not change what was held", async () => {
		const call = paidCall({
			gateway,
			node,
			payer: payer.address,
			release,
			priceVersion: 2,
			price: priceOf(),
			nodeFee: 5n,
			gatewayFee: 6n,
			at: chain.time,
			id: 99,
		});
		const seq = chain.read({ ...ledger, functionName: "nextSeq", args: [gateway.address] });
		const { line: held, proofs } = lineOf([call]);
		await anchor(chain, gateway, [held]);
		await chain.send(owner, { ...registry, functionName: "setPrice", args: [release, priceOf({ perCall: 900n })] });
		const before = creditOf(chain, payer.address);
		await chain.send(payer, {
			...ledger,
			functionName: "claimHeld",
			args: [gateway.address, seq, 0n, held, call.leaf.sums, [...(proofs[0] ?? [])], call.order, call.receipt, payer.address, call.salt],
		});
		expect(creditOf(chain, payer.address) - before).toBe(11n);
	});
});

test("digests of orders and receipts are those of viem and of the protocol package", async () => {
	const { hashTypedData } = await import("viem");
	const { orderTypes, receiptDomain, receiptTypes } = await import("@freehold/protocol");
	const call = paidCall({ gateway, node, payer: payer.address, release, price, inputUnits: 4n, at: chain.time, id: 7, nodeFee: 3n });
	const domain = receiptDomain(10741);
	expect(chain.read({ ...ledger, functionName: "orderDigest", args: [call.order] })).toBe(call.orderDigest);
	expect(chain.read({ ...ledger, functionName: "receiptDigest", args: [call.receipt] })).toBe(call.receiptDigest);
	expect(hashTypedData({ domain, types: orderTypes, primaryType: "Order", message: call.order })).toBe(call.orderDigest);
	expect(hashTypedData({ domain, types: receiptTypes, primaryType: "Receipt", message: call.receipt })).toBe(call.receiptDigest);
});

test("a gateway that is leaving can still settle what it owes", async () => {
	await chain.send(gateway, { ...nodes, functionName: "unbond", args: [1_000n * OPG_UNIT] });
	expect(chain.read({ ...nodes, functionName: "isActive", args: [gateway.address, ROLE.gateway] })).toBe(false);
	await anchor(chain, gateway, [line({ release, node: node.address, ...usage })]);
	expect(upstreamOf(chain, release)).toBe(0n);
});
