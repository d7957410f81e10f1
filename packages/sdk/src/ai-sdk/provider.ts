import type {
	LanguageModelV3,
	LanguageModelV3CallOptions,
	LanguageModelV3Content,
	LanguageModelV3StreamPart,
	SharedV3ProviderMetadata,
	SharedV3Warning,
} from "@ai-sdk/provider";
import { type ChatRequest, FreeholdError, formatOpg, type TextDelta } from "@freehold/protocol";
import type { Freehold } from "../connect.js";
import type { AskOptions, CheckedText } from "../text/ask.js";
import { finishOf, requestOf, usageOf } from "./translate.js";

export interface FreeholdModelOptions {
	/** Most that one call may cost, in the smallest unit. */
	readonly maxCharge?: bigint;
	/** The licence that the account accepted. */
	readonly licence?: AskOptions["licence"];
}

export interface FreeholdProvider {
	(model: string, options?: FreeholdModelOptions): LanguageModelV3;
	languageModel(model: string, options?: FreeholdModelOptions): LanguageModelV3;
}

/**
 * The call's id, its charge and the receipt's state stand in `providerMetadata.freehold`.
 *
 * @example
 * import { generateText } from "ai";
 * const models = createFreeholdProvider(connect({ network, account }));
 * const { text } = await generateText({ model: models("freehold/chat"), prompt: "Hello" });
 */
export function createFreeholdProvider(freehold: Freehold): FreeholdProvider {
	const languageModel = (model: string, options: FreeholdModelOptions = {}): LanguageModelV3 => createModel(freehold, model, options);
	return Object.assign(languageModel, { languageModel });
}

function createModel(freehold: Freehold, modelId: string, { maxCharge, licence }: FreeholdModelOptions): LanguageModelV3 {
	const prepare = (
		options: LanguageModelV3CallOptions,
	): { readonly request: ChatRequest; readonly warnings: SharedV3Warning[]; readonly terms: AskOptions } => {
		const { request, warnings } = requestOf(options, freehold.client.random);
		return { request, warnings, terms: { signal: options.abortSignal, licence, ...(maxCharge === undefined ? {} : { maxCharge }) } };
	};
	return {
		specificationVersion: "v3",
		provider: "freehold",
		modelId,
		// Nothing is fetched by a node: the SDK downloads what a prompt names and sends it along.
		supportedUrls: {},
		async doGenerate(options) {
			const { request, warnings, terms } = prepare(options);
			const checked = await freehold.text.ask(modelId, request, terms);
			return {
				content: contentOf(checked),
				finishReason: finishOf(choiceOf(checked).finish),
				usage: usageOf(checked),
				providerMetadata: metadataOf(checked),
				response: { id: checked.callId, modelId },
				warnings,
			};
		},
		async doStream(options) {
			const { request, warnings, terms } = prepare(options);
			const events = freehold.text.stream(modelId, request, terms);
			// The first event is awaited here, so that a refusal is thrown and not streamed.
			const first = await events.next();
			if (first.done === true) throw new FreeholdError("upstream.failed", { what: "The gateway", reason: "an empty stream" });
			const parts = new Parts();
			let begun = false;
			const stream = new ReadableStream<LanguageModelV3StreamPart>({
				async pull(controller) {
					if (!begun) {
						begun = true;
						controller.enqueue({ type: "stream-start", warnings });
						if (first.value.type === "started") controller.enqueue({ type: "response-metadata", id: first.value.callId, modelId });
						return;
					}
					try {
						const { done, value } = await events.next();
						if (done === true) controller.close();
						else if (value.type === "delta") for (const part of parts.of(value.delta)) controller.enqueue(part);
						else if (value.type === "checked") {
							for (const part of parts.end()) controller.enqueue(part);
							const { result } = value;
							controller.enqueue({
								type: "finish",
								finishReason: finishOf(choiceOf(result).finish),
								usage: usageOf(result),
								providerMetadata: metadataOf(result),
							});
						}
					} catch (error) {
						controller.enqueue({ type: "error", error });
						controller.close();
					}
				},
				async cancel() {
					await events.return();
				},
			});
			return { stream };
		},
	};
}

function choiceOf({ answer }: CheckedText) {
	const choice = answer.task === "embedding" ? undefined : answer.choices[0];
	if (choice === undefined) throw new FreeholdError("upstream.failed", { what: "The gateway", reason: "an answer without a choice" });
	return choice;
}

function contentOf(checked: CheckedText): LanguageModelV3Content[] {
	const { text, reasoning, toolCalls } = choiceOf(checked);
	return [
		...(reasoning === undefined ? [] : [{ type: "reasoning" as const, text: reasoning }]),
		...(text === "" ? [] : [{ type: "text" as const, text }]),
		...toolCalls.map(({ id, name, arguments: input }) => ({ type: "tool-call" as const, toolCallId: id, toolName: name, input })),
	];
}

function metadataOf({ callId, charge, release }: CheckedText): SharedV3ProviderMetadata {
	return { freehold: { callId, release, charge: charge.toString(), chargeOpg: formatOpg(charge), receipt: "signed" } };
}

/** Deltas of one choice as parts that open and close. */
class Parts {
	#open: { readonly type: "text" | "reasoning"; readonly id: string } | undefined;
	#call: { readonly id: string; readonly name: string; input: string } | undefined;
	#index = -1;
	#count = 0;

	*of({ choice, text, reasoning, toolCall }: TextDelta): Iterable<LanguageModelV3StreamPart> {
		if (choice !== 0) return;
		if (reasoning !== undefined) {
			yield* this.#become("reasoning");
			yield { type: "reasoning-delta", id: this.#open?.id ?? "", delta: reasoning };
		}
		if (text !== undefined && text !== "") {
			yield* this.#become("text");
			yield { type: "text-delta", id: this.#open?.id ?? "", delta: text };
		}
		if (toolCall === undefined) return;
		if (toolCall.index !== this.#index) {
			yield* this.end();
			this.#index = toolCall.index;
			this.#call = { id: toolCall.id ?? "", name: toolCall.name ?? "", input: "" };
			yield { type: "tool-input-start", id: this.#call.id, toolName: this.#call.name };
		}
		if (this.#call === undefined || toolCall.arguments === "") return;
		this.#call.input += toolCall.arguments;
		yield { type: "tool-input-delta", id: this.#call.id, delta: toolCall.arguments };
	}

	*end(): Iterable<LanguageModelV3StreamPart> {
		if (this.#open !== undefined) yield { type: `${this.#open.type}-end`, id: this.#open.id };
		this.#open = undefined;
		if (this.#call === undefined) return;
		const { id, name, input } = this.#call;
		this.#call = undefined;
		yield { type: "tool-input-end", id };
		yield { type: "tool-call", toolCallId: id, toolName: name, input };
	}

	*#become(type: "text" | "reasoning"): Iterable<LanguageModelV3StreamPart> {
		if (this.#open?.type === type) return;
		yield* this.end();
		this.#open = { type, id: String(this.#count++) };
		yield { type: `${type}-start`, id: this.#open.id };
	}
}
