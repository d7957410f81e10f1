/** Permit2's signature transfers as wallets sign them. */
import { exactPermit2ProxyAbi, permit2Abi } from "@freehold/contracts/abi";
import { genesisAddresses } from "@freehold/contracts/bytecode";
import { permit2WitnessTypes } from "@x402/evm";
import { type Address, encodeAbiParameters, type Hex, hashDomain, keccak256, maxUint256, parseSignature, toHex } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { account, CHAIN_ID, type Chain, openChain } from "./chain.js";
import { fixture } from "./fixtures.js";
import { opg } from "./market.js";

const [owner, spender, receiver, walletOwner] = [account(0), account(1), account(2), account(3)];
const permit2 = { address: genesisAddresses.Permit2, abi: permit2Abi } as const;
const proxy = { address: genesisAddresses.ExactPermit2Proxy, abi: exactPermit2ProxyAbi } as const;
const domain = { name: "Permit2", chainId: CHAIN_ID, verifyingContract: genesisAddresses.Permit2 } as const;
const permissions = [
	{ name: "token", type: "address" },
	{ name: "amount", type: "uint256" },
] as const;
const head = [
	{ name: "spender", type: "address" },
	{ name: "nonce", type: "uint256" },
	{ name: "deadline", type: "uint256" },
] as const;
const singleTypes = { PermitTransferFrom: [{ name: "permitted", type: "TokenPermissions" }, ...head], TokenPermissions: permissions } as const;
const batchTypes = { PermitBatchTransferFrom: [{ name: "permitted", type: "TokenPermissions[]" }, ...head], TokenPermissions: permissions } as const;
const witnessTypes = {
	PermitWitnessTransferFrom: [{ name: "permitted", type: "TokenPermissions" }, ...head, { name: "witness", type: "Note" }],
	Note: [{ name: "text", type: "bytes32" }],
	TokenPermissions: permissions,
} as const;
const batchWitnessTypes = {
	PermitBatchWitnessTransferFrom: [{ name: "permitted", type: "TokenPermissions[]" }, ...head, { name: "witness", type: "Note" }],
	Note: [{ name: "text", type: "bytes32" }],
	TokenPermissions: permissions,
} as const;
const NOTE = "Note witness)Note(bytes32 text)TokenPermissions(address token,uint256 amount)";

let chain: Chain;
let nonces = 0n;
let deadline: bigint;
beforeAll(async () => {
	chain = await openChain();
	deadline = BigInt(chain.time + 1_000);
	await chain.send(owner, { ...opg, functionName: "approve", args: [permit2.address, maxUint256] });
});
afterAll(() => chain.close());

const permitted = { token: opg.address, amount: 100n };
const details = (requestedAmount = 60n, to: Address = receiver.address) => ({ to, requestedAmount });
async function gained(act: () => Promise<unknown>): Promise<bigint> {
	const before = chain.balance(receiver.address);
	await act();
	return chain.balance(receiver.address) - before;
}

describe("single transfers", () => {
	const signed = async (signer = owner, nonce = nonces++) => ({
		permit: { permitted, nonce, deadline },
		signature: await signer.signTypedData({
			domain,
			types: singleTypes,
			primaryType: "PermitTransferFrom",
			message: { permitted, spender: spender.address, nonce, deadline },
		}),
	});
	const transfer = (permit: Awaited<ReturnType<typeof signed>>, by = spender, amount = 60n, from = owner.address) =>
		chain.send(by, { ...permit2, functionName: "permitTransferFrom", args: [permit.permit, details(amount), from, permit.signature] });

	test("the named spender moves up to the permitted amount, once", async () => {
		const permit = await signed();
		expect(await gained(() => transfer(permit))).toBe(60n);
		await expect(transfer(permit)).rejects.toThrow("InvalidNonce");
		await expect(transfer(await signed(), spender, 101n)).rejects.toThrow("InvalidAmount");
	});
	test("another spender, another owner, a late one are refused", async () => {
		await expect(transfer(await signed(), receiver)).rejects.toThrow("InvalidSigner");
		await expect(transfer(await signed(receiver))).rejects.toThrow("InvalidSigner");
		const permit = await signed();
		const expired = { ...permit, permit: { ...permit.permit, deadline: BigInt(chain.time - 1) } };
		await expect(transfer(expired)).rejects.toThrow("SignatureExpired");
	});
	test("an invalidated nonce is void, its neighbours are not", async () => {
		const [void_, kept] = [await signed(), await signed()];
		const sent = await chain.send(owner, { ...permit2, functionName: "invalidateUnorderedNonces", args: [0n, 1n << void_.permit.nonce] });
		expect(sent.event("UnorderedNonceInvalidation")).toEqual({ owner: owner.address, word: 0n, mask: 1n << void_.permit.nonce });
		await expect(transfer(void_)).rejects.toThrow("InvalidNonce");
		expect(await gained(() => transfer(kept))).toBe(60n);
		expect(await gained(async () => transfer(await signed(owner, maxUint256)))).toBe(60n);
	});
	test("a contract wallet is asked by ERC-1271", async () => {
		const wallet = await chain.deploy(owner, fixture("Wallet"), [walletOwner.address]);
		await chain.transact(owner.address, { to: wallet, value: 1_000n });
		const approve = chain.send(owner, {
			address: wallet,
			abi: fixture("Wallet").abi,
			functionName: "execute",
			args: [opg.address, `0x095ea7b3${permit2.address.slice(2).padStart(64, "0")}${"f".repeat(64)}`],
		});
		await approve;
		expect(await gained(async () => transfer(await signed(walletOwner), spender, 60n, wallet))).toBe(60n);
		await expect(transfer(await signed(owner), spender, 60n, wallet)).rejects.toThrow("InvalidContractSignature");
	});
});

describe("witnesses and batches", () => {
	test("a witness binds the transfer to what it says", async () => {
		const text = keccak256("0x01");
		const nonce = nonces++;
		const message = { permitted, spender: spender.address, nonce, deadline, witness: { text } };
		const signature = await owner.signTypedData({ domain, types: witnessTypes, primaryType: "PermitWitnessTransferFrom", message });
		const witness = (of: Hex) => keccak256(encodeAbiParameters([{ type: "bytes32" }, { type: "bytes32" }], [keccak256(toHex("Note(bytes32 text)")), of]));
		const transfer = (of: Hex) =>
			chain.send(spender, {
				...permit2,
				functionName: "permitWitnessTransferFrom",
				args: [{ permitted, nonce, deadline }, details(), owner.address, witness(of), NOTE, signature],
			});
		await expect(transfer(keccak256("0x02"))).rejects.toThrow("InvalidSigner");
		expect(await gained(() => transfer(text))).toBe(60n);
	});
	test("a batch moves each part up to its amount, with or without a witness", async () => {
		const many = [permitted, { ...permitted, amount: 50n }];
		for (const witness of [undefined, { text: keccak256("0x03") }]) {
			const nonce = nonces++;
			const message = { permitted: many, spender: spender.address, nonce, deadline };
			const permit = { permitted: many, nonce, deadline };
			const signature =
				witness === undefined
					? await owner.signTypedData({ domain, types: batchTypes, primaryType: "PermitBatchTransferFrom", message })
					: await owner.signTypedData({ domain, types: batchWitnessTypes, primaryType: "PermitBatchWitnessTransferFrom", message: { ...message, witness } });
			const hash = keccak256(
				encodeAbiParameters(
					[{ type: "bytes32" }, { type: "bytes32" }],
					[keccak256(toHex("Note(bytes32 text)")), witness?.text ?? ("0x".padEnd(66, "0") as Hex)],
				),
			);
			const transfer = (parts: readonly { to: Address; requestedAmount: bigint }[]) =>
				witness === undefined
					? chain.send(spender, { ...permit2, functionName: "permitTransferFrom", args: [permit, [...parts], owner.address, signature] })
					: chain.send(spender, { ...permit2, functionName: "permitWitnessTransferFrom", args: [permit, [...parts], owner.address, hash, NOTE, signature] });
			await expect(transfer([details(1n)])).rejects.toThrow("LengthMismatch");
			await expect(transfer([details(1n), details(51n)])).rejects.toThrow("InvalidAmount");
			expect(await gained(() => transfer([details(100n), details(0n)]))).toBe(100n);
		}
	});
	test("the domain is the one wallets know", () => {
		const types = {
			EIP712Domain: [
				{ name: "name", type: "string" },
				{ name: "chainId", type: "uint256" },
				{ name: "verifyingContract", type: "address" },
			],
		} as const;
		expect(chain.read({ ...permit2, functionName: "DOMAIN_SEPARATOR" })).toBe(hashDomain({ domain: { ...domain, chainId: BigInt(CHAIN_ID) }, types }));
	});
});

describe("the proxy of exact payments", () => {
	async function payment(change: { amount?: bigint; to?: Address; validAfter?: bigint } = {}) {
		const nonce = nonces++;
		const witness = { to: change.to ?? receiver.address, validAfter: change.validAfter ?? 0n };
		const permitted = { token: opg.address, amount: change.amount ?? 40n };
		const signature = await owner.signTypedData({
			domain,
			types: permit2WitnessTypes,
			primaryType: "PermitWitnessTransferFrom",
			message: { permitted, spender: proxy.address, nonce, deadline, witness },
		});
		return { permit: { permitted, nonce, deadline }, witness, signature };
	}
	const settle = (item: Awaited<ReturnType<typeof payment>>, from: Address = owner.address) =>
		chain.send(spender, { ...proxy, functionName: "settle", args: [item.permit, from, item.witness, item.signature] });

	test("moves exactly what was signed to whom it was signed", async () => {
		const item = await payment();
		await expect(settle({ ...item, witness: { ...item.witness, to: spender.address } })).rejects.toThrow("InvalidSigner");
		expect(await gained(async () => expect((await settle(item)).event("Settled")).toBeDefined())).toBe(40n);
	});
	test("refuses nothing, nobody, and too early", async () => {
		await expect(settle(await payment({ amount: 0n }))).rejects.toThrow("InvalidAmount");
		await expect(settle(await payment({ to: "0x0000000000000000000000000000000000000000" }))).rejects.toThrow("InvalidDestination");
		await expect(settle(await payment(), "0x0000000000000000000000000000000000000000")).rejects.toThrow("InvalidOwner");
		await expect(settle(await payment({ validAfter: BigInt(chain.time + 1) }))).rejects.toThrow("PaymentTooEarly");
	});
	test("takes an ERC-2612 permit along, so that a first payment needs no transaction of the payer", async () => {
		const fresh = account(5);
		const nonce = nonces++;
		const witness = { to: receiver.address, validAfter: 0n };
		const permitted = { token: opg.address, amount: 40n };
		const signature = await fresh.signTypedData({
			domain,
			types: permit2WitnessTypes,
			primaryType: "PermitWitnessTransferFrom",
			message: { permitted, spender: proxy.address, nonce, deadline, witness },
		});
		const types = {
			Permit: [
				{ name: "owner", type: "address" },
				{ name: "spender", type: "address" },
				{ name: "value", type: "uint256" },
				{ name: "nonce", type: "uint256" },
				{ name: "deadline", type: "uint256" },
			],
		} as const;
		const opgDomain = { name: "OpenGradient", version: "1", chainId: CHAIN_ID, verifyingContract: opg.address } as const;
		const { r, s, yParity } = parseSignature(
			await fresh.signTypedData({
				domain: opgDomain,
				types,
				primaryType: "Permit",
				message: { owner: fresh.address, spender: permit2.address, value: 40n, nonce: 0n, deadline },
			}),
		);
		const permit = { value: 40n, deadline, r, s, v: 27 + yParity };
		const args = (value: bigint) => [{ ...permit, value }, { permitted, nonce, deadline }, fresh.address, witness, signature] as const;
		await expect(chain.send(spender, { ...proxy, functionName: "settleWithPermit", args: args(41n) })).rejects.toThrow("Permit2612AmountMismatch");
		expect(
			await gained(async () =>
				expect((await chain.send(spender, { ...proxy, functionName: "settleWithPermit", args: args(40n) })).event("SettledWithPermit")).toBeDefined(),
			),
		).toBe(40n);
	});
});
