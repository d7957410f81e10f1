import { encodeRlp, fromHex, type RlpItem, rlpInteger, toHex } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import fc from "fast-check";
import { parseTransaction, serializeTransaction, type TransactionSerializable, keccak256 as viemKeccak } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, test } from "vitest";
import { decodeTransaction } from "./decode.js";
import { TransactionError } from "./transaction.js";

const CHAIN = 10741;
const account = privateKeyToAccount("0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318");
const other = privateKeyToAccount("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");
const to = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
const accessList = [{ address: to, storageKeys: [`0x${"ab".repeat(32)}`, `0x${"00".repeat(32)}`] }] as const;

const decode = (hex: string) => decodeTransaction(fromHex(hex), BigInt(CHAIN), nativeCrypto);
const refusal = (hex: string): string => {
	try {
		decode(hex);
	} catch (error) {
		if (error instanceof TransactionError) return error.message;
		throw error;
	}
	throw new Error("it was accepted");
};

const kinds: readonly (readonly [string, TransactionSerializable])[] = [
	["legacy with EIP-155", { type: "legacy", chainId: CHAIN, nonce: 0, gasPrice: 1_000_000_000n, gas: 21_000n, to, value: 1n }],
	["legacy creation", { type: "legacy", chainId: CHAIN, nonce: 300, gasPrice: 7n, gas: 500_000n, data: "0x6001600055" }],
	["access list", { type: "eip2930", chainId: CHAIN, nonce: 1, gasPrice: 2n, gas: 60_000n, to, data: "0x00ff", accessList: [...accessList] }],
	["dynamic fee", { type: "eip1559", chainId: CHAIN, nonce: 2, maxFeePerGas: 2n ** 100n, maxPriorityFeePerGas: 1n, gas: 30_000n, to, value: 2n ** 200n }],
	["dynamic fee, long data", { type: "eip1559", chainId: CHAIN, nonce: 127, maxFeePerGas: 5n, gas: 9_000_000n, to, data: `0x${"a5".repeat(70_000)}` }],
];

describe("a transaction that viem signed", () => {
	test.each(kinds)("%s gives the same sender, hash and fields", async (_, fields) => {
		const raw = await account.signTransaction(fields);
		const tx = decode(raw);
		expect(tx.from).toBe(account.address.toLowerCase());
		expect(tx.id).toBe(viemKeccak(raw));
		expect(tx.nonce).toBe(BigInt(fields.nonce ?? 0));
		expect(tx.gasLimit).toBe(fields.gas);
		expect(tx.maxFeePerGas).toBe(fields.maxFeePerGas ?? fields.gasPrice);
		expect(tx.value).toBe(fields.value ?? 0n);
		expect(toHex(tx.data)).toBe(fields.data ?? "0x");
		expect(tx.to === undefined ? undefined : toHex(tx.to)).toBe(fields.to ?? undefined);
		expect(tx.accessList.map(({ address, storageKeys }) => ({ address: toHex(address), storageKeys: storageKeys.map(toHex) }))).toEqual(
			fields.accessList ?? [],
		);
	});

	test("set code: authorities are recovered, a bad signature has none", async () => {
		const good = await other.signAuthorization({ chainId: CHAIN, address: to, nonce: 3 });
		const bad = { ...good, s: `0x${"ff".repeat(32)}` as const };
		const raw = await account.signTransaction({
			type: "eip7702",
			chainId: CHAIN,
			nonce: 0,
			gas: 100_000n,
			maxFeePerGas: 9n,
			to,
			authorizationList: [good, bad],
		});
		const [first, second] = decode(raw).authorizationList;
		expect(first?.authority && toHex(first.authority)).toBe(other.address.toLowerCase());
		expect(first?.nonce).toBe(3n);
		expect(second?.authority).toBeUndefined();
	});

	test("any values survive", async () => {
		const uint = (bits: bigint) => fc.bigInt({ min: 0n, max: (1n << bits) - 1n });
		await fc.assert(
			fc.asyncProperty(fc.nat(2 ** 31), uint(64n), uint(128n), uint(256n), fc.uint8Array({ maxLength: 200 }), async (nonce, gas, fee, value, data) => {
				const raw = await account.signTransaction({ type: "eip1559", chainId: CHAIN, nonce, gas, maxFeePerGas: fee, value, data: toHex(data), to });
				const tx = decode(raw);
				expect([tx.nonce, tx.gasLimit, tx.maxFeePerGas, tx.value, toHex(tx.data), tx.from]).toEqual([
					BigInt(nonce),
					gas,
					fee,
					value,
					toHex(data),
					account.address.toLowerCase(),
				]);
			}),
			{ numRuns: 30 },
		);
	});
});

describe("refused, saying why", () => {
	const legacy = kinds[0]?.[1] as TransactionSerializable;

	test("another chain's transaction", async () => {
		expect(refusal(await account.signTransaction({ ...legacy, chainId: 1 } as TransactionSerializable))).toBe(
			`invalid sender: invalid chain id for signer: have 1 want ${CHAIN}`,
		);
	});

	test("blobs", () => expect(refusal("0x03c0")).toMatch(/^transaction type not supported: .*blobs/));
	test("types that do not exist", () => expect(refusal("0x05c0")).toBe("transaction type not supported"));
	test("nothing", () => expect(refusal("0x")).toBe("typed transaction too short"));
	test("too many bytes", () => expect(refusal(`0x02${"00".repeat(128 * 1024)}`)).toMatch(/^oversized data/));

	test("the twin with high s (EIP-2)", async () => {
		const raw = await account.signTransaction(legacy);
		const { r, s, v, ...fields } = parseTransaction(raw) as unknown as { r: `0x${string}`; s: `0x${string}`; v: bigint };
		const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
		const twin = serializeTransaction(fields as TransactionSerializable, { r, s: `0x${(order - BigInt(s)).toString(16)}`, v: v % 2n === 0n ? v - 1n : v + 1n });
		expect(refusal(twin)).toBe("invalid sender: invalid transaction v, r, s values");
	});

	const signed = (change: (items: RlpItem[]) => void): string => {
		const items: RlpItem[] = [
			rlpInteger(1n),
			rlpInteger(1n),
			rlpInteger(21_000n),
			fromHex(to),
			rlpInteger(1n),
			new Uint8Array(0),
			rlpInteger(BigInt(35 + 2 * CHAIN)),
			rlpInteger(1n),
			rlpInteger(1n),
		];
		change(items);
		return toHex(encodeRlp(items));
	};
	test("leading zeros", () => expect(refusal(signed((items) => (items[0] = Uint8Array.of(0, 1))))).toMatch(/non-canonical integer/));
	test("a recipient of another length", () => expect(refusal(signed((items) => (items[3] = new Uint8Array(19))))).toMatch(/to must have 20 bytes/));
	test("a list where a string belongs", () => expect(refusal(signed((items) => (items[5] = [])))).toMatch(/expected input string/));
	test("missing and additional fields", () => {
		expect(refusal(signed((items) => items.pop()))).toMatch(/9 fields, given 8/);
		expect(refusal(signed((items) => items.push(new Uint8Array(0))))).toMatch(/9 fields, given 10/);
	});
	test("bytes after the end", async () => expect(refusal(`${await account.signTransaction(legacy)}00`)).toMatch(/trailing/));

	test("random bytes never do anything else", () => {
		fc.assert(
			fc.property(fc.constantFrom(0xc5, 0xf8, 1, 2, 4), fc.uint8Array({ maxLength: 300 }), (first, rest) => {
				try {
					decodeTransaction(Uint8Array.of(first, ...rest), BigInt(CHAIN), nativeCrypto);
				} catch (error) {
					expect(error).toBeInstanceOf(TransactionError);
				}
			}),
			{ numRuns: 500 },
		);
	});
});

test("a legacy transaction without replay protection has no chain id", async () => {
	const raw = await account.signTransaction({ type: "legacy", nonce: 0, gasPrice: 1n, gas: 21_000n, to });
	expect(decode(raw)).toMatchObject({ chainId: undefined, from: account.address.toLowerCase() });
});
