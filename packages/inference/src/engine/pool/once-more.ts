/** A run whose process was killed by someone else is made once more: the kill says nothing of the model, and the caller need not hear of it. */
import { FreeholdError, type Tensors } from "@freehold/protocol";
import type { EngineAnswer, EngineMode, EnginePool, ReleaseFiles } from "../engine.js";

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

function wasKilled(error: unknown): boolean {
	return error instanceof FreeholdError && error.code === "engine.crashed" && error.detail["signal"] === "SIGKILL";
}
