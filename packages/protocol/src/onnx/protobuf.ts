/** Reading protocol buffers (encoding as published by Google) without trusting a single length. Views only; nothing is copied. */

export type WireType = 0 | 1 | 2 | 5;

/** One field of a message. `value` stands for varints and fixed widths, `bytes` for everything with a length. */
export interface Field {
	readonly number: number;
	readonly wire: WireType;
	readonly value: bigint;
	readonly bytes: Uint8Array;
}

export class ProtobufError extends Error {
	override readonly name = "ProtobufError";
}

const NOTHING = new Uint8Array(0);

/** The fields of a message in the order they stand. Throws `ProtobufError` on anything that is no message. */
export function* readFields(message: Uint8Array): Generator<Field, void, undefined> {
	const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
	let offset = 0;

	function varint(): bigint {
		let low = 0;
		// Seven bits at a time in plain numbers; only the rare long ones need a bigint.
		for (let index = 0; index < 4; index++) {
			const byte = message[offset++];
			if (byte === undefined) throw new ProtobufError("a number is cut off");
			low |= (byte & 127) << (7 * index);
			if (byte < 128) return BigInt(low);
		}
		let value = BigInt(low);
		for (let index = 4; index < 10; index++) {
			const byte = message[offset++];
			if (byte === undefined) throw new ProtobufError("a number is cut off");
			value |= BigInt(byte & 127) << BigInt(7 * index);
			if (byte < 128) return BigInt.asUintN(64, value);
		}
		throw new ProtobufError("a number is longer than 64 bits");
	}

	function take(length: number): Uint8Array {
		if (length > message.length - offset) throw new ProtobufError("a field is longer than its message");
		const bytes = message.subarray(offset, offset + length);
		offset += length;
		return bytes;
	}

	while (offset < message.length) {
		const key = Number(varint());
		const number = Math.floor(key / 8);
		const wire = key % 8;
		if (number < 1 || number > 0x1fffffff) throw new ProtobufError("a field number is out of range");
		switch (wire) {
			case 0:
				yield { number, wire, value: varint(), bytes: NOTHING };
				break;
			case 1:
				take(8);
				yield { number, wire, value: view.getBigUint64(offset - 8, true), bytes: NOTHING };
				break;
			case 2:
				yield { number, wire, value: 0n, bytes: take(Number(varint())) };
				break;
			case 5:
				take(4);
				yield { number, wire, value: BigInt(view.getUint32(offset - 4, true)), bytes: NOTHING };
				break;
			default:
				throw new ProtobufError(`wire type ${wire} is not used by messages`);
		}
	}
}

/** Values of a repeated integer field, packed or not. */
export function* readVarints(field: Field): Generator<bigint, void, undefined> {
	if (field.wire === 0) {
		yield field.value;
		return;
	}
	if (field.wire !== 2) throw new ProtobufError("a list of numbers has another type");
	let value = 0n;
	let shift = 0n;
	for (const byte of field.bytes) {
		value |= BigInt(byte & 127) << shift;
		shift += 7n;
		if (byte < 128) {
			yield BigInt.asUintN(64, value);
			value = 0n;
			shift = 0n;
		} else if (shift >= 70n) throw new ProtobufError("a number is longer than 64 bits");
	}
	if (shift !== 0n) throw new ProtobufError("a number is cut off");
}
