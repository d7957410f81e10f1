/** Chance for fuzzing: fast, and the same for the same seed. */
export class Random {
	#a: number;
	#b: number;

	constructor(seed: number) {
		this.#a = seed >>> 0;
		this.#b = (seed ^ 0x9e3779b9) >>> 0;
		for (let round = 0; round < 8; round++) this.bits();
	}

	/** 32 bits (xoroshiro64*). */
	bits(): number {
		const a = this.#a;
		const result = Math.imul(a, 0x9e3779bb) >>> 0;
		const b = this.#b ^ a;
		this.#a = ((a << 26) | (a >>> 6)) ^ b ^ (b << 9);
		this.#b = (b << 13) | (b >>> 19);
		return result;
	}

	/** In [0, below). */
	below(below: number): number {
		return Math.floor((this.bits() / 2 ** 32) * below);
	}

	chance(share: number): boolean {
		return this.bits() < share * 2 ** 32;
	}

	pick<T>(items: readonly T[]): T {
		if (items.length === 0) throw new RangeError("nothing to pick from");
		return items[this.below(items.length)] as T;
	}
}
