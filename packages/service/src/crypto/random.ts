/** Cryptographically secure bytes, drawn many at a time: a call needs a few of them several times, and each draw from the system costs more than most of its work. */
import { randomBytes } from "node:crypto";

const POOL_BYTES = 4_096;
const LARGE_BYTES = 256;

/** A source of its own; no byte is given out twice, and none stays behind where it was drawn. */
export function pooledRandom(draw: (length: number) => Uint8Array = randomBytes): (length: number) => Uint8Array {
	let pool = new Uint8Array(0);
	let used = 0;
	return (length) => {
		if (length > LARGE_BYTES) return new Uint8Array(draw(length));
		if (used + length > pool.length) {
			pool = new Uint8Array(draw(POOL_BYTES));
			used = 0;
		}
		const bytes = pool.slice(used, used + length);
		pool.fill(0, used, used + length);
		used += length;
		return bytes;
	};
}
