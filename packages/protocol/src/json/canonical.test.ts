import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "./canonical.js";

interface Vectors {
	readonly source: string;
	readonly numbers: readonly (readonly [string, string])[];
	readonly refusedNumbers: readonly string[];
	readonly objects: readonly (readonly [string, string])[];
}

const vectors = JSON.parse(readFileSync(new URL("../../test/vectors/rfc8785.json", import.meta.url), "utf8")) as Vectors;

const double = (bits: string): number => new DataView(Uint8Array.from(Buffer.from(bits, "hex")).buffer).getFloat64(0);

describe("canonical JSON", () => {
	it("spells what RFC 8785 lists as RFC 8785 does", () => {
		expect(Object.keys(vectors).sort()).toEqual(["numbers", "objects", "refusedNumbers", "source"]);
		for (const [bits, text] of vectors.numbers) expect(canonicalJson(double(bits)), bits).toBe(text);
		for (const bits of vectors.refusedNumbers) expect(() => canonicalJson(double(bits)), bits).toThrow(TypeError);
		for (const [json, text] of vectors.objects) expect(canonicalJson(JSON.parse(json))).toBe(text);
	});

	it("reads back as the same value, and is the same for any order of keys", () => {
		fc.assert(
			fc.property(fc.jsonValue({ maxDepth: 4, stringUnit: "grapheme" }), (value) => {
				const text = canonicalJson(value);
				expect(canonicalJson(JSON.parse(text))).toBe(text);
				expect(canonicalJson(reversed(value))).toBe(text);
			}),
			{ numRuns: 500 },
		);
	});

	it("leaves members out that are undefined, as JSON.stringify does", () => {
		expect(canonicalJson({ b: 1, a: undefined })).toBe('{"b":1}');
	});

	it("refuses what JSON cannot hold rather than altering it", () => {
		const sparse: unknown[] = [1];
		sparse[2] = 3;
		const nested = Array.from({ length: 70 }).reduce<unknown>((inner) => [inner], 0);
		for (const value of [
			undefined,
			[undefined],
			sparse,
			Number.NaN,
			1n,
			() => 0,
			Symbol("x"),
			"\ud800",
			{ "\udc00": 1 },
			new Date(0),
			new Uint8Array(1),
			new Map(),
			nested,
		]) {
			expect(() => canonicalJson(value)).toThrow(TypeError);
		}
	});
});

function reversed(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(reversed);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(
		Object.entries(value)
			.reverse()
			.map(([key, item]) => [key, reversed(item)]),
	);
}
