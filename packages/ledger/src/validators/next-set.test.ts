import { toHex, type Validator } from "@freehold/protocol";
import { describe, expect, test } from "vitest";
import { budget, Random } from "../../test/random.js";
import { MAX_TOTAL_POWER, nextSet, updatesBetween } from "./next-set.js";

const key = (index: number): Uint8Array => new Uint8Array(32).fill(index + 1);
const set = (...powers: readonly bigint[]): readonly Validator[] =>
	powers.map((power, index) => ({ publicKey: key(index), power })).filter(({ power }) => power > 0n);
const total = (validators: readonly Validator[]): bigint => validators.reduce((sum, { power }) => sum + power, 0n);
const powers = (validators: readonly Validator[]): Map<string, bigint> => new Map(validators.map(({ publicKey, power }) => [toHex(publicKey), power]));
const moved = (last: readonly Validator[], next: readonly Validator[]): bigint => {
	const [before, after] = [powers(last), powers(next)];
	const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);
	return [...new Set([...before.keys(), ...after.keys()])].reduce((sum, each) => sum + magnitude((after.get(each) ?? 0n) - (before.get(each) ?? 0n)), 0n);
};

describe("the next set", () => {
	test("is what stake asks for as far as a third of the power goes, who has to go first", () => {
		expect(nextSet(set(100n, 100n, 100n), set(100n, 100n, 100n, 30n))).toEqual(set(100n, 100n, 100n, 30n));
		// 100 of 300 may move: the one that leaves, and nothing for the one that comes.
		expect(nextSet(set(100n, 100n, 100n), set(0n, 100n, 100n, 50n))).toEqual(set(0n, 100n, 100n));
		expect(nextSet(set(0n, 100n, 100n), set(0n, 100n, 100n, 500n))).toEqual(set(0n, 100n, 100n, 66n));
		expect(nextSet(set(200n, 100n), set(0n, 100n))).toEqual(set(100n, 100n));
	});

	test("leaves out what no engine takes: no power, too much of it, a key twice or of another length", () => {
		const wanted = [
			...set(10n, 10n, 10n),
			{ publicKey: key(0), power: 99n },
			{ publicKey: key(5), power: 0n },
			{ publicKey: key(6), power: -4n },
			{ publicKey: new Uint8Array(31), power: 3n },
			{ publicKey: key(7), power: MAX_TOTAL_POWER },
		];
		expect(nextSet(set(10n, 10n, 10n), wanted)).toEqual(set(10n, 10n, 10n));
	});

	test("is never empty: with nobody to follow the last set stays", () => {
		expect(nextSet(set(1n), [])).toEqual(set(1n));
		expect(nextSet(set(5n, 5n), [{ publicKey: key(3), power: 0n }])).toEqual(set(5n, 5n));
		expect(nextSet(set(1n), set(0n, 7n))).toEqual(set(0n, 7n));
	});

	test("comes from the last one by its updates, whatever the two are, and reaches what stake asks for within few epochs", () => {
		const random = new Random(7);
		for (let round = 0; round < budget(250, 20_000); round++) {
			const some = (): readonly Validator[] =>
				set(...Array.from({ length: 1 + random.below(8) }, () => BigInt(random.below(4) === 0 ? 0 : random.below(1_000))));
			let last = some();
			if (last.length === 0) last = set(1n + BigInt(random.below(10)));
			const wanted = some();
			const next = nextSet(last, wanted);
			expect(next.length).toBeGreaterThan(0);
			if (total(last) >= 3n) expect(moved(last, next)).toBeLessThanOrEqual(total(last) / 3n);
			const applied = powers(last);
			for (const { publicKey, power } of updatesBetween(last, next)) {
				expect(applied.get(toHex(publicKey)) ?? 0n).not.toBe(power);
				if (power === 0n) applied.delete(toHex(publicKey));
				else applied.set(toHex(publicKey), power);
			}
			expect(applied).toEqual(powers(next));
			expect(nextSet(last, [...wanted].reverse())).toEqual(next);
			let epochs = 0;
			for (let set = next; wanted.length > 0 && moved(set, wanted) > 0n; set = nextSet(set, wanted)) expect(++epochs).toBeLessThan(100);
		}
	});
});
