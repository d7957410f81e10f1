/** The specification of an engine for language models. Implementations know nothing of each other; one compliance suite holds for all. */
import type { EngineDescription, TextAbilities, TextDelta, TextRequest } from "@freehold/protocol";
import type { ReleaseFiles } from "./engine.js";

/** Takes what a run says on its way, in order. */
export interface TextSink {
	/** First, once: tokens of the prompt, template included. */
	started(inputTokens: number): void;
	/** A piece of a choice; `outputTokens` counts those of its choice so far. */
	delta(delta: TextDelta): void;
}

/** What a run amounts to beyond its deltas. */
export interface TextEnd {
	/** Of an embedding, each as little-endian float32. */
	readonly vectors?: readonly Uint8Array[];
	/** Tokens of the prompt, where they were only estimated at the beginning: a provider tells them at the end. */
	readonly inputTokens?: number;
}

/** A loaded release. Runs several calls at once. */
export interface TextSession {
	readonly abilities: TextAbilities;
	/**
	 * Throws `text.tooLong`, `text.unsupported`, `text.schemaRefused`, `engine.failed`. An aborted signal rejects with its reason and stops the work. Every choice
	 * that was begun and not aborted ends with a delta that holds `finish`.
	 */
	run(request: TextRequest, sink: TextSink, signal?: AbortSignal): Promise<TextEnd>;
	/** Tokens that `run` would report with `started`. Throws as it. */
	countTokens(request: TextRequest): Promise<number>;
	dispose(): Promise<void>;
}

export interface TextEngine {
	describe(): EngineDescription;
	load(files: ReleaseFiles, signal?: AbortSignal): Promise<TextSession>;
	dispose(): Promise<void>;
}
