/** The reference client and facilitator of x402, unchanged, against our contracts. */

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import * as abis from "@freehold/contracts/abi";
import { channelsAbi, exactPermit2ProxyAbi, genesisVestingAbi } from "@freehold/contracts/abi";
import { genesisAddresses } from "@freehold/contracts/bytecode";
import { type FacilitatorEvmSigner, x402ExactPermit2ProxyABI } from "@x402/evm";
import { BatchSettlementEvmScheme as BatchClient, computeChannelId, signVoucher } from "@x402/evm/batch-settlement/client";
import { BatchSettlementEvmScheme as BatchFacilitator } from "@x402/evm/batch-settlement/facilitator";
import { ExactEvmScheme as ExactClient } from "@x402/evm/exact/client";
import { ExactEvmScheme as ExactFacilitator } from "@x402/evm/exact/facilitator";
import { type Abi, type Address, encodeFunctionData, getAddress, type Hex, type Log, maxUint256, toHex, zeroHash } from "viem";
import type { PrivateKeyAccount } from "viem/accounts";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { account, CHAIN_ID, type Chain, OPG_UNIT, openChain, type Sent } from "./chain.js";
import { fixture } from "./fixtures.js";
import { opg } from "./market.js";

const [payer, voucherKey, receiver, authorizer, relay, walletOwner] = [account(0), account(1), account(2), account(3), account(4), account(5)];
const channels = { address: genesisAddresses.Channels, abi: channelsAbi } as const;
const network = `eip155:${CHAIN_ID}` as const;
let chain: Chain;
let salts = 0;

/** The facilitator's view of a chain whose clock is the machine's: the package reads `Date.now`. */
function signerOf(): FacilitatorEvmSigner & { readonly sent: Map<Hex, Sent> } {
	const sent = new Map<Hex, Sent>();
	const keep = async (send: Promise<Sent>): Promise<Hex> => {
		const hash = toHex(sent.size + 1, { size: 32 });
		sent.set(hash, await send);
		return hash;
	};
	return {
		sent,
		getAddresses: () => [relay.address],
		readContract: async ({ address, abi, functionName, args }) => chain.read({ address, abi: abi as Abi, functionName, args: args ?? [], from: relay.address }),
		verifyTypedData: () => Promise.reject(new Error("not used by these schemes")),
		writeContract: ({ address, abi, functionName, args }) =>
			keep(chain.transact(relay.address, { to: address, data: encodeFunctionData({ abi: abi as Abi, functionName, args }) })),
		sendTransaction: ({ to, data }) => keep(chain.transact(relay.address, { to, data })),
		waitForTransactionReceipt: async ({ hash }) => ({ status: "success", logs: (sent.get(hash)?.logs ?? []) as unknown as readonly Log[] }),
		getCode: async ({ address }) => chain.code(address),
	};
}

beforeAll(async () => {
	chain = await openChain({ genesis: { genesisTime: Math.floor(Date.now() / 1000) }, extraAbis: [fixture("Wallet").abi] });
});
afterAll(() => chain.close());

function requirements(method: "eip3009" | "permit2" | undefined, payTo: Address = receiver.address) {
	return {
		scheme: "batch-settlement",
		network,
		asset: opg.address,
		amount: "1000",
		payTo,
		maxTimeoutSeconds: 100_000,
		extra: {
			name: "OpenGradient",
			version: "1",
			receiverAuthorizer: authorizer.address,
			withdrawDelay: 900,
			...(method === undefined ? {} : { assetTransferMethod: method }),
		},
	} as const;
}

const client = (who: PrivateKeyAccount, options: object = {}) =>
	new BatchClient(
		{ address: who.address, signTypedData: (message: object) => who.signTypedData(message as never) },
		{ salt: toHex(++salts, { size: 32 }), ...options },
	);

const plain = (value: unknown): never => value as never;

describe("bindings", () => {
	/** The ABI that the package compiled in; it is not among its exports. */
	async function referenceAbi(): Promise<Abi> {
		const folder = dirname(createRequire(import.meta.url).resolve("@x402/evm")).replace(/cjs$/, "esm");
		const file = readdirSync(folder).find((name) => name.endsWith(".mjs") && readFileSync(`${folder}/${name}`, "utf8").includes("var batchSettlementABI ="));
		const module = (await import(pathToFileURL(`${folder}/${file}`).href)) as { batchSettlementABI: Abi };
		return module.batchSettlementABI;
	}
	/** Without Solidity's own type names, with outputs' names as they are. */
	const shape = (value: unknown): unknown => {
		if (Array.isArray(value)) return value.map(shape);
		if (typeof value !== "object" || value === null) return value;
		return Object.fromEntries(
			Object.entries(value)
				.filter(([key]) => key !== "internalType" && key !== "anonymous")
				.sort()
				.map(([key, item]) => [key, shape(item)]),
		);
	};
	const byName = (items: readonly { readonly type: string; readonly name?: string }[], type: string) =>
		Object.fromEntries(items.filter((item) => item.type === type).map((item) => [item.name, shape(item)]));

	test("the functions of Channels are exactly those of the reference client; its event is among ours", async () => {
		const reference = await referenceAbi();
		expect(byName(channelsAbi, "function")).toEqual(byName(reference as never, "function"));
		expect(byName(channelsAbi, "event")).toMatchObject(byName(reference as never, "event"));
	});
	test("the proxy of exact payments is the reference's", () => {
		// Our Permit2 stands at a constant address, so there is no wrong one to refuse.
		const reference = x402ExactPermit2ProxyABI.filter((item) => !("name" in item) || item.name !== "InvalidPermit2Address");
		for (const type of ["function", "event", "error"]) expect(byName(exactPermit2ProxyAbi, type)).toMatchObject(byName(reference as never, type));
	});
	test("no contract takes native money, but a vesting wallet", () => {
		for (const [name, abi] of Object.entries(abis) as [string, Abi][]) {
			const payable = abi.filter((item) => "stateMutability" in item && item.stateMutability === "payable");
			expect({ name, payable: payable.map((item) => item.type) }).toEqual({ name, payable: abi === (genesisVestingAbi as Abi) ? ["receive"] : [] });
		}
	});
});

describe("batch-settlement", () => {
	for (const method of ["eip3009", "permit2"] as const) {
		test(`the reference client deposits by ${method}; the facilitator claims, settles and refunds`, async () => {
			if (method === "permit2") await chain.send(payer, { ...opg, functionName: "approve", args: [genesisAddresses.Permit2, maxUint256] });
			const wanted = requirements(method);
			const buyer = client(payer, {
				voucherSigner: { address: voucherKey.address, signTypedData: (message: object) => voucherKey.signTypedData(message as never) },
			});
			const signer = signerOf();
			const facilitator = new BatchFacilitator(signer, plain(authorizer));
			const { payload } = await buyer.createPaymentPayload(2, plain(wanted));
			const envelope = plain({ x402Version: 2, accepted: wanted, payload });
			expect(await facilitator.verify(envelope, plain(wanted))).toMatchObject({ isValid: true });
			await chain.send(relay, { ...channels, functionName: "settle", args: [receiver.address, opg.address] });
			const before = chain.balance(genesisAddresses.Channels);
			expect(await facilitator.settle(envelope, plain(wanted))).toMatchObject({ success: true, amount: "5000" });
			expect(chain.balance(genesisAddresses.Channels) - before).toBe(5_000n);
			// The facilitator gives a deposit 300,000 gas and a settlement 120,000.
			expect([...signer.sent.values()].at(-1)?.gasUsed).toBeLessThan(300_000n);

			const channelConfig = buyer.buildChannelConfig(plain(wanted));
			const channelId = computeChannelId(channelConfig, network);
			expect(chain.read({ ...channels, functionName: "getChannelId", args: [channelConfig] })).toBe(channelId);
			const voucher = await signVoucher(plain(voucherKey), channelId, "3000", network);
			expect(
				await facilitator.verify(plain({ x402Version: 2, accepted: wanted, payload: { type: "voucher", channelConfig, voucher } }), plain(wanted)),
			).toMatchObject({ isValid: true });
			const claim = { voucher: { channel: channelConfig, maxClaimableAmount: "3000" }, signature: voucher.signature, totalClaimed: "2500" };
			const settlePayload = (content: object) => facilitator.settle(plain({ x402Version: 2, accepted: wanted, payload: content }), plain(wanted));
			expect(await settlePayload({ type: "claim", claims: [claim] })).toMatchObject({ success: true });
			const paid = chain.balance(receiver.address);
			expect(await settlePayload({ type: "settle", receiver: receiver.address, token: opg.address })).toMatchObject({ success: true, amount: "2500" });
			expect([...signer.sent.values()].at(-1)?.gasUsed).toBeLessThan(120_000n);
			expect(chain.balance(receiver.address) - paid).toBe(2_500n);
			const back = chain.balance(payer.address);
			const refund = { type: "refund", channelConfig, voucher, amount: "9999", refundNonce: "0", claims: [{ ...claim, totalClaimed: "2600" }] };
			expect(await settlePayload(refund)).toMatchObject({
				success: true,
				amount: "2400",
				extra: { channelState: { balance: "2600", totalClaimed: "2600", refundNonce: "1" } },
			});
			expect(chain.balance(payer.address) - back).toBe(2_400n);
			expect(chain.read({ ...channels, functionName: "channels", args: [channelId] })).toEqual([2_600n, 2_600n]);
		});
	}

	test("a contract wallet deposits by ERC-1271 and its vouchers are asked of its code", async () => {
		const wallet = await chain.deploy(relay, fixture("Wallet"), [walletOwner.address]);
		await chain.transact(payer.address, { to: wallet, value: 10_000n });
		const wanted = requirements("eip3009");
		const buyer = new BatchClient(
			{ address: wallet, signTypedData: (message: object) => walletOwner.signTypedData(message as never) },
			{ salt: toHex(++salts, { size: 32 }), payerAuthorizer: "0x0000000000000000000000000000000000000000" },
		);
		const facilitator = new BatchFacilitator(signerOf(), plain(authorizer));
		const { payload } = await buyer.createPaymentPayload(2, plain(wanted));
		const envelope = plain({ x402Version: 2, accepted: wanted, payload });
		expect(await facilitator.settle(envelope, plain(wanted))).toMatchObject({ success: true });
		const channel = buyer.buildChannelConfig(plain(wanted));
		const voucher = await signVoucher(plain(walletOwner), computeChannelId(channel, network), "700", network);
		const claim = { voucher: { channel, maxClaimableAmount: 700n }, signature: voucher.signature, totalClaimed: 700n };
		await chain.send(authorizer, { ...channels, functionName: "claim", args: [[claim]] });
		await chain.send(relay, { address: wallet, abi: fixture("Wallet").abi, functionName: "setMood", args: [1] });
		await expect(
			chain.send(authorizer, {
				...channels,
				functionName: "claim",
				args: [[{ ...claim, voucher: { channel, maxClaimableAmount: 701n }, totalClaimed: 701n }]],
			}),
		).rejects.toThrow("InvalidVoucherSignature");
	});
});

describe("exact", () => {
	for (const method of [undefined, "permit2"] as const) {
		test(`the reference client pays by ${method ?? "eip3009"} and cannot be charged twice`, async () => {
			await chain.send(payer, { ...opg, functionName: "approve", args: [genesisAddresses.Permit2, maxUint256] });
			const wanted = { ...requirements(method), scheme: "exact" };
			const buyer = new ExactClient({ address: payer.address, signTypedData: (message: object) => payer.signTypedData(message as never) });
			const { payload } = await buyer.createPaymentPayload(2, plain(wanted));
			const envelope = plain({ x402Version: 2, accepted: wanted, payload });
			const facilitator = new ExactFacilitator(signerOf());
			expect(await facilitator.verify(envelope, plain(wanted))).toMatchObject({ isValid: true });
			const before = chain.balance(receiver.address);
			expect(await facilitator.settle(envelope, plain(wanted))).toMatchObject({ success: true });
			expect(chain.balance(receiver.address) - before).toBe(1_000n);
			expect(await new ExactFacilitator(signerOf()).verify(envelope, plain(wanted))).toMatchObject({ isValid: false });
		});
	}
});

describe("channels keep their rules", () => {
	let config: ReturnType<InstanceType<typeof BatchClient>["buildChannelConfig"]>;
	let channelId: Hex;
	beforeEach(async () => {
		const wanted = requirements("eip3009");
		const buyer = client(payer);
		const { payload } = await buyer.createPaymentPayload(2, plain({ ...wanted, amount: "2000" }));
		config = buyer.buildChannelConfig(plain(wanted));
		channelId = computeChannelId(config, network);
		const facilitator = new BatchFacilitator(signerOf(), plain(authorizer));
		const settled = await facilitator.settle(plain({ x402Version: 2, accepted: { ...wanted, amount: "2000" }, payload }), plain({ ...wanted, amount: "2000" }));
		expect(settled).toMatchObject({ success: true });
	});
	const state = () => chain.read({ ...channels, functionName: "channels", args: [channelId] });
	async function claimOf(total: bigint, most = total, key = payer) {
		const voucher = await signVoucher(plain(key), channelId, most.toString(), network);
		return { voucher: { channel: config, maxClaimableAmount: most }, signature: voucher.signature, totalClaimed: total };
	}
	const claim = async (total: bigint, most = total, key = payer, who = authorizer) =>
		chain.send(who, { ...channels, functionName: "claim", args: [[await claimOf(total, most, key)]] });

	test("events tell a follower everything", async () => {
		const sent = await claim(100n);
		expect(sent.event("Claimed")).toEqual({ channelId, receiver: receiver.address, amount: 100n, totalClaimed: 100n });
		const settled = await chain.send(relay, { ...channels, functionName: "settle", args: [receiver.address, opg.address] });
		expect(settled.event("Settled")).toMatchObject({ receiver: receiver.address, sender: relay.address });
		expect((await chain.send(relay, { ...channels, functionName: "settle", args: [receiver.address, opg.address] })).events).toEqual([]);
		const refunded = await chain.send(authorizer, { ...channels, functionName: "refund", args: [config, 50n] });
		expect(refunded.event("Refunded")).toEqual({ channelId, amount: 50n, balance: 9_950n, nonce: 0n });
		const leaving = await chain.send(payer, { ...channels, functionName: "initiateWithdraw", args: [config, 60n] });
		expect(leaving.event("WithdrawInitiated")).toMatchObject({ channelId, amount: 60n, initiatedAt: chain.time, finalizableAt: chain.time + 900 });
		chain.advance(900);
		const left = await chain.send(payer, { ...channels, functionName: "finalizeWithdraw", args: [config] });
		expect(left.event("WithdrawFinalized")).toEqual({ channelId, amount: 60n, balance: 9_890n });
	});
	test("a receiver cannot claim beyond the voucher, beyond the deposit, by another's voucher, or as a stranger", async () => {
		await expect(claim(101n, 100n)).rejects.toThrow("ClaimExceedsVoucher");
		await expect(claim(10_001n)).rejects.toThrow("ClaimExceedsBalance");
		await expect(claim(100n, 100n, voucherKey)).rejects.toThrow("InvalidVoucherSignature");
		await expect(claim(100n, 100n, payer, relay)).rejects.toThrow("NotReceiverAuthorizer");
		await expect(chain.send(authorizer, { ...channels, functionName: "claim", args: [[]] })).rejects.toThrow("EmptyClaim");
	});
	test("an old or repeated claim takes nothing", async () => {
		await claim(300n);
		for (const total of [300n, 200n]) {
			const sent = await claim(total);
			expect(sent.events).toEqual([]);
		}
		expect(state()).toEqual([10_000n, 300n]);
	});
	test("claims of several receivers' authorizers do not mix, and the batch signature covers all of it", async () => {
		const one = await claimOf(10n);
		const other = { ...one, voucher: { ...one.voucher, channel: { ...config, receiverAuthorizer: relay.address } } };
		await expect(chain.send(authorizer, { ...channels, functionName: "claim", args: [[one, other]] })).rejects.toThrow("MixedAuthorizers");
		const digest = chain.read({ ...channels, functionName: "getClaimBatchDigest", args: [[one]] });
		const signature = await authorizer.sign({ hash: digest });
		await expect(chain.send(relay, { ...channels, functionName: "claimWithSignature", args: [[{ ...one, totalClaimed: 9n }], signature] })).rejects.toThrow(
			"InvalidAuthorizerSignature",
		);
		await chain.send(relay, { ...channels, functionName: "claimWithSignature", args: [[one], signature] });
		expect(state()).toEqual([10_000n, 10n]);
	});
	test("a payer leaves after the notice with what is free then, not before, and nobody leaves for them", async () => {
		await expect(chain.send(relay, { ...channels, functionName: "initiateWithdraw", args: [config, 1n] })).rejects.toThrow("NotPayer");
		await expect(chain.send(payer, { ...channels, functionName: "initiateWithdraw", args: [config, 10_001n] })).rejects.toThrow("InvalidAmount");
		await expect(chain.send(payer, { ...channels, functionName: "initiateWithdraw", args: [config, 0n] })).rejects.toThrow("InvalidAmount");
		await expect(chain.send(payer, { ...channels, functionName: "finalizeWithdraw", args: [config] })).rejects.toThrow("NoPendingWithdrawal");
		await chain.send(payer, { ...channels, functionName: "initiateWithdraw", args: [config, 10_000n] });
		chain.advance(899);
		await expect(chain.send(payer, { ...channels, functionName: "finalizeWithdraw", args: [config] })).rejects.toThrow("WithdrawTooEarly");
		await claim(4_000n);
		chain.advance(1);
		await expect(chain.send(relay, { ...channels, functionName: "finalizeWithdraw", args: [config] })).rejects.toThrow("NotPayer");
		const before = chain.balance(payer.address);
		await chain.send(payer, { ...channels, functionName: "finalizeWithdraw", args: [config] });
		expect(chain.balance(payer.address) - before).toBe(6_000n);
		expect(state()).toEqual([4_000n, 4_000n]);
		await expect(claim(4_001n)).rejects.toThrow("ClaimExceedsBalance");
	});
	test("refunds need the receiver's authorizer, follow their nonce, and end at what is free", async () => {
		await expect(chain.send(relay, { ...channels, functionName: "refund", args: [config, 1n] })).rejects.toThrow("NotReceiverAuthorizer");
		const digest = chain.read({ ...channels, functionName: "getRefundDigest", args: [channelId, 0n, 20_000n] });
		const signature = await authorizer.sign({ hash: digest });
		const refund = (amount: bigint, nonce: bigint) =>
			chain.send(relay, { ...channels, functionName: "refundWithSignature", args: [config, amount, nonce, signature] });
		await expect(refund(20_000n, 1n)).rejects.toThrow("InvalidRefundNonce");
		await expect(refund(20_001n, 0n)).rejects.toThrow("InvalidAuthorizerSignature");
		await claim(4_000n);
		await refund(20_000n, 0n);
		expect(state()).toEqual([4_000n, 4_000n]);
		await expect(refund(20_000n, 0n)).rejects.toThrow("InvalidRefundNonce");
		await expect(chain.send(authorizer, { ...channels, functionName: "refund", args: [config, 1n] })).rejects.toThrow("NothingToRefund");
	});
	test("a channel must say who, which token and how long, and money comes by a known collector only", async () => {
		const deposit = (change: object, amount = 5n, collector: Address = genesisAddresses.Erc3009DepositCollector) =>
			chain.send(relay, { ...channels, functionName: "deposit", args: [{ ...config, ...change }, amount, collector, "0x"] });
		const zero: Address = "0x0000000000000000000000000000000000000000";
		for (const field of ["payer", "receiver", "receiverAuthorizer", "token"])
			await expect(deposit({ [field]: zero })).rejects.toThrow(`InvalidConfig(${field})`);
		for (const withdrawDelay of [899, 2_592_001]) await expect(deposit({ withdrawDelay })).rejects.toThrow("InvalidConfig(withdrawDelay)");
		await expect(deposit({}, 0n)).rejects.toThrow("InvalidAmount");
		await expect(deposit({}, 5n, relay.address)).rejects.toThrow("UnknownCollector");
		for (const address of [genesisAddresses.Erc3009DepositCollector, genesisAddresses.Permit2DepositCollector])
			await expect(
				chain.send(relay, { address, abi: abis.erc3009DepositCollectorAbi, functionName: "collect", args: [payer.address, opg.address, 1n, channelId, "0x"] }),
			).rejects.toThrow("NotChannels");
	});
	test("a deposit's signature opens the channel it names, no other, and once", async () => {
		const wanted = requirements("eip3009");
		const buyer = client(payer);
		const { payload } = (await buyer.createPaymentPayload(2, plain(wanted))) as unknown as {
			payload: {
				channelConfig: typeof config;
				deposit: { amount: string; authorization: { erc3009Authorization: { validBefore: string; salt: Hex; signature: Hex } } };
			};
		};
		const { validBefore, salt, signature } = payload.deposit.authorization.erc3009Authorization;
		const { encodeAbiParameters } = await import("viem");
		const data = encodeAbiParameters(
			[{ type: "uint256" }, { type: "uint256" }, { type: "uint256" }, { type: "bytes" }],
			[0n, BigInt(validBefore), BigInt(salt), signature],
		);
		const deposit = (channel: typeof config) =>
			chain.send(relay, {
				...channels,
				functionName: "deposit",
				args: [channel, BigInt(payload.deposit.amount), genesisAddresses.Erc3009DepositCollector, data],
			});
		await expect(deposit({ ...payload.channelConfig, receiver: relay.address })).rejects.toThrow("ERC3009InvalidSignature");
		const sent = await deposit(payload.channelConfig);
		expect(sent.event("Deposited")).toMatchObject({
			payer: payer.address,
			receiver: receiver.address,
			amount: 5_000n,
			balance: 5_000n,
			config: { ...payload.channelConfig, token: getAddress(opg.address) },
		});
		await expect(deposit(payload.channelConfig)).rejects.toThrow("ERC3009UsedAuthorization");
	});
	test("a token that keeps part of a transfer is refused; a false token harms only itself", async () => {
		const { encodeAbiParameters } = await import("viem");
		const data = encodeAbiParameters([{ type: "uint256" }, { type: "uint256" }, { type: "uint256" }, { type: "bytes" }], [0n, 0n, 0n, "0x"]);
		for (const [skim, refused] of [
			[1n, true],
			[0n, false],
		] as const) {
			const token = await chain.deploy(relay, fixture("SkimmingToken"), [skim]);
			await chain.send(relay, { address: token, abi: fixture("SkimmingToken").abi, functionName: "mint", args: [payer.address, 100n] });
			const deposit = chain.send(relay, {
				...channels,
				functionName: "deposit",
				args: [{ ...config, token }, 100n, genesisAddresses.Erc3009DepositCollector, data],
			});
			if (refused) await expect(deposit).rejects.toThrow("DepositNotReceived");
			else await deposit;
		}
		expect(chain.read({ ...channels, functionName: "receivers", args: [receiver.address, opg.address] })[0]).toBeLessThanOrEqual(OPG_UNIT);
	});
	test("a token that calls back during a settlement is not settled twice", async () => {
		const { decodeErrorResult, encodeAbiParameters } = await import("viem");
		const data = encodeAbiParameters([{ type: "uint256" }, { type: "uint256" }, { type: "uint256" }, { type: "bytes" }], [0n, 0n, 0n, "0x"]);
		const { abi } = fixture("ReentrantToken");
		const token = await chain.deploy(relay, fixture("ReentrantToken"));
		const channel = { ...config, token };
		await chain.send(relay, { address: token, abi, functionName: "mint", args: [payer.address, 100n] });
		await chain.send(relay, { ...channels, functionName: "deposit", args: [channel, 100n, genesisAddresses.Erc3009DepositCollector, data] });
		const voucher = await signVoucher(plain(payer), computeChannelId(channel, network), "60", network);
		const item = { voucher: { channel, maxClaimableAmount: 60n }, signature: voucher.signature, totalClaimed: 60n };
		await chain.send(authorizer, { ...channels, functionName: "claim", args: [[item]] });
		const again = encodeFunctionData({ ...channels, functionName: "settle", args: [receiver.address, token] });
		await chain.send(relay, { address: token, abi, functionName: "arm", args: [channels.address, again] });
		await chain.send(relay, { ...channels, functionName: "settle", args: [receiver.address, token] });
		expect(chain.read({ address: token, abi, functionName: "balanceOf", args: [receiver.address] })).toBe(60n);
		expect(chain.read({ address: token, abi, functionName: "reentered" })).toBe(false);
		const answer = chain.read({ address: token, abi, functionName: "answer" }) as Hex;
		expect(decodeErrorResult({ abi: channelsAbi, data: answer }).errorName).toBe("ReentrancyGuardReentrantCall");
	});
	test("a token whose transfer says no is not taken for one that moved", async () => {
		const { encodeAbiParameters } = await import("viem");
		const data = encodeAbiParameters([{ type: "uint256" }, { type: "uint256" }, { type: "uint256" }, { type: "bytes" }], [0n, 0n, 0n, "0x"]);
		const token = await chain.deploy(relay, fixture("RefusingToken"));
		const deposit = chain.send(relay, {
			...channels,
			functionName: "deposit",
			args: [{ ...config, token }, 5n, genesisAddresses.Erc3009DepositCollector, data],
		});
		await expect(deposit).rejects.toThrow("SafeERC20FailedOperation");
	});
	test("the type of a channel, and the notice under way, can be read", async () => {
		const { keccak256 } = await import("viem");
		const text =
			"ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)";
		expect(chain.read({ ...channels, functionName: "CHANNEL_CONFIG_TYPEHASH" })).toBe(keccak256(toHex(text)));
		await chain.send(payer, { ...channels, functionName: "initiateWithdraw", args: [config, 7n] });
		expect(chain.read({ ...channels, functionName: "pendingWithdrawals", args: [channelId] })).toEqual([7n, chain.time]);
	});
	test("several calls in one keep the rules of each", async () => {
		const calls = [
			encodeFunctionData({ ...channels, functionName: "refund", args: [config, 10n] }),
			encodeFunctionData({ ...channels, functionName: "settle", args: [receiver.address, opg.address] }),
		];
		await expect(chain.send(relay, { ...channels, functionName: "multicall", args: [calls] })).rejects.toThrow("NotReceiverAuthorizer");
		await chain.send(authorizer, { ...channels, functionName: "multicall", args: [calls] });
		expect(state()[0]).toBe(9_990n);
	});
	test("typed-data digests are the reference's", async () => {
		const { hashTypedData } = await import("viem");
		const { claimBatchTypes, refundTypes, voucherTypes } = await import("@x402/evm");
		const domain = { name: "x402 Batch Settlement", version: "1", chainId: CHAIN_ID, verifyingContract: channels.address } as const;
		expect(chain.read({ ...channels, functionName: "getVoucherDigest", args: [channelId, 5n] })).toBe(
			hashTypedData({ domain, types: voucherTypes, primaryType: "Voucher", message: { channelId, maxClaimableAmount: 5n } }),
		);
		expect(chain.read({ ...channels, functionName: "getRefundDigest", args: [channelId, 3n, 5n] })).toBe(
			hashTypedData({ domain, types: refundTypes, primaryType: "Refund", message: { channelId, nonce: 3n, amount: 5n } }),
		);
		const entry = { voucher: { channel: config, maxClaimableAmount: 7n }, signature: zeroHash, totalClaimed: 6n } as const;
		expect(chain.read({ ...channels, functionName: "getClaimBatchDigest", args: [[entry, entry]] })).toBe(
			hashTypedData({
				domain,
				types: claimBatchTypes,
				primaryType: "ClaimBatch",
				message: { claims: [1, 2].map(() => ({ channelId, maxClaimableAmount: 7n, totalClaimed: 6n })) },
			}),
		);
	});
});
