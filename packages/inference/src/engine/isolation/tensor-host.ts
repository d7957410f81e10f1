/** Engines over tensors in a process of their own: one request at a time. */
import { FreeholdError, type Tensors, tensorLimits } from "@freehold/protocol";
import type { Engine, EngineSession } from "../engine.js";
import type { Host, WorkerConfig } from "./worker.js";

export async function tensorHost(config: WorkerConfig): Promise<Host> {
	const engine = await openEngine(config);
	const sessions = new Map<string, EngineSession>();
	return {
		ready: { kind: "ready", engine: engine.describe() },
		concurrent: false,
		// Half-freed memory and an aborted WebAssembly module must not meet the next call.
		isFatal: (error) => !(error instanceof FreeholdError) || error.code === "engine.outOfMemory" || isAbort(error),
		async serve(request) {
			switch (request.kind) {
				case "load": {
					const session = await engine.load({ id: request.session, format: "onnx", modelPath: request.modelPath });
					await sessions.get(request.session)?.dispose();
					sessions.set(request.session, session);
					return { kind: "loaded", schema: session.schema };
				}
				case "unload": {
					await sessions.get(request.session)?.dispose();
					sessions.delete(request.session);
					return { kind: "unloaded" };
				}
				case "run": {
					const session = sessions.get(request.session);
					if (session === undefined) throw new FreeholdError("engine.failed", { reason: "the release is not loaded" });
					const tensors = await session.run(request.tensors);
					checkOutput(tensors, config.maxOutputBytes);
					return { kind: "outputs", tensors };
				}
				default:
					throw new FreeholdError("engine.failed", { reason: "it does not write texts" });
			}
		},
	};
}

async function openEngine({ engine, threads }: WorkerConfig): Promise<Engine> {
	if (engine === "wasm") return (await import("../onnx/wasm-engine.js")).wasmOnnxEngine();
	return (await import("../onnx/native-engine.js")).nativeOnnxEngine({ threads });
}

function checkOutput(tensors: Tensors, maxBytes: number): void {
	const size = Object.values(tensors).reduce((sum, { bytes }) => sum + bytes.length, 0);
	if (size > maxBytes) throw new FreeholdError("engine.failed", { reason: `its outputs are larger than ${maxBytes} bytes` });
	for (const [name, { shape }] of Object.entries(tensors)) {
		if (shape.length > tensorLimits.maxRank)
			throw new FreeholdError("engine.failed", { reason: `output ${name} has more than ${tensorLimits.maxRank} dimensions` });
	}
}

function isAbort(error: FreeholdError): boolean {
	return (error.cause instanceof Error && error.cause.name === "RuntimeError") || /abort/i.test(error.message);
}
