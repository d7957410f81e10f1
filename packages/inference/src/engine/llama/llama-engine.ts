/** The engine for GGUF models: llama.cpp on processors. Bits may differ between machines, and with what else is asked at the moment. */
import { open, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { type EngineDescription, FreeholdError, ggufLimits, inspectGguf } from "@freehold/protocol";
import type { ReleaseFiles } from "../engine.js";
import type { TextEngine, TextSession } from "../text-engine.js";
import { loadAddon } from "./addon.js";
import { LlamaSession } from "./llama-session.js";

export interface LlamaEngineOptions {
	/** Calls that are written at once. Default 4. */
	readonly sequences?: number;
	/** Most tokens of prompt and answer together; a model that has fewer keeps to them. Default 8,192. */
	readonly windowTokens?: number;
	/** Threads of one step; default one for small models, half of the cores for others. */
	readonly threads?: number;
}

/** Tokens of one step. */
const BATCH_TOKENS = 512;
const SMALL_MODEL_BYTES = 256 * 1024 * 1024;
/** Contexts are made in steps of this many tokens. */
const WINDOW_STEP = 256;

export async function llamaEngine({ sequences = 4, windowTokens = 8_192, threads }: LlamaEngineOptions = {}): Promise<TextEngine> {
	const { addon, description } = await loadAddon();
	const { platform, cpu, ...named } = description;
	const about: EngineDescription = { ...named, options: { platform, cpu, batch: BATCH_TOKENS, sequences, window: windowTokens, flashAttention: false } };

	async function load(files: ReleaseFiles, signal?: AbortSignal): Promise<TextSession> {
		const { size } = await stat(files.modelPath);
		const file = inspectGguf(await readHead(files.modelPath, size), size);
		signal?.throwIfAborted();
		const window = Math.min(windowTokens, file.contextTokens);
		const batchSize = Math.min(BATCH_TOKENS, window);
		const used = threads ?? (size < SMALL_MODEL_BYTES ? 1 : Math.max(1, Math.floor(availableParallelism() / 2)));
		const model = new addon.AddonModel(files.modelPath, { addonExports: addon, gpuLayers: 0, useMmap: true, checkTensors: true });
		if (!(await model.init().catch(() => false))) throw new FreeholdError("engine.modelInvalid", { reason: `llama.cpp cannot load it (${file.architecture})` });
		const context = new addon.AddonContext(model, {
			contextSize: Math.ceil(window / WINDOW_STEP) * WINDOW_STEP * sequences,
			batchSize,
			sequences,
			threads: used,
			flashAttention: false,
		});
		if (!(await context.init().catch(() => false))) {
			await model.dispose();
			throw new FreeholdError("engine.outOfMemory", { limit: 0 });
		}
		return new LlamaSession({ addon, model, context, file, windowTokens: window, sequences, batchSize, threads: used });
	}

	return { describe: () => about, load, dispose: async () => undefined };
}

async function readHead(path: string, size: number): Promise<Uint8Array> {
	const file = await open(path, "r");
	try {
		const head = Buffer.alloc(Math.min(size, ggufLimits.headBytes));
		const { bytesRead } = await file.read(head, 0, head.length, 0);
		return head.subarray(0, bytesRead);
	} finally {
		await file.close();
	}
}
