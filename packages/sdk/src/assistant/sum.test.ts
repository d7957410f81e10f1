import { expect, it } from "vitest";
import { SumError, workOut } from "./sum.js";

it.each([
	["17 * 24", "408"],
	["2 + 3 * 4", "14"],
	["(2 + 3) × 4 =", "20"],
	["-2 ^ 2", "-4"],
	["2 ^ 3 ^ 2", "512"],
	["10 % 4 - -1", "3"],
	["0.1 + 0.2", "0.3"],
	["1,250 ÷ 5", "250"],
])("%s is %s", (expression, value) => expect(workOut(expression)).toBe(value));

it.each(["", "2 +", "(1", "1)", "1 / 0", "alert(1)", "2 2", "1,2", "9".repeat(501), "(".repeat(60), "2^".repeat(60)])("%s is refused", (expression) =>
	expect(() => workOut(expression)).toThrow(SumError),
);
