import fc from "fast-check";
import { encodeAbiParameters, encodePacked, hashTypedData, keccak256 } from "viem";
import { describe, expect, it } from "vitest";
import { type Hex, toHex } from "../bytes/bytes.js";
import { contractAddresses } from "../network/networks.js";
import {
	callId,
	modeName,
	modes,
	type Order,
	orderDigest,
	orderTypes,
	payerCommitment,
	type Receipt,
	receiptDigest,
	receiptDomain,
	receiptTypes,
} from "./types.js";

const hex = (length: number): fc.Arbitrary<Hex> => fc.uint8Array({ minLength: length, maxLength: length }).map(toHex);
const uint = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n });
const small = (bits: number): fc.Arbitrary<number> => uint(bits).map(Number);

const orders: fc.Arbitrary<Order> = fc.record({
	callId: hex(32),
	gateway: hex(20),
	node: hex(20),
	release: hex(32),
	priceVersion: small(32),
	payer: hex(32),
	request: hex(32),
	mode: small(8),
	maxInputUnits: uint(64),
	maxOutputUnits: uint(64),
	nodeFee: uint(256),
	gatewayFee: uint(256),
	deadline: uint(64),
});

const receipts: fc.Arbitrary<Receipt> = fc.record({
	order: hex(32),
	response: hex(32),
	engine: hex(32),
	inputUnits: uint(64),
	outputUnits: uint(64),
	charge: uint(256),
	startedAt: uint(64),
	finishedAt: uint(64),
});

describe("what gateway and node sign", () => {
	it("has the EIP-712 digest that viem computes", () => {
		fc.assert(
			fc.property(orders, receipts, fc.constantFrom(1, 10740, 10741), (order, receipt, chainId) => {
				const domain = receiptDomain(chainId);
				expect(orderDigest(order, chainId)).toBe(hashTypedData({ domain, types: orderTypes, primaryType: "Order", message: order }));
				expect(receiptDigest(receipt, chainId)).toBe(hashTypedData({ domain, types: receiptTypes, primaryType: "Receipt", message: receipt }));
			}),
			{ numRuns: 60 },
		);
	});

	it("differs between chains, so that nothing signed on a laptop is valid in the world", () => {
		const [order] = fc.sample(orders, 1) as [Order];
		expect(orderDigest(order, 10740)).not.toBe(orderDigest(order, 10741));
		expect(receiptDomain(10741).verifyingContract).toBe(contractAddresses.UsageLedger);
	});

	it("has no digest when a number does not fit", () => {
		const [order] = fc.sample(orders, 1) as [Order];
		expect(() => orderDigest({ ...order, nodeFee: 1n << 256n }, 10741)).toThrow(RangeError);
		expect(() => orderDigest({ ...order, nodeFee: -1n }, 10741)).toThrow(RangeError);
	});
});

describe("names of calls and payers", () => {
	it("are keccak256 over what Solidity would encode", () => {
		fc.assert(
			fc.property(hex(20), hex(32), hex(32), hex(32), small(16), (gateway, payer, paymentReference, request, attempt) => {
				const types = [{ type: "address" }, { type: "bytes32" }, { type: "bytes32" }, { type: "bytes32" }, { type: "uint256" }] as const;
				expect(callId({ gateway, payer, paymentReference, request, attempt })).toBe(
					keccak256(encodeAbiParameters(types, [gateway, payer, paymentReference, request, BigInt(attempt)])),
				);
				expect(payerCommitment(gateway, payer)).toBe(keccak256(encodePacked(["address", "bytes32"], [gateway, payer])));
			}),
			{ numRuns: 40 },
		);
	});
});

it("modes go by number and by name", () => {
	for (const [name, number] of Object.entries(modes)) expect(modeName(number)).toBe(name);
	expect(modeName(9)).toBeUndefined();
});
