/** Reads the fields of one protobuf message: varints and length-delimited fields, which is all that blocks and commits use. */
import { fromUtf8 } from "@freehold/protocol";

export class ProtoReader {
	readonly #integers = new Map<number, bigint>();
	readonly #blobs = new Map<number, Uint8Array[]>();

	/** Throws `SyntaxError` on truncation and on other wire types. */
	static of(encoded: Uint8Array): ProtoReader {
		const reader = new ProtoReader();
		let offset = 0;
		const varint = (): bigint => {
			let value = 0n;
			for (let shift = 0n; shift < 70n; shift += 7n) {
				const byte = encoded[offset++];
				if (byte === undefined) break;
				value |= BigInt(byte & 0x7f) << shift;
				if (byte < 0x80) return value;
			}
			throw new SyntaxError("a protobuf integer is truncated");
		};
		while (offset < encoded.length) {
			const tag = Number(varint());
			const field = tag >> 3;
			if ((tag & 7) === 0) reader.#integers.set(field, varint());
			else if ((tag & 7) === 2) {
				const length = Number(varint());
				if (offset + length > encoded.length) throw new SyntaxError("a protobuf field is truncated");
				const values = reader.#blobs.get(field);
				const value = encoded.subarray(offset, offset + length);
				if (values === undefined) reader.#blobs.set(field, [value]);
				else values.push(value);
				offset += length;
			} else throw new SyntaxError(`protobuf wire type ${tag & 7} is not used here`);
		}
		return reader;
	}

	integer(field: number): bigint {
		return BigInt.asIntN(64, this.#integers.get(field) ?? 0n);
	}

	bytes(field: number): Uint8Array {
		return this.#blobs.get(field)?.[0] ?? new Uint8Array(0);
	}

	text(field: number): string {
		try {
			return fromUtf8(this.bytes(field));
		} catch {
			throw new SyntaxError("a protobuf text is not UTF-8");
		}
	}

	message(field: number): ProtoReader {
		return ProtoReader.of(this.bytes(field));
	}

	list(field: number): readonly Uint8Array[] {
		return this.#blobs.get(field) ?? [];
	}
}
