/** What the pool does with transactions that ask models. */
import { contractAddresses, fromHex, type Hex, toHex } from "@freehold/protocol";
import { describe, expect, test } from "vitest";
import { keccak256 } from "../state/keccak.js";
import { MAX_RESULTS_PER_BLOCK, readDelivery, readOpenings, resultsInOrder, selector } from "./delivery.js";
import { type ModelRequest, RequestBook } from "./request-book.js";

const hash = (byte: number): Hex => `0x${byte.toString(16).padStart(2, "0").repeat(32)}`;
const DELIVER = selector("deliver((bytes32,uint64,uint8,address,bytes32,address,uint8,bytes32,uint32,uint64,uint64,bool,bytes))");
const word = (value: number): Uint8Array => fromHex(`0x${value.toString(16).padStart(64, "0")}`);

function deliveryOf(transaction: Hex, index = 0) {
	const words = [fromHex(transaction), word(index), word(0), word(7), word(9), ...Array.from({ length: 8 }, () => word(0))];
	return { id: hash(200 + index), to: fromHex(contractAddresses.Inference), data: Buffer.concat([DELIVER, word(32), ...words]) };
}
const plain = (id: Hex) => ({ id, to: fromHex(contractAddresses.OPG), data: new Uint8Array(4) });

describe("a delivery", () => {
	test("is known by its form, and its id is that of the call", () => {
		const requestHash = keccak256(Buffer.concat([word(0), word(7), word(9)]));
		const id = toHex(keccak256(Buffer.concat([fromHex(hash(1)), word(3), requestHash])));
		expect(readDelivery(deliveryOf(hash(1), 3))).toEqual({ id, transaction: hash(1), operator: `0x${"00".repeat(20)}` });
		expect(readDelivery(plain(hash(1)))).toBeUndefined();
		expect(readDelivery({ ...deliveryOf(hash(1)), data: DELIVER })).toBeUndefined();
		expect(readDelivery({ ...deliveryOf(hash(1)), to: undefined })).toBeUndefined();
	});
	test("stands before the transaction that uses it, or the proposal is refused", () => {
		expect(resultsInOrder([deliveryOf(hash(1)), plain(hash(1))])).toBe(true);
		expect(resultsInOrder([plain(hash(1)), deliveryOf(hash(1))])).toBe(false);
		expect(resultsInOrder([plain(hash(2)), deliveryOf(hash(1))])).toBe(true);
	});
	test("is one of so many in a block at most", () => {
		const many = Array.from({ length: MAX_RESULTS_PER_BLOCK }, (_, index) => deliveryOf(hash(1), index));
		expect(resultsInOrder(many)).toBe(true);
		expect(resultsInOrder([...many, deliveryOf(hash(1), 64)])).toBe(false);
	});
});

describe("an opening", () => {
	const open = (ids: readonly Hex[], count = ids.length) => ({
		to: fromHex(contractAddresses.Inference),
		data: Buffer.concat([selector("open(bytes32[],address)"), word(64), word(7), word(count), ...ids.map(fromHex)]),
	});
	test("is known by its form, with the calls that it opens", () => {
		expect(readOpenings(open([hash(1), hash(2)]))).toEqual([hash(1), hash(2)]);
		expect(readOpenings({ ...open([hash(1)]), to: fromHex(contractAddresses.OPG) })).toEqual([]);
		expect(readOpenings(open([hash(1)], 2))).toEqual([]);
		expect(readOpenings(open(Array.from({ length: 65 }, (_, index) => hash(index))))).toEqual([]);
		expect(readOpenings({ ...open([]), data: open([]).data.subarray(0, 40) })).toEqual([]);
	});
});

describe("requests to nodes", () => {
	const request = (id: Hex, operator: Hex, attempt = 0): ModelRequest => ({
		id,
		transaction: hash(1),
		index: 0,
		kind: 0,
		payer: "0x",
		request: "0x",
		step: "answer",
		operator,
		attempt,
	});
	const times = { seenAt: 0, dueAt: 100 };
	test("are given to their operator, each once", () => {
		const book = new RequestBook(() => 0);
		book.put(request(hash(2), "0xaa"), times);
		book.put(request(hash(3), "0xbb"), times);
		book.put(request(hash(4), "0xaa"), times);
		expect(book.of("0xaa", 0).map(({ id }) => id)).toEqual([hash(2), hash(4)]);
		expect(book.of("0xaa", 1).map(({ id }) => id)).toEqual([hash(4)]);
		expect(book.of("0xaa", book.newest)).toEqual([]);
	});
	test("are late when their node was silent, and begin anew with the next", () => {
		let now = 99;
		const book = new RequestBook(() => now);
		book.put(request(hash(2), "0xaa"), times);
		expect(book.late()).toEqual([]);
		now = 100;
		expect(book.late()).toMatchObject([{ id: hash(2), attempt: 0, seenAt: 0 }]);
		book.put(request(hash(2), "0xbb", 1), { seenAt: 0, dueAt: 200 });
		expect(book.late()).toEqual([]);
		expect(book.of("0xaa", 0)).toEqual([]);
		expect(book.of("0xbb", 0)).toMatchObject([{ attempt: 1 }]);
	});
	test("are forgotten when their transaction asks something else", () => {
		const book = new RequestBook(() => 0);
		book.put(request(hash(2), "0xaa"), times);
		book.put(request(hash(3), "0xaa"), times);
		book.keepOnly(hash(1), new Set([hash(3)]));
		expect(book.size).toBe(1);
		book.keepOnly(hash(1), new Set());
		expect(book.size).toBe(0);
	});
});
