import { defaultHashes } from "@freehold/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FrameError, FrameReader, frame } from "./frames.js";
import { KnownBytes } from "./known-bytes.js";

const readAll = (reader: FrameReader): Uint8Array[] => {
	const found: Uint8Array[] = [];
	for (let message = reader.next(); message !== undefined; message = reader.next()) found.push(Uint8Array.from(message));
	return found;
};

describe("messages of a stream", () => {
	test("come out whole and in order, however their bytes arrive", () => {
		fc.assert(
			fc.property(
				fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 12 }),
				fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1, maxLength: 20 }),
				(messages, cuts) => {
					const stream = Buffer.concat(messages.map(frame));
					const reader = new FrameReader();
					const found: Uint8Array[] = [];
					let at = 0;
					for (let turn = 0; at < stream.length; turn++) {
						const end = Math.min(stream.length, at + (cuts[turn % cuts.length] as number));
						reader.push(Uint8Array.from(stream.subarray(at, end)));
						found.push(...readAll(reader));
						at = end;
					}
					expect(found).toEqual(messages.map((message) => Uint8Array.from(message)));
					expect(reader.held).toBe(0);
				},
			),
		);
	});

	test.each([
		["longer than the limit", [0x81, 0x08]],
		["whose length does not end", [0xff, 0xff, 0xff, 0xff, 0xff]],
		["with a length of many zeros", [0x80, 0x80, 0x80, 0x80, 0x00]],
	])("are refused when one is %s", (_, bytes) => {
		const reader = new FrameReader(1024);
		reader.push(Uint8Array.from(bytes));
		expect(() => reader.next()).toThrow(FrameError);
	});
});

describe("known bytes", () => {
	test("are one object, a copy of its own, until they are forgotten", () => {
		const known = new KnownBytes((bytes) => bytes, 2, 100);
		const buffer = Uint8Array.of(1, 2, 3, 4);
		const first = known.same(buffer.subarray(0, 2));
		expect(known.same(Uint8Array.of(1, 2))).toBe(first);
		buffer[0] = 9;
		expect(first).toEqual(Uint8Array.of(1, 2));
		known.same(Uint8Array.of(7));
		known.same(Uint8Array.of(8));
		expect(known.same(Uint8Array.of(1, 2))).not.toBe(first);
	});

	test("are never taken for others whose digest they are", () => {
		const known = new KnownBytes((bytes) => defaultHashes.sha256(bytes), 100, 10_000);
		for (const length of [32, 600]) {
			const long = new Uint8Array(length).fill(1);
			const first = known.same(long);
			const digest = defaultHashes.sha256(long);
			expect(known.same(digest)).toEqual(digest);
			expect(known.same(long)).toBe(first);
		}
	});

	test("are bounded in bytes too", () => {
		const known = new KnownBytes((bytes) => bytes.subarray(0, 1), 100, 10);
		const first = known.same(new Uint8Array(6).fill(1));
		known.same(new Uint8Array(6).fill(2));
		expect(known.same(new Uint8Array(6).fill(1))).not.toBe(first);
	});
});
