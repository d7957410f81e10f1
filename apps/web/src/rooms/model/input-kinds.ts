/** Which ways of asking fit a model's inputs. */
import type { JsonTensor, TensorSpec } from "@freehold/protocol";

export type InputKind = "pad" | "form" | "json";

const MOST_FIELDS = 64;

/** The best fit first; JSON always works. */
export function inputKinds(inputs: readonly TensorSpec[]): readonly InputKind[] {
	const [only] = inputs;
	if (inputs.length !== 1 || only === undefined || only.shape === null || !/^(float|int|uint)/.test(only.dtype)) return ["json"];
	const width = rowWidth(only);
	if (width === undefined) return ["json"];
	return width === 64 && only.dtype === "float32" ? ["pad", "form", "json"] : width <= MOST_FIELDS ? ["form", "json"] : ["json"];
}

/** Numbers in one row: `[N, k]`, `[1, k]` or `[k]`. Undefined for other shapes. */
export function rowWidth({ shape }: TensorSpec): number | undefined {
	if (shape === null || shape.length < 1 || shape.length > 2) return undefined;
	const last = shape.at(-1);
	const first = shape.length === 2 ? shape[0] : 1;
	return typeof last === "number" && (typeof first === "string" || first === null || first === 1) ? last : undefined;
}

/** One row as the model takes it. */
export function asTensor(spec: TensorSpec, row: readonly number[]): JsonTensor {
	return spec.shape?.length === 2 ? [[...row]] : [...row];
}

/** A first text for the JSON editor: zeros of the right shape, where the shape is small. */
export function sampleJson(inputs: readonly TensorSpec[]): string {
	const fill = (shape: readonly number[], dtype: string): unknown => {
		const [length, ...rest] = shape;
		const zero = dtype === "string" ? "" : dtype === "bool" ? false : /64$/.test(dtype) && !dtype.startsWith("float") ? "0" : 0;
		return length === undefined ? zero : Array.from({ length }, () => fill(rest, dtype));
	};
	const entries = inputs.map(({ name, dtype, shape }) => {
		const fixed = (shape ?? [1]).map((dimension) => (typeof dimension === "number" ? dimension : 1));
		return [name, fixed.reduce((product, length) => product * length, 1) > 256 ? [] : fill(fixed, dtype)];
	});
	return JSON.stringify(Object.fromEntries(entries));
}
