/** What models on tensors are priced in. */
import { elementCount, type TensorSchema, type TensorSpec, type Tensors } from "@freehold/protocol";

/** Elements of all tensors together. */
export function elementsOf(tensors: Tensors): bigint {
	return Object.values(tensors).reduce((sum, { shape }) => sum + BigInt(elementCount(shape)), 0n);
}

/** Elements that the outputs can have: exact where every length is fixed or equals one of an input; undefined where only the run shows it. */
export function boundOutputs(schema: TensorSchema, inputs: Tensors): bigint | undefined {
	const lengths = symbolLengths(schema.inputs, inputs);
	let units = 0n;
	for (const { shape } of schema.outputs) {
		let count = 1n;
		for (const dimension of shape ?? [null]) {
			const length = typeof dimension === "string" ? lengths.get(dimension) : dimension;
			if (length === undefined || length === null) return undefined;
			count *= BigInt(length);
		}
		units += count;
	}
	return units;
}

function symbolLengths(specs: readonly TensorSpec[], inputs: Tensors): ReadonlyMap<string, number> {
	const lengths = new Map<string, number>();
	for (const { name, shape } of specs) {
		shape?.forEach((dimension, axis) => {
			const length = inputs[name]?.shape[axis];
			if (typeof dimension === "string" && length !== undefined) lengths.set(dimension, length);
		});
	}
	return lengths;
}
