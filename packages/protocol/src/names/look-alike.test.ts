import { describe, expect, it } from "vitest";
import { looksAlike } from "./look-alike.js";

describe("names that could be taken for one another", () => {
	it.each([
		["plus", "p1us"],
		["open-gradient", "opengradient"],
		["modern", "modem"],
		["vvalrus", "walrus"],
		["digits", "digit"],
		["digits", "digist"],
		["freehold", "freeh0ld"],
		["base", "bases"],
	])("%s and %s", (one, other) => {
		expect(looksAlike(one, other)).toBe(true);
		expect(looksAlike(other, one)).toBe(true);
	});

	it.each([
		["plus", "plus"],
		["base", "plus"],
		["digits", "widgets"],
		["ab", "ac"],
		["clinic", "critic"],
	])("not %s and %s", (one, other) => {
		expect(looksAlike(one, other)).toBe(false);
	});
});
