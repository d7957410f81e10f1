import { expect, it } from "vitest";
import { spokenPart } from "./spoken.js";

it("says whole sentences while a text grows, and the rest at its end", () => {
	expect(spokenPart("One two", false)).toBe("");
	expect(spokenPart("It is 3.5. And", false)).toBe("It is 3.5.");
	expect(spokenPart("A line\nand half", false)).toBe("A line\n");
	expect(spokenPart("and half", true)).toBe("and half");
});
