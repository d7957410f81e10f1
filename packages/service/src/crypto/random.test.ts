import { expect, it } from "vitest";
import { pooledRandom } from "./random.js";

it("random bytes are drawn many at a time, and none is given out twice or changed later", () => {
	let drawn = 0;
	// Numbers stand for bytes, so that each can be told from all others.
	const random = pooledRandom((length) => Uint8Array.from({ length }, () => drawn++ % 251));
	const given: number[] = [];
	const kept: Uint8Array[] = [];
	for (const length of [1, 16, 32, 256, 0, 7, 32]) {
		const bytes = random(length);
		expect(bytes.length).toBe(length);
		given.push(...bytes);
		kept.push(bytes);
	}
	expect(drawn).toBe(4_096);
	expect(given).toEqual(Array.from({ length: given.length }, (_, index) => index % 251));
	expect(kept.flatMap((bytes) => [...bytes])).toEqual(given);
	expect(random(1_000).length).toBe(1_000);
	expect(drawn).toBe(5_096);
	while (drawn === 5_096) random(100);
	expect(drawn).toBe(9_192);
});
