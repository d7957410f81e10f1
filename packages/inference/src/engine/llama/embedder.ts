/** Vectors of texts: a context of its own beside the one that writes, made when first asked for, one text at a time. */
import { FreeholdError } from "@freehold/protocol";
import type { AddonContext, AddonModel, LlamaAddon } from "./addon.js";

export interface EmbedderOptions {
	readonly contextTokens: number;
	readonly threads: number;
}

export class Embedder {
	readonly #addon: LlamaAddon;
	readonly #model: AddonModel;
	readonly #options: EmbedderOptions;
	#context: Promise<AddonContext> | undefined;
	#turn: Promise<unknown> = Promise.resolve();

	constructor(addon: LlamaAddon, model: AddonModel, options: EmbedderOptions) {
		this.#addon = addon;
		this.#model = model;
		this.#options = options;
	}

	/** Vector of length 1 as little-endian float32, cut to `dimensions` and made length 1 again where fewer are asked for. */
	embed(tokens: readonly number[], dimensions: number | undefined, signal?: AbortSignal): Promise<Uint8Array> {
		const work = this.#turn.then(() => this.#embed(tokens, dimensions, signal));
		this.#turn = work.catch(() => undefined);
		return work;
	}

	async dispose(): Promise<void> {
		await this.#turn;
		await (await this.#context)?.dispose();
	}

	async #embed(tokens: readonly number[], dimensions: number | undefined, signal: AbortSignal | undefined): Promise<Uint8Array> {
		signal?.throwIfAborted();
		this.#context ??= this.#open();
		const context = await this.#context;
		context.disposeSequence(0);
		context.initBatch(tokens.length);
		context.addToBatch(0, 0, Uint32Array.from(tokens), Uint32Array.of(tokens.length - 1));
		await context.decodeBatch();
		const vector = context.getEmbedding(tokens.length);
		if (dimensions !== undefined && dimensions > vector.length)
			throw new FreeholdError("text.unsupported", { what: `A vector of ${dimensions} numbers`, reason: `it makes vectors of ${vector.length}` });
		return unit(vector.subarray(0, dimensions ?? vector.length));
	}

	async #open(): Promise<AddonContext> {
		const { contextTokens, threads } = this.#options;
		const context = new this.#addon.AddonContext(this.#model, {
			contextSize: contextTokens,
			batchSize: contextTokens,
			sequences: 1,
			threads,
			flashAttention: false,
			embeddings: true,
		});
		if (!(await context.init())) throw new FreeholdError("engine.failed", { reason: "no context for vectors could be made" });
		return context;
	}
}

function unit(vector: Float64Array): Uint8Array {
	let sum = 0;
	for (const value of vector) sum += value * value;
	const length = Math.sqrt(sum);
	const bytes = new Uint8Array(vector.length * 4);
	const view = new DataView(bytes.buffer);
	vector.forEach((value, index) => {
		view.setFloat32(index * 4, length === 0 ? 0 : value / length, true);
	});
	return bytes;
}
