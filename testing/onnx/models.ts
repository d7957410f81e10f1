/** Small ONNX models that tests run: honest ones, and ones that a stranger might publish to do harm. */
import { attribute, floats, graph, int64s, model, node, onnxType, proto, tensor, tensorValue } from "./onnx-builder.js";

const { float, int64, bool } = onnxType;

/** Y = X · W + B for two features and two classes. */
export function linear(weights: readonly [number, number, number, number] = [1, 2, 3, 4], bias: readonly [number, number] = [0.5, -0.5]): Uint8Array {
	return model({
		nodes: [node("MatMul", ["X", "W"], ["M"]), node("Add", ["M", "B"], ["Y"])],
		inputs: [tensorValue("X", float, ["batch", 2])],
		outputs: [tensorValue("Y", float, ["batch", 2])],
		initializers: [tensor("W", float, [2, 2], floats(...weights)), tensor("B", float, [2], floats(...bias))],
	});
}

/** `linear` with so many bytes of weights that it does not use. */
export function weighty(sizeBytes: number): Uint8Array {
	const ballast = new Uint8Array(sizeBytes).map((_, index) => (index * 7) % 120);
	return model({
		nodes: [node("MatMul", ["X", "W"], ["Y"])],
		inputs: [tensorValue("X", float, ["batch", 2])],
		outputs: [tensorValue("Y", float, ["batch", 2])],
		initializers: [tensor("W", float, [2, 2], floats(1, 2, 3, 4)), tensor("ballast", float, [sizeBytes / 4], ballast)],
	});
}

/** One node applied to inputs of its type. */
export function identity(type: number, shape: readonly (number | string | null)[] = ["n"]): Uint8Array {
	return model({ nodes: [node("Identity", ["X"], ["Y"])], inputs: [tensorValue("X", type, shape)], outputs: [tensorValue("Y", type, shape)] });
}

/** Transcendental functions and a long sum: where engines differ in the last bits. */
export function bitwiseTelling(): Uint8Array {
	const side = 64;
	const weights = Array.from({ length: side * side }, (_, index) => Math.sin(index * 12.9898) * 0.5);
	return model({
		nodes: [
			node("MatMul", ["X", "W"], ["M"]),
			node("Tanh", ["M"], ["T"]),
			node("Exp", ["T"], ["E"]),
			node("Softmax", ["E"], ["Y"], attribute.int("axis", 1)),
			node("Sqrt", ["M"], ["Z"]),
		],
		inputs: [tensorValue("X", float, ["batch", side])],
		outputs: [tensorValue("Y", float, ["batch", side]), tensorValue("Z", float, ["batch", side])],
		initializers: [tensor("W", float, [side, side], floats(...weights))],
	});
}

/** A Loop whose condition is always true and whose trip count is the largest there is. */
export function endlessLoop(): Uint8Array {
	const body = graph({
		name: "body",
		nodes: [node("Identity", ["go_in"], ["go_out"]), node("Add", ["v_in", "one"], ["v_out"])],
		inputs: [tensorValue("i", int64, []), tensorValue("go_in", bool, []), tensorValue("v_in", float, [1])],
		outputs: [tensorValue("go_out", bool, []), tensorValue("v_out", float, [1])],
		initializers: [tensor("one", float, [1], floats(1))],
	});
	return model({
		nodes: [node("Loop", ["trips", "go", "X"], ["Y"], attribute.graph("body", body))],
		inputs: [tensorValue("X", float, [1])],
		outputs: [tensorValue("Y", float, [1])],
		initializers: [tensor("trips", int64, [], int64s(2n ** 63n - 1n)), tensor("go", bool, [], Uint8Array.of(1))],
	});
}

/** Fills as many floats as its input asks for. Without an input, as many as `constant`: folded while the model loads. */
export function allocationBomb(constant?: number): Uint8Array {
	const one = attribute.tensor("value", tensor("", float, [1], floats(1)));
	return model({
		nodes: [node("ConstantOfShape", [constant === undefined ? "X" : "size"], ["big"], one), node("ReduceSum", ["big"], ["Y"], attribute.int("keepdims", 0))],
		inputs: [tensorValue("X", int64, [1])],
		outputs: [tensorValue("Y", float, [])],
		initializers: constant === undefined ? [] : [tensor("size", int64, [1], int64s(constant))],
	});
}

/** A parameter that lies in a file beside the model, or anywhere else. */
export function externalData(location: string, where: "initializer" | "attribute" | "subgraph" | "function"): Uint8Array {
	const outside = proto([1, 4], [2, float], [8, "W"], [13, proto([1, "location"], [2, location])], [13, proto([1, "length"], [2, "16"])], [14, 1]);
	const constant = node("Constant", [], ["W"], attribute.tensor("value", outside));
	const inner = graph({ nodes: [constant], inputs: [], outputs: [tensorValue("W", float, [4])] });
	const nodes = {
		initializer: [],
		attribute: [constant],
		subgraph: [node("If", ["C"], ["W"], attribute.graph("then_branch", inner), attribute.graph("else_branch", inner))],
		function: [],
	}[where];
	return model(
		{
			nodes: [...nodes, node("Identity", [where === "function" ? "X" : "W"], ["Y"])],
			inputs: [tensorValue("X", float, [4]), tensorValue("C", bool, [])],
			outputs: [tensorValue("Y", float, [4])],
			initializers: where === "initializer" ? [outside] : [],
		},
		where === "function" ? { more: [[25, proto([1, "f"], [7, constant], [10, "local"])]] } : {},
	);
}

/** Draws from a random operator without a seed. */
export function randomNoise(): Uint8Array {
	return model({
		nodes: [node("RandomNormalLike", ["X"], ["Y"])],
		inputs: [tensorValue("X", float, ["n"])],
		outputs: [tensorValue("Y", float, ["n"])],
	});
}

/** Adds tensors whose shapes cannot meet: loads, then fails on each run. */
export function failsWhenRun(): Uint8Array {
	return model({
		nodes: [node("Reshape", ["X", "shape"], ["Y"])],
		inputs: [tensorValue("X", float, ["n"])],
		outputs: [tensorValue("Y", float, [7])],
		initializers: [tensor("shape", int64, [1], int64s(7))],
	});
}
