/** Mutations of bytes: what a stranger, a bad disk or another version might make of a real message. */
import type { Random } from "./random.ts";

const TELLING = [0x00, 0x01, 0x7f, 0x80, 0x81, 0xb7, 0xb8, 0xbf, 0xc0, 0xf7, 0xf8, 0xff] as const;

/** One to four changes; `others` are inputs from which pieces may be taken. */
export function mutateBytes(input: Uint8Array, random: Random, others: readonly Uint8Array[]): Uint8Array {
	let bytes = input;
	for (let left = 1 + random.below(4); left > 0; left--) bytes = changed(bytes, random, others, input);
	return bytes;
}

/** `shared`: the bytes that must stay as they are; a copy that was made already is changed in place. */
function changed(bytes: Uint8Array, random: Random, others: readonly Uint8Array[], shared: Uint8Array): Uint8Array {
	const edited = (edit: (copy: Uint8Array) => void): Uint8Array => {
		const copy = bytes.buffer === shared.buffer ? Uint8Array.from(bytes) : bytes;
		edit(copy);
		return copy;
	};
	const at = random.below(bytes.length + 1);
	const length = Math.min(1 + random.below(random.chance(0.8) ? 8 : 64), bytes.length - at);
	switch (random.below(8)) {
		case 0:
			return edited((copy) => (copy[at] = random.pick(TELLING)));
		case 1:
			return edited((copy) => (copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8))));
		case 2:
			return edited((copy) => (copy[at] = (copy[at] ?? 0) + (random.chance(0.5) ? 1 : -1)));
		case 3:
			return joined(bytes.subarray(0, at), bytes.subarray(at + length));
		case 4:
			return joined(bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at));
		case 5: {
			const other = random.pick(others);
			const from = random.below(other.length + 1);
			return joined(bytes.subarray(0, at), other.subarray(from, from + 1 + random.below(64)), bytes.subarray(at + length));
		}
		case 6:
			return bytes.subarray(0, at);
		default:
			return edited((copy) => {
				for (let index = at; index < at + length; index++) copy[index] = random.bits();
			});
	}
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
	const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
	let at = 0;
	for (const part of parts) {
		whole.set(part, at);
		at += part.length;
	}
	return whole;
}
