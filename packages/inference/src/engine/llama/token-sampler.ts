/** Draws the tokens of one choice: settings, seed, and what may come next. */
import type { Sampling, TokenLogprob } from "@freehold/protocol";
import type { AddonContext, AddonGrammarState, AddonModel, AddonSampler, LlamaAddon } from "./addon.js";
import type { Vocabulary } from "./vocabulary.js";

/** Moves a token so far that nothing else decides. */
const DECISIVE = 1e6;

/** What may come next, beside what the settings make likely. */
export interface Allowance {
	readonly grammar?: AddonGrammarState;
	/** Tokens that never come. */
	readonly never?: readonly number[];
	/** One of these comes. */
	readonly only?: readonly number[];
}

export interface Drawn {
	readonly token: number;
	readonly logprob: TokenLogprob | undefined;
}

export class TokenSampler {
	readonly #context: AddonContext;
	readonly #vocabulary: Vocabulary;
	readonly #settings: Sampling;
	readonly #sampler: AddonSampler;
	/** Reads the model's own distribution; made when log-probabilities are asked for. */
	readonly #observer: AddonSampler | undefined;
	readonly #alternatives: number;
	readonly #penalized: boolean;
	readonly #maxTokens: number;
	readonly #written: number[] = [];

	constructor(
		{
			addon,
			model,
			context,
			vocabulary,
		}: { readonly addon: LlamaAddon; readonly model: AddonModel; readonly context: AddonContext; readonly vocabulary: Vocabulary },
		{ sampling, logprobs, maxTokens }: { readonly sampling: Sampling; readonly logprobs: number | undefined; readonly maxTokens: number },
	) {
		this.#context = context;
		this.#vocabulary = vocabulary;
		this.#settings = sampling;
		this.#sampler = new addon.AddonSampler(model);
		this.#observer = logprobs === undefined ? undefined : new addon.AddonSampler(model);
		this.#observer?.applyConfig({ temperature: 1, seed: 0 });
		this.#alternatives = logprobs ?? 0;
		this.#penalized = sampling.presencePenalty !== 0 || sampling.frequencyPenalty !== 0;
		this.#maxTokens = maxTokens;
	}

	/** The next token behind these logits, undefined when nothing is allowed. Not yet part of what was written: see `wrote`. */
	async draw(logitIndex: number, allowance: Allowance): Promise<Drawn | undefined> {
		// The model's own view, before settings and constraints.
		const spread = this.#observer === undefined ? undefined : (await this.#context.sampleToken(logitIndex, this.#observer, true))[1];
		this.#configure(allowance);
		const token = await this.#context.sampleToken(logitIndex, this.#sampler);
		if (token < 0) return undefined;
		return { token, logprob: spread && this.#logprob(token, spread) };
	}

	/** Tells of a token that is part of the answer, drawn or forced: penalties count it. */
	wrote(token: number): void {
		this.#written.push(token);
	}

	dispose(): void {
		this.#sampler.dispose();
		this.#observer?.dispose();
	}

	#configure({ grammar, never = [], only = [] }: Allowance): void {
		const { temperature, topP, topK, minP, seed, presencePenalty, frequencyPenalty } = this.#settings;
		const keys = [...never, ...only];
		this.#sampler.applyConfig({
			temperature,
			seed,
			...(topP < 1 ? { topP } : {}),
			...(topK > 0 ? { topK } : {}),
			...(minP > 0 ? { minP } : {}),
			...(this.#penalized
				? {
						repeatPenalty: 1,
						repeatPenaltyMaxTokens: this.#maxTokens,
						repeatPenaltyTokens: Uint32Array.from(this.#written),
						repeatPenaltyPresencePenalty: presencePenalty,
						repeatPenaltyFrequencyPenalty: frequencyPenalty,
					}
				: {}),
			...(keys.length === 0
				? {}
				: { tokenBiasKeys: Uint32Array.from(keys), tokenBiasValues: Float32Array.from([...never.map(() => -DECISIVE), ...only.map(() => DECISIVE)]) }),
			...(grammar === undefined ? {} : { grammarEvaluationState: grammar }),
		});
	}

	#logprob(token: number, spread: readonly number[]): TokenLogprob {
		const top: { token: string; bytes: Uint8Array; logprob: number }[] = [];
		let own = 0;
		for (let index = 0; index + 1 < spread.length; index += 2) {
			const id = spread[index] as number;
			const probability = spread[index + 1] as number;
			if (top.length < this.#alternatives) top.push({ ...this.#told(id), logprob: logarithm(probability) });
			if (id === token) own = probability;
			else if (top.length >= this.#alternatives && own > 0) break;
		}
		return { ...this.#told(token), logprob: logarithm(own), top };
	}

	#told(token: number): { token: string; bytes: Uint8Array } {
		const bytes = this.#vocabulary.bytes(token).subarray(0, 4_096);
		return { token: new TextDecoder().decode(bytes).slice(0, 1_024), bytes };
	}
}

/** Never beyond what JSON can say: a probability that was rounded to nothing is told as a very small one. */
function logarithm(probability: number): number {
	return probability > 0 ? Math.min(0, Math.log(probability)) : -9_999;
}
