/** What a model file is, by its content, whatever its name. Pure. */
import {
	FreeholdError,
	type GgufModel,
	inspectGguf,
	inspectOnnx,
	isGguf,
	isUpstreamModel,
	type ModelFormat,
	modes,
	type OnnxModel,
	parseUpstreamModel,
	type TensorSpec,
	type TextAbilities,
	type UpstreamModel,
} from "@freehold/protocol";

export type InspectedModel =
	| ({ readonly format: "onnx" } & OnnxModel)
	| ({ readonly format: "gguf" } & GgufModel)
	| ({ readonly format: "upstream"; readonly sizeBytes: number } & UpstreamModel);

/** What a manifest says of a model's use. */
export interface ModelFacts {
	readonly format: ModelFormat;
	/** Name of the model's file in the manifest. */
	readonly path: string;
	readonly inputs: readonly TensorSpec[];
	readonly outputs: readonly TensorSpec[];
	readonly text: TextAbilities | undefined;
	/** Bit `1 << mode` for each promise that nodes may make. */
	readonly modes: number;
}

/** Of GGUF the head is enough; `sizeBytes` is then the whole file's size. Throws `engine.modelInvalid` when it is nothing that a node would run. */
export function inspectModel(bytes: Uint8Array, sizeBytes: number = bytes.length): InspectedModel {
	if (isGguf(bytes)) return { format: "gguf", ...inspectGguf(bytes, sizeBytes) };
	if (sizeBytes !== bytes.length) throw new FreeholdError("engine.modelInvalid", { reason: "only GGUF files are known by their head alone" });
	if (isUpstreamModel(bytes)) return { format: "upstream", sizeBytes: bytes.length, ...parseUpstreamModel(bytes) };
	return { format: "onnx", ...inspectOnnx(bytes) };
}

export function factsOf(model: InspectedModel): ModelFacts {
	const fast = 1 << modes.fast;
	if (model.format === "onnx") {
		// A model that draws random numbers cannot give the same bits twice, so nobody may promise that.
		const offered = model.random ? fast : fast | (1 << modes["bit-exact"]);
		return { format: "onnx", path: "model.onnx", inputs: model.inputs, outputs: model.outputs, text: undefined, modes: offered };
	}
	const path = model.format === "gguf" ? "model.gguf" : "model.json";
	return { format: model.format, path, inputs: [], outputs: [], text: model.abilities, modes: fast };
}
