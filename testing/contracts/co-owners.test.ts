/** A model that belongs to several people: income by shares to the unit, and acts only by enough of the shares. */
import { coOwnerAbi, coOwnersAbi } from "@freehold/contracts/abi";
import { genesisAddresses } from "@freehold/contracts/bytecode";
import fc from "fast-check";
import { type Address, encodeFunctionData, type Hex, keccak256, toHex, zeroHash } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { account, type Chain, OPG_UNIT, openChain } from "./chain.js";
import { anchor, line, opg, publish, ROLE, register, registry, tillOf } from "./market.js";

const coOwners = { address: genesisAddresses.CoOwners, abi: coOwnersAbi } as const;
const [gateway, node, payer, stranger, ann, ben, cleo] = [account(0), account(1), account(2), account(3), account(4), account(5), account(6)];
let chain: Chain;
let serial = 0n;
beforeAll(async () => {
	chain = await openChain();
	await register(chain, gateway, ROLE.gateway);
	await chain.send(payer, { ...opg, functionName: "transfer", args: [tillOf(chain, gateway.address), 10_000n * OPG_UNIT] });
});
afterAll(() => chain.close());

const own = (address: Address) => ({ address, abi: coOwnerAbi }) as const;
const balance = (of: Address) => chain.read({ ...opg, functionName: "balanceOf", args: [of] });

async function open(members: readonly Address[], shares: readonly bigint[], threshold: bigint): Promise<Address> {
	const salt = toHex(++serial, { size: 32 });
	const sent = await chain.send(stranger, { ...coOwners, functionName: "open", args: [[...members], [...shares], threshold, salt] });
	const { account: opened } = sent.event("Opened") as { account: Address };
	expect(opened).toBe(await chain.read({ ...coOwners, functionName: "addressOf", args: [[...members], [...shares], threshold, salt] }));
	return opened;
}

/** A model of the common account, published by Ann and given to it. */
async function common(account_: Address): Promise<{ modelId: bigint; release: Hex }> {
	const published = await publish(chain, ann, { name: `ann/common-${++serial}`, price: { perCall: OPG_UNIT } });
	await chain.send(ann, { ...registry, functionName: "safeTransferFrom", args: [ann.address, account_, published.modelId] });
	return published;
}

const price = (release: Hex, perCall: bigint): Hex =>
	encodeFunctionData({ abi: registry.abi, functionName: "setPrice", args: [release, { perCall, perInputUnit: 0n, perOutputUnit: 0n }] });

describe("a common account", () => {
	test("is opened by anyone, at an address that is known before; once", async () => {
		const args = [[ann.address, ben.address], [1n, 1n], 2n, zeroHash] as const;
		await chain.send(stranger, { ...coOwners, functionName: "open", args });
		const opened = await chain.read({ ...coOwners, functionName: "addressOf", args });
		expect(await chain.read({ ...coOwners, functionName: "isCoOwner", args: [opened] })).toBe(true);
		expect(await chain.read({ ...own(opened), functionName: "members" })).toEqual([ann.address, ben.address]);
		await expect(chain.send(ann, { ...coOwners, functionName: "open", args })).rejects.toMatchObject({ name: "AlreadyOpened" });
	});

	test.each([
		["nobody", [], []],
		["someone twice", [ann.address, ann.address], [1n, 1n]],
		["a share of nothing", [ann.address, ben.address], [1n, 0n]],
		["the zero address", ["0x0000000000000000000000000000000000000000"], [1n]],
		["more members than shares", [ann.address, ben.address], [1n]],
		["shares that overflow", [ann.address], [2n ** 64n]],
	] as const)("refuses %s", async (_, members, shares) => {
		const args = [[...members] as Address[], [...shares], 1n, zeroHash] as const;
		await expect(chain.send(ann, { ...coOwners, functionName: "open", args })).rejects.toMatchObject({ name: "InvalidMembers" });
	});

	test.each([0n, 50n, 101n])("refuses a threshold of %s of a hundred", async (threshold) => {
		const args = [[ann.address, ben.address], [60n, 40n], threshold, zeroHash] as const;
		await expect(chain.send(ann, { ...coOwners, functionName: "open", args })).rejects.toMatchObject({ name: "InvalidThreshold" });
	});
});

describe("income", () => {
	test("of a call is everybody's by their shares, whoever asks for it to be paid", async () => {
		const account_ = await open([ann.address, ben.address, cleo.address], [50n, 30n, 20n], 51n);
		const { release } = await common(account_);
		const before = await Promise.all([ann, ben, cleo].map(({ address }) => balance(address)));
		await anchor(chain, gateway, [line({ release, node: node.address, calls: 10n, nodeFee: 0n, gatewayFee: 0n })]);
		const paid = await chain.send(stranger, { ...own(account_), functionName: "pay" });
		expect(paid.all("Paid").map(({ amount }) => amount)).toEqual([5n * OPG_UNIT, 3n * OPG_UNIT, 2n * OPG_UNIT]);
		const after = await Promise.all([ann, ben, cleo].map(({ address }) => balance(address)));
		expect(after.map((amount, index) => amount - (before[index] ?? 0n))).toEqual([5n * OPG_UNIT, 3n * OPG_UNIT, 2n * OPG_UNIT]);
		expect((await chain.send(stranger, { ...own(account_), functionName: "pay" })).all("Paid")).toEqual([]);
	});

	test("is divided to the unit, however it comes and however often it is paid", async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 6 }),
				fc.array(fc.record({ amount: fc.bigInt({ min: 1n, max: 10n ** 12n }), pay: fc.boolean() }), { minLength: 1, maxLength: 6 }),
				async (weights, incomes) => {
					const members = weights.map((_, index) => account(8 + index).address);
					const total = weights.reduce((sum, weight) => sum + BigInt(weight), 0n);
					const account_ = await open(members, weights.map(BigInt), total);
					const before = await Promise.all(members.map(balance));
					let received = 0n;
					for (const { amount, pay } of incomes) {
						await chain.send(payer, { ...opg, functionName: "transfer", args: [account_, amount] });
						received += amount;
						if (pay) await chain.send(stranger, { ...own(account_), functionName: "pay" });
					}
					await chain.send(stranger, { ...own(account_), functionName: "pay" });
					const got = (await Promise.all(members.map(balance))).map((amount, index) => amount - (before[index] ?? 0n));
					expect(got).toEqual(weights.map((weight) => (received * BigInt(weight)) / total));
					expect(await balance(account_)).toBe(received - got.reduce((sum, amount) => sum + amount, 0n));
				},
			),
			{ numRuns: process.env["FREEHOLD_DEEP"] === "1" ? 200 : 15 },
		);
	});
});

describe("acts", () => {
	test("are made when enough shares have agreed to the same call, and not before", async () => {
		const account_ = await open([ann.address, ben.address, cleo.address], [50n, 30n, 20n], 60n);
		const { release } = await common(account_);
		const act = { ...own(account_), functionName: "act", args: [registry.address, price(release, OPG_UNIT / 2n)] } as const;
		const id = await chain.read({ ...own(account_), functionName: "actOf", args: act.args });
		const first = await chain.send(ann, act);
		expect(first.event("Agreed")).toMatchObject({ act: id, member: ann.address, agreedShares: 50n });
		expect(first.all("Acted")).toEqual([]);
		// Another price is another act.
		await chain.send(ben, { ...act, args: [registry.address, price(release, 0n)] });
		expect(await chain.read({ ...own(account_), functionName: "agreedShares", args: [id] })).toBe(50n);
		await expect(chain.send(ann, act)).rejects.toMatchObject({ name: "AgreedAlready" });
		await expect(chain.send(stranger, act)).rejects.toMatchObject({ name: "NotMember" });
		const second = await chain.send(cleo, act);
		expect(second.event("Acted")).toMatchObject({ act: id });
		expect(second.event("PriceSet")).toMatchObject({ release, perCall: OPG_UNIT / 2n });
		// The next time they must agree anew.
		expect(await chain.read({ ...own(account_), functionName: "agreedShares", args: [id] })).toBe(0n);
		expect(await chain.read({ ...own(account_), functionName: "hasAgreed", args: [id, ann.address] })).toBe(false);
	});

	test("that nobody has made yet can be withdrawn from", async () => {
		const account_ = await open([ann.address, ben.address], [1n, 1n], 2n);
		const { release } = await common(account_);
		const act = { ...own(account_), functionName: "act", args: [registry.address, price(release, 1n)] } as const;
		const id = keccak256(toHex("no such act"));
		await chain.send(ann, act);
		await expect(chain.send(ben, { ...own(account_), functionName: "withdraw", args: [id] })).rejects.toMatchObject({ name: "NotAgreed" });
		const real = await chain.read({ ...own(account_), functionName: "actOf", args: act.args });
		expect((await chain.send(ann, { ...own(account_), functionName: "withdraw", args: [real] })).event("Withdrawn")).toMatchObject({ agreedShares: 0n });
		expect((await chain.send(ben, act)).all("Acted")).toEqual([]);
	});

	test("that fail leave everything as it was", async () => {
		const account_ = await open([ann.address], [1n], 1n);
		const { release } = await publish(chain, ben, { name: `ben/other-${++serial}`, price: { perCall: 1n } });
		await expect(chain.send(ann, { ...own(account_), functionName: "act", args: [registry.address, price(release, 2n)] })).rejects.toMatchObject({
			name: "NotModelOwner",
		});
	});

	test("can give a model away, and past income stays the members'", async () => {
		const account_ = await open([ann.address, ben.address], [1n, 1n], 2n);
		const { modelId, release } = await common(account_);
		await anchor(chain, gateway, [line({ release, node: node.address, calls: 2n, nodeFee: 0n, gatewayFee: 0n })]);
		const data = encodeFunctionData({ abi: registry.abi, functionName: "transferFrom", args: [account_, cleo.address, modelId] });
		await chain.send(ann, { ...own(account_), functionName: "act", args: [registry.address, data] });
		await chain.send(ben, { ...own(account_), functionName: "act", args: [registry.address, data] });
		expect(await chain.read({ ...registry, functionName: "ownerOf", args: [modelId] })).toBe(cleo.address);
		expect((await chain.send(stranger, { ...own(account_), functionName: "pay" })).all("Paid").map(({ amount }) => amount)).toEqual([OPG_UNIT, OPG_UNIT]);
	});
});

describe("a release", () => {
	test("keeps who published it, also after it was given away", async () => {
		const account_ = await open([ann.address], [1n], 1n);
		const { release } = await common(account_);
		expect((await chain.read({ ...registry, functionName: "releaseOf", args: [release] })).publisher).toBe(ann.address);
	});
});
