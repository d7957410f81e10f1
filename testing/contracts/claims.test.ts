/** Vouchers claimed inside `anchor`: the fast path from a payer's signature to an owner's credit in one transaction. */
import { channelsAbi } from "@freehold/contracts/abi";
import { genesisAddresses } from "@freehold/contracts/bytecode";
import { type Address, encodeAbiParameters, getAbiItem, type Hex, hashTypedData, keccak256, toHex, zeroAddress } from "viem";
import type { PrivateKeyAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { account, CHAIN_ID, type Chain, GENESIS_TIME, openChain } from "./chain.js";
import { fixture } from "./fixtures.js";
import { anchor, claimableOf, creditOf, ledger, line, opg, publish, ROLE, register, tillOf } from "./market.js";

const [gateway, node, owner, payer, key, stranger, walletOwner] = [account(0), account(1), account(2), account(3), account(4), account(5), account(6)];
const channels = { address: genesisAddresses.Channels, abi: channelsAbi } as const;
let chain: Chain;
let till: Address;
let release: Hex;
let salts = 0;
beforeAll(async () => {
	chain = await openChain({ extraAbis: [fixture("Wallet").abi] });
	await register(chain, gateway, ROLE.gateway);
	till = tillOf(chain, gateway.address);
	({ release } = await publish(chain, owner, { name: "fast/path", price: { perCall: 90n } }));
});
afterAll(() => chain.close());

interface Config {
	readonly payer: Address;
	readonly payerAuthorizer: Address;
	readonly receiver: Address;
	readonly receiverAuthorizer: Address;
	readonly token: Address;
	readonly withdrawDelay: number;
	readonly salt: Hex;
}

async function open(change: Partial<Config> = {}, signer: PrivateKeyAccount = payer): Promise<Config> {
	const config: Config = {
		payer: payer.address,
		payerAuthorizer: key.address,
		receiver: till,
		receiverAuthorizer: gateway.address,
		token: opg.address,
		withdrawDelay: 900,
		salt: toHex(++salts, { size: 32 }),
		...change,
	};
	const channelId = chain.read({ ...channels, functionName: "getChannelId", args: [config] });
	const nonce = keccak256(encodeAbiParameters([{ type: "bytes32" }, { type: "uint256" }], [channelId, 1n]));
	const validBefore = BigInt(GENESIS_TIME + 10 ** 6);
	const fields = ["address from", "address to", "uint256 value", "uint256 validAfter", "uint256 validBefore", "bytes32 nonce"].map((text) => {
		const [type = "", name = ""] = text.split(" ");
		return { type, name };
	});
	const hash = hashTypedData({
		domain: { name: "OpenGradient", version: "1", chainId: CHAIN_ID, verifyingContract: opg.address },
		types: { ReceiveWithAuthorization: fields },
		primaryType: "ReceiveWithAuthorization",
		message: { from: config.payer, to: genesisAddresses.Erc3009DepositCollector, value: 1_000n, validAfter: 0n, validBefore, nonce },
	});
	const data = encodeAbiParameters(
		[{ type: "uint256" }, { type: "uint256" }, { type: "uint256" }, { type: "bytes" }],
		[0n, validBefore, 1n, await signer.sign({ hash })],
	);
	await chain.send(stranger, { ...channels, functionName: "deposit", args: [config, 1_000n, genesisAddresses.Erc3009DepositCollector, data] });
	return config;
}

async function voucher(config: Config, totalClaimed: bigint, signer: PrivateKeyAccount = key) {
	const channelId = chain.read({ ...channels, functionName: "getChannelId", args: [config] });
	const hash = chain.read({ ...channels, functionName: "getVoucherDigest", args: [channelId, totalClaimed] });
	return { voucher: { channel: config, maxClaimableAmount: totalClaimed }, signature: await signer.sign({ hash }), totalClaimed };
}

type Claim = Awaited<ReturnType<typeof voucher>>;

/** `abi.encode(VoucherClaim[], bytes)`, as `anchor` takes it. */
async function encode(claims: readonly Claim[], signer: PrivateKeyAccount = gateway): Promise<Hex> {
	const hash = chain.read({ ...channels, functionName: "getClaimBatchDigest", args: [[...claims]] });
	const { inputs } = getAbiItem({ abi: channelsAbi, name: "claimWithSignature" });
	return encodeAbiParameters(inputs, [[...claims], await signer.sign({ hash })]);
}

const paidLine = (calls: bigint) => line({ release, node: node.address, calls, nodeFee: 5n * calls, gatewayFee: 5n * calls });

describe("one transaction from vouchers to credit", () => {
	test("claims of many channels, settled into the till, split, nothing left over", async () => {
		const configs = [await open(), await open(), await open()];
		const claims = await Promise.all(configs.map((config, index) => voucher(config, BigInt(index + 1) * 100n)));
		const before = claimableOf(chain, owner.address);
		const sent = await anchor(chain, gateway, [paidLine(6n)], { claims: await encode(claims) });
		expect(sent.all("Claimed").map((event) => event["amount"])).toEqual([100n, 200n, 300n]);
		expect(sent.event("Settled")["amount"]).toBe(600n);
		expect(claimableOf(chain, owner.address) - before).toBe(540n);
		expect(chain.balance(till)).toBe(0n);
	});
	test("what a stranger claimed and settled before does no harm: the same batch still goes through", async () => {
		const config = await open();
		const claims = [await voucher(config, 100n)];
		const encoded = await encode(claims);
		const hash = chain.read({ ...channels, functionName: "getClaimBatchDigest", args: [claims] });
		await chain.send(stranger, { ...channels, functionName: "claimWithSignature", args: [claims, await gateway.sign({ hash })] });
		await chain.send(stranger, { ...channels, functionName: "settle", args: [till, opg.address] });
		expect(chain.balance(till)).toBe(100n);
		await anchor(chain, gateway, [paidLine(1n)], { claims: encoded });
		expect(chain.balance(till)).toBe(0n);
	});
	test("no claims, but settled ones: they are brought in", async () => {
		const config = await open();
		await chain.send(gateway, { ...channels, functionName: "claim", args: [[await voucher(config, 100n)]] });
		await anchor(chain, gateway, [paidLine(1n)]);
		expect(chain.balance(till)).toBe(0n);
	});
});

describe("what anchor refuses to claim", () => {
	test("vouchers for another receiver or token, or by a payer's code", async () => {
		const elsewhere = await open({ receiver: stranger.address });
		await expect(anchor(chain, gateway, [], { claims: await encode([await voucher(elsewhere, 1n)]) })).rejects.toThrow("ClaimNotForTill(0)");
		const good = await open();
		const other = { ...(await voucher(good, 1n)), voucher: { channel: { ...good, token: stranger.address }, maxClaimableAmount: 1n } };
		await expect(anchor(chain, gateway, [], { claims: await encode([await voucher(good, 1n), other]) })).rejects.toThrow("ClaimNotForTill(1)");
		const wallet = await chain.deploy(stranger, fixture("Wallet"), [walletOwner.address]);
		await chain.transact(payer.address, { to: wallet, value: 1_000n });
		const byCode = await open({ payer: wallet, payerAuthorizer: zeroAddress }, walletOwner);
		await expect(anchor(chain, gateway, [], { claims: await encode([await voucher(byCode, 90n, walletOwner)]) })).rejects.toThrow("ClaimNotForTill(0)");
		await chain.send(gateway, { ...channels, functionName: "claim", args: [[await voucher(byCode, 100n, walletOwner)]] });
		await anchor(chain, gateway, [paidLine(1n)]);
	});
	test("a forged voucher, a forged batch signature, no vouchers, too many", async () => {
		const config = await open();
		const forged = await voucher(config, 50n, stranger);
		await expect(anchor(chain, gateway, [], { claims: await encode([forged]) })).rejects.toThrow("InvalidVoucherSignature");
		const claim = await voucher(config, 50n);
		await expect(anchor(chain, gateway, [], { claims: await encode([claim], stranger) })).rejects.toThrow("InvalidAuthorizerSignature");
		await expect(anchor(chain, gateway, [], { claims: await encode([]) })).rejects.toThrow("EmptyClaim");
		await expect(anchor(chain, gateway, [], { claims: await encode(Array.from({ length: 257 }, () => claim)) })).rejects.toThrow("TooManyClaims");
	});
	test("a batch that is refused leaves vouchers and credit as they were", async () => {
		const config = await open();
		const claims = await encode([await voucher(config, 100n)]);
		const before = creditOf(chain, node.address);
		await expect(anchor(chain, gateway, [paidLine(2n)], { claims })).rejects.toThrow("TillTooSmall");
		expect(creditOf(chain, node.address)).toBe(before);
		expect(chain.read({ ...ledger, functionName: "nextSeq", args: [gateway.address] })).toBeGreaterThan(0n);
		await anchor(chain, gateway, [paidLine(1n)], { claims });
	});
});
