/** A run whose process was killed by someone else is made once more: the kill says nothing of the model, and the caller need not hear of it. */
import { FreeholdError, type Tensors, type TextRequest } from "@freehold/protocol";
import type { EngineAnswer, EngineMode, EnginePool, ReleaseFiles } from "../engine.js";
import type { TextAnswerOf, TextListener, TextPool } from "./text-pool.js";

/**
 * As `pool.run`. The pool names its own reasons for ending a process (time, memory, a stop), so a bare SIGKILL came from outside. A second one ends the
 * call: it may be the system that cannot bear the model.
 */
export async function runOnceMore(pool: EnginePool, files: ReleaseFiles, mode: EngineMode, inputs: Tensors, signal?: AbortSignal): Promise<EngineAnswer> {
	try {
		return await pool.run(files, mode, inputs, signal);
	} catch (error) {
		if (!wasKilled(error) || signal?.aborted === true) throw error;
		return pool.run(files, mode, inputs, signal);
	}
}

/** As `pool.run` for language models: once more only while nothing was said. */
export async function writeOnceMore(
	pool: TextPool,
	files: ReleaseFiles,
	request: TextRequest,
	listener: TextListener,
	signal?: AbortSignal,
): Promise<TextAnswerOf> {
	let begun = false;
	const watched: TextListener = {
		started(inputTokens, engine) {
			begun = true;
			listener.started(inputTokens, engine);
		},
		delta: (delta) => listener.delta(delta),
	};
	try {
		return await pool.run(files, request, watched, signal);
	} catch (error) {
		if (begun || !wasKilled(error) || signal?.aborted === true) throw error;
		return pool.run(files, request, listener, signal);
	}
}

function wasKilled(error: unknown): boolean {
	return error instanceof FreeholdError && error.code === "engine.crashed" && error.detail["signal"] === "SIGKILL";
}
