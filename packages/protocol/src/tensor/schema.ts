/** Whether tensors are well formed, and whether they fit what a model says it takes. Errors name the input, what was expected, and what was given. */
import { FreeholdError } from "../errors/freehold-error.js";
import { elementBytes } from "./dtype.js";
import { unpackStrings } from "./element.js";
import { findForeignNan } from "./nan.js";
import { type Dimension, elementCount, formatShape, type Tensor, type TensorLimits, type TensorSpec, type Tensors, tensorLimits } from "./tensor.js";

/** A refusal of one named input. */
export function inputError(input: string, expected: string, given: string): FreeholdError {
	return new FreeholdError("engine.inputInvalid", { field: `inputs.${input}`, input, expected, given });
}

export function formatSpec(spec: TensorSpec): string {
	return `${spec.dtype} ${formatShape(spec.shape)}`;
}

/** Throws unless the bytes are exactly what dtype and shape say, in the one allowed spelling. */
export function checkTensor(name: string, tensor: Tensor): void {
	const { dtype, shape, bytes } = tensor;
	const count = elementCount(shape);
	if (dtype === "string") {
		if (unpackStrings(bytes, count) === undefined) throw inputError(name, `${count} strings, each a 4-byte length and UTF-8`, `${bytes.length} bytes`);
		return;
	}
	const size = count * elementBytes[dtype];
	if (bytes.length !== size) throw inputError(name, `${size} bytes for ${dtype} ${formatShape(shape)}`, `${bytes.length} bytes`);
	if (dtype === "bool") {
		const wrong = bytes.findIndex((byte) => byte > 1);
		if (wrong >= 0) throw inputError(name, "bytes 0 and 1", `${bytes[wrong]} at element ${wrong}`);
	}
	const foreign = findForeignNan(dtype, bytes);
	if (foreign >= 0) throw inputError(name, "the canonical NaN", `another NaN at element ${foreign}`);
}

/** Throws unless exactly the named inputs are there, dtypes and fixed lengths agree, and equal symbols stand for equal lengths. */
export function checkTensors(tensors: Tensors, specs: readonly TensorSpec[]): void {
	checkNames(Object.keys(tensors), specs);
	const symbols = new Map<string, { readonly length: number; readonly input: string }>();
	for (const spec of specs) {
		const tensor = Object.hasOwn(tensors, spec.name) ? tensors[spec.name] : undefined;
		if (tensor === undefined) throw inputError(spec.name, formatSpec(spec), "nothing");
		if (tensor.dtype !== spec.dtype) throw inputError(spec.name, formatSpec(spec), `${tensor.dtype} ${formatShape(tensor.shape)}`);
		if (spec.shape === null) continue;
		if (!fits(tensor.shape, spec.shape)) throw inputError(spec.name, formatSpec(spec), `${tensor.dtype} ${formatShape(tensor.shape)}`);
		spec.shape.forEach((dimension, axis) => {
			if (typeof dimension !== "string") return;
			const length = tensor.shape[axis] as number;
			const seen = symbols.get(dimension);
			if (seen === undefined) symbols.set(dimension, { length, input: spec.name });
			else if (seen.length !== length) {
				throw inputError(spec.name, `${formatSpec(spec)} with ${dimension} = ${seen.length}, as in ${seen.input}`, `${dimension} = ${length}`);
			}
		});
	}
}

/** Throws unless the given names are exactly those of the specs. */
export function checkNames(names: readonly string[], specs: readonly TensorSpec[]): void {
	const known = new Set(specs.map((spec) => spec.name));
	const given = new Set(names);
	for (const name of names) {
		if (!known.has(name)) throw inputError(name, `inputs named ${[...known].join(", ")}`, "an input the model does not take");
	}
	for (const spec of specs) if (!given.has(spec.name)) throw inputError(spec.name, formatSpec(spec), "nothing");
}

/** Throws when the shape is outside the limits; returns the elements it holds. */
export function checkShape(name: string, shape: readonly unknown[], limits: TensorLimits = tensorLimits): number {
	if (shape.length > limits.maxRank)
		throw new FreeholdError("request.invalid", { field: `inputs.${name}`, reason: `more than ${limits.maxRank} dimensions`, limit: limits.maxRank });
	let count = 1;
	for (const length of shape) {
		if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 0 || Object.is(length, -0)) {
			throw inputError(name, "a shape of whole numbers", JSON.stringify(shape).slice(0, 100));
		}
		// A zero anywhere makes the product zero, so each length is bounded by itself too.
		if (length > limits.maxElements || count > limits.maxElements) throw tooManyElements(name, limits);
		count *= length;
	}
	if (count > limits.maxElements) throw tooManyElements(name, limits);
	return count;
}

export function tooManyElements(name: string, limits: TensorLimits): FreeholdError {
	return new FreeholdError("request.invalid", { field: `inputs.${name}`, reason: `more than ${limits.maxElements} elements`, limit: limits.maxElements });
}

function fits(shape: readonly number[], dimensions: readonly Dimension[]): boolean {
	return shape.length === dimensions.length && dimensions.every((dimension, axis) => typeof dimension !== "number" || dimension === shape[axis]);
}
