/** Writes small GGUF files byte by byte, so that tests need no model of others and can write what no exporter would. */

export type MetaValue =
	| { readonly type: "u32" | "i32" | "f32"; readonly value: number }
	| { readonly type: "u64"; readonly value: bigint }
	| { readonly type: "bool"; readonly value: boolean }
	| { readonly type: "string"; readonly value: string }
	| { readonly type: "strings"; readonly value: readonly string[] }
	| { readonly type: "i32s" | "f32s"; readonly value: readonly number[] }
	/** Bytes behind the key, type included. */
	| { readonly type: "raw"; readonly value: Uint8Array };

export interface BuiltTensor {
	readonly name: string;
	/** Innermost first, as the format has it. */
	readonly dimensions: readonly number[];
	/** 0: F32. */
	readonly type?: number;
	readonly offset?: bigint;
	readonly data: Uint8Array;
}

export interface GgufParts {
	readonly version?: number;
	readonly metadata: Readonly<Record<string, MetaValue>>;
	readonly tensors: readonly BuiltTensor[];
	/** Lies about the counts of the header. */
	readonly tensorCount?: bigint;
	readonly keyCount?: bigint;
}

const ALIGNMENT = 32;

export const u32 = (value: number): MetaValue => ({ type: "u32", value });
export const f32 = (value: number): MetaValue => ({ type: "f32", value });
export const bool = (value: boolean): MetaValue => ({ type: "bool", value });
export const string = (value: string): MetaValue => ({ type: "string", value });
export const strings = (value: readonly string[]): MetaValue => ({ type: "strings", value });
export const i32s = (value: readonly number[]): MetaValue => ({ type: "i32s", value });

export function buildGguf({ version = 3, metadata, tensors, tensorCount, keyCount }: GgufParts): Uint8Array {
	const entries = Object.entries(metadata);
	const head: Uint8Array[] = [Buffer.from("GGUF"), int32(version), int64(tensorCount ?? BigInt(tensors.length)), int64(keyCount ?? BigInt(entries.length))];
	for (const [key, value] of entries) head.push(text(key), ...metaValue(value));
	let offset = 0n;
	const data: Uint8Array[] = [];
	for (const tensor of tensors) {
		head.push(text(tensor.name), int32(tensor.dimensions.length), ...tensor.dimensions.map((length) => int64(BigInt(length))), int32(tensor.type ?? 0));
		head.push(int64(tensor.offset ?? offset));
		const padded = pad(tensor.data);
		offset += BigInt(padded.length);
		data.push(padded);
	}
	return Buffer.concat([pad(Buffer.concat(head)), ...data]);
}

function metaValue(value: MetaValue): Uint8Array[] {
	switch (value.type) {
		case "u32":
			return [int32(4), int32(value.value)];
		case "i32":
			return [int32(5), int32(value.value)];
		case "f32":
			return [int32(6), floats([value.value])];
		case "u64":
			return [int32(10), int64(value.value)];
		case "bool":
			return [int32(7), Uint8Array.of(value.value ? 1 : 0)];
		case "string":
			return [int32(8), text(value.value)];
		case "strings":
			return [int32(9), int32(8), int64(BigInt(value.value.length)), ...value.value.map(text)];
		case "i32s":
			return [int32(9), int32(5), int64(BigInt(value.value.length)), ...value.value.map(int32)];
		case "f32s":
			return [int32(9), int32(6), int64(BigInt(value.value.length)), floats(value.value)];
		case "raw":
			return [value.value];
	}
}

function text(value: string): Uint8Array {
	const bytes = Buffer.from(value, "utf8");
	return Buffer.concat([int64(BigInt(bytes.length)), bytes]);
}

function int32(value: number): Uint8Array {
	const bytes = Buffer.alloc(4);
	bytes.writeInt32LE(value | 0);
	return bytes;
}

function int64(value: bigint): Uint8Array {
	const bytes = Buffer.alloc(8);
	bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
	return bytes;
}

export function floats(values: readonly number[]): Uint8Array {
	const bytes = Buffer.alloc(values.length * 4);
	values.forEach((value, index) => {
		bytes.writeFloatLE(value, index * 4);
	});
	return bytes;
}

function pad(bytes: Uint8Array): Uint8Array {
	const length = Math.ceil(bytes.length / ALIGNMENT) * ALIGNMENT;
	return length === bytes.length ? bytes : Buffer.concat([bytes, Buffer.alloc(length - bytes.length)]);
}
