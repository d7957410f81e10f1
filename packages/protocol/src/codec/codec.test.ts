import fc from "fast-check";
import { encodeAbiParameters } from "viem";
import { describe, expect, it } from "vitest";
import { toHex } from "../bytes/bytes.js";
import { base64, decimal, hex, hexBytes, integer, list, literal, map, object, optional, text, truth } from "./shape.js";
import { encodeWords } from "./words.js";

describe("ABI words", () => {
	it("are what Solidity's abi.encode gives for static values", () => {
		fc.assert(
			fc.property(
				fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }),
				fc.uint8Array({ minLength: 20, maxLength: 20 }),
				fc.uint8Array({ minLength: 32, maxLength: 32 }),
				fc.nat(255),
				(a, b, c, d) => {
					const types = [{ type: "uint256" }, { type: "address" }, { type: "bytes32" }, { type: "uint8" }] as const;
					expect(toHex(encodeWords([a, toHex(b), c, d]))).toBe(encodeAbiParameters(types, [a, toHex(b), toHex(c), d]));
				},
			),
			{ numRuns: 50 },
		);
	});

	it("hold no value that is wider, negative or broken", () => {
		expect(() => encodeWords([1n << 256n])).toThrow(RangeError);
		expect(() => encodeWords([-1])).toThrow(RangeError);
		expect(() => encodeWords([1.5])).toThrow(RangeError);
		expect(() => encodeWords([new Uint8Array(33)])).toThrow(RangeError);
		expect(() => encodeWords(["0x0" as never])).toThrow(SyntaxError);
	});
});

describe("a shape", () => {
	const shape = object({
		id: hex(2),
		bytes: hexBytes({ min: 1, max: 2 }),
		data: base64(3),
		amount: decimal(8),
		count: integer(0, 9),
		name: text(3),
		flag: truth,
		kind: literal(0, 1),
		items: list(integer(0, 1), 2),
		named: map(truth, 2, 3),
		extra: optional(text(1)),
	});
	const value = {
		id: "0xabcd",
		bytes: "0x01",
		data: "AQI=",
		amount: "255",
		count: 9,
		name: "abc",
		flag: false,
		kind: 0,
		items: [0, 1],
		named: { x: true },
	};

	it("writes what it read", () => {
		expect(shape.write(shape.read(value, "value"))).toEqual(value);
		expect(shape.write(shape.read({ ...value, extra: "!" }, "value"))).toEqual({ ...value, extra: "!" });
	});

	it("refuses anything else and names the place", () => {
		const wrong: Readonly<Record<string, readonly unknown[]>> = {
			id: ["0xABCD", "0xab", "abcd", 1, null, undefined],
			bytes: ["0x", "0x010203", "0x0"],
			data: ["AQI", "AQJ=", "AQIDBA==", 5],
			amount: ["256", "-1", "01", "1.0", "", 5, "1e2"],
			count: [10, -1, -0, 0.5, "1", Number.NaN],
			name: ["abcd", 1],
			flag: [0, "false"],
			kind: ["0", 2, null],
			items: [[0, 1, 0], [2], {}, "01"],
			named: [{ x: 1 }, { a: true, b: true, c: true }, { long4: true }, JSON.parse('{"__proto__": true}'), []],
			extra: ["!!", null],
		};
		for (const [name, others] of Object.entries(wrong)) {
			for (const other of others) expect(() => shape.read({ ...value, [name]: other }, "value"), `${name} = ${String(other)}`).toThrow(`value.${name}`);
		}
		expect(() => shape.read({ ...value, other: 1 }, "value")).toThrow("value.other is not known");
		expect(() => shape.read(JSON.parse(`{"__proto__":{},${JSON.stringify(value).slice(1)}`), "value")).toThrow("is not known");
		for (const none of [null, [], "x", 1]) expect(() => shape.read(none, "value")).toThrow("must be an object");
	});
});
