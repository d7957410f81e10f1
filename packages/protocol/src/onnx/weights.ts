/** The weights of an ONNX model as numbers: its initializers, quantised ones with their zero points taken off. For comparing models, never for running them. */
import { FreeholdError } from "../errors/freehold-error.js";
import { fromFloat16Bits } from "../tensor/float16.js";
import { ProtobufError, readFields, readVarints } from "./protobuf.js";
import { int, message, text } from "./walk.js";

export interface Weight {
	readonly name: string;
	readonly shape: readonly number[];
	/** In row-major order. Of a quantised tensor: the integers less the zero point, since a scale changes no direction. */
	readonly values: Float32Array;
}

/** Tensors with at least this many elements in at least two dimensions say something; biases and scales do not. */
const LEAST_ELEMENTS = 32;
const MAX_TENSORS = 4_096;
const MAX_ELEMENTS = 1 << 28;

/** Where a quantised operator has its weight and that weight's zero point. */
const ZERO_POINTS: Readonly<Record<string, readonly (readonly [weight: number, zeroPoint: number])[]>> = {
	DequantizeLinear: [[0, 2]],
	MatMulInteger: [
		[0, 2],
		[1, 3],
	],
	ConvInteger: [[1, 3]],
	QLinearMatMul: [
		[0, 2],
		[3, 5],
	],
	QLinearConv: [[3, 5]],
	QGemm: [[3, 5]],
};

/** Largest first. Throws `engine.modelInvalid` on a file that is no model. */
export function readWeights(bytes: Uint8Array): readonly Weight[] {
	try {
		return weightsOf(bytes);
	} catch (error) {
		if (!(error instanceof ProtobufError)) throw error;
		throw new FreeholdError("engine.modelInvalid", { reason: error.message }, { cause: error });
	}
}

function weightsOf(bytes: Uint8Array): readonly Weight[] {
	const tensors = new Map<string, Tensor>();
	const zeroPointOf = new Map<string, string>();
	for (const field of readFields(bytes)) {
		if (field.number !== 7) continue;
		for (const part of readFields(message(field))) {
			if (part.number === 1) readNode(message(part), tensors, zeroPointOf);
			else if (part.number === 5) addTensor(tensors, message(part));
		}
	}
	const found: Weight[] = [];
	for (const tensor of tensors.values()) {
		const count = tensor.shape.reduce((product, length) => product * length, 1);
		if (tensor.shape.length < 2 || count < LEAST_ELEMENTS || count > MAX_ELEMENTS) continue;
		const values = numbersOf(tensor, count);
		if (values === undefined) continue;
		const zeroPoint = zeroPointOf.get(tensor.name);
		subtractZeroPoint(values, tensor, zeroPoint === undefined ? undefined : tensors.get(zeroPoint));
		found.push({ name: tensor.name, shape: tensor.shape, values });
	}
	return found.sort((a, b) => b.values.length - a.values.length);
}

interface Tensor {
	readonly name: string;
	readonly type: number;
	readonly shape: readonly number[];
	readonly raw: Uint8Array | undefined;
	readonly floats: readonly Uint8Array[];
	readonly integers: readonly bigint[];
}

/** Operators name their weights and zero points; `Constant` holds a tensor of its own. */
function readNode(node: Uint8Array, tensors: Map<string, Tensor>, zeroPointOf: Map<string, string>): void {
	const inputs: string[] = [];
	let output = "";
	let operator = "";
	let constant: Uint8Array | undefined;
	for (const field of readFields(node)) {
		if (field.number === 1) inputs.push(text(field));
		else if (field.number === 2 && output === "") output = text(field);
		else if (field.number === 4) operator = text(field);
		else if (field.number === 5) {
			for (const part of readFields(message(field))) if (part.number === 5) constant = message(part);
		}
	}
	if (operator === "Constant" && constant !== undefined) addTensor(tensors, constant, output);
	for (const [weight, zeroPoint] of ZERO_POINTS[operator] ?? []) {
		const [name, zero] = [inputs[weight], inputs[zeroPoint]];
		if (name !== undefined && zero !== undefined && zero !== "") zeroPointOf.set(name, zero);
	}
}

function addTensor(tensors: Map<string, Tensor>, bytes: Uint8Array, named?: string): void {
	const shape: number[] = [];
	const floats: Uint8Array[] = [];
	const integers: bigint[] = [];
	let type = 0;
	let name = "";
	let raw: Uint8Array | undefined;
	for (const field of readFields(bytes)) {
		if (field.number === 1) for (const length of readVarints(field)) shape.push(Number(length));
		else if (field.number === 2) type = Number(int(field));
		else if (field.number === 4) floats.push(field.wire === 5 ? littleEndian(field.value) : message(field));
		else if (field.number === 5) for (const value of readVarints(field)) integers.push(value);
		else if (field.number === 8) name = text(field);
		else if (field.number === 9) raw = message(field);
	}
	if (tensors.size >= MAX_TENSORS) throw new ProtobufError(`more than ${MAX_TENSORS} tensors`);
	tensors.set(named ?? name, { name: named ?? name, type, shape, raw, floats, integers });
}

function littleEndian(value: bigint): Uint8Array {
	const bytes = new Uint8Array(4);
	new DataView(bytes.buffer).setUint32(0, Number(value), true);
	return bytes;
}

/** Undefined for types that hold no weights, and for tensors that are cut off. */
function numbersOf({ type, raw, floats, integers }: Tensor, count: number): Float32Array | undefined {
	const values = new Float32Array(count);
	const reader = READERS[type];
	if (reader === undefined) return undefined;
	if (raw !== undefined) {
		if (raw.length !== count * reader.bytes) return undefined;
		const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
		for (let index = 0; index < count; index++) values[index] = reader.read(view, index * reader.bytes);
		return values;
	}
	if (type === 1 && floats.length > 0) {
		let at = 0;
		for (const chunk of floats) {
			const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
			for (let offset = 0; offset + 4 <= chunk.length && at < count; offset += 4) values[at++] = view.getFloat32(offset, true);
		}
		return at === count ? values : undefined;
	}
	if (integers.length !== count) return undefined;
	for (const [index, value] of integers.entries()) values[index] = Number(BigInt.asIntN(32, value));
	return values;
}

/** Types of onnx.proto that weights are kept in: float, uint8, int8, float16, double, bfloat16. */
const READERS: Readonly<Record<number, { readonly bytes: number; readonly read: (view: DataView, at: number) => number }>> = {
	1: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
	2: { bytes: 1, read: (view, at) => view.getUint8(at) },
	3: { bytes: 1, read: (view, at) => view.getInt8(at) },
	10: { bytes: 2, read: (view, at) => fromFloat16Bits(view.getUint16(at, true)) },
	11: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
	16: { bytes: 2, read: (view, at) => new Float32Array(Uint32Array.of(view.getUint16(at, true) << 16).buffer)[0] ?? 0 },
};

/** One zero point for the tensor, or one for each index of one of its axes. Where an unsigned tensor names none, its median stands for it. */
function subtractZeroPoint(values: Float32Array, { type, shape }: Tensor, zero: Tensor | undefined): void {
	if (type !== 2 && type !== 3) return;
	const points =
		zero === undefined
			? undefined
			: numbersOf(
					zero,
					zero.shape.reduce((product, length) => product * length, 1),
				);
	if (points === undefined || points.length === 0) {
		if (type === 2) {
			const middle = median(values);
			shift(values, () => middle);
		}
		return;
	}
	if (points.length === 1) {
		shift(values, () => points[0] ?? 0);
		return;
	}
	const axis = shape.indexOf(points.length);
	if (axis < 0) return;
	const stride = shape.slice(axis + 1).reduce((product, length) => product * length, 1);
	shift(values, (index) => points[Math.floor(index / stride) % points.length] ?? 0);
}

function shift(values: Float32Array, point: (index: number) => number): void {
	const points = values.map((_, index) => point(index));
	for (let index = 0; index < values.length; index++) values[index] = (values[index] ?? 0) - (points[index] ?? 0);
}

function median(values: Float32Array): number {
	const sorted = Float32Array.from(values).sort();
	return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
