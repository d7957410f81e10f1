/** Tensors in JSON: `{dtype, shape, data}` where data is a flat list or `base64:…`, or plain nested lists where the model fixes dtype and rank. */
import { fromBase64, toBase64 } from "../bytes/bytes.js";
import { FreeholdError } from "../errors/freehold-error.js";
import { type Dtype, elementBytes, isDtype } from "./dtype.js";
import { elementCodecs, type JsonElement, packStrings, unpackStrings } from "./element.js";
import { checkNames, checkShape, checkTensor, checkTensors, formatSpec, inputError, tooManyElements } from "./schema.js";
import { elementCount, formatShape, type Tensor, type TensorLimits, type TensorSpec, type Tensors, tensorLimits } from "./tensor.js";

const BASE64_PREFIX = "base64:";

export interface TensorJson {
	readonly dtype: Dtype;
	readonly shape: readonly number[];
	readonly data: readonly JsonElement[] | string;
}

export type TensorsJson = { readonly [name: string]: TensorJson };

/** Inputs as a caller sent them, checked against the model's specs. Throws `engine.inputInvalid` or `request.invalid`. */
export function parseInputs(value: unknown, specs: readonly TensorSpec[], limits: TensorLimits = tensorLimits): Tensors {
	const entries = namedEntries(value, limits);
	checkNames(
		entries.map(([name]) => name),
		specs,
	);
	const given = new Map(entries);
	const budget = { elements: limits.maxElements, bytes: limits.maxBytes };
	const tensors = emptyRecord<Tensor>();
	for (const spec of specs) {
		const item = given.get(spec.name);
		tensors[spec.name] = spend(spec.name, isExplicit(item) ? parseExplicit(spec.name, item, limits) : parseNested(item, spec, limits), budget, limits);
	}
	checkTensors(tensors, specs);
	return tensors;
}

/** Tensors in the explicit form, without a schema: outputs and the tensors in receipt files. */
export function parseTensors(value: unknown, limits: TensorLimits = tensorLimits): Tensors {
	const budget = { elements: limits.maxElements, bytes: limits.maxBytes };
	const tensors = emptyRecord<Tensor>();
	for (const [name, item] of namedEntries(value, limits)) {
		if (!isExplicit(item)) throw inputError(name, "an object with dtype, shape and data", describe(item));
		tensors[name] = spend(name, parseExplicit(name, item, limits), budget, limits);
	}
	return tensors;
}

/** JSON of a tensor. `list` is for people, `base64` is short and has one spelling only. */
export function tensorToJson(tensor: Tensor, form: "list" | "base64"): TensorJson {
	const data = form === "list" ? tensorElements(tensor) : BASE64_PREFIX + toBase64(tensor.bytes);
	return { dtype: tensor.dtype, shape: [...tensor.shape], data };
}

export function tensorsToJson(tensors: Tensors, form: "list" | "base64"): TensorsJson {
	const json = emptyRecord<TensorJson>();
	for (const [name, tensor] of Object.entries(tensors)) json[name] = tensorToJson(tensor, form);
	return json;
}

/** Elements in row-major order, each as JSON spells it. */
export function tensorElements(tensor: Tensor): JsonElement[] {
	const count = elementCount(tensor.shape);
	if (tensor.dtype === "string") {
		const strings = unpackStrings(tensor.bytes, count);
		if (strings === undefined) throw inputError("tensor", `${count} strings`, `${tensor.bytes.length} bytes`);
		return strings;
	}
	const codec = elementCodecs[tensor.dtype];
	const width = elementBytes[tensor.dtype];
	const view = new DataView(tensor.bytes.buffer, tensor.bytes.byteOffset, tensor.bytes.byteLength);
	return Array.from({ length: count }, (_, index) => codec.read(view, index * width));
}

/** A tensor of flat JSON elements. Throws `engine.inputInvalid` naming `name`. */
export function tensorFromElements(dtype: Dtype, shape: readonly number[], elements: readonly unknown[], name = "tensor"): Tensor {
	const count = elementCount(shape);
	if (elements.length !== count) throw inputError(name, `${count} elements for ${dtype} ${formatShape(shape)}`, `${elements.length} elements`);
	return { dtype, shape: [...shape], bytes: encodeElements(name, dtype, elements) };
}

function namedEntries(value: unknown, limits: TensorLimits): [string, unknown][] {
	if (typeof value !== "object" || value === null || Array.isArray(value)) {
		throw new FreeholdError("request.invalid", { field: "inputs", reason: "must be an object of tensors by name" });
	}
	const entries = Object.entries(value);
	if (entries.length > limits.maxTensors) {
		throw new FreeholdError("request.invalid", { field: "inputs", reason: `more than ${limits.maxTensors} tensors`, limit: limits.maxTensors });
	}
	return entries;
}

function isExplicit(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseExplicit(name: string, value: Record<string, unknown>, limits: TensorLimits): Tensor {
	const stranger = Object.keys(value).find((key) => key !== "dtype" && key !== "shape" && key !== "data");
	if (stranger !== undefined) throw inputError(name, "an object with dtype, shape and data", `a member ${JSON.stringify(stranger)}`);
	const { dtype, shape, data } = value;
	if (!isDtype(dtype)) throw inputError(name, "a known dtype", describe(dtype));
	if (!Array.isArray(shape)) throw inputError(name, "a shape, such as [1, 64]", describe(shape));
	const count = checkShape(name, shape, limits);
	const lengths = [...(shape as number[])];
	if (typeof data === "string") {
		const tensor: Tensor = { dtype, shape: lengths, bytes: decodeBase64(name, data, limits) };
		checkTensor(name, tensor);
		return tensor;
	}
	if (!Array.isArray(data)) throw inputError(name, "data as a list or a base64: string", describe(data));
	if (data.length !== count) throw inputError(name, `${count} elements for ${dtype} ${formatShape(lengths)}`, `${data.length} elements`);
	return { dtype, shape: lengths, bytes: encodeElements(name, dtype, data) };
}

function decodeBase64(name: string, data: string, limits: TensorLimits): Uint8Array {
	if (!data.startsWith(BASE64_PREFIX)) throw inputError(name, "data as a list or a base64: string", "another string");
	if (data.length > BASE64_PREFIX.length + Math.ceil(limits.maxBytes / 3) * 4) throw tooManyBytes(name, limits);
	try {
		return fromBase64(data.slice(BASE64_PREFIX.length));
	} catch (error) {
		throw inputError(name, "canonical padded base64", error instanceof Error ? error.message : "something else");
	}
}

/** Nested lists, or a bare value for a scalar. */
function parseNested(value: unknown, spec: TensorSpec, limits: TensorLimits): Tensor {
	if (spec.shape === null) throw inputError(spec.name, "an object with dtype, shape and data, since the model does not fix the rank", describe(value));
	const shape = nestedShape(value, limits.maxRank);
	if (shape.length !== spec.shape.length)
		throw inputError(spec.name, formatSpec(spec), shape.length === 0 ? describe(value) : `a list of shape ${formatShape(shape)}`);
	checkShape(spec.name, shape, limits);
	const elements: unknown[] = [];
	flatten(spec, value, shape, 0, elements);
	return { dtype: spec.dtype, shape, bytes: encodeElements(spec.name, spec.dtype, elements) };
}

/** Lengths along the first element of each level. */
function nestedShape(value: unknown, maxRank: number): number[] {
	const shape: number[] = [];
	let level = value;
	while (Array.isArray(level) && shape.length <= maxRank) {
		shape.push(level.length);
		level = level[0];
	}
	return shape;
}

function flatten(spec: TensorSpec, value: unknown, shape: readonly number[], axis: number, elements: unknown[]): void {
	const length = shape[axis];
	if (length === undefined) {
		if (Array.isArray(value)) throw inputError(spec.name, `${formatSpec(spec)} with lists of equal depth`, "a deeper list");
		elements.push(value);
		return;
	}
	if (!Array.isArray(value) || value.length !== length) {
		throw inputError(
			spec.name,
			`${formatSpec(spec)} with lists of equal length`,
			`${length} in one place and ${Array.isArray(value) ? value.length : describe(value)} in another`,
		);
	}
	for (const item of value) flatten(spec, item, shape, axis + 1, elements);
}

function encodeElements(name: string, dtype: Dtype, elements: readonly unknown[]): Uint8Array {
	if (dtype === "string") {
		const wrong = elements.findIndex((element) => typeof element !== "string");
		if (wrong >= 0) throw inputError(name, "strings", `${describe(elements[wrong])} at element ${wrong}`);
		const bytes = packStrings(elements as readonly string[]);
		if (bytes === undefined) throw inputError(name, "well-formed Unicode text", "a lone surrogate");
		return bytes;
	}
	const codec = elementCodecs[dtype];
	const width = elementBytes[dtype];
	const bytes = new Uint8Array(elements.length * width);
	const view = new DataView(bytes.buffer);
	for (let index = 0; index < elements.length; index++) {
		if (!codec.write(view, index * width, elements[index])) throw inputError(name, `values of ${dtype}`, `${describe(elements[index])} at element ${index}`);
	}
	return bytes;
}

function spend(name: string, tensor: Tensor, budget: { elements: number; bytes: number }, limits: TensorLimits): Tensor {
	budget.elements -= elementCount(tensor.shape);
	budget.bytes -= tensor.bytes.length;
	if (budget.elements < 0) throw tooManyElements(name, limits);
	if (budget.bytes < 0) throw tooManyBytes(name, limits);
	return tensor;
}

function tooManyBytes(name: string, limits: TensorLimits): FreeholdError {
	return new FreeholdError("request.tooLarge", { field: `inputs.${name}`, limit: limits.maxBytes });
}

function describe(value: unknown): string {
	if (value === undefined) return "nothing";
	if (Array.isArray(value)) return `a list of ${value.length}`;
	if (typeof value === "object" && value !== null) return "an object";
	return String(JSON.stringify(value)).slice(0, 60);
}

/** Names come from outside; without a prototype none of them means anything special. */
function emptyRecord<T>(): { [name: string]: T } {
	return Object.create(null) as { [name: string]: T };
}
