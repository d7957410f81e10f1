import { readFileSync } from "node:fs";
import fc from "fast-check";
import { toRlp } from "viem";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../bytes/bytes.js";
import { decodeRlp, encodeRlp, type RlpItem, rlpInteger } from "./rlp.js";

type Spelt = string | readonly Spelt[];
interface Vectors {
	readonly source: string;
	readonly valid: readonly (readonly [string, Spelt])[];
	readonly refused: Readonly<Record<string, string>>;
}

const vectors = JSON.parse(readFileSync(new URL("../../test/vectors/rlp.json", import.meta.url), "utf8")) as Vectors;

const items = fc.letrec<{ item: RlpItem }>((tie) => ({
	item: fc.oneof({ maxDepth: 4 }, fc.uint8Array({ maxLength: 80 }), fc.array(tie("item"), { maxLength: 6 })),
})).item;

describe("RLP", () => {
	it("spells the specification's examples and refuses what has another spelling", () => {
		expect(Object.keys(vectors).sort()).toEqual(["refused", "source", "valid"]);
		for (const [hex, spelt] of vectors.valid) {
			expect(toHex(encodeRlp(itemOf(spelt))), hex).toBe(hex);
			expect(decodeRlp(fromHex(hex)), hex).toEqual(itemOf(spelt));
		}
		for (const [hex, reason] of Object.entries(vectors.refused)) expect(() => decodeRlp(fromHex(hex)), reason).toThrow(SyntaxError);
	});

	it("is what viem writes, and reads back", () => {
		fc.assert(
			fc.property(items, (item) => {
				const bytes = encodeRlp(item);
				expect(toHex(bytes)).toBe(toRlp(hexOf(item) as never));
				expect(decodeRlp(bytes)).toEqual(item);
			}),
			{ numRuns: 300 },
		);
	});

	it("has one spelling: any bytes are refused, or are what their item is spelt as", () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
				let item: RlpItem;
				try {
					item = decodeRlp(bytes);
				} catch (error) {
					expect(error).toBeInstanceOf(SyntaxError);
					return;
				}
				expect(encodeRlp(item)).toEqual(bytes);
			}),
			{ numRuns: 3_000 },
		);
	});

	it("is refused when it is nested without end", () => {
		const deep = Array.from({ length: 40 }).reduce<RlpItem>((inner) => [inner], []);
		expect(() => decodeRlp(encodeRlp(deep))).toThrow(SyntaxError);
	});

	it("has no leading zeros in integers", () => {
		expect([0n, 1n, 127n, 128n, 256n, 1n << 64n].map((value) => toHex(rlpInteger(value)))).toEqual([
			"0x",
			"0x01",
			"0x7f",
			"0x80",
			"0x0100",
			"0x010000000000000000",
		]);
	});
});

function itemOf(spelt: Spelt): RlpItem {
	return typeof spelt === "string" ? Uint8Array.from(spelt, (character) => character.charCodeAt(0)) : spelt.map(itemOf);
}

function hexOf(item: RlpItem): unknown {
	return item instanceof Uint8Array ? toHex(item) : item.map(hexOf);
}
