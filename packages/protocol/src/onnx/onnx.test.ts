import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allocationBomb, endlessLoop, externalData, linear, randomNoise } from "../../../../testing/onnx/models.js";
import { floats, model, node, onnxType, proto, tensor, tensorValue } from "../../../../testing/onnx/onnx-builder.js";
import { FreeholdError } from "../errors/freehold-error.js";
import { inspectOnnx, isOnnx, onnxLimits } from "./onnx.js";

const deep = process.env["FREEHOLD_DEEP"] === "1";
const { float, bfloat16 } = onnxType;

function reason(bytes: Uint8Array, bounds = onnxLimits): string {
	try {
		inspectOnnx(bytes, bounds);
	} catch (error) {
		if (error instanceof FreeholdError && error.code === "engine.modelInvalid") return error.message;
		throw error;
	}
	throw new Error("nothing was refused");
}

const identity = (input: Uint8Array, output = tensorValue("Y", float, [1])) =>
	model({ nodes: [node("Identity", ["X"], ["Y"])], inputs: [input], outputs: [output] });

describe("inspectOnnx", () => {
	it("reads what a model takes, gives and is made of", () => {
		const bytes = linear();
		expect(inspectOnnx(bytes)).toEqual({
			irVersion: 8,
			producer: { name: "freehold-tests", version: "1" },
			graphName: "graph",
			opsets: [{ domain: "", version: 17 }],
			inputs: [{ name: "X", dtype: "float32", shape: ["batch", 2] }],
			outputs: [{ name: "Y", dtype: "float32", shape: ["batch", 2] }],
			skippedOutputs: [],
			operators: [
				{ domain: "", name: "Add", count: 1 },
				{ domain: "", name: "MatMul", count: 1 },
			],
			nodes: 2,
			parameters: 6n,
			sizeBytes: bytes.length,
			random: false,
		});
	});

	it("reads files that other exporters wrote", () => {
		const digits = inspectOnnx(readFileSync(new URL("../../../../models/base-digits/model.onnx", import.meta.url)));
		expect(digits.inputs).toHaveLength(1);
		expect(digits.parameters).toBeGreaterThan(1000n);
		expect(digits.producer.name).not.toBe("");
	});

	it("counts operators inside subgraphs", () => {
		expect(inspectOnnx(endlessLoop()).operators.map(({ name }) => name)).toEqual(["Add", "Identity", "Loop"]);
	});

	it("leaves out parameters that are listed among the inputs, as old files do", () => {
		const old = model({
			nodes: [node("Add", ["X", "B"], ["Y"])],
			inputs: [tensorValue("X", float, [1]), tensorValue("B", float, [1])],
			outputs: [tensorValue("Y", float, [1])],
			initializers: [tensor("B", float, [1], floats(1))],
		});
		expect(inspectOnnx(old).inputs.map(({ name }) => name)).toEqual(["X"]);
	});

	it("tells fixed, symbolic, unknown and unranked shapes apart", () => {
		expect(inspectOnnx(identity(tensorValue("X", float, [3, "n", null, -1]))).inputs[0]?.shape).toEqual([3, "n", null, null]);
		expect(inspectOnnx(identity(tensorValue("X", float))).inputs[0]?.shape).toBeNull();
		expect(inspectOnnx(identity(tensorValue("X", float, []))).inputs[0]?.shape).toEqual([]);
	});

	it("skips outputs that are no tensors and names them", () => {
		const map = proto([1, "probabilities"], [2, proto([4, proto([1, proto([5, proto([1, 7])])])])]);
		const zipped = model({ nodes: [], inputs: [tensorValue("X", float, [1])], outputs: [tensorValue("label", onnxType.int64, [1]), map] });
		expect(inspectOnnx(zipped).outputs.map(({ name }) => name)).toEqual(["label"]);
		expect(inspectOnnx(zipped).skippedOutputs).toEqual([{ name: "probabilities", kind: "sequence" }]);
	});

	it("marks models that draw random numbers", () => {
		expect(inspectOnnx(randomNoise()).random).toBe(true);
		const dropout = (inputs: string[]) =>
			model({ nodes: [node("Dropout", inputs, ["Y"])], inputs: [tensorValue("X", float, [1])], outputs: [tensorValue("Y", float, [1])] });
		expect(inspectOnnx(dropout(["X", "ratio"])).random).toBe(false);
		expect(inspectOnnx(dropout(["X", "ratio", "training"])).random).toBe(true);
	});

	it.each(["initializer", "attribute", "subgraph", "function"] as const)("refuses a tensor outside the file: in an %s", (where) => {
		expect(reason(externalData("secrets.bin", where))).toContain("tensor W lies in another file");
	});

	it.each([
		["its marker alone", [14, 1n]],
		["its location alone", [13, proto([1, "location"], [2, "weights.bin"])]],
	] as const)("refuses data outside the file that is shown by %s", (_what, field) => {
		const outside = tensor("W", float, [4], new Uint8Array(0), field);
		expect(reason(model({ nodes: [], inputs: [], outputs: [tensorValue("W", float, [4])], initializers: [outside] }))).toContain(
			"tensor W lies in another file",
		);
	});

	it.each([
		["an empty file", new Uint8Array(0), "no IR version"],
		["text", new TextEncoder().encode("hello, this is not a model"), "not a"],
		["a file without a graph", proto([1, 8]), "it has no graph"],
		["two graphs", Buffer.concat([linear(), proto([7, new Uint8Array(0)])]), "two graphs"],
		[
			"the runtime's own format inside a message",
			Buffer.concat([Uint8Array.of(0x12, 0x06, 0x20, 0x20), new TextEncoder().encode("ORTM"), linear()]),
			"own format",
		],
		[
			"a sequence as input",
			model({ nodes: [], inputs: [proto([1, "X"], [2, proto([4, proto()])])], outputs: [tensorValue("Y", float, [1])] }),
			"input X is a sequence",
		],
		["a dtype that no engine runs", identity(tensorValue("X", bfloat16, [1])), "input X is a tensor of type 16"],
		["no tensor to give", identity(tensorValue("X", float, [1]), proto([1, "Y"], [2, proto([4, proto()])])), "no output that is a tensor"],
		[
			"two inputs of one name",
			model({ nodes: [], inputs: [tensorValue("X", float, [1]), tensorValue("X", float, [2])], outputs: [tensorValue("Y", float, [1])] }),
			"two values are named X",
		],
		[
			"a tensor of absurd size",
			model({ nodes: [], inputs: [], outputs: [tensorValue("Y", float, [1])], initializers: [tensor("W", float, [2 ** 40, 2 ** 40], floats())] }),
			"too many elements",
		],
		["too many dimensions", identity(tensorValue("X", float, Array(17).fill(1))), "more than 16 dimensions"],
		["a truncated file", linear().subarray(0, 60), "not a well-formed"],
	])("refuses %s", (_what, bytes, message) => {
		expect(reason(bytes)).toContain(message);
	});

	it("bounds size, nodes and nesting", () => {
		expect(reason(linear(), { ...onnxLimits, maxBytes: 10 })).toContain("larger than 10 bytes");
		expect(reason(linear(), { ...onnxLimits, maxNodes: 1 })).toContain("more than 1 nodes");
		expect(reason(endlessLoop(), { ...onnxLimits, maxDepth: 0 })).toContain("nested deeper");
	});

	it("gives a result or a refusal for any damage, never anything else", () => {
		const whole = allocationBomb();
		fc.assert(
			fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }), fc.nat(whole.length), (edits, cut) => {
				const damaged = Uint8Array.from(whole);
				for (const [index, byte] of edits) damaged[index] = byte;
				try {
					inspectOnnx(damaged.subarray(0, whole.length - (cut % 3 === 0 ? cut : 0)));
				} catch (error) {
					expect(error).toBeInstanceOf(FreeholdError);
				}
			}),
			{ numRuns: deep ? 200_000 : 1000 },
		);
	});
});

it("knows an ONNX file by its content", () => {
	expect(isOnnx(linear())).toBe(true);
	expect(isOnnx(new TextEncoder().encode("GGUF and then some"))).toBe(false);
	expect(isOnnx(new Uint8Array(0))).toBe(false);
});
