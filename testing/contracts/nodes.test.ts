/** Bonds, roles, keys and leaving. */
import { type Address, parseSignature, zeroAddress, zeroHash } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { account, CHAIN_ID, type Chain, OPG_UNIT, openChain } from "./chain.js";
import { nodes, opg, ROLE, register, TREASURY } from "./market.js";

const [alice, bob, carol, dave] = [account(0), account(1), account(2), account(3)];
const BOND = 100n * OPG_UNIT;
const WEEK = 7 * 86_400;
let chain: Chain;
beforeAll(async () => {
	chain = await openChain();
	await register(chain, alice, ROLE.inference | ROLE.gateway, carol.address, 2n * BOND);
});
afterAll(() => chain.close());

const operator = (address: Address) => chain.read({ ...nodes, functionName: "operatorOf", args: [address] });
const valid = (of: Address, key: Address, time: number) => chain.read({ ...nodes, functionName: "isKeyValid", args: [of, key, BigInt(time)] });

describe("joining", () => {
	test("an operator registers with a bond it approved; every fact is in the events", async () => {
		await chain.send(bob, { ...opg, functionName: "approve", args: [nodes.address, BOND] });
		const sent = await chain.send(bob, { ...nodes, functionName: "register", args: [ROLE.storage, "https://store.example", dave.address, 7n, BOND] });
		expect(sent.event("Registered")).toEqual({ operator: bob.address, roles: ROLE.storage, endpoint: "https://store.example", nodeFee: 7n });
		expect(sent.event("KeyAdded")).toEqual({ operator: bob.address, key: dave.address, validFrom: BigInt(chain.time) });
		expect(sent.event("Bonded")).toEqual({ operator: bob.address, from: bob.address, amount: BOND, bond: BOND });
		expect(operator(bob.address)).toMatchObject({
			bond: BOND,
			locked: 0n,
			registeredAt: chain.time,
			roles: ROLE.storage,
			nodeFee: 7n,
			endpoint: "https://store.example",
		});
		expect(chain.balance(nodes.address)).toBe(3n * BOND);
	});
	test("one transaction is enough with a permit, also when somebody used the permit before", async () => {
		for (const [who, frontRun] of [
			[account(4), false],
			[account(5), true],
		] as const) {
			const deadline = BigInt(chain.time + 600);
			const message = { owner: who.address, spender: nodes.address, value: BOND, nonce: 0n, deadline };
			const types = {
				Permit: [
					{ name: "owner", type: "address" },
					{ name: "spender", type: "address" },
					{ name: "value", type: "uint256" },
					{ name: "nonce", type: "uint256" },
					{ name: "deadline", type: "uint256" },
				],
			} as const;
			const domain = { name: "OpenGradient", version: "1", chainId: CHAIN_ID, verifyingContract: opg.address } as const;
			const { r, s, yParity } = parseSignature(await who.signTypedData({ domain, types, primaryType: "Permit", message }));
			const v = 27 + yParity;
			if (frontRun) await chain.send(carol, { ...opg, functionName: "permit", args: [who.address, nodes.address, BOND, deadline, v, r, s] });
			await chain.send(who, { ...nodes, functionName: "registerWithPermit", args: [ROLE.inference, "http://x", who.address, 0n, BOND, deadline, v, r, s] });
			expect(chain.read({ ...nodes, functionName: "isActive", args: [who.address, ROLE.inference] })).toBe(true);
		}
		await expect(
			chain.send(account(6), { ...nodes, functionName: "registerWithPermit", args: [1, "http://x", carol.address, 0n, BOND, 0n, 27, zeroHash, zeroHash] }),
		).rejects.toThrow("ERC20InsufficientAllowance");
	});
	test("what is missing or wrong is named", async () => {
		const attempt = (roles: number, endpoint: string, key: Address, bond: bigint, who = account(7)) =>
			chain.send(who, { ...nodes, functionName: "register", args: [roles, endpoint, key, 0n, bond] });
		await expect(attempt(1, "http://x", carol.address, BOND, alice)).rejects.toThrow("AlreadyRegistered");
		await expect(attempt(0, "http://x", carol.address, BOND)).rejects.toThrow("InvalidRoles");
		await expect(attempt(16, "http://x", carol.address, BOND)).rejects.toThrow("InvalidRoles");
		await expect(attempt(1, "", carol.address, BOND)).rejects.toThrow("InvalidEndpoint");
		await expect(attempt(1, "x".repeat(257), carol.address, BOND)).rejects.toThrow("InvalidEndpoint");
		await expect(attempt(1, "http://x", zeroAddress, BOND)).rejects.toThrow("InvalidKey");
		await expect(attempt(1, "http://x", carol.address, BOND - 1n)).rejects.toThrow("BondTooSmall");
		await expect(attempt(1, "http://x", carol.address, BOND)).rejects.toThrow("ERC20InsufficientAllowance");
	});
	test("endpoint, roles and fee change with events; strangers have none to change", async () => {
		const sent = [
			await chain.send(alice, { ...nodes, functionName: "setEndpoint", args: ["http://new"] }),
			await chain.send(alice, { ...nodes, functionName: "setRoles", args: [3] }),
			await chain.send(alice, { ...nodes, functionName: "setNodeFee", args: [9n] }),
		];
		expect(sent.flatMap((item) => item.events.map((event) => event.name))).toEqual(["EndpointSet", "RolesSet", "NodeFeeSet"]);
		expect(operator(alice.address)).toMatchObject({ endpoint: "http://new", roles: 3, nodeFee: 9n });
		await expect(chain.send(alice, { ...nodes, functionName: "setRoles", args: [0] })).rejects.toThrow("InvalidRoles");
		await expect(chain.send(alice, { ...nodes, functionName: "setEndpoint", args: [""] })).rejects.toThrow("InvalidEndpoint");
		for (const call of [
			{ functionName: "setEndpoint", args: ["http://x"] },
			{ functionName: "setRoles", args: [1] },
			{ functionName: "setNodeFee", args: [1n] },
			{ functionName: "addKey", args: [carol.address] },
			{ functionName: "addBond", args: [account(8).address, 1n] },
		] as const)
			await expect(chain.send(account(8), { ...nodes, ...call })).rejects.toThrow("NotRegistered");
	});
});

describe("keys", () => {
	const key = account(9).address;
	test("valid from the block that adds it to the second that revokes it, and never again", async () => {
		const from = chain.time;
		await chain.send(alice, { ...nodes, functionName: "addKey", args: [key] });
		await expect(chain.send(alice, { ...nodes, functionName: "addKey", args: [key] })).rejects.toThrow("KeyExists");
		expect([valid(alice.address, key, from - 1), valid(alice.address, key, from), valid(alice.address, key, from + 10 ** 9)]).toEqual([false, true, true]);
		chain.advance(50);
		const sent = await chain.send(alice, { ...nodes, functionName: "revokeKey", args: [key] });
		expect(sent.event("KeyRevoked")).toEqual({ operator: alice.address, key, validUntil: BigInt(from + 51) });
		expect([valid(alice.address, key, from + 50), valid(alice.address, key, from + 51)]).toEqual([true, false]);
		await expect(chain.send(alice, { ...nodes, functionName: "revokeKey", args: [key] })).rejects.toThrow("KeyNotOpen");
		await expect(chain.send(alice, { ...nodes, functionName: "addKey", args: [key] })).rejects.toThrow("KeyExists");
		expect(chain.read({ ...nodes, functionName: "keyInterval", args: [alice.address, key] })).toEqual({
			validFrom: BigInt(from),
			validUntil: BigInt(from + 51),
		});
	});
	test("nobody ends or adds another's key", async () => {
		await expect(chain.send(bob, { ...nodes, functionName: "revokeKey", args: [carol.address] })).rejects.toThrow("KeyNotOpen");
		expect(valid(alice.address, carol.address, chain.time)).toBe(true);
	});
});

describe("leaving", () => {
	test("a bond leaves after the delay, not before, and an operator below the least is not active", async () => {
		await expect(chain.send(bob, { ...nodes, functionName: "unbond", args: [BOND + 1n] })).rejects.toThrow("NothingToUnbond");
		await expect(chain.send(bob, { ...nodes, functionName: "unbond", args: [0n] })).rejects.toThrow("NothingToUnbond");
		await expect(chain.send(bob, { ...nodes, functionName: "withdrawBond", args: [bob.address] })).rejects.toThrow("NothingToUnbond");
		const sent = await chain.send(bob, { ...nodes, functionName: "unbond", args: [1n] });
		expect(sent.event("Unbonding")).toEqual({ operator: bob.address, amount: 1n, unbondsAt: BigInt(chain.time + WEEK) });
		expect(chain.read({ ...nodes, functionName: "isActive", args: [bob.address, ROLE.storage] })).toBe(false);
		chain.advance(WEEK - 1);
		await expect(chain.send(bob, { ...nodes, functionName: "withdrawBond", args: [bob.address] })).rejects.toThrow("TooEarly");
		chain.advance(1);
		const out = await chain.send(bob, { ...nodes, functionName: "withdrawBond", args: [carol.address] });
		expect(out.event("BondWithdrawn")).toEqual({ operator: bob.address, to: carol.address, amount: 1n, bond: BOND - 1n });
		await chain.send(carol, { ...opg, functionName: "approve", args: [nodes.address, 1n] });
		await chain.send(carol, { ...nodes, functionName: "addBond", args: [bob.address, 1n] });
		expect(chain.read({ ...nodes, functionName: "isActive", args: [bob.address, ROLE.storage] })).toBe(true);
		expect(chain.read({ ...nodes, functionName: "isActive", args: [bob.address, ROLE.gateway] })).toBe(false);
	});
});

describe("power over bonds", () => {
	test("only UsageLedger locks, unlocks and slashes", async () => {
		for (const who of [alice.address, TREASURY]) {
			await expect(chain.send(who, { ...nodes, functionName: "lock", args: [alice.address, 1n] })).rejects.toThrow("NotUsageLedger");
			await expect(chain.send(who, { ...nodes, functionName: "unlock", args: [alice.address, 1n] })).rejects.toThrow("NotUsageLedger");
			await expect(chain.send(who, { ...nodes, functionName: "slash", args: [alice.address, 1n, zeroHash] })).rejects.toThrow("NotUsageLedger");
		}
	});
	test("the least bond is set by the treasury inside its bounds", async () => {
		await expect(chain.send(alice, { ...nodes, functionName: "setMinBond", args: [OPG_UNIT] })).rejects.toThrow("NotGovernor");
		await expect(chain.send(TREASURY, { ...nodes, functionName: "setMinBond", args: [OPG_UNIT - 1n] })).rejects.toThrow("OutOfBounds");
		await expect(chain.send(TREASURY, { ...nodes, functionName: "setMinBond", args: [1_000_001n * OPG_UNIT] })).rejects.toThrow("OutOfBounds");
		const sent = await chain.send(TREASURY, { ...nodes, functionName: "setMinBond", args: [OPG_UNIT] });
		expect(sent.event("MinBondSet")).toEqual({ minBond: OPG_UNIT });
		expect(chain.read({ ...nodes, functionName: "minBond" })).toBe(OPG_UNIT);
	});
});
