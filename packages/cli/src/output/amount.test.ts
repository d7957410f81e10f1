import fc from "fast-check";
import { expect, test } from "vitest";
import { formatOpg, parseOpg } from "./amount.js";

test("an amount survives being written and read, to the unit", () => {
	fc.assert(fc.property(fc.bigInt({ min: 0n, max: 10n ** 28n - 1n }), (amount) => parseOpg(formatOpg(amount), "amount") === amount));
});

test.each([
	[10n ** 18n, "1.00"],
	[108n * 10n ** 16n, "1.08"],
	[192n * 10n ** 14n, "0.0192"],
	[1n, "0.000000000000000001"],
	[0n, "0.00"],
	[-(10n ** 18n), "-1.00"],
])("%s units read %s", (amount, text) => {
	expect(formatOpg(amount)).toBe(text);
});

test.each(["", "1,5", "-1", "1e3", "0x10", ".5", "1.", "1.0000000000000000001", "99999999999"])("%j is no amount", (text) => {
	expect(() => parseOpg(text, "--price")).toThrow(/--price/);
});
