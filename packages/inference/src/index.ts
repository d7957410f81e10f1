export type { Engine, EngineAnswer, EngineMode, EnginePool, EngineSession, ReleaseFiles } from "./engine/engine.js";
export { pinnedWasmSha256 } from "./engine/onnx/pinned-artifact.js";
export { createEnginePool, type EnginePoolOptions } from "./engine/pool/pool.js";
export { inferenceProgram } from "./program.js";
