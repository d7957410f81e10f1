/** An engine over either build of ONNX Runtime. */
import { readFile, stat } from "node:fs/promises";
import { checkTensors, type EngineDescription, FreeholdError, inspectOnnx, onnxLimits, type Tensors } from "@freehold/protocol";
import type { InferenceSession } from "onnxruntime-node";
import type { Engine, EngineSession, ReleaseFiles } from "../engine.js";
import { type OnnxRuntime, openSession, runSession } from "./runtime.js";

export interface OnnxEngineParts {
	readonly runtime: OnnxRuntime;
	readonly description: EngineDescription;
	readonly session: InferenceSession.SessionOptions;
	/** Refuse models that draw random numbers: their bits cannot be repeated. */
	readonly deterministic: boolean;
}

export function onnxEngine(parts: OnnxEngineParts): Engine {
	return {
		describe: () => parts.description,
		load: (files, signal) => load(parts, files, signal),
		dispose: async () => {},
	};
}

async function load(parts: OnnxEngineParts, files: ReleaseFiles, signal: AbortSignal | undefined): Promise<EngineSession> {
	const { size } = await stat(files.modelPath);
	if (size > onnxLimits.maxBytes) throw new FreeholdError("engine.modelInvalid", { reason: `it is larger than ${onnxLimits.maxBytes} bytes` });
	const bytes = await readFile(files.modelPath, { signal });
	const model = inspectOnnx(bytes);
	if (parts.deterministic && model.random) throw new FreeholdError("engine.unsupported", { mode: "bit-exact", reason: "it draws random numbers" });
	const session = await openSession(parts.runtime, bytes, parts.session);
	return {
		schema: { inputs: model.inputs, outputs: model.outputs },
		async run(inputs: Tensors, runSignal?: AbortSignal): Promise<Tensors> {
			runSignal?.throwIfAborted();
			checkTensors(inputs, model.inputs);
			return runSession(parts.runtime, session, model, inputs);
		},
		dispose: () => session.release(),
	};
}
