/** Repeatable randomness for property tests, and how much of it to spend. */

/** Larger budgets, for the nightly run. */
export const deep: boolean = process.env["FREEHOLD_DEEP"] === "1";

/** `usual` in every run, `large` in the deep one. */
export function budget(usual: number, large: number): number {
	return deep ? large : usual;
}

/** A generator of pseudo-random numbers (xorshift128+) that the seed determines. */
export class Random {
	#a: bigint;
	#b: bigint;

	constructor(seed: number) {
		this.#a = BigInt(seed) * 0x9e3779b97f4a7c15n + 1n;
		this.#b = 0xd1b54a32d192ed03n;
		for (let round = 0; round < 16; round++) this.#next();
	}

	/** Whole number from 0 to `bound` − 1. */
	below(bound: number): number {
		return Number(this.#next() % BigInt(bound));
	}

	chance(probability: number): boolean {
		return this.below(1_000_000) < probability * 1_000_000;
	}

	bytes(length: number): Uint8Array {
		return Uint8Array.from({ length }, () => this.below(256));
	}

	pick<T>(items: readonly T[]): T {
		const item = items[this.below(items.length)];
		if (item === undefined) throw new RangeError("nothing to pick from");
		return item;
	}

	#next(): bigint {
		let s = this.#a;
		const t = this.#b;
		this.#a = t;
		s ^= BigInt.asUintN(64, s << 23n);
		this.#b = BigInt.asUintN(64, s ^ t ^ (s >> 18n) ^ (t >> 5n));
		return BigInt.asUintN(64, this.#b + t);
	}
}
