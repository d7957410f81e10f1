/** Recursive Length Prefix (Ethereum yellow paper, appendix B). Decoding is strict: one spelling per value, bounded depth. */
import { concatBytes } from "../bytes/bytes.js";

export type RlpItem = Uint8Array | readonly RlpItem[];

const MAX_DEPTH = 16;

/** RLP of bytes or a list. */
export function encodeRlp(item: RlpItem): Uint8Array {
	if (item instanceof Uint8Array) {
		if (item.length === 1 && (item[0] as number) < 0x80) return item;
		return concatBytes(lengthPrefix(item.length, 0x80), item);
	}
	const body = concatBytes(...item.map(encodeRlp));
	return concatBytes(lengthPrefix(body.length, 0xc0), body);
}

/** Shortest big-endian bytes of a non-negative integer; empty for zero, as RLP wants it. */
export function rlpInteger(value: bigint): Uint8Array {
	if (value === 0n) return new Uint8Array(0);
	let hex = value.toString(16);
	if (hex.length % 2 !== 0) hex = `0${hex}`;
	const bytes = new Uint8Array(hex.length / 2);
	for (let index = 0; index < bytes.length; index++) bytes[index] = Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16);
	return bytes;
}

/** The one item that `bytes` spells. Throws `SyntaxError` on trailing bytes, a longer spelling than needed, or truncation. */
export function decodeRlp(bytes: Uint8Array): RlpItem {
	const { item, end } = decodeAt(bytes, 0, bytes.length, 0);
	if (end !== bytes.length) throw new SyntaxError("RLP has trailing bytes");
	return item;
}

function lengthPrefix(length: number, base: 0x80 | 0xc0): Uint8Array {
	if (length < 56) return Uint8Array.of(base + length);
	const size = rlpInteger(BigInt(length));
	return concatBytes(Uint8Array.of(base + 55 + size.length), size);
}

function decodeAt(bytes: Uint8Array, start: number, limit: number, depth: number): { item: RlpItem; end: number } {
	if (start >= limit) throw new SyntaxError("RLP is truncated");
	if (depth > MAX_DEPTH) throw new SyntaxError("RLP is nested too deeply");
	const first = bytes[start] as number;
	if (first < 0x80) return { item: bytes.subarray(start, start + 1), end: start + 1 };
	const base = first < 0xc0 ? 0x80 : 0xc0;
	const { from, end } = extent(bytes, start, limit, first - base);
	if (base === 0x80) {
		const item = bytes.subarray(from, end);
		if (item.length === 1 && (item[0] as number) < 0x80) throw new SyntaxError("RLP is not canonical");
		return { item, end };
	}
	const list: RlpItem[] = [];
	for (let offset = from; offset < end; ) {
		const next = decodeAt(bytes, offset, end, depth + 1);
		list.push(next.item);
		offset = next.end;
	}
	return { item: list, end };
}

function extent(bytes: Uint8Array, start: number, limit: number, code: number): { from: number; end: number } {
	let from = start + 1;
	let length = code;
	if (code > 55) {
		const sizeBytes = code - 55;
		if (sizeBytes > 4) throw new SyntaxError("RLP item is too long");
		if (from + sizeBytes > limit) throw new SyntaxError("RLP is truncated");
		if (bytes[from] === 0) throw new SyntaxError("RLP is not canonical");
		length = 0;
		for (let index = 0; index < sizeBytes; index++) length = length * 256 + (bytes[from + index] as number);
		if (length < 56) throw new SyntaxError("RLP is not canonical");
		from += sizeBytes;
	}
	const end = from + length;
	if (end > limit) throw new SyntaxError("RLP is truncated");
	return { from, end };
}
