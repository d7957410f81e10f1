import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bigintToBytes, bytesToBigint, compareBytes, concatBytes, equalBytes, fromBase64, fromHex, fromUtf8, isHex, toBase64, toHex, utf8 } from "./bytes.js";

describe("hex", () => {
	it("is what Buffer writes, and reads back in either case", () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
				const hex = toHex(bytes);
				expect(hex).toBe(`0x${Buffer.from(bytes).toString("hex")}`);
				expect(fromHex(hex)).toEqual(bytes);
				expect(fromHex(`0x${hex.slice(2).toUpperCase()}`)).toEqual(bytes);
				expect(isHex(hex, bytes.length)).toBe(true);
			}),
		);
	});

	it("refuses a missing prefix, half a byte, and characters that are no digits", () => {
		for (const text of ["", "00", "0X00", "0x0", "0x0g", "0x 0", "0x0\n", "0x٠٠", "0x-1"]) expect(() => fromHex(text), text).toThrow(SyntaxError);
	});

	it("counts as hex on a wire only in lower case and full length", () => {
		expect(isHex("0x")).toBe(true);
		for (const value of ["0xAB", "0xab0", "ab", "0xab\n", 171, null, undefined]) expect(isHex(value), String(value)).toBe(false);
		expect(isHex("0xab", 2)).toBe(false);
	});
});

describe("base64", () => {
	it("is what Buffer writes, and reads back", () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
				expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
				expect(fromBase64(toBase64(bytes))).toEqual(bytes);
			}),
		);
		const large = new Uint8Array(100_000).map((_, index) => index * 7);
		expect(toBase64(large)).toBe(Buffer.from(large).toString("base64"));
	});

	it("has one spelling: anything that reads back otherwise is refused", () => {
		const alphabet = "AQgwABcd+/=-_ \n";
		fc.assert(
			fc.property(fc.array(fc.constantFrom(...alphabet), { maxLength: 12 }), (characters) => {
				const text = characters.join("");
				let bytes: Uint8Array;
				try {
					bytes = fromBase64(text);
				} catch (error) {
					expect(error).toBeInstanceOf(SyntaxError);
					return;
				}
				expect(toBase64(bytes)).toBe(text);
			}),
			{ numRuns: 5_000 },
		);
		for (const text of ["A", "AA", "AAA", "AB==", "AAB=", "====", "A===", "AA=A", "AA==AA==", "AA-_", "Ā==="])
			expect(() => fromBase64(text), text).toThrow(SyntaxError);
	});
});

describe("bytes", () => {
	it("turn into integers and back, and never drop a digit", () => {
		fc.assert(
			fc.property(fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }), (value) => {
				expect(bytesToBigint(bigintToBytes(value, 32))).toBe(value);
			}),
		);
		expect(bytesToBigint(new Uint8Array(0))).toBe(0n);
		expect(() => bigintToBytes(256n, 1)).toThrow(RangeError);
		expect(() => bigintToBytes(-1n, 32)).toThrow(RangeError);
	});

	it("compare as Buffer compares them", () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 8 }), (a, b) => {
				expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
				expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
				expect(concatBytes(a, b)).toEqual(Uint8Array.from([...a, ...b]));
			}),
		);
	});

	it("turn into text only when they are UTF-8, and keep a byte-order mark", () => {
		expect(fromUtf8(utf8("\ufeffgrüß 😀"))).toBe("\ufeffgrüß 😀");
		expect(() => fromUtf8(Uint8Array.of(0xc3, 0x28))).toThrow(TypeError);
	});
});
