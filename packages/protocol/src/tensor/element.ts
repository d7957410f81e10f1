/** One element of a tensor: between its JSON spelling and its little-endian bytes. */
import { fromUtf8, utf8 } from "../bytes/bytes.js";
import type { Dtype } from "./dtype.js";
import { fromFloat16Bits, toFloat16Bits } from "./float16.js";

/** Numbers and bools as JSON has them; 64-bit integers as decimal strings; NaN, Infinity, -Infinity and -0 as strings, since JSON would lose them. */
export type JsonElement = number | string | boolean;

export interface ElementCodec {
	/** Writes a JSON element; false when it is no value of this type, or does not fit. */
	write(view: DataView, offset: number, value: unknown): boolean;
	read(view: DataView, offset: number): JsonElement;
}

const INTEGER = /^(0|-?[1-9][0-9]{0,19})$/;

export const elementCodecs: { readonly [dtype in Exclude<Dtype, "string">]: ElementCodec } = {
	float16: float(
		(view, offset, value) => view.setUint16(offset, toFloat16Bits(value), true),
		(view, offset) => fromFloat16Bits(view.getUint16(offset, true)),
	),
	float32: float(
		(view, offset, value) => (Number.isNaN(value) ? view.setUint32(offset, 0x7fc00000, true) : view.setFloat32(offset, value, true)),
		(view, offset) => view.getFloat32(offset, true),
	),
	float64: float(
		(view, offset, value) => (Number.isNaN(value) ? view.setBigUint64(offset, 0x7ff8000000000000n, true) : view.setFloat64(offset, value, true)),
		(view, offset) => view.getFloat64(offset, true),
	),
	int8: integer(
		-128,
		127,
		(view, offset, value) => view.setInt8(offset, value),
		(view, offset) => view.getInt8(offset),
	),
	int16: integer(
		-32_768,
		32_767,
		(view, offset, value) => view.setInt16(offset, value, true),
		(view, offset) => view.getInt16(offset, true),
	),
	int32: integer(
		-(2 ** 31),
		2 ** 31 - 1,
		(view, offset, value) => view.setInt32(offset, value, true),
		(view, offset) => view.getInt32(offset, true),
	),
	int64: wide(
		-(2n ** 63n),
		2n ** 63n - 1n,
		(view, offset, value) => view.setBigInt64(offset, value, true),
		(view, offset) => view.getBigInt64(offset, true),
	),
	uint8: integer(
		0,
		255,
		(view, offset, value) => view.setUint8(offset, value),
		(view, offset) => view.getUint8(offset),
	),
	uint16: integer(
		0,
		65_535,
		(view, offset, value) => view.setUint16(offset, value, true),
		(view, offset) => view.getUint16(offset, true),
	),
	uint32: integer(
		0,
		2 ** 32 - 1,
		(view, offset, value) => view.setUint32(offset, value, true),
		(view, offset) => view.getUint32(offset, true),
	),
	uint64: wide(
		0n,
		2n ** 64n - 1n,
		(view, offset, value) => view.setBigUint64(offset, value, true),
		(view, offset) => view.getBigUint64(offset, true),
	),
	bool: {
		write(view, offset, value) {
			if (typeof value !== "boolean") return false;
			view.setUint8(offset, value ? 1 : 0);
			return true;
		},
		read: (view, offset) => view.getUint8(offset) !== 0,
	},
};

/** Bytes of a string tensor's elements; undefined when one of them is not well-formed Unicode text. */
export function packStrings(values: readonly string[]): Uint8Array | undefined {
	const parts: Uint8Array[] = [];
	let size = 0;
	for (const value of values) {
		if (/\p{Surrogate}/u.test(value)) return undefined;
		const part = utf8(value);
		parts.push(part);
		size += 4 + part.length;
	}
	const bytes = new Uint8Array(size);
	const view = new DataView(bytes.buffer);
	let offset = 0;
	for (const part of parts) {
		view.setUint32(offset, part.length, true);
		bytes.set(part, offset + 4);
		offset += 4 + part.length;
	}
	return bytes;
}

/** Elements of a string tensor; undefined when the bytes are not exactly `count` of them. */
export function unpackStrings(bytes: Uint8Array, count: number): string[] | undefined {
	if (bytes.length < 4 * count) return undefined;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const values: string[] = [];
	let offset = 0;
	for (let index = 0; index < count; index++) {
		if (bytes.length - offset < 4) return undefined;
		const length = view.getUint32(offset, true);
		offset += 4;
		if (length > bytes.length - offset) return undefined;
		try {
			values.push(fromUtf8(bytes.subarray(offset, offset + length)));
		} catch {
			return undefined;
		}
		offset += length;
	}
	return offset === bytes.length ? values : undefined;
}

function float(set: (view: DataView, offset: number, value: number) => void, get: (view: DataView, offset: number) => number): ElementCodec {
	return {
		write(view, offset, value) {
			const number = typeof value === "number" ? value : spelledFloats.get(value);
			if (number === undefined) return false;
			set(view, offset, number);
			// A finite number that the type can only hold as infinity was not given as infinity.
			return Number.isFinite(get(view, offset)) === Number.isFinite(number);
		},
		read(view, offset) {
			const value = get(view, offset);
			return Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? "-0" : String(value);
		},
	};
}

const spelledFloats: ReadonlyMap<unknown, number> = new Map([
	["NaN", Number.NaN],
	["Infinity", Number.POSITIVE_INFINITY],
	["-Infinity", Number.NEGATIVE_INFINITY],
	["-0", -0],
]);

function integer(
	least: number,
	most: number,
	set: (view: DataView, offset: number, value: number) => void,
	get: (view: DataView, offset: number) => number,
): ElementCodec {
	return {
		write(view, offset, value) {
			if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most || Object.is(value, -0)) return false;
			set(view, offset, value);
			return true;
		},
		read: get,
	};
}

function wide(
	least: bigint,
	most: bigint,
	set: (view: DataView, offset: number, value: bigint) => void,
	get: (view: DataView, offset: number) => bigint,
): ElementCodec {
	return {
		write(view, offset, value) {
			const exact = typeof value === "string" ? INTEGER.test(value) : Number.isSafeInteger(value) && !Object.is(value, -0);
			if (!exact) return false;
			const number = BigInt(value as string | number);
			if (number < least || number > most) return false;
			set(view, offset, number);
			return true;
		},
		read: (view, offset) => get(view, offset).toString(),
	};
}
