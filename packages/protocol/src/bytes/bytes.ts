/** Byte strings and their spellings: hex with 0x (lower case on every wire), canonical base64, UTF-8. */

/** `0x`-prefixed hex. Lower case wherever this project writes it. */
export type Hex = `0x${string}`;

const HEX_DIGITS = "0123456789abcdef";
const BYTE_TO_HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => `${HEX_DIGITS[byte >> 4]}${HEX_DIGITS[byte & 15]}`);

/** Value of each ASCII code as a hex digit, 255 where it is none. */
const HEX_VALUE: Uint8Array = (() => {
	const table = new Uint8Array(256).fill(255);
	for (let digit = 0; digit < 16; digit++) {
		table[HEX_DIGITS.charCodeAt(digit)] = digit;
		table[HEX_DIGITS.toUpperCase().charCodeAt(digit)] = digit;
	}
	return table;
})();

/** Lower-case 0x hex of `bytes`. */
export function toHex(bytes: Uint8Array): Hex {
	let text = "0x";
	for (let index = 0; index < bytes.length; index++) text += BYTE_TO_HEX[bytes[index] as number];
	return text as Hex;
}

/** Bytes of 0x hex, either case. Throws `SyntaxError` on a missing prefix, odd length, or a character that is no digit. */
export function fromHex(text: string): Uint8Array {
	if (!text.startsWith("0x")) throw new SyntaxError("hex must start with 0x");
	if (text.length % 2 !== 0) throw new SyntaxError("hex must have an even number of digits");
	const bytes = new Uint8Array(text.length / 2 - 1);
	for (let index = 0; index < bytes.length; index++) {
		const high = HEX_VALUE[text.charCodeAt(2 + 2 * index)] ?? 255;
		const low = HEX_VALUE[text.charCodeAt(3 + 2 * index)] ?? 255;
		if ((high | low) > 15) throw new SyntaxError("hex has a character that is no digit");
		bytes[index] = (high << 4) | low;
	}
	return bytes;
}

/** True for lower-case 0x hex of exactly `length` bytes (any whole number of bytes when omitted). */
export function isHex(value: unknown, length?: number): value is Hex {
	return typeof value === "string" && (length === undefined ? value.length % 2 === 0 : value.length === 2 + 2 * length) && /^0x[0-9a-f]*$/.test(value);
}

/** One array that holds all parts, in order. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
	let size = 0;
	for (const part of parts) size += part.length;
	const joined = new Uint8Array(size);
	let offset = 0;
	for (const part of parts) {
		joined.set(part, offset);
		offset += part.length;
	}
	return joined;
}

/** True when both hold the same bytes. Not constant-time: for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
	if (a.length !== b.length) return false;
	for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
	return true;
}

/** Lexicographic order: negative, zero or positive, as `Array.prototype.sort` wants it. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
	const shared = Math.min(a.length, b.length);
	for (let index = 0; index < shared; index++) {
		const difference = (a[index] as number) - (b[index] as number);
		if (difference !== 0) return difference;
	}
	return a.length - b.length;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8(text: string): Uint8Array {
	return encoder.encode(text);
}

/** Text of UTF-8 bytes. Throws `TypeError` on bytes that are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
	return decoder.decode(bytes);
}

/** Big-endian bytes of a non-negative integer in exactly `length` bytes. Throws `RangeError` when it does not fit. */
export function bigintToBytes(value: bigint, length: number): Uint8Array {
	if (value < 0n) throw new RangeError("integer must not be negative");
	const bytes = new Uint8Array(length);
	let rest = value;
	// Four bytes at a time, and no further than there is something: amounts are small, and each step of a bigint makes a new one.
	for (let end = length; rest !== 0n && end > 0; end -= 4) {
		let word = Number(rest & 0xffff_ffffn);
		rest >>= 32n;
		for (let index = end - 1; index >= end - 4; index--) {
			if (index >= 0) bytes[index] = word & 0xff;
			else if ((word & 0xff) !== 0) rest = 1n;
			word >>>= 8;
		}
	}
	if (rest !== 0n) throw new RangeError(`integer does not fit in ${length} bytes`);
	return bytes;
}

/** Integer of big-endian bytes; zero for none. */
export function bytesToBigint(bytes: Uint8Array): bigint {
	if (bytes.length === 0) return 0n;
	return BigInt(toHex(bytes));
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_VALUE: Uint8Array = (() => {
	const table = new Uint8Array(256).fill(255);
	for (let value = 0; value < 64; value++) table[BASE64.charCodeAt(value)] = value;
	return table;
})();

const BASE64_CODES: Uint8Array = encoder.encode(BASE64);
const PADDING = 61;

/** Canonical padded base64 (RFC 4648 §4). */
export function toBase64(bytes: Uint8Array): string {
	// Character codes in one array: joining millions of short strings takes seconds.
	const codes = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
	let out = 0;
	for (let index = 0; index < bytes.length; index += 3) {
		const left = bytes.length - index;
		const group = ((bytes[index] as number) << 16) | ((bytes[index + 1] ?? 0) << 8) | (bytes[index + 2] ?? 0);
		codes[out++] = BASE64_CODES[group >> 18] as number;
		codes[out++] = BASE64_CODES[(group >> 12) & 63] as number;
		codes[out++] = left > 1 ? (BASE64_CODES[(group >> 6) & 63] as number) : PADDING;
		codes[out++] = left > 2 ? (BASE64_CODES[group & 63] as number) : PADDING;
	}
	return decoder.decode(codes);
}

/** Bytes of canonical padded base64. Throws `SyntaxError` on white space, missing padding, or stray bits. */
export function fromBase64(text: string): Uint8Array {
	if (text.length % 4 !== 0) throw new SyntaxError("base64 must be padded to a multiple of four");
	const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
	const bytes = new Uint8Array((text.length / 4) * 3 - padding);
	let out = 0;
	for (let index = 0; index < text.length; index += 4) {
		const last = index + 4 === text.length;
		const digits = last ? 4 - padding : 4;
		let group = 0;
		for (let position = 0; position < 4; position++) {
			const value = position < digits ? (BASE64_VALUE[text.charCodeAt(index + position)] ?? 255) : 0;
			if (value > 63) throw new SyntaxError("base64 has a character outside its alphabet");
			group = (group << 6) | value;
		}
		if (digits === 2 && (group & 0xffff) !== 0) throw new SyntaxError("base64 is not canonical");
		if (digits === 3 && (group & 0xff) !== 0) throw new SyntaxError("base64 is not canonical");
		bytes[out++] = group >> 16;
		if (digits > 2) bytes[out++] = (group >> 8) & 255;
		if (digits > 3) bytes[out++] = group & 255;
	}
	return bytes;
}
