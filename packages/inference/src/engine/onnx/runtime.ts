/** What both builds of ONNX Runtime share: sessions over bytes, tensors in and out, errors in our words. The one file that translates theirs. */
import {
	canonicalizeNans,
	type Dtype,
	elementBytes,
	FreeholdError,
	type OnnxModel,
	packStrings,
	type Tensor,
	type Tensors,
	unpackStrings,
} from "@freehold/protocol";
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";

/** The part of the runtime's module that we use; the native and the WebAssembly build both have it. */
export interface OnnxRuntime {
	readonly InferenceSession: { create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession> };
	readonly Tensor: typeof OrtTensor;
}

/**
 * Settings that keep a model inside its own bytes, for both builds. The folder does not exist, so that a file reference, had inspection missed one,
 * leads nowhere; and the bytes are read as ONNX, whatever else they might look like.
 */
export const confinedSession: InferenceSession.SessionOptions = {
	logSeverityLevel: 4,
	executionMode: "sequential",
	extra: { session: { load_model_format: "ONNX", model_external_initializers_file_folder_path: "/nonexistent" } },
};

/** Loads inspected bytes. Throws `engine.modelInvalid` or `engine.outOfMemory`. */
export async function openSession(runtime: OnnxRuntime, model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession> {
	try {
		return await runtime.InferenceSession.create(model, options);
	} catch (error) {
		throw translate(error, "engine.modelInvalid");
	}
}

/** Runs one call for the tensor outputs of the model. Throws `engine.failed` or `engine.outOfMemory`. */
export async function runSession(runtime: OnnxRuntime, session: InferenceSession, model: OnnxModel, inputs: Tensors): Promise<Tensors> {
	const feeds: Record<string, OrtTensor> = {};
	for (const { name } of model.inputs) {
		const tensor = inputs[name];
		if (tensor === undefined) throw new FreeholdError("engine.failed", { reason: `input ${name} is missing` });
		feeds[name] = toRuntime(runtime, tensor);
	}
	let results: InferenceSession.OnnxValueMapType;
	try {
		results = await session.run(
			feeds,
			model.outputs.map(({ name }) => name),
		);
	} catch (error) {
		throw translate(error, "engine.failed");
	}
	const outputs: { [name: string]: Tensor } = {};
	for (const { name } of model.outputs) {
		const result = results[name];
		if (result === undefined) throw new FreeholdError("engine.failed", { reason: `output ${name} is missing` });
		outputs[name] = fromRuntime(name, result as OrtTensor);
	}
	return outputs;
}

function toRuntime(runtime: OnnxRuntime, tensor: Tensor): OrtTensor {
	const { dtype, bytes } = tensor;
	const shape = [...tensor.shape];
	if (dtype === "string") {
		const strings = unpackStrings(
			bytes,
			shape.reduce((product, length) => product * length, 1),
		);
		if (strings === undefined) throw new FreeholdError("engine.failed", { reason: "a string tensor is malformed" });
		return new runtime.Tensor("string", strings, shape);
	}
	// A fresh copy is aligned; the bytes may be a view into a larger message.
	const { buffer } = new Uint8Array(bytes);
	switch (dtype) {
		case "float16":
			return new runtime.Tensor("float16", new Uint16Array(buffer), shape);
		case "float32":
			return new runtime.Tensor("float32", new Float32Array(buffer), shape);
		case "float64":
			return new runtime.Tensor("float64", new Float64Array(buffer), shape);
		case "int8":
			return new runtime.Tensor("int8", new Int8Array(buffer), shape);
		case "int16":
			return new runtime.Tensor("int16", new Int16Array(buffer), shape);
		case "int32":
			return new runtime.Tensor("int32", new Int32Array(buffer), shape);
		case "int64":
			return new runtime.Tensor("int64", new BigInt64Array(buffer), shape);
		case "uint8":
			return new runtime.Tensor("uint8", new Uint8Array(buffer), shape);
		case "uint16":
			return new runtime.Tensor("uint16", new Uint16Array(buffer), shape);
		case "uint32":
			return new runtime.Tensor("uint32", new Uint32Array(buffer), shape);
		case "uint64":
			return new runtime.Tensor("uint64", new BigUint64Array(buffer), shape);
		case "bool":
			return new runtime.Tensor("bool", new Uint8Array(buffer), shape);
	}
}

function fromRuntime(name: string, result: OrtTensor): Tensor {
	const dtype = result.type as Dtype;
	const shape = [...result.dims];
	if (dtype === "string") {
		const bytes = packStrings(result.data as string[]);
		if (bytes === undefined) throw new FreeholdError("engine.failed", { reason: `output ${name} holds text that is not Unicode` });
		return { dtype, shape, bytes };
	}
	if (elementBytes[dtype] === undefined) throw new FreeholdError("engine.failed", { reason: `output ${name} is of type ${result.type}` });
	const data = result.data as Uint8Array;
	// Copied: the runtime may reuse its buffer for the next call.
	const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
	canonicalizeNans(dtype, bytes);
	if (dtype === "bool") for (let index = 0; index < bytes.length; index++) if ((bytes[index] as number) > 1) bytes[index] = 1;
	return { dtype, shape, bytes };
}

const OUT_OF_MEMORY =
	/bad_alloc|bad alloc|out of memory|OOM|failed to allocate|allocation failed|enlarge memory|array buffer allocation|invalid array length|RangeError: WebAssembly/i;

function translate(error: unknown, code: "engine.modelInvalid" | "engine.failed"): FreeholdError {
	const message = error instanceof Error ? error.message : String(error);
	if (OUT_OF_MEMORY.test(message)) return new FreeholdError("engine.outOfMemory", { limit: "the available" }, { cause: error });
	const reason = message
		.replace(/\s+/g, " ")
		.replace(/^.*?\[ONNXRuntimeError\] : \d+ : /, "")
		.slice(0, 300);
	return new FreeholdError(code, { reason }, { cause: error });
}
