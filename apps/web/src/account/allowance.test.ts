import { describe, expect, it } from "vitest";
import { allowance } from "./allowance.js";

const OWNER = `0x${"11".repeat(20)}` as const;
const A = `0x${"aa".repeat(32)}` as const;
const B = `0x${"bb".repeat(32)}` as const;

function shelf(): Pick<Storage, "getItem" | "setItem"> {
	const kept = new Map<string, string>();
	return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
}

describe("vouchers without a new question", () => {
	it("are none before anything was agreed to", () => expect(allowance(OWNER, shelf()).covers(A, 1n)).toBe(false));

	it("end where all channels together would pass what was agreed to", () => {
		const allowed = allowance(OWNER, shelf());
		allowed.raise(10n);
		expect(allowed.covers(A, 10n)).toBe(true);
		allowed.sign(A, 7n);
		expect([allowed.covers(A, 10n), allowed.covers(A, 11n), allowed.covers(B, 3n), allowed.covers(B, 4n)]).toEqual([true, false, true, false]);
	});

	it("replace each other within a channel, since vouchers are cumulative", () => {
		const allowed = allowance(OWNER, shelf());
		allowed.raise(10n);
		for (const amount of [1n, 2n, 3n]) allowed.sign(A, amount);
		expect(allowed.covers(B, 7n)).toBe(true);
	});

	it("are remembered for the account alone", () => {
		const kept = shelf();
		allowance(OWNER, kept).raise(5n);
		expect(allowance(OWNER, kept).covers(A, 5n)).toBe(true);
		expect(allowance(`0x${"22".repeat(20)}`, kept).covers(A, 1n)).toBe(false);
	});
});
