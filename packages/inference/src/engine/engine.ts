/** The specification of an engine: what runs a release. Implementations know nothing of each other; one compliance suite holds for all. */
import type { EngineDescription, ModelFormat, TensorSchema, Tensors } from "@freehold/protocol";

/** What the answer promises: `fast` is this machine's best, `bit-exact` gives the same bits on every machine. */
export type EngineMode = "fast" | "bit-exact";

/** A release on local disk, its files already checked against the manifest's digests. */
export interface ReleaseFiles {
	/** Names the loaded session: the release id, or the model file's digest. Equal ids must mean equal files. */
	readonly id: string;
	readonly format: ModelFormat;
	/** Absolute path of the model file. */
	readonly modelPath: string;
}

/** A loaded release. Runs one call at a time. */
export interface EngineSession {
	readonly schema: TensorSchema;
	/** Inputs must fit the schema. Throws `FreeholdError`; an aborted signal rejects with its reason. */
	run(inputs: Tensors, signal?: AbortSignal): Promise<Tensors>;
	dispose(): Promise<void>;
}

export interface Engine {
	describe(): EngineDescription;
	load(files: ReleaseFiles, signal?: AbortSignal): Promise<EngineSession>;
	dispose(): Promise<void>;
}

export interface EngineAnswer {
	readonly outputs: Tensors;
	readonly engine: EngineDescription;
}

/** Engines in processes of their own, behind one bounded queue. */
export interface EnginePool {
	/**
	 * Runs one call. Refusals: `engine.busy` (queue full), `engine.timeout`, `engine.outOfMemory`, `engine.crashed` (that call only), `engine.failed`,
	 * `engine.inputInvalid`, `engine.modelInvalid`, `engine.unsupported`, and `engine.quarantined` for a release that keeps bringing engines down.
	 * An aborted signal rejects with its reason and stops the work.
	 */
	run(files: ReleaseFiles, mode: EngineMode, inputs: Tensors, signal?: AbortSignal): Promise<EngineAnswer>;
	/** Loads a release ahead of its first call and says what it takes and gives. */
	load(files: ReleaseFiles, mode: EngineMode, signal?: AbortSignal): Promise<TensorSchema>;
	/** The engine that serves a mode. */
	describe(mode: EngineMode): Promise<EngineDescription>;
	/** Calls waiting and calls running, for metrics and back-pressure. */
	readonly depth: { readonly waiting: number; readonly running: number };
	/** Process ids of the running engines, for status pages. */
	readonly pids: readonly number[];
	/** Waits for running calls, refuses waiting ones, ends the processes. */
	close(): Promise<void>;
}
