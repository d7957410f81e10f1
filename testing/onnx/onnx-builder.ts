/** Writes small ONNX files byte by byte, so that tests need no exporter and can write what no exporter would. Field numbers are those of onnx.proto. */

export type ProtoValue = bigint | number | string | Uint8Array;
export type ProtoField = readonly [number: number, value: ProtoValue];

/** A message: integers as varints, everything else with its length. */
export function proto(...fields: readonly ProtoField[]): Uint8Array {
	const parts: Uint8Array[] = [];
	for (const [number, value] of fields) {
		if (typeof value === "bigint" || typeof value === "number") parts.push(varint(BigInt(number) << 3n), varint(BigInt.asUintN(64, BigInt(value))));
		else {
			const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
			parts.push(varint((BigInt(number) << 3n) | 2n), varint(BigInt(bytes.length)), bytes);
		}
	}
	return Buffer.concat(parts);
}

export function varint(value: bigint): Uint8Array {
	const bytes: number[] = [];
	let rest = value;
	do {
		bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
		rest >>= 7n;
	} while (rest > 0n);
	return Uint8Array.from(bytes);
}

/** TensorProto.DataType */
export const onnxType = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7, string: 8, bool: 9, float16: 10, double: 11, bfloat16: 16 } as const;

/** ValueInfoProto of a dense tensor. Without a shape the rank is left open. */
export function tensorValue(name: string, type: number, shape?: readonly (number | string | null)[]): Uint8Array {
	const dims = shape?.map((length): ProtoField => [1, proto(...(length === null ? [] : [[typeof length === "number" ? 1 : 2, length] as const]))]);
	return proto([1, name], [2, proto([1, proto([1, type], ...(dims === undefined ? [] : [[2, proto(...dims)] as const]))])]);
}

/** TensorProto with raw little-endian data. */
export function tensor(name: string, type: number, dims: readonly number[], raw: Uint8Array, ...more: readonly ProtoField[]): Uint8Array {
	return proto(...dims.map((length): ProtoField => [1, length]), [2, type], [8, name], [9, raw], ...more);
}

export function floats(...values: readonly number[]): Uint8Array {
	return new Uint8Array(Float32Array.from(values).buffer);
}

export function int64s(...values: readonly (number | bigint)[]): Uint8Array {
	return new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer);
}

/** NodeProto. */
export function node(operator: string, inputs: readonly string[], outputs: readonly string[], ...attributes: readonly Uint8Array[]): Uint8Array {
	return proto(
		...inputs.map((name): ProtoField => [1, name]),
		...outputs.map((name): ProtoField => [2, name]),
		[4, operator],
		...attributes.map((attribute): ProtoField => [5, attribute]),
	);
}

export const attribute = {
	int: (name: string, value: number): Uint8Array => proto([1, name], [3, value], [20, 2]),
	tensor: (name: string, value: Uint8Array): Uint8Array => proto([1, name], [5, value], [20, 4]),
	graph: (name: string, value: Uint8Array): Uint8Array => proto([1, name], [6, value], [20, 5]),
	ints: (name: string, values: readonly number[]): Uint8Array => proto([1, name], ...values.map((value): ProtoField => [8, value]), [20, 7]),
};

export interface GraphParts {
	readonly nodes: readonly Uint8Array[];
	readonly inputs: readonly Uint8Array[];
	readonly outputs: readonly Uint8Array[];
	readonly initializers?: readonly Uint8Array[];
	readonly name?: string;
}

/** GraphProto. */
export function graph(parts: GraphParts): Uint8Array {
	return proto(
		...parts.nodes.map((item): ProtoField => [1, item]),
		[2, parts.name ?? "graph"],
		...(parts.initializers ?? []).map((item): ProtoField => [5, item]),
		...parts.inputs.map((item): ProtoField => [11, item]),
		...parts.outputs.map((item): ProtoField => [12, item]),
	);
}

/** ModelProto around a graph. */
export function model(parts: GraphParts, options: { readonly opset?: number; readonly ir?: number; readonly more?: readonly ProtoField[] } = {}): Uint8Array {
	return proto(
		[1, options.ir ?? 8],
		[2, "freehold-tests"],
		[3, "1"],
		[7, graph(parts)],
		[8, proto([1, ""], [2, options.opset ?? 17])],
		...(options.more ?? []),
	);
}
