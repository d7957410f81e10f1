/** The few protobuf spellings that consensus hashes and signatures need: fields in order, zero values left out. */
import { concatBytes, utf8 } from "../bytes/bytes.js";

/** Unsigned LEB128; negative numbers as 64-bit two's complement, as protobuf does. */
export function varint(value: bigint | number): Uint8Array {
	let rest = BigInt.asUintN(64, BigInt(value));
	const bytes: number[] = [];
	do {
		const low = Number(rest & 0x7fn);
		rest >>= 7n;
		bytes.push(rest === 0n ? low : low | 0x80);
	} while (rest !== 0n);
	return Uint8Array.from(bytes);
}

export function varintField(field: number, value: bigint | number): Uint8Array {
	return BigInt(value) === 0n ? new Uint8Array(0) : concatBytes(varint(field << 3), varint(value));
}

/** sfixed64, little-endian. */
export function fixed64Field(field: number, value: bigint): Uint8Array {
	if (value === 0n) return new Uint8Array(0);
	const bytes = new Uint8Array(8);
	new DataView(bytes.buffer).setBigInt64(0, value, true);
	return concatBytes(varint((field << 3) | 1), bytes);
}

export function bytesField(field: number, value: Uint8Array): Uint8Array {
	return value.length === 0 ? new Uint8Array(0) : messageField(field, value);
}

export function stringField(field: number, value: string): Uint8Array {
	return bytesField(field, utf8(value));
}

/** A nested message: written even when it is empty. */
export function messageField(field: number, value: Uint8Array): Uint8Array {
	return concatBytes(varint((field << 3) | 2), varint(value.length), value);
}
