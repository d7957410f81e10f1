/** Chance that can be repeated: the same seed gives the same moments and the same order. */
export interface Chance {
	/** In [0, 1). */
	next(): number;
	/** A whole number of milliseconds in [from, to). */
	between(from: number, to: number): number;
	shuffled<T>(items: readonly T[]): readonly T[];
}

/** A Weyl sequence through a finaliser (splitmix32): even enough to choose moments. */
export function seeded(seed: number): Chance {
	let state = seed >>> 0;
	const next = (): number => {
		state = (state + 0x9e3779b9) >>> 0;
		let mixed = state ^ (state >>> 16);
		mixed = Math.imul(mixed, 0x21f0aaad);
		mixed ^= mixed >>> 15;
		mixed = Math.imul(mixed, 0x735a2d97);
		return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
	};
	return {
		next,
		between: (from, to) => from + Math.floor(next() * (to - from)),
		shuffled: (items) =>
			items
				.map((item) => ({ item, key: next() }))
				.sort((a, b) => a.key - b.key)
				.map(({ item }) => item),
	};
}
