/**
 * The bit-exact engine: one pinned WebAssembly build of ONNX Runtime, one thread, no relaxed SIMD. Same bits on every machine and in a browser.
 *
 * The module that runs is made from the very bytes that were hashed, so the artefact in a receipt is the artefact that computed.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Hex } from "@freehold/protocol";
import * as runtime from "onnxruntime-web/wasm";
import type { Engine } from "../engine.js";
import { onnxEngine } from "./onnx-engine.js";
import { pinnedWasmSha256 } from "./pinned-artifact.js";
import { confinedSession, type OnnxRuntime } from "./runtime.js";

export async function wasmOnnxEngine(): Promise<Engine> {
	const binary = await readFile(createRequire(import.meta.url).resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
	const artifact: Hex = `0x${createHash("sha256").update(binary).digest("hex")}`;
	if (artifact !== pinnedWasmSha256)
		throw new Error(`the WebAssembly engine is ${artifact}, not the pinned ${pinnedWasmSha256}: reinstall onnxruntime-web 1.30.0`);
	const { wasm } = runtime.env;
	wasm.numThreads = 1;
	wasm.proxy = false;
	wasm.wasmBinary = binary;
	return onnxEngine({
		runtime: runtime as unknown as OnnxRuntime,
		deterministic: true,
		session: { ...confinedSession, executionProviders: ["wasm"], intraOpNumThreads: 1, interOpNumThreads: 1, graphOptimizationLevel: "all" },
		description: {
			name: "onnxruntime-web",
			version: runtime.env.versions.web ?? runtime.env.versions.common,
			artifact,
			options: { threads: 1, simd: "fixed", nan: "canonical", optimization: "all" },
		},
	});
}
