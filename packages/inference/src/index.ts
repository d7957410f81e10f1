export type { Engine, EngineAnswer, EngineMode, EnginePool, EngineSession, ReleaseFiles } from "./engine/engine.js";
export { nativeOnnxEngine } from "./engine/onnx/native-engine.js";
export { pinnedWasmSha256, wasmOnnxEngine } from "./engine/onnx/wasm-engine.js";
export { createEnginePool, type EnginePoolOptions } from "./engine/pool/pool.js";
