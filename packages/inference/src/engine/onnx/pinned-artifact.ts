/** The artefact that the bit-exact engine is. Apart from the engine, so that naming it loads nothing. */
import type { Hex } from "@freehold/protocol";

/** SHA-256 of `ort-wasm-simd-threaded.wasm` in onnxruntime-web 1.30.0. A new version is a new engine: change both together. */
export const pinnedWasmSha256: Hex = "0x3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2";
