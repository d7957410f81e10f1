/** Talking to a language model: messages in, an answer that was checked out. */
import {
	type ChatRequest,
	type CompletionRequest,
	type EmbeddingRequest,
	FreeholdError,
	type Sampling,
	type TextChoice,
	type TextDelta,
	type TextFormat,
	type TextMessage,
	type TextPart,
	type TextTool,
	type ToolChoice,
} from "@freehold/protocol";
import type { Client } from "../client/client.js";
import { type AskOptions, askText, type CheckedText, streamText } from "./ask.js";

/** A message as people write it: its text, or its parts. */
export type ChatMessage =
	| { readonly role: "system" | "user"; readonly content: string | readonly TextPart[] }
	| { readonly role: "assistant"; readonly content: string | readonly TextPart[]; readonly toolCalls?: TextChoice["toolCalls"] }
	| { readonly role: "tool"; readonly toolCallId: string; readonly content: string | readonly TextPart[] };

export interface DrawOptions extends Partial<Omit<Sampling, "seed">> {
	/** Drawn when absent; the receipt has it either way. */
	readonly seed?: number;
	readonly stop?: readonly string[];
	/** Default 1,024. */
	readonly maxTokens?: number;
}

export interface ChatOptions extends AskOptions, DrawOptions {
	/** The conversation, or just what to say. */
	readonly messages: string | readonly ChatMessage[];
	readonly tools?: readonly (Omit<TextTool, "strict"> & { readonly strict?: boolean })[];
	readonly toolChoice?: ToolChoice;
	readonly parallelToolCalls?: boolean;
	readonly format?: TextFormat;
	readonly effort?: NonNullable<ChatRequest["effort"]>;
}

export interface CompleteOptions extends AskOptions, DrawOptions {
	readonly prompt: string;
	readonly suffix?: string;
}

export interface EmbedOptions extends AskOptions {
	readonly input: string | readonly string[];
	readonly dimensions?: number;
}

/** A checked answer, with the first choice at hand. */
export interface ChatAnswer extends CheckedText {
	readonly text: string;
	readonly toolCalls: TextChoice["toolCalls"];
	readonly finish: TextChoice["finish"];
}

export interface Embedded extends CheckedText {
	readonly vectors: readonly Float32Array[];
}

/** Iterate it for the pieces; `result` is the checked answer, once the iteration has ended. */
export interface ChatStream extends AsyncIterable<TextDelta> {
	/** Rejects with what the iteration throws; with `request.aborted` when it is left early. */
	readonly result: Promise<ChatAnswer>;
}

const DEFAULT_TOKENS = 1_024;

/**
 * @example
 * const { text, receiptFile } = await freehold.chat("freehold/chat", { messages: "Hello" });
 */
export async function chat(client: Client, model: string, options: ChatOptions): Promise<ChatAnswer> {
	return answerOf(await askText(client, model, chatRequest(client, options), options));
}

/**
 * @example
 * const answer = freehold.stream("freehold/chat", { messages: "Hello" });
 * for await (const { text } of answer) process.stdout.write(text ?? "");
 * const { charge } = await answer.result;
 */
export function stream(client: Client, model: string, options: ChatOptions): ChatStream {
	let resolve: (answer: ChatAnswer) => void = () => undefined;
	let reject: (error: unknown) => void = () => undefined;
	const result = new Promise<ChatAnswer>((done, fail) => {
		resolve = done;
		reject = fail;
	});
	// Who only iterates meets the error there.
	result.catch(() => undefined);
	async function* pieces(): AsyncGenerator<TextDelta, void, undefined> {
		try {
			for await (const event of streamText(client, model, chatRequest(client, options), options)) {
				if (event.type === "delta") yield event.delta;
				if (event.type === "checked") resolve(answerOf(event.result));
			}
		} catch (error) {
			reject(error);
			throw error;
		} finally {
			reject(new FreeholdError("request.aborted"));
		}
	}
	return { result, [Symbol.asyncIterator]: pieces };
}

/**
 * @example
 * const { text } = await freehold.complete("freehold/chat", { prompt: "Once upon" });
 */
export async function complete(client: Client, model: string, options: CompleteOptions): Promise<ChatAnswer> {
	const { prompt, suffix } = options;
	const request: CompletionRequest = { task: "completion", prompt, ...(suffix === undefined ? {} : { suffix }), echo: false, ...drawing(client, options) };
	return answerOf(await askText(client, model, request, options));
}

/**
 * @example
 * const { vectors } = await freehold.embed("you/embedder", { input: ["one", "two"] });
 */
export async function embed(client: Client, model: string, options: EmbedOptions): Promise<Embedded> {
	const { input, dimensions } = options;
	const request: EmbeddingRequest = {
		task: "embedding",
		inputs: typeof input === "string" ? [input] : input,
		...(dimensions === undefined ? {} : { dimensions }),
	};
	const checked = await askText(client, model, request, options);
	const vectors = checked.answer.task === "embedding" ? checked.answer.vectors.map(floatsOf) : [];
	return { ...checked, vectors };
}

export function chatRequest(client: Pick<Client, "random">, options: ChatOptions): ChatRequest {
	const { messages, tools = [], toolChoice, parallelToolCalls = true, format = { type: "text" }, effort } = options;
	const conversation: readonly ChatMessage[] = typeof messages === "string" ? [{ role: "user", content: messages }] : messages;
	return {
		task: "chat",
		messages: conversation.map(messageOf),
		tools: tools.map(({ strict = false, ...tool }) => ({ ...tool, strict })),
		toolChoice: toolChoice ?? { type: tools.length === 0 ? "none" : "auto" },
		parallelToolCalls,
		format,
		...(effort === undefined ? {} : { effort }),
		...drawing(client, options),
	};
}

function messageOf(message: ChatMessage): TextMessage {
	const content: readonly TextPart[] =
		typeof message.content !== "string" ? message.content : message.content === "" ? [] : [{ type: "text", text: message.content }];
	switch (message.role) {
		case "assistant":
			return { role: "assistant", content, toolCalls: message.toolCalls ?? [] };
		case "tool":
			return { role: "tool", toolCallId: message.toolCallId, content };
		default:
			return { role: message.role, content };
	}
}

function drawing({ random }: Pick<Client, "random">, options: DrawOptions): Pick<ChatRequest, "sampling" | "stop" | "maxOutputTokens" | "choices"> {
	const { temperature = 0, topP = 1, topK = 0, minP = 0, presencePenalty = 0, frequencyPenalty = 0, stop = [], maxTokens = DEFAULT_TOKENS } = options;
	const seed = options.seed ?? new DataView(random(4).slice().buffer).getUint32(0);
	return { sampling: { temperature, topP, topK, minP, presencePenalty, frequencyPenalty, seed }, stop, maxOutputTokens: maxTokens, choices: 1 };
}

function answerOf(checked: CheckedText): ChatAnswer {
	const choice = checked.answer.task === "embedding" ? undefined : checked.answer.choices[0];
	return { ...checked, text: choice?.text ?? "", toolCalls: choice?.toolCalls ?? [], finish: choice?.finish ?? "stop" };
}

function floatsOf(vector: Uint8Array): Float32Array {
	const view = new DataView(vector.buffer, vector.byteOffset, vector.byteLength);
	return Float32Array.from({ length: Math.floor(vector.length / 4) }, (_, index) => view.getFloat32(index * 4, true));
}
