/** What a language model answered, whole or as it comes. */
import { hexBytes, integer, list, literal, number, object, optional, type ShapeOf, text, variant } from "../codec/shape.js";
import { limits } from "../limits.js";
import { toolCallShape } from "./request.js";

const words = text(limits.textChars);

/** Why a choice ended: by itself or at a stop text, at the token limit, to call tools, by a filter of a provider, or because the caller went away. */
export const finishShape = literal("stop", "length", "tools", "filter", "cancelled");

const token = { token: text(1_024), bytes: hexBytes({ min: 0, max: 4_096 }), logprob: number(-1e9, 0) } as const;
export const tokenLogprobShape = object({ ...token, top: list(object(token), limits.textLogprobs) });

export const choiceShape = object({
	text: words,
	/** What a model that reasons wrote before its answer, where its provider tells. */
	reasoning: optional(words),
	toolCalls: list(toolCallShape, limits.textTools),
	finish: finishShape,
	logprobs: optional(list(tokenLogprobShape, limits.textOutputTokens)),
});

const choices = list(choiceShape, limits.textChoices);

export const textAnswerShape = variant("task", {
	chat: object({ task: literal("chat"), choices }),
	completion: object({ task: literal("completion"), choices }),
	/** Each vector as little-endian float32. */
	embedding: object({ task: literal("embedding"), vectors: list(hexBytes({ min: 4, max: limits.embeddingDimensions * 4 }), limits.embeddingInputs) }),
});

/** One piece of an answer on its way. Texts append to those before; a tool call is opened by its id and name, then its arguments append. */
export const deltaShape = object({
	choice: integer(0, limits.textChoices - 1),
	text: optional(words),
	reasoning: optional(words),
	toolCall: optional(object({ index: integer(0, limits.textTools - 1), id: optional(text(128)), name: optional(text(128)), arguments: words })),
	logprobs: optional(list(tokenLogprobShape, limits.textOutputTokens)),
	finish: optional(finishShape),
	/** Tokens that this piece and those of its choice before it used. */
	outputTokens: integer(0, 2 ** 31 - 1),
});

export type Finish = ShapeOf<typeof finishShape>;
export type TokenLogprob = ShapeOf<typeof tokenLogprobShape>;
export type TextChoice = ShapeOf<typeof choiceShape>;
export type TextAnswer = ShapeOf<typeof textAnswerShape>;
export type TextDelta = ShapeOf<typeof deltaShape>;

/**
 * The answer that the first deltas of a stream amount to, and the tokens they used. A choice without an end is `cancelled`: that is what a caller who left has
 * received, and all that is charged.
 */
export function answerOfDeltas(
	task: "chat" | "completion",
	choiceCount: number,
	deltas: readonly TextDelta[],
): { readonly answer: TextAnswer; readonly outputTokens: bigint } {
	const open = Array.from({ length: choiceCount }, () => new OpenChoice());
	for (const delta of deltas) open[delta.choice]?.add(delta);
	return {
		answer: { task, choices: open.map((choice) => choice.close()) },
		outputTokens: BigInt(open.reduce((sum, { outputTokens }) => sum + outputTokens, 0)),
	};
}

class OpenChoice {
	outputTokens = 0;
	readonly #text: string[] = [];
	readonly #reasoning: string[] = [];
	readonly #toolCalls: { id: string; name: string; arguments: string }[] = [];
	readonly #logprobs: TokenLogprob[] = [];
	#toldLogprobs = false;
	#finish: Finish = "cancelled";

	add({ text: piece, reasoning, toolCall, logprobs, finish, outputTokens }: TextDelta): void {
		if (piece !== undefined) this.#text.push(piece);
		if (reasoning !== undefined) this.#reasoning.push(reasoning);
		if (toolCall !== undefined) {
			const call = this.#toolCalls[toolCall.index];
			if (call === undefined) this.#toolCalls.push({ id: toolCall.id ?? "", name: toolCall.name ?? "", arguments: toolCall.arguments });
			else call.arguments += toolCall.arguments;
		}
		if (logprobs !== undefined) {
			this.#toldLogprobs = true;
			this.#logprobs.push(...logprobs);
		}
		if (finish !== undefined) this.#finish = finish;
		this.outputTokens = outputTokens;
	}

	close(): TextChoice {
		return {
			text: this.#text.join(""),
			...(this.#reasoning.length === 0 ? {} : { reasoning: this.#reasoning.join("") }),
			toolCalls: this.#toolCalls,
			finish: this.#finish,
			...(this.#toldLogprobs ? { logprobs: this.#logprobs } : {}),
		};
	}
}
