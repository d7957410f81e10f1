/** Prompts and ends of the AI SDK, to and from the protocol's own. What cannot be honoured is a warning to the caller, or refused. */
import type { LanguageModelV3CallOptions, LanguageModelV3FinishReason, LanguageModelV3Message, LanguageModelV3Usage, SharedV3Warning } from "@ai-sdk/provider";
import { type ChatRequest, type Finish, FreeholdError, fromBase64, type JsonValue, type TextMessage, type TextPart } from "@freehold/protocol";
import type { CheckedText } from "../text/ask.js";
import { chatRequest } from "../text/chat.js";

const DEFAULT_TOKENS = 1_024;

export function requestOf(
	options: LanguageModelV3CallOptions,
	random: (length: number) => Uint8Array,
): { readonly request: ChatRequest; readonly warnings: SharedV3Warning[] } {
	const warnings: SharedV3Warning[] = [];
	const {
		temperature = 0,
		topP = 1,
		topK = 0,
		presencePenalty = 0,
		frequencyPenalty = 0,
		stopSequences = [],
		maxOutputTokens = DEFAULT_TOKENS,
		seed,
	} = options;
	const tools = (options.tools ?? []).flatMap((tool) => {
		if (tool.type === "function")
			return [
				{
					name: tool.name,
					...(tool.description === undefined ? {} : { description: tool.description }),
					parameters: tool.inputSchema as JsonValue,
					strict: tool.strict ?? false,
				},
			];
		warnings.push({ type: "unsupported", feature: `provider tool ${tool.id}` });
		return [];
	});
	const base = chatRequest(
		{ random },
		{
			messages: [],
			temperature,
			topP,
			topK,
			presencePenalty,
			frequencyPenalty,
			stop: stopSequences,
			maxTokens: maxOutputTokens,
			...(seed === undefined ? {} : { seed: seed >>> 0 }),
		},
	);
	return {
		request: {
			...base,
			messages: options.prompt.flatMap(messagesOf),
			tools,
			toolChoice: choiceOf(options, tools.length),
			format: formatOf(options.responseFormat),
		},
		warnings,
	};
}

function choiceOf({ toolChoice }: LanguageModelV3CallOptions, tools: number): ChatRequest["toolChoice"] {
	if (tools === 0) return { type: "none" };
	return toolChoice?.type === "tool" ? { type: "tool", name: toolChoice.toolName } : { type: toolChoice?.type ?? "auto" };
}

function formatOf(format: LanguageModelV3CallOptions["responseFormat"]): ChatRequest["format"] {
	if (format === undefined || format.type === "text") return { type: "text" };
	return format.schema === undefined ? { type: "json" } : { type: "schema", name: format.name ?? "answer", schema: format.schema as JsonValue, strict: true };
}

function messagesOf(message: LanguageModelV3Message): readonly TextMessage[] {
	switch (message.role) {
		case "system":
			return [{ role: "system", content: [{ type: "text", text: message.content }] }];
		case "user":
			return [{ role: "user", content: message.content.map(partOf) }];
		case "assistant": {
			const content: TextPart[] = [];
			const toolCalls: { id: string; name: string; arguments: string }[] = [];
			for (const part of message.content) {
				if (part.type === "text") content.push({ type: "text", text: part.text });
				else if (part.type === "tool-call") toolCalls.push({ id: part.toolCallId, name: part.toolName, arguments: JSON.stringify(part.input) });
				// What a model thought is not part of the conversation that it is shown.
				else if (part.type !== "reasoning") throw refused(part.type);
			}
			return [{ role: "assistant", content, toolCalls }];
		}
		case "tool":
			return message.content.map((part) => {
				if (part.type !== "tool-result") throw refused(part.type);
				return { role: "tool", toolCallId: part.toolCallId, content: [{ type: "text", text: textOf(part.output) }] };
			});
	}
}

function partOf(part: Extract<LanguageModelV3Message, { role: "user" }>["content"][number]): TextPart {
	if (part.type === "text") return { type: "text", text: part.text };
	if (!part.mediaType.startsWith("image/") || part.data instanceof URL) throw refused(`a file of type ${part.mediaType}`);
	return { type: "image", mediaType: part.mediaType, data: typeof part.data === "string" ? fromBase64(part.data) : part.data };
}

function textOf(output: Extract<Extract<LanguageModelV3Message, { role: "tool" }>["content"][number], { type: "tool-result" }>["output"]): string {
	switch (output.type) {
		case "text":
		case "error-text":
			return output.type === "text" ? output.value : `Error: ${output.value}`;
		case "json":
		case "error-json":
			return output.type === "json" ? JSON.stringify(output.value) : `Error: ${JSON.stringify(output.value)}`;
		case "execution-denied":
			return `Error: ${output.reason ?? "the user did not allow it"}`;
		case "content":
			return output.value.map((part) => (part.type === "text" ? part.text : JSON.stringify(part))).join("");
	}
}

const finishes: Readonly<Record<Finish, LanguageModelV3FinishReason["unified"]>> = {
	stop: "stop",
	length: "length",
	tools: "tool-calls",
	filter: "content-filter",
	cancelled: "other",
};

export function finishOf(finish: Finish): LanguageModelV3FinishReason {
	return { unified: finishes[finish], raw: finish };
}

export function usageOf({ inputTokens, outputTokens }: CheckedText): LanguageModelV3Usage {
	return {
		inputTokens: { total: inputTokens, noCache: inputTokens, cacheRead: 0, cacheWrite: 0 },
		outputTokens: { total: outputTokens, text: outputTokens, reasoning: undefined },
	};
}

function refused(what: string): FreeholdError {
	return new FreeholdError("request.invalid", { field: "prompt", reason: `${what} is not offered here` });
}
