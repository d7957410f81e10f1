/** Who orders blocks: bonding with a proof of the key, delegating, earning, leaving, and what faults cost. */
import { createHash } from "node:crypto";
import { validatorSetAbi } from "@freehold/contracts/abi";
import { genesisAddresses } from "@freehold/contracts/bytecode";
import { possessionMessage } from "@freehold/ledger";
import { ed25519 } from "@noble/curves/ed25519.js";
import { type Address, type Hex, hexToBytes, slice, toHex, zeroAddress, zeroHash } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { account, CHAIN_ID, type Chain, OPG_UNIT, openChain, type Sent } from "./chain.js";
import { opg, TREASURY } from "./market.js";

const set = { address: genesisAddresses.ValidatorSet, abi: validatorSetAbi } as const;
const SYSTEM: Address = "0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE";
const REWARD_POOL: Address = "0x4F50470000000000000000000000000000000006";
const [alice, bob, carol, dave] = [account(0), account(1), account(2), account(3)];
const DAY = 86_400;
const EPOCH = 3_600;
const MAX_64 = 2n ** 64n - 1n;
type Who = { readonly address: Address };

let chain: Chain;
beforeAll(async () => {
	chain = await openChain();
});
afterAll(() => chain.close());

const secretOf = (index: number): Uint8Array => new Uint8Array(32).fill(index);
const keyOf = (index: number): Hex => toHex(ed25519.getPublicKey(secretOf(index)));
const possessionOf = (index: number, operator: Who, chainId = CHAIN_ID): Hex =>
	toHex(ed25519.sign(possessionMessage(BigInt(chainId), hexToBytes(operator.address)), secretOf(index)));
/** What a key is called in consensus. */
const nameOf = (index: number): Address =>
	slice(
		`0x${createHash("sha256")
			.update(hexToBytes(keyOf(index)))
			.digest("hex")}`,
		0,
		20,
	);
const approve = (who: Who, amount: bigint) => chain.send(who, { ...opg, functionName: "approve", args: [set.address, amount] });
async function bond(
	who: Who,
	key: number,
	amount: bigint,
	{ commission = 0, possession = possessionOf(key, who), publicKey = keyOf(key) } = {},
): Promise<Sent> {
	await approve(who, amount);
	return chain.send(who, { ...set, functionName: "bond", args: [publicKey, possession, commission, amount] });
}
async function delegate(who: Who, operator: Who, amount: bigint): Promise<Sent> {
	await approve(who, amount);
	return chain.send(who, { ...set, functionName: "delegate", args: [operator.address, amount] });
}
const validator = ({ address }: Who) => chain.read({ ...set, functionName: "validatorOf", args: [address] });
const stake = (operator: Who, who: Who) => chain.read({ ...set, functionName: "stakeOf", args: [operator.address, who.address] });
const candidates = (): Record<Hex, bigint> => {
	const [keys, powers] = chain.read({ ...set, functionName: "candidates" });
	return Object.fromEntries(keys.map((key, index) => [key, powers[index] ?? 0n]));
};
const system = {
	report: (equivocators: readonly Address[], absent: readonly Address[]) =>
		chain.send(SYSTEM, { ...set, functionName: "report", args: [equivocators, absent] }),
	/** Ends the epoch with exactly the candidates as the next set. */
	epoch: async () => {
		chain.advance(EPOCH);
		const ended = await chain.send(SYSTEM, { ...set, functionName: "endEpoch" });
		const [keys, powers] = chain.read({ ...set, functionName: "candidates" });
		await chain.send(SYSTEM, { ...set, functionName: "setActive", args: [keys, powers] });
		return ended;
	},
};

describe("joining", () => {
	test("a network of one sequencer has no set to join", async () => {
		await expect(bond(alice, 1, 5_000n * OPG_UNIT)).rejects.toThrow("Closed()");
		await expect(chain.send(alice, { ...set, functionName: "open" })).rejects.toThrow("NotSystem");
		await chain.send(SYSTEM, { ...set, functionName: "open" });
		await chain.send(REWARD_POOL, { ...opg, functionName: "approve", args: [set.address, 2n ** 256n - 1n] });
		expect(chain.read({ ...set, functionName: "currentEpoch" })).toMatchObject({ endsAt: BigInt(chain.time + EPOCH), size: 0 });
	});

	test("needs the bond, and a key that says it belongs to this operator on this chain", async () => {
		const refused = (possession: Hex, publicKey = keyOf(1)) => expect(bond(alice, 1, 5_000n * OPG_UNIT, { possession, publicKey })).rejects;
		await refused(possessionOf(1, bob)).toThrow("InvalidPossession");
		await refused(possessionOf(1, alice, 1)).toThrow("InvalidPossession");
		await refused(possessionOf(2, alice)).toThrow("InvalidPossession");
		await refused(slice(possessionOf(1, alice), 0, 63)).toThrow("InvalidPossession");
		await refused(`0x${possessionOf(1, alice).slice(2, -2)}ff`).toThrow("InvalidPossession");
		await expect(bond(alice, 1, 999n * OPG_UNIT)).rejects.toThrow("SelfBondTooSmall");
		await expect(bond(alice, 1, 5_000n * OPG_UNIT, { commission: 5_001 })).rejects.toThrow("InvalidCommission");
		// Under ZIP-215 this signature is good for anything by a key of small order: it proves nothing.
		const nobody = `0x01${"00".repeat(31)}` as Hex;
		await refused(`${nobody}${"00".repeat(32)}`, nobody).toThrow("WeakKey");
		await refused(`${nobody}${"00".repeat(32)}`, `0x${"00".repeat(31)}80`).toThrow("WeakKey");
		expect(chain.read({ ...set, functionName: "possessionMessage", args: [alice.address] })).toBe(
			toHex(possessionMessage(BigInt(CHAIN_ID), hexToBytes(alice.address))),
		);
	});

	test("makes a candidate whose power is its stake in whole OPG; a key belongs to one operator for ever", async () => {
		const sent = await bond(alice, 1, 5_000n * OPG_UNIT + 7n, { commission: 1_000 });
		expect(sent.event("Bonded")).toEqual({ operator: alice.address, publicKey: keyOf(1), commissionBps: 1_000 });
		expect(sent.event("Delegated")).toEqual({ operator: alice.address, delegator: alice.address, amount: 5_000n * OPG_UNIT + 7n });
		expect(candidates()).toEqual({ [keyOf(1)]: 5_000n });
		expect(chain.read({ ...set, functionName: "operatorOf", args: [nameOf(1)] })).toBe(alice.address);
		await expect(bond(alice, 3, 5_000n * OPG_UNIT)).rejects.toThrow("AlreadyBonded");
		await expect(bond(bob, 1, 5_000n * OPG_UNIT)).rejects.toThrow("KeyTaken");
		await bond(bob, 2, 1_000n * OPG_UNIT);
		await delegate(carol, bob, 4_000n * OPG_UNIT);
		expect(candidates()).toEqual({ [keyOf(1)]: 5_000n, [keyOf(2)]: 5_000n });
		await expect(delegate(carol, dave, OPG_UNIT)).rejects.toThrow("NotValidator");
		await expect(delegate(carol, bob, 0n)).rejects.toThrow("NothingDelegated");
	});
});

describe("an epoch", () => {
	test("divides what the pool holds by power, the commission first, to the unit", async () => {
		await system.epoch();
		const before = chain.balance(set.address);
		await chain.send(dave, { ...opg, functionName: "transfer", args: [REWARD_POOL, 1_000n * OPG_UNIT] });
		await system.epoch();
		expect(chain.balance(REWARD_POOL)).toBe(0n);
		expect(chain.balance(set.address)).toBe(before + 1_000n * OPG_UNIT);
		const [ofAlice, ofBob, ofCarol] = [
			[alice, alice],
			[bob, bob],
			[bob, carol],
		].map(([operator, who]) => chain.read({ ...set, functionName: "rewardOf", args: [(operator as Who).address, (who as Who).address] }));
		// Alice takes a tenth of her own delegators', which is herself.
		expect(chain.read({ ...set, functionName: "credit", args: [alice.address] })).toBe(50n * OPG_UNIT);
		expect(ofAlice).toBeGreaterThan(449n * OPG_UNIT);
		expect([ofBob, ofCarol]).toEqual([100n * OPG_UNIT, 400n * OPG_UNIT]);
		const sent = await chain.send(carol, { ...set, functionName: "claim", args: [[bob.address], dave.address] });
		expect(sent.event("Claimed")).toEqual({ account: carol.address, to: dave.address, amount: 400n * OPG_UNIT });
		await expect(chain.send(carol, { ...set, functionName: "claim", args: [[bob.address], dave.address] })).rejects.toThrow("NothingToClaim");
		expect((await chain.send(alice, { ...set, functionName: "claim", args: [[alice.address], alice.address] })).event("Claimed")["amount"]).toBe(
			50n * OPG_UNIT + (ofAlice ?? 0n),
		);
	});

	test("tells the ledger the last set beside the one that stake makes; only the protocol ends one", async () => {
		await delegate(carol, bob, 1_000n * OPG_UNIT);
		const [keys, powers] = chain.read({ ...set, functionName: "activeSet" });
		expect(keys.map((key, index) => [key, powers[index]])).toEqual([
			[keyOf(1), 5_000n],
			[keyOf(2), 5_000n],
		]);
		expect(chain.read({ ...set, functionName: "activeOperators" })).toEqual([alice.address, bob.address]);
		expect(candidates()[keyOf(2)]).toBe(6_000n);
		for (const call of [
			{ ...set, functionName: "endEpoch" },
			{ ...set, functionName: "setActive", args: [[], []] },
			{ ...set, functionName: "report", args: [[nameOf(1)], []] },
		] as const)
			await expect(chain.send(alice, call)).rejects.toThrow("NotSystem");
	});

	test("a commission falls at once and rises slowly", async () => {
		const setCommission = (bps: number, who: Who = alice) => chain.send(who, { ...set, functionName: "setCommission", args: [bps] });
		expect((await setCommission(500)).event("CommissionSet")).toEqual({ operator: alice.address, commissionBps: 500 });
		await expect(setCommission(600)).rejects.toThrow("InvalidCommission");
		chain.advance(DAY);
		await expect(setCommission(601)).rejects.toThrow("InvalidCommission");
		await setCommission(600);
		await expect(setCommission(0, dave)).rejects.toThrow("NotValidator");
	});
});

describe("leaving", () => {
	test("takes three weeks, in which the money is still there to answer", async () => {
		await expect(chain.send(carol, { ...set, functionName: "undelegate", args: [bob.address, 5_001n * OPG_UNIT] })).rejects.toThrow("NotEnoughStake");
		const sent = await chain.send(carol, { ...set, functionName: "undelegate", args: [bob.address, 1_000n * OPG_UNIT] });
		const releaseAt = BigInt(chain.time + 21 * DAY);
		expect(sent.event("Undelegated")).toEqual({ operator: bob.address, delegator: carol.address, amount: 1_000n * OPG_UNIT, releaseAt });
		expect(chain.read({ ...set, functionName: "leavingOf", args: [carol.address] })).toEqual([[bob.address], [1_000n * OPG_UNIT], [releaseAt]]);
		expect(stake(bob, carol)).toBe(4_000n * OPG_UNIT);
		chain.advance(21 * DAY - 1);
		await expect(chain.send(carol, { ...set, functionName: "withdraw", args: [carol.address] })).rejects.toThrow("NothingToWithdraw");
		chain.advance(1);
		const paid = await chain.send(carol, { ...set, functionName: "withdraw", args: [dave.address] });
		expect(paid.event("Withdrawn")).toEqual({ delegator: carol.address, to: dave.address, amount: 1_000n * OPG_UNIT });
	});

	test("is longer than evidence counts, than sets are trusted, and than an operator of a node answers", () => {
		const delay = Number(chain.read({ ...set, functionName: "UNBONDING_DELAY" }));
		expect(delay).toBeGreaterThan(14 * DAY);
	});

	test("below the least own bond an operator is no candidate, and with enough again it is one", async () => {
		await chain.send(bob, { ...set, functionName: "undelegate", args: [bob.address, 1n] });
		expect(candidates()).toEqual({ [keyOf(1)]: 5_000n });
		await delegate(bob, bob, 1n);
		expect(candidates()).toEqual({ [keyOf(1)]: 5_000n, [keyOf(2)]: 5_000n });
	});

	test("at most sixteen withdrawals are under way at once", async () => {
		await delegate(dave, alice, OPG_UNIT);
		for (let index = 0; index < 16; index++) await chain.send(dave, { ...set, functionName: "undelegate", args: [alice.address, 1n] });
		await expect(chain.send(dave, { ...set, functionName: "undelegate", args: [alice.address, 1n] })).rejects.toThrow("TooManyLeaving");
	});
});

describe("faults", () => {
	test("a double signature takes its part of all that stands behind the validator, and of what is leaving it, and it is out for ever", async () => {
		await chain.send(carol, { ...set, functionName: "undelegate", args: [bob.address, 2_000n * OPG_UNIT] });
		const before = { treasury: chain.balance(TREASURY), bob: stake(bob, bob), carol: stake(bob, carol) };
		await system.report([nameOf(2), zeroAddress], []);
		expect(stake(bob, bob)).toBe((before.bob * 95n) / 100n);
		expect(stake(bob, carol)).toBe((before.carol * 95n) / 100n);
		expect(chain.read({ ...set, functionName: "leavingOf", args: [carol.address] })[1]).toEqual([1_900n * OPG_UNIT]);
		const taken = chain.balance(TREASURY) - before.treasury;
		expect(taken).toBeGreaterThanOrEqual((before.bob + before.carol + 2_000n * OPG_UNIT) / 20n);
		expect(validator(bob).jailedUntil).toBe(MAX_64);
		expect(candidates()).toEqual({ [keyOf(1)]: 5_000n });
		// Once is enough, and nothing brings it back.
		await system.report([nameOf(2)], []);
		expect(chain.balance(TREASURY) - before.treasury).toBe(taken);
		await expect(chain.send(bob, { ...set, functionName: "unjail" })).rejects.toThrow("JailedUntil");
	});

	test("who signed two blocks earns nothing in that epoch; what it would have had waits for the next", async () => {
		await chain.send(dave, { ...opg, functionName: "transfer", args: [REWARD_POOL, 100n * OPG_UNIT] });
		const held = chain.read({ ...set, functionName: "rewardOf", args: [bob.address, carol.address] });
		await system.epoch();
		expect(chain.read({ ...set, functionName: "rewardOf", args: [bob.address, carol.address] })).toBe(held);
		const first = chain.read({ ...set, functionName: "rewardOf", args: [alice.address, alice.address] });
		await system.epoch();
		expect(chain.read({ ...set, functionName: "rewardOf", args: [alice.address, alice.address] })).toBeGreaterThan(first);
	});

	test("who is away for more than half of the blocks is jailed for a while, and comes back by itself", async () => {
		const rules = { minSelfBond: 1_000n * OPG_UNIT, epochSeconds: EPOCH, jailSeconds: 600, attendanceBlocks: 10, equivocationBps: 500 };
		const sent = await chain.send(TREASURY, { ...set, functionName: "setRules", args: [rules] });
		expect(sent.event("RulesSet")["rules"]).toEqual(rules);
		await system.epoch();
		for (let block = 0; block < 4; block++) await system.report([], [nameOf(1), nameOf(9)]);
		for (let block = 0; block < 6; block++) await system.report([], []);
		await system.epoch();
		expect(validator(alice)).toMatchObject({ jailedUntil: 0n, missed: 0 });
		for (let block = 0; block < 10; block++) await system.report([], [nameOf(1)]);
		await system.epoch();
		expect(validator(alice).jailedUntil).toBe(BigInt(chain.time + 600));
		expect(candidates()).toEqual({});
		await expect(chain.send(carol, { ...set, functionName: "unjail" })).rejects.toThrow("NotJailed");
		await expect(chain.send(alice, { ...set, functionName: "unjail" })).rejects.toThrow("JailedUntil");
		chain.advance(600);
		expect((await chain.send(alice, { ...set, functionName: "unjail" })).event("Unjailed")).toEqual({ operator: alice.address });
		expect(candidates()).toEqual({ [keyOf(1)]: 5_000n });
	});
});

describe("rules", () => {
	test("only the treasury sets them, inside hard bounds", async () => {
		const rules = chain.read({ ...set, functionName: "currentRules" });
		await expect(chain.send(alice, { ...set, functionName: "setRules", args: [rules] })).rejects.toThrow("NotGovernor");
		for (const change of [
			{ minSelfBond: OPG_UNIT - 1n },
			{ epochSeconds: 4 },
			{ jailSeconds: 31 * DAY },
			{ attendanceBlocks: 9 },
			{ equivocationBps: 99 },
			{ equivocationBps: 5_001 },
		])
			await expect(chain.send(TREASURY, { ...set, functionName: "setRules", args: [{ ...rules, ...change }] })).rejects.toThrow("OutOfBounds");
	});

	test("of more candidates than there is room for the largest stand in the list", async () => {
		const crowd = await openChain();
		const outer = chain;
		chain = crowd;
		try {
			await chain.send(SYSTEM, { ...set, functionName: "open" });
			const operators = Array.from({ length: 101 }, (_, index) => ({ address: `0x${(0xabc000 + index).toString(16).padStart(40, "0")}` as Address }));
			for (const [index, operator] of operators.entries()) {
				await chain.send(alice, { ...opg, functionName: "transfer", args: [operator.address, 2_000n * OPG_UNIT] });
				await bond(operator, index + 10, (1_000n + BigInt(index)) * OPG_UNIT);
			}
			expect(Object.keys(candidates())).toHaveLength(100);
			expect(candidates()[keyOf(10)]).toBeUndefined();
			expect(validator(operators[0] as Who)).toMatchObject({ place: 0, active: { tokens: 1_000n * OPG_UNIT } });
			await delegate(operators[0] as Who, operators[0] as Who, 2n * OPG_UNIT);
			expect(candidates()).toMatchObject({ [keyOf(10)]: 1_002n });
			expect(candidates()[keyOf(11)]).toBeUndefined();
			const { gasUsed } = await system.epoch();
			expect(gasUsed).toBeLessThan(15_000_000n);
			expect(zeroHash in candidates()).toBe(false);
		} finally {
			chain = outer;
			await crowd.close();
		}
	});
});

describe("money", () => {
	test("whatever is done in whatever order, what the contract owes is never more than it has, and everybody can take theirs out", async () => {
		const crowd = await openChain();
		const outer = chain;
		chain = crowd;
		try {
			await chain.send(SYSTEM, { ...set, functionName: "open" });
			await chain.send(REWARD_POOL, { ...opg, functionName: "approve", args: [set.address, 2n ** 256n - 1n] });
			const operators = [alice, bob, carol];
			const everybody = [...operators, dave, account(4), account(5)];
			for (const [index, operator] of operators.entries()) await bond(operator, index + 1, (1_000n + BigInt(index)) * OPG_UNIT + 1n, { commission: 333 });
			await system.epoch();
			const owed = (): bigint => {
				let sum = 0n;
				for (const who of everybody) {
					sum += chain.read({ ...set, functionName: "credit", args: [who.address] });
					sum += chain.read({ ...set, functionName: "leavingOf", args: [who.address] })[1].reduce((total, amount) => total + amount, 0n);
					for (const operator of operators)
						sum += stake(operator, who) + chain.read({ ...set, functionName: "rewardOf", args: [operator.address, who.address] });
				}
				return sum;
			};
			let seed = 12_345;
			const below = (bound: number): number => {
				seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
				return Math.floor((seed / 2_147_483_648) * bound);
			};
			const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
			const some = (): bigint => BigInt(below(1_000_000_000)) ** 3n % (50n * OPG_UNIT);
			let done = 0;
			for (let round = 0; round < (process.env["FREEHOLD_DEEP"] === "1" ? 2_000 : 150); round++) {
				const [who, operator] = [pick(everybody), pick(operators)];
				const acts = [
					() => delegate(who, operator, some() + 1n),
					() => chain.send(who, { ...set, functionName: "undelegate", args: [operator.address, 1n + (stake(operator, who) * BigInt(below(101))) / 100n] }),
					() => chain.send(who, { ...set, functionName: "withdraw", args: [who.address] }),
					() => chain.send(who, { ...set, functionName: "claim", args: [operators.map(({ address }) => address), who.address] }),
					() => chain.send(dave, { ...opg, functionName: "transfer", args: [REWARD_POOL, some()] }),
					() => system.epoch(),
					() => system.report(below(40) === 0 ? [nameOf(1 + below(3))] : [], [nameOf(1 + below(3))]),
				];
				if (below(8) === 0) chain.advance(10 * DAY);
				await pick(acts)().then(
					() => done++,
					(error: unknown) => expect(String(error)).toMatch(/NotEnoughStake|TooManyLeaving|NothingTo|SelfBond/),
				);
				expect(owed()).toBeLessThanOrEqual(chain.balance(set.address));
			}
			expect(done).toBeGreaterThan(60);
			// All leave.
			for (const who of everybody) {
				const take = async (): Promise<void> => {
					chain.advance(21 * DAY);
					await chain
						.send(who, { ...set, functionName: "withdraw", args: [who.address] })
						.catch((error: unknown) => expect(String(error)).toContain("NothingTo"));
				};
				await take();
				for (const operator of operators) {
					const left = stake(operator, who);
					if (left > 0n) await chain.send(who, { ...set, functionName: "undelegate", args: [operator.address, left] });
				}
				await take();
				await chain
					.send(who, { ...set, functionName: "claim", args: [operators.map(({ address }) => address), who.address] })
					.catch((error: unknown) => expect(String(error)).toContain("NothingTo"));
			}
			expect(owed()).toBe(0n);
		} finally {
			chain = outer;
			await crowd.close();
		}
	}, 120_000);
});
