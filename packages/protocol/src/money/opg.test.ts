import fc from "fast-check";
import { parseEther } from "viem";
import { expect, it } from "vitest";
import { formatOpg, parseOpg } from "./opg.js";

it("amounts read as people write them, exactly", () => {
	expect([0n, 1n, 10n ** 18n, 1_080_000_000_000_000_000n, -5n * 10n ** 17n].map(formatOpg)).toEqual(["0.00", "0.000000000000000001", "1.00", "1.08", "-0.50"]);
	fc.assert(
		fc.property(fc.bigInt({ min: 0n, max: 10n ** 27n }), (amount) => {
			expect(parseOpg(formatOpg(amount))).toBe(amount);
			expect(parseEther(formatOpg(amount))).toBe(amount);
		}),
	);
});

it("amounts are digits with at most eighteen decimals", () => {
	for (const text of ["", ".5", "1.", "-1", "+1", "1e3", "1,5", " 1", "1 ", "0.0000000000000000001", "12345678901", "٣"])
		expect(parseOpg(text), text).toBeUndefined();
});
