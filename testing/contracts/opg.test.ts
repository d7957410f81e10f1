/** OPG: one balance, seen as native money and as a token. The first group are the attacks of the design's first section. */
import { opgAbi } from "@freehold/contracts/abi";
import { genesisAddresses, supplyTable, TOTAL_SUPPLY } from "@freehold/contracts/bytecode";
import {
	type Address,
	concatHex,
	encodeAbiParameters,
	encodeFunctionData,
	getAddress,
	type Hex,
	hashTypedData,
	parseSignature,
	zeroAddress,
	zeroHash,
} from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { account, accounts, CHAIN_ID, type Chain, FUNDS, GENESIS_TIME, openChain } from "./chain.js";
import { fixture } from "./fixtures.js";

const opg = { address: genesisAddresses.OPG, abi: opgAbi } as const;
const PRECOMPILE: Address = "0x00000000000000000000000000000000000000fd";
const domain = { name: "OpenGradient", version: "1", chainId: CHAIN_ID, verifyingContract: genesisAddresses.OPG } as const;
const [alice, bob, carol] = [account(0), account(1), account(2)];

let chain: Chain;
let prober: Address;
let wallet: Address;
beforeAll(async () => {
	chain = await openChain({ extraAbis: [fixture("Prober").abi] });
	prober = await chain.deploy(alice, fixture("Prober"));
	wallet = await chain.deploy(alice, fixture("Wallet"), [carol.address]);
	for (const to of [prober, wallet]) await chain.transact(alice.address, { to, value: 1_000n });
});
afterAll(() => chain.close());

function transferInput(from: Address, to: Address, amount: bigint): Hex {
	return encodeAbiParameters([{ type: "address" }, { type: "address" }, { type: "uint256" }], [from, to, amount]);
}

/** Runs something that must leave both balances as they were. */
async function unmoved(from: Address, to: Address, act: () => Promise<unknown>): Promise<void> {
	const before = [chain.balance(from), chain.balance(to)];
	await act();
	expect([chain.balance(from), chain.balance(to)]).toEqual(before);
}

describe("nobody but OPG moves balances through the precompile", () => {
	const steal = transferInput(alice.address, bob.address, 7n);
	const probe = async (functionName: string, args: readonly unknown[]) => {
		const call = { address: prober, abi: fixture("Prober").abi, functionName, args } as const;
		const ok = chain.read(call);
		await unmoved(alice.address, bob.address, () => chain.send(carol, call));
		return ok;
	};

	test("a stranger's CALL is refused", async () => {
		expect(await probe("plain", [PRECOMPILE, 0n, steal])).toBe(false);
	});
	test("an account's own transaction to it is refused", async () => {
		await expect(chain.transact(alice.address, { to: PRECOMPILE, data: steal })).rejects.toThrow();
	});
	test("DELEGATECALL to it is refused", async () => {
		expect(await probe("delegate", [PRECOMPILE, steal])).toBe(false);
	});
	test("CALLCODE to it is refused", async () => {
		expect(await probe("code", [PRECOMPILE, steal])).toBe(false);
	});
	test("STATICCALL to it is refused", async () => {
		expect(await probe("fixedView", [PRECOMPILE, steal])).toBe(false);
	});
	test("OPG's code borrowed by DELEGATECALL or CALLCODE cannot use it", async () => {
		const data = encodeFunctionData({ abi: opgAbi, functionName: "transfer", args: [bob.address, 7n] });
		expect(await probe("delegate", [opg.address, data])).toBe(false);
		expect(await probe("code", [opg.address, data])).toBe(false);
	});
	test("a transfer inside STATICCALL is refused", async () => {
		const data = encodeFunctionData({ abi: opgAbi, functionName: "transfer", args: [bob.address, 7n] });
		expect(await probe("fixedView", [opg.address, data])).toBe(false);
		await unmoved(prober, bob.address, () =>
			chain.send(carol, { address: prober, abi: fixture("Prober").abi, functionName: "fixedView", args: [opg.address, data] }),
		);
	});
	test("an account that runs OPG's code (set-code) cannot use it", async () => {
		const mallory = account(10);
		await chain.transact(bob.address, {
			to: bob.address,
			delegations: [{ authority: mallory.address, address: opg.address, nonce: chain.nonce(mallory.address) }],
		});
		const data = encodeFunctionData({ abi: opgAbi, functionName: "transfer", args: [bob.address, 7n] });
		await unmoved(carol.address, bob.address, async () => {
			await expect(chain.transact(carol.address, { to: mallory.address, data })).rejects.toThrow("NativeTransferFailed");
		});
	});
	test("an account that delegates to the precompile's address is an empty account", async () => {
		const mallory = account(11);
		await chain.transact(bob.address, {
			to: bob.address,
			delegations: [{ authority: mallory.address, address: PRECOMPILE, nonce: chain.nonce(mallory.address) }],
		});
		await unmoved(alice.address, bob.address, () => chain.transact(carol.address, { to: mallory.address, data: steal }));
	});
	test("value sent along is refused", async () => {
		expect(await probe("plain", [PRECOMPILE, 1n, steal])).toBe(false);
	});
});

describe("one journal", () => {
	test("an inner revert undoes a transfer", async () => {
		const call = { address: prober, abi: fixture("Prober").abi, functionName: "transferAndUndo", args: [opg.address, bob.address, 100n] } as const;
		expect(chain.read(call)).toBe(true);
		await unmoved(prober, bob.address, () => chain.send(carol, call));
	});
	test("the same money cannot be spent as value and as token", async () => {
		const spender = await chain.deploy(alice, fixture("Prober"));
		await chain.transact(alice.address, { to: spender, value: 50n });
		const call = { address: spender, abi: fixture("Prober").abi, functionName: "spendTwice", args: [opg.address, bob.address] } as const;
		expect(chain.read(call)).toBe(false);
		const before = chain.balance(bob.address);
		await chain.send(carol, call);
		expect(chain.balance(bob.address)).toBe(before + 50n);
		expect(chain.balance(spender)).toBe(0n);
	});
	test("native money shows as token balance at once, and the other way round", async () => {
		const stranger: Address = "0x00000000000000000000000000000000000a11ce";
		await chain.transact(alice.address, { to: stranger, value: 3n });
		expect(chain.read({ ...opg, functionName: "balanceOf", args: [stranger] })).toBe(3n);
		await chain.send(alice, { ...opg, functionName: "transfer", args: [stranger, 4n] });
		expect(chain.balance(stranger)).toBe(7n);
	});
	test("OPG itself takes no native money and no tokens", async () => {
		await expect(chain.transact(alice.address, { to: opg.address, value: 1n })).rejects.toThrow();
		await expect(chain.send(alice, { ...opg, functionName: "transfer", args: [opg.address, 1n] })).rejects.toThrow("ERC20InvalidReceiver");
	});
});

describe("supply", () => {
	test("genesis follows the published table and adds up to the fixed supply", () => {
		const given = FUNDS * BigInt(accounts.length);
		for (const share of supplyTable) {
			const whole = (TOTAL_SUPPLY * BigInt(share.percent)) / 100n;
			expect(chain.balance(share.wallet)).toBe(share.name === "ecosystem" ? whole - given : whole);
		}
		expect(supplyTable.reduce((sum, share) => sum + share.percent, 0)).toBe(100);
		expect(chain.read({ ...opg, functionName: "totalSupply" })).toBe(TOTAL_SUPPLY);
		expect(chain.read({ ...opg, functionName: "SUPPLY" })).toBe(TOTAL_SUPPLY);
	});
	test("it names itself as wallets expect", () => {
		expect(chain.read({ ...opg, functionName: "name" })).toBe("OpenGradient");
		expect(chain.read({ ...opg, functionName: "symbol" })).toBe("OPG");
		expect(chain.read({ ...opg, functionName: "version" })).toBe("1");
		expect(chain.read({ ...opg, functionName: "decimals" })).toBe(18);
		expect(chain.read({ ...opg, functionName: "eip712Domain" }).slice(1, 5)).toEqual(["OpenGradient", "1", BigInt(CHAIN_ID), getAddress(opg.address)]);
	});
});

describe("ERC-20", () => {
	test("approve, transferFrom, and their events", async () => {
		const approved = await chain.send(alice, { ...opg, functionName: "approve", args: [bob.address, 10n] });
		expect(approved.event("Approval")).toEqual({ owner: alice.address, spender: bob.address, value: 10n });
		const moved = await chain.send(bob, { ...opg, functionName: "transferFrom", args: [alice.address, carol.address, 4n] });
		expect(moved.event("Transfer")).toEqual({ from: alice.address, to: carol.address, value: 4n });
		expect(chain.read({ ...opg, functionName: "allowance", args: [alice.address, bob.address] })).toBe(6n);
		await expect(chain.send(bob, { ...opg, functionName: "transferFrom", args: [alice.address, carol.address, 7n] })).rejects.toThrow(
			"ERC20InsufficientAllowance",
		);
	});
	test("more than the balance, or to nobody, is refused", async () => {
		await expect(chain.send(alice, { ...opg, functionName: "transfer", args: [bob.address, FUNDS * 2n] })).rejects.toThrow("ERC20InsufficientBalance");
		await expect(chain.send(alice, { ...opg, functionName: "transfer", args: [zeroAddress, 1n] })).rejects.toThrow("ERC20InvalidReceiver");
		await expect(chain.send(alice, { ...opg, functionName: "approve", args: [zeroAddress, 1n] })).rejects.toThrow("ERC20InvalidSpender");
	});
	test("a transfer to oneself changes nothing", async () => {
		await unmoved(alice.address, bob.address, () => chain.send(alice, { ...opg, functionName: "transfer", args: [alice.address, 5n] }));
	});
});

describe("ERC-2612", () => {
	const types = {
		Permit: [
			{ name: "owner", type: "address" },
			{ name: "spender", type: "address" },
			{ name: "value", type: "uint256" },
			{ name: "nonce", type: "uint256" },
			{ name: "deadline", type: "uint256" },
		],
	} as const;
	const deadline = BigInt(GENESIS_TIME + 1_000_000);
	const message = (owner: Address, nonce: bigint) => ({ owner, spender: bob.address, value: 9n, nonce, deadline });

	test("a permit in (v, r, s) form gives the allowance once", async () => {
		const signature = await alice.signTypedData({ domain, types, primaryType: "Permit", message: message(alice.address, 0n) });
		const { r, s, yParity } = parseSignature(signature);
		const call = { ...opg, functionName: "permit", args: [alice.address, bob.address, 9n, deadline, 27 + yParity, r, s] } as const;
		await chain.send(carol, call);
		expect(chain.read({ ...opg, functionName: "allowance", args: [alice.address, bob.address] })).toBe(9n);
		expect(chain.read({ ...opg, functionName: "nonces", args: [alice.address] })).toBe(1n);
		await expect(chain.send(carol, call)).rejects.toThrow("ERC2612InvalidSigner");
	});
	test("a contract wallet permits in the bytes form, by ERC-1271", async () => {
		const signature = await carol.signTypedData({ domain, types, primaryType: "Permit", message: message(wallet, 0n) });
		await chain.send(bob, { ...opg, functionName: "permit", args: [wallet, bob.address, 9n, deadline, signature] });
		expect(chain.read({ ...opg, functionName: "allowance", args: [wallet, bob.address] })).toBe(9n);
	});
	test("an expired permit is refused", async () => {
		const past = BigInt(GENESIS_TIME - 1);
		await expect(chain.send(bob, { ...opg, functionName: "permit", args: [alice.address, bob.address, 9n, past, 27, zeroHash, zeroHash] })).rejects.toThrow(
			"ERC2612ExpiredSignature",
		);
	});
});

describe("EIP-3009", () => {
	const fields = [
		{ name: "from", type: "address" },
		{ name: "to", type: "address" },
		{ name: "value", type: "uint256" },
		{ name: "validAfter", type: "uint256" },
		{ name: "validBefore", type: "uint256" },
		{ name: "nonce", type: "bytes32" },
	] as const;
	const types = { TransferWithAuthorization: fields, ReceiveWithAuthorization: fields } as const;
	const validBefore = BigInt(GENESIS_TIME + 1_000_000);
	let last = 0n;
	const fresh = () => `0x${(++last).toString(16).padStart(64, "0")}` as const;

	async function authorize(
		primaryType: "TransferWithAuthorization" | "ReceiveWithAuthorization",
		from: Address,
		to: Address,
		signer = alice,
		times: readonly [bigint, bigint] = [0n, validBefore],
	) {
		const message = { from, to, value: 11n, validAfter: times[0], validBefore: times[1], nonce: fresh() };
		const signature = await signer.signTypedData({ domain, types, primaryType, message });
		const args = [from, to, 11n, times[0], times[1], message.nonce] as const;
		const { r, s, yParity } = parseSignature(signature);
		return { message, signature, args, vrs: [27 + yParity, r, s] as const };
	}

	test("transferWithAuthorization pays by either form of signature, once", async () => {
		for (const form of ["vrs", "bytes"] as const) {
			const { args, vrs, signature, message } = await authorize("TransferWithAuthorization", alice.address, bob.address);
			const call = {
				...opg,
				functionName: "transferWithAuthorization",
				args: form === "vrs" ? ([...args, ...vrs] as const) : ([...args, signature] as const),
			} as const;
			const before = chain.balance(bob.address);
			const sent = await chain.send(carol, call);
			expect(chain.balance(bob.address)).toBe(before + 11n);
			expect(sent.event("AuthorizationUsed")).toEqual({ authorizer: alice.address, nonce: message.nonce });
			expect(chain.read({ ...opg, functionName: "authorizationState", args: [alice.address, message.nonce] })).toBe(true);
			await expect(chain.send(carol, call)).rejects.toThrow("ERC3009UsedAuthorization");
		}
	});
	test("receiveWithAuthorization pays only when the payee sends it", async () => {
		for (const form of ["vrs", "bytes"] as const) {
			const { args, vrs, signature } = await authorize("ReceiveWithAuthorization", alice.address, bob.address);
			const call = {
				...opg,
				functionName: "receiveWithAuthorization",
				args: form === "vrs" ? ([...args, ...vrs] as const) : ([...args, signature] as const),
			} as const;
			await expect(chain.send(carol, call)).rejects.toThrow("ERC20InvalidReceiver");
			const before = chain.balance(bob.address);
			await chain.send(bob, call);
			expect(chain.balance(bob.address)).toBe(before + 11n);
		}
	});
	test("a transfer's signature does not serve as a receive's", async () => {
		const { args, signature } = await authorize("TransferWithAuthorization", alice.address, bob.address);
		await expect(chain.send(bob, { ...opg, functionName: "receiveWithAuthorization", args: [...args, signature] })).rejects.toThrow("ERC3009InvalidSignature");
	});
	test("a contract wallet pays by ERC-1271 in both forms; one that refuses, reverts, burns gas or writes does not", async () => {
		for (const form of ["vrs", "bytes"] as const) {
			const { args, vrs, signature } = await authorize("TransferWithAuthorization", wallet, bob.address, carol);
			const call = {
				...opg,
				functionName: "transferWithAuthorization",
				args: form === "vrs" ? ([...args, ...vrs] as const) : ([...args, signature] as const),
			} as const;
			for (const mood of [1, 2, 3, 4]) {
				await chain.send(carol, { address: wallet, abi: fixture("Wallet").abi, functionName: "setMood", args: [mood] });
				await expect(chain.send(carol, call)).rejects.toThrow("ERC3009InvalidSignature");
			}
			await chain.send(carol, { address: wallet, abi: fixture("Wallet").abi, functionName: "setMood", args: [0] });
			const before = chain.balance(bob.address);
			await chain.send(carol, call);
			expect(chain.balance(bob.address)).toBe(before + 11n);
		}
	});
	test("a set-code account is asked by its code, not by its key", async () => {
		const dave = account(12);
		await chain.transact(bob.address, { to: bob.address, delegations: [{ authority: dave.address, address: wallet, nonce: chain.nonce(dave.address) }] });
		const own = await authorize("TransferWithAuthorization", dave.address, bob.address, dave);
		await expect(chain.send(carol, { ...opg, functionName: "transferWithAuthorization", args: [...own.args, own.signature] })).rejects.toThrow(
			"ERC3009InvalidSignature",
		);
		const byCode = await authorize("TransferWithAuthorization", dave.address, bob.address, carol);
		await chain.send(carol, { ...opg, functionName: "transferWithAuthorization", args: [...byCode.args, byCode.signature] });
	});
	test("times are exclusive at both ends", async () => {
		const now = BigInt(chain.time);
		for (const times of [
			[now, validBefore],
			[0n, now],
			[1n << 47n, (1n << 47n) + 100n],
		] as const) {
			const { args, signature } = await authorize("TransferWithAuthorization", alice.address, bob.address, alice, times);
			await expect(chain.send(carol, { ...opg, functionName: "transferWithAuthorization", args: [...args, signature] })).rejects.toThrow(
				"ERC3009InvalidAuthorizationTime",
			);
		}
		const { args, signature } = await authorize("TransferWithAuthorization", alice.address, bob.address, alice, [now - 1n, now + 1n]);
		await chain.send(carol, { ...opg, functionName: "transferWithAuthorization", args: [...args, signature] });
	});
	test("a cancelled authorization is void, in both forms", async () => {
		const cancelTypes = {
			CancelAuthorization: [
				{ name: "authorizer", type: "address" },
				{ name: "nonce", type: "bytes32" },
			],
		} as const;
		for (const form of ["vrs", "bytes"] as const) {
			const { args, signature, message } = await authorize("TransferWithAuthorization", alice.address, bob.address);
			const cancel = await alice.signTypedData({
				domain,
				types: cancelTypes,
				primaryType: "CancelAuthorization",
				message: { authorizer: alice.address, nonce: message.nonce },
			});
			const { r, s, yParity } = parseSignature(cancel);
			const by = form === "vrs" ? ([27 + yParity, r, s] as const) : ([cancel] as const);
			const sent = await chain.send(carol, { ...opg, functionName: "cancelAuthorization", args: [alice.address, message.nonce, ...by] as never });
			expect(sent.event("AuthorizationCanceled")).toEqual({ authorizer: alice.address, nonce: message.nonce });
			await expect(chain.send(carol, { ...opg, functionName: "transferWithAuthorization", args: [...args, signature] })).rejects.toThrow(
				"ERC3009UsedAuthorization",
			);
		}
		await expect(chain.send(carol, { ...opg, functionName: "cancelAuthorization", args: [alice.address, fresh(), "0x00"] })).rejects.toThrow(
			"ERC3009InvalidSignature",
		);
	});
	test("an altered signature is refused, the other half of the curve included", async () => {
		const { args, signature, message } = await authorize("TransferWithAuthorization", alice.address, bob.address);
		expect(hashTypedData({ domain, types, primaryType: "TransferWithAuthorization", message })).toMatch(/^0x/);
		const { r, s, yParity } = parseSignature(signature);
		const n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
		const high = `0x${(n - BigInt(s)).toString(16).padStart(64, "0")}` as const;
		const flipped = concatHex([r, high, yParity === 0 ? "0x1c" : "0x1b"]);
		for (const bad of [flipped, "0x", "0x1234"] as const)
			await expect(chain.send(carol, { ...opg, functionName: "transferWithAuthorization", args: [...args, bad] })).rejects.toThrow("ERC3009InvalidSignature");
	});
});
