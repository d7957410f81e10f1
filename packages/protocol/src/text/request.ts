/**
 * What a language model is asked, in one form for every front door. Nothing is left to a default: each setting that could change the answer is written out, so
 * that the commitment covers it (design of receipts, §1).
 */
import { base64, integer, json, list, literal, number, object, optional, type ShapeOf, text, truth, variant } from "../codec/shape.js";
import { limits } from "../limits.js";

const words = text(limits.textChars);
const name = text(128);

/** Text or an attachment of a message. */
export const partShape = variant("type", {
	text: object({ type: literal("text"), text: words }),
	image: object({ type: literal("image"), mediaType: text(100), data: base64(limits.textAttachmentBytes) }),
});

export const toolCallShape = object({ id: name, name, /** JSON text, as the model wrote it. */ arguments: words });

const content = list(partShape, limits.textParts);

export const messageShape = variant("role", {
	system: object({ role: literal("system"), content }),
	user: object({ role: literal("user"), content, name: optional(name) }),
	assistant: object({ role: literal("assistant"), content, toolCalls: list(toolCallShape, limits.textTools), name: optional(name) }),
	tool: object({ role: literal("tool"), toolCallId: name, content }),
});

export const toolShape = object({
	name,
	description: optional(words),
	/** JSON Schema of the arguments. */
	parameters: json(limits.textSchemaChars),
	/** The arguments must follow the schema to the letter. */
	strict: truth,
});

export const toolChoiceShape = variant("type", {
	auto: object({ type: literal("auto") }),
	none: object({ type: literal("none") }),
	required: object({ type: literal("required") }),
	tool: object({ type: literal("tool"), name }),
});

/** What the answer's text must be. */
export const textFormatShape = variant("type", {
	text: object({ type: literal("text") }),
	json: object({ type: literal("json") }),
	schema: object({ type: literal("schema"), name, schema: json(limits.textSchemaChars), strict: truth }),
});

/** How tokens are drawn. The seed is always written: one that the caller left open is drawn by the gateway, so that a run can be repeated. */
export const samplingShape = object({
	temperature: number(0, 2),
	topP: number(0, 1),
	/** 0: no bound. */
	topK: integer(0, 1_000_000),
	minP: number(0, 1),
	presencePenalty: number(-2, 2),
	frequencyPenalty: number(-2, 2),
	seed: integer(0, 2 ** 32 - 1),
});

const generation = {
	sampling: samplingShape,
	stop: list(text(limits.textStopChars), limits.textStops),
	maxOutputTokens: integer(1, limits.textOutputTokens),
	/** Answers to draw. */
	choices: integer(1, limits.textChoices),
	/** Alternatives whose log-probability is told with each token; absent: none is told. */
	logprobs: optional(integer(0, limits.textLogprobs)),
} as const;

export const chatRequestShape = object({
	task: literal("chat"),
	messages: list(messageShape, limits.textMessages),
	tools: list(toolShape, limits.textTools),
	toolChoice: toolChoiceShape,
	parallelToolCalls: truth,
	format: textFormatShape,
	/** How long a model that reasons may do so; models that do not are not asked to. */
	effort: optional(literal("minimal", "low", "medium", "high")),
	...generation,
});

export const completionRequestShape = object({ task: literal("completion"), prompt: words, suffix: optional(words), echo: truth, ...generation });

export const embeddingRequestShape = object({
	task: literal("embedding"),
	inputs: list(words, limits.embeddingInputs),
	/** Absent: as many as the model has. */
	dimensions: optional(integer(1, limits.embeddingDimensions)),
});

export const textRequestShape = variant("task", { chat: chatRequestShape, completion: completionRequestShape, embedding: embeddingRequestShape });

export type TextPart = ShapeOf<typeof partShape>;
export type ToolCall = ShapeOf<typeof toolCallShape>;
export type TextMessage = ShapeOf<typeof messageShape>;
export type TextTool = ShapeOf<typeof toolShape>;
export type ToolChoice = ShapeOf<typeof toolChoiceShape>;
export type TextFormat = ShapeOf<typeof textFormatShape>;
export type Sampling = ShapeOf<typeof samplingShape>;
export type ChatRequest = ShapeOf<typeof chatRequestShape>;
export type CompletionRequest = ShapeOf<typeof completionRequestShape>;
export type EmbeddingRequest = ShapeOf<typeof embeddingRequestShape>;
export type TextRequest = ShapeOf<typeof textRequestShape>;
export type TextTask = TextRequest["task"];
export const textTasks: readonly TextTask[] = ["chat", "completion", "embedding"];

/** Upper bound of the tokens that a request can count, template included: no tokenizer here makes more than one token of a byte. */
export function maxInputTokens(request: TextRequest): bigint {
	const perMessage = 16;
	switch (request.task) {
		case "embedding":
			return BigInt(request.inputs.reduce((sum, input) => sum + byteLength(input) + perMessage, 0));
		case "completion":
			return BigInt(byteLength(request.prompt) + byteLength(request.suffix ?? "") + perMessage);
		case "chat":
			return BigInt(
				byteLength(JSON.stringify({ messages: request.messages, tools: request.tools, format: request.format })) + perMessage * request.messages.length + 256,
			);
	}
}

/** The most tokens that an answer may count; an embedding has none. */
export function maxOutputTokens(request: TextRequest): bigint {
	return request.task === "embedding" ? 0n : BigInt(request.maxOutputTokens) * BigInt(request.choices);
}

function byteLength(value: string): number {
	return new TextEncoder().encode(value).length;
}
