/** What an ONNX model says of an input or output: ValueInfoProto, TypeProto, TensorShapeProto. */
import type { Dtype } from "../tensor/dtype.js";
import type { Dimension } from "../tensor/tensor.js";
import { ProtobufError, readFields } from "./protobuf.js";
import { int, message, text } from "./walk.js";

/** TensorProto.DataType by number, where both engines have it. */
const dtypeByNumber: ReadonlyMap<bigint, Dtype> = new Map<bigint, Dtype>([
	[1n, "float32"],
	[2n, "uint8"],
	[3n, "int8"],
	[4n, "uint16"],
	[5n, "int16"],
	[6n, "int32"],
	[7n, "int64"],
	[8n, "string"],
	[9n, "bool"],
	[10n, "float16"],
	[11n, "float64"],
	[12n, "uint32"],
	[13n, "uint64"],
]);

/** Member of TypeProto's choice → what people call it. */
const kinds: ReadonlyMap<number, string> = new Map([
	[4, "sequence"],
	[5, "map"],
	[7, "opaque value"],
	[8, "sparse tensor"],
	[9, "optional"],
]);

export interface ValueInfo {
	readonly name: string;
	/** Undefined when it is no dense tensor of a type we run; `kind` says what it is. */
	readonly dtype: Dtype | undefined;
	readonly kind: string;
	readonly shape: readonly Dimension[] | null;
}

export function readValueInfo(bytes: Uint8Array, maxRank: number): ValueInfo {
	let name = "";
	let type: Uint8Array | undefined;
	for (const field of readFields(bytes)) {
		if (field.number === 1) name = text(field);
		else if (field.number === 2) {
			if (type !== undefined) throw new ProtobufError("a value has two types");
			type = message(field);
		}
	}
	if (name === "") throw new ProtobufError("a value has no name");
	return { name, ...readType(type ?? new Uint8Array(0), maxRank) };
}

function readType(type: Uint8Array, maxRank: number): Omit<ValueInfo, "name"> {
	let found: Omit<ValueInfo, "name"> | undefined;
	for (const field of readFields(type)) {
		const kind = field.number === 1 ? "tensor" : kinds.get(field.number);
		if (kind === undefined) continue;
		if (found !== undefined) throw new ProtobufError("a value has two types");
		found = kind === "tensor" ? readTensorType(message(field), maxRank) : { dtype: undefined, kind, shape: null };
	}
	return found ?? { dtype: undefined, kind: "value without a type", shape: null };
}

function readTensorType(type: Uint8Array, maxRank: number): Omit<ValueInfo, "name"> {
	let element = 0n;
	let shape: Dimension[] | undefined;
	for (const field of readFields(type)) {
		if (field.number === 1) element = int(field);
		else if (field.number === 2) {
			if (shape !== undefined) throw new ProtobufError("a value has two shapes");
			shape = [];
			for (const dimension of readFields(message(field))) if (dimension.number === 1) shape.push(readDimension(message(dimension)));
			if (shape.length > maxRank) throw new ProtobufError(`a value has more than ${maxRank} dimensions`);
		}
	}
	const dtype = dtypeByNumber.get(element);
	return { dtype, kind: dtype === undefined ? `tensor of type ${element}` : "tensor", shape: shape ?? null };
}

function readDimension(dimension: Uint8Array): Dimension {
	let length: Dimension = null;
	for (const field of readFields(dimension)) {
		if (field.number === 1) {
			const value = int(field);
			if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ProtobufError("a dimension is too large");
			// Older exporters write -1 or 0 for a length that is not known.
			length = value > 0n ? Number(value) : null;
		} else if (field.number === 2) {
			const symbol = text(field);
			length = symbol === "" ? null : symbol;
		}
	}
	return length;
}
