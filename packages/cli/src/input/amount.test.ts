import { expect, test } from "vitest";
import { parseOpg } from "./amount.js";

test("reads what people write", () => {
	expect(parseOpg("1.08", "--price")).toBe(108n * 10n ** 16n);
});

test.each(["", "1,5", "-1", "1e3", "0x10", ".5", "1.", "1.0000000000000000001", "99999999999"])("refuses %j, naming the option", (text) => {
	expect(() => parseOpg(text, "--price")).toThrow(/--price/);
});
