import { describe, expect, it } from "vitest";
import { bytes, exactOpg, groups, percent, shortOpg } from "./amount.js";

const UNIT = 10n ** 18n;

describe("amounts for people", () => {
	it.each([
		[0n, "0.00"],
		[UNIT, "1.00"],
		[1_080_000_000_000_000_000n, "1.08"],
		[19_200_000_000_000_000n, "0.0192"],
		[1n, "< 0.0001"],
		[-UNIT / 2n, "−0.50"],
		[1_234_567n * UNIT + UNIT / 2n, "1,234,567.50"],
	])("writes %s as %s", (amount, text) => expect(shortOpg(amount)).toBe(text));

	it("cuts and never rounds up, so that nothing looks affordable that is not", () => expect(shortOpg(UNIT - 1n)).toBe("0.9999"));
	it("keeps every digit for those who ask", () => expect(exactOpg(UNIT + 1n)).toBe("1.000000000000000001 OPG"));
	it("says parts in hundredths of a percent", () =>
		expect([percent(1n, 3n), percent(1n, 2n), percent(5n, 0n), percent(10n, 10n)]).toEqual(["33.33 %", "50 %", "0 %", "100 %"]));
	it("groups digits", () => expect([groups(999), groups(1_000), groups(12_345_678n)]).toEqual(["999", "1,000", "12,345,678"]));
	it("counts bytes as disks do", () => expect([bytes(999), bytes(2_400), bytes(58_773), bytes(1_300_000_000)]).toEqual(["999 B", "2.4 kB", "59 kB", "1.3 GB"]));
});
