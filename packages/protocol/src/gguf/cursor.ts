/** Reading the head of a GGUF file (little-endian, as its specification in ggml describes it) without trusting a single length. Views only; nothing is copied. */

/** Values of metadata; arrays are kept only where a caller asks for them. */
export type GgufScalar = string | number | bigint | boolean;

export class GgufError extends Error {
	override readonly name = "GgufError";
}

/** The bytes that are at hand end before the head does: more of the file must be read. */
export class GgufTruncated extends GgufError {
	constructor() {
		super("it ends in the middle of its head");
	}
}

export const ggufTypes = {
	u8: 0,
	i8: 1,
	u16: 2,
	i16: 3,
	u32: 4,
	i32: 5,
	f32: 6,
	bool: 7,
	string: 8,
	array: 9,
	u64: 10,
	i64: 11,
	f64: 12,
} as const;

const scalarBytes: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };

export interface GgufBounds {
	readonly maxTextBytes: number;
	readonly maxElements: number;
}

export class GgufCursor {
	offset = 0;
	readonly #bytes: Uint8Array;
	readonly #view: DataView;
	readonly #bounds: GgufBounds;
	readonly #decoder = new TextDecoder("utf-8", { fatal: true });

	constructor(bytes: Uint8Array, bounds: GgufBounds) {
		this.#bytes = bytes;
		this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.#bounds = bounds;
	}

	u32(): number {
		return this.#view.getUint32(this.#take(4), true);
	}

	/** A count or size: refused beyond what a number holds exactly. */
	size(what: string, most: number): number {
		const value = this.#view.getBigUint64(this.#take(8), true);
		if (value > BigInt(most)) throw new GgufError(`${what} is ${value}, more than ${most}`);
		return Number(value);
	}

	u64(): bigint {
		return this.#view.getBigUint64(this.#take(8), true);
	}

	text(what: string, maxBytes = this.#bounds.maxTextBytes): string {
		const length = this.size(`the length of ${what}`, maxBytes);
		const start = this.#take(length);
		try {
			return this.#decoder.decode(this.#bytes.subarray(start, start + length));
		} catch {
			throw new GgufError(`${what} is not valid UTF-8`);
		}
	}

	/** The value of a metadata key; of an array its length, after its bounds were walked. */
	value(key: string): { readonly scalar: GgufScalar } | { readonly length: number; readonly elements: number } {
		const type = this.u32();
		if (type !== ggufTypes.array) return { scalar: this.#scalar(type, key) };
		const elements = this.u32();
		const length = this.size(`the list ${key}`, this.#bounds.maxElements);
		if (elements === ggufTypes.string) for (let index = 0; index < length; index++) this.#skipText(key);
		else this.#take(this.#width(elements, key) * length);
		return { length, elements };
	}

	#scalar(type: number, key: string): GgufScalar {
		switch (type) {
			case ggufTypes.string:
				return this.text(key);
			case ggufTypes.bool: {
				const byte = this.#view.getUint8(this.#take(1));
				if (byte > 1) throw new GgufError(`${key} is neither true nor false`);
				return byte === 1;
			}
			case ggufTypes.u8:
				return this.#view.getUint8(this.#take(1));
			case ggufTypes.i8:
				return this.#view.getInt8(this.#take(1));
			case ggufTypes.u16:
				return this.#view.getUint16(this.#take(2), true);
			case ggufTypes.i16:
				return this.#view.getInt16(this.#take(2), true);
			case ggufTypes.u32:
				return this.u32();
			case ggufTypes.i32:
				return this.#view.getInt32(this.#take(4), true);
			case ggufTypes.f32:
				return this.#view.getFloat32(this.#take(4), true);
			case ggufTypes.f64:
				return this.#view.getFloat64(this.#take(8), true);
			case ggufTypes.u64:
				return this.u64();
			case ggufTypes.i64:
				return this.#view.getBigInt64(this.#take(8), true);
			default:
				throw new GgufError(`${key} has the unknown type ${type}`);
		}
	}

	/** Texts of long lists (a vocabulary) are measured, not decoded: tokens may be parts of characters. */
	#skipText(key: string): void {
		this.#take(this.size(`a text of ${key}`, this.#bounds.maxTextBytes));
	}

	#width(type: number, key: string): number {
		const width = scalarBytes[type];
		if (width === undefined) throw new GgufError(`${key} is a list of the unknown type ${type}`);
		return width;
	}

	#take(length: number): number {
		const start = this.offset;
		if (length > this.#bytes.length - start) throw new GgufTruncated();
		this.offset = start + length;
		return start;
	}
}
