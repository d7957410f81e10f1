/** Static ABI words: the subset of Solidity's `abi.encode` in which every argument is one 32-byte word. */
import { bigintToBytes, fromHex, type Hex } from "../bytes/bytes.js";

/** A hex value is left-padded as `address` and `bytes32` are (20 or 32 bytes); a number or bigint is an unsigned integer. */
export type Word = Hex | bigint | number | Uint8Array;

/** Concatenation of one 32-byte word per value. Throws `RangeError` on a value wider than a word. */
export function encodeWords(values: readonly Word[]): Uint8Array {
	const encoded = new Uint8Array(32 * values.length);
	for (let index = 0; index < values.length; index++) {
		const value = values[index] as Word;
		const bytes =
			typeof value === "bigint" || typeof value === "number" ? bigintToBytes(BigInt(value), 32) : typeof value === "string" ? fromHex(value) : value;
		if (bytes.length > 32) throw new RangeError("an ABI word holds at most 32 bytes");
		encoded.set(bytes, 32 * index + 32 - bytes.length);
	}
	return encoded;
}
