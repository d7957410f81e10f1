import { describe, expect, test } from "vitest";
import { distanceToBeginning, gramsOf, tolerance, wordsOf } from "./words.js";

describe("words", () => {
	test("are the runs of letters and digits of any script, each once, up to a number", () => {
		expect(wordsOf("Zürich-digits, DIGITS 8×8 数字", 10)).toEqual(["zürich", "digits", "8", "数字"]);
		expect(wordsOf("a b c d", 2)).toEqual(["a", "b"]);
		expect(wordsOf("x".repeat(100), 10)).toEqual([]);
	});

	test("share pairs of letters with their misspellings", () => {
		const shared = (a: string, b: string): number => gramsOf(a).filter((gram) => gramsOf(b).includes(gram)).length;
		expect(shared("whale", "wahle")).toBeGreaterThan(0);
		expect(shared("digits", "dgiits")).toBeGreaterThan(0);
	});
});

describe("the distance to a beginning", () => {
	test.each([
		["digit", "digits", 0],
		["digtis", "digits", 1],
		["wahle", "whale", 1],
		["tumuor", "tumour", 1],
		["tumor", "tumour", 1],
		["trasnf", "transformer", 1],
		["clasifer", "classifier", 2],
		["whale", "digits", 3],
		["", "anything", 0],
	])("of %j and %j is %i", (typed, word, distance) => {
		expect(distanceToBeginning(typed, word, 2)).toBe(distance);
	});

	test("forgives more in longer words, and nothing in the shortest", () => {
		expect([1, 2, 3, 5, 6, 12].map(tolerance)).toEqual([0, 0, 1, 1, 2, 2]);
	});
});
