/** The fast engine: ONNX Runtime's native build for this machine. Its bits may differ between machines. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Hex } from "@freehold/protocol";
import * as runtime from "onnxruntime-node";
import type { Engine } from "../engine.js";
import { onnxEngine } from "./onnx-engine.js";
import { confinedSession, type OnnxRuntime } from "./runtime.js";

export interface NativeEngineOptions {
	/** Threads inside one call. More than one may change low bits of tree ensembles from run to run. Default 1. */
	readonly threads?: number;
}

export async function nativeOnnxEngine(options: NativeEngineOptions = {}): Promise<Engine> {
	const threads = options.threads ?? 1;
	return onnxEngine({
		runtime: runtime as OnnxRuntime,
		deterministic: false,
		session: { ...confinedSession, executionProviders: ["cpu"], intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: "all" },
		description: {
			name: "onnxruntime-node",
			version: runtime.env.versions.node ?? runtime.env.versions.common,
			artifact: await digestLibrary(),
			options: { platform: `${process.platform}-${process.arch}`, threads, optimization: "all" },
		},
	});
}

/** SHA-256 of the shared library that does the arithmetic on this platform. */
async function digestLibrary(): Promise<Hex> {
	const root = dirname(dirname(createRequire(import.meta.url).resolve("onnxruntime-node")));
	const folder = join(root, "bin", "napi-v6", process.platform, process.arch);
	const library = (await readdir(folder)).sort().find((name) => /^(lib)?onnxruntime\.(so|dll|[0-9.]*dylib)/.test(name));
	if (library === undefined) throw new Error(`no ONNX Runtime library in ${folder}`);
	const hash = createHash("sha256");
	await pipeline(createReadStream(join(folder, library)), hash);
	return `0x${hash.digest("hex")}`;
}
