/** A question of tensors: checked against the model's schema, counted by its elements. */
import {
	commit,
	commitTensors,
	type EvidenceKind,
	elementCount,
	type Hex,
	limits,
	type Manifest,
	type Mode,
	parseInputs,
	type TensorSpec,
	type Tensors,
} from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import type { Measured } from "./plan.js";

/** Throws `engine.inputInvalid`. */
export function measureTensors(
	asked: { readonly inputs: unknown; readonly mode: Mode; readonly require: readonly EvidenceKind[] },
	manifest: Manifest,
): Measured {
	const inputs = parseInputs(asked.inputs, manifest.inputs);
	const maxOutputUnits = boundOutputs(manifest, inputs);
	return {
		question: { inputs },
		inputUnits: unitsOf(inputs),
		maxOutputUnits,
		...(maxOutputUnits < BigInt(limits.tensorElements) ? {} : { shrinkable: true }),
		exact: true,
		commit: (release, salt) => tensorCommitment(release, asked, inputs, salt),
	};
}

function tensorCommitment(
	release: Hex,
	{ mode, require }: { readonly mode: Mode; readonly require: readonly EvidenceKind[] },
	inputs: Tensors,
	salt: Hex,
): Hex {
	return commit({ kind: "inference", version: 1, release, mode, require, inputs: commitTensors(inputs, nativeCrypto) }, salt, nativeCrypto);
}

/** Units of tensors: their elements. */
export function unitsOf(tensors: Tensors): bigint {
	let units = 0;
	for (const tensor of Object.values(tensors)) units += elementCount(tensor.shape);
	return BigInt(units);
}

/** The most elements that the outputs can have: exact where every length is fixed or equals one of an input. */
export function boundOutputs(manifest: Pick<Manifest, "inputs" | "outputs">, inputs: Tensors): bigint {
	const lengths = symbolLengths(manifest.inputs, inputs);
	let units = 0;
	for (const { shape } of manifest.outputs) {
		let count = 1;
		for (const dimension of shape ?? [null]) {
			const length = typeof dimension === "string" ? lengths.get(dimension) : dimension;
			if (length === undefined || length === null) return BigInt(limits.tensorElements);
			count *= length;
		}
		units += count;
	}
	return BigInt(Math.min(units, limits.tensorElements));
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
