/** `POST /v1/chat/completions` (OpenAI API reference, "Create chat completion"). */
import { type ChatRequest, limits, type TextAnswer, type TextChoice, type TextDelta } from "@freehold/protocol";
import type { AnswerBegin, AnswerEnd, AnswerWriter, Asked, Dialect, StreamWriter } from "../dialect.js";
import { asInteger, asList, asObject, asOneOf, asTruth, invalid, maybe, only, readBody } from "../fields/reader.js";
import { fieldTables } from "../fields/tables.js";
import { readMessages } from "./chat-messages.js";
import {
	checkToolNames,
	DEFAULT_OUTPUT_TOKENS,
	finishReasons,
	idOf,
	openaiError,
	readChoices,
	readEffort,
	readFormat,
	readFunction,
	readModel,
	readSampling,
	readStop,
	readStreaming,
	readToolChoice,
	wireLogprob,
} from "./wire.js";

const fields = fieldTables["POST /v1/chat/completions"];

export const chatCompletions: Dialect = {
	fields,
	refusal: openaiError,
	read(body, context): Asked {
		const source = readBody(body, fields);
		const model = readModel(source);
		const messages = readMessages(source["messages"]);
		const choices = readChoices(source);
		const tools = maybe(source["tools"], (value) => asList(value, "tools", limits.textTools), []).map((tool, index) => {
			const field = `tools[${index}]`;
			const declared = only(asObject(tool, field), field, ["type", "function"]);
			asOneOf(declared["type"], `${field}.type`, ["function"]);
			return readFunction(asObject(declared["function"], `${field}.function`), `${field}.function`);
		});
		checkToolNames(tools);
		const format = maybe(
			source["response_format"],
			(value) =>
				readFormat(
					only(asObject(value, "response_format"), "response_format", ["type", "json_schema"]),
					({ json_schema: nested }) =>
						only(asObject(nested, "response_format.json_schema"), "response_format.json_schema", ["name", "schema", "strict", "description"]),
					"response_format",
				),
			{ type: "text" } as const,
		);
		const limit = source["max_completion_tokens"] ?? source["max_tokens"];
		// OpenGradient's gateway reads 0 as "as many as you like".
		const openEnded = limit === undefined || limit === null || limit === 0;
		const logprobs = maybe(source["logprobs"], (value) => asTruth(value, "logprobs"), false);
		const top = maybe(source["top_logprobs"], (value) => asInteger(value, "top_logprobs", 0, limits.textLogprobs), undefined);
		if (top !== undefined && !logprobs) throw invalid("top_logprobs", "needs logprobs");
		const effort = readEffort(source["reasoning_effort"], "reasoning_effort");
		const { stream, includeUsage } = readStreaming(source);
		const request: ChatRequest = {
			task: "chat",
			messages,
			tools,
			toolChoice: readToolChoice(source["tool_choice"], tools, (choice) => {
				only(choice, "tool_choice", ["type", "function"]);
				asOneOf(choice["type"], "tool_choice.type", ["function"]);
				return asObject(choice["function"], "tool_choice.function")["name"];
			}),
			parallelToolCalls: maybe(source["parallel_tool_calls"], (value) => asTruth(value, "parallel_tool_calls"), true),
			format,
			...(effort === undefined ? {} : { effort }),
			sampling: readSampling(source, context, choices),
			stop: readStop(source["stop"]),
			maxOutputTokens: openEnded
				? DEFAULT_OUTPUT_TOKENS
				: asInteger(limit, source["max_completion_tokens"] === undefined ? "max_tokens" : "max_completion_tokens", 1, limits.textOutputTokens),
			choices,
			...(logprobs ? { logprobs: top ?? 0 } : {}),
		};
		return { model, request, stream, openEnded, writer: chatWriter(includeUsage) };
	},
};

function chatWriter(includeUsage: boolean): AnswerWriter {
	return {
		whole: (answer, end) => ({
			id: idOf("chatcmpl-", end.callId),
			object: "chat.completion",
			created: Math.floor(end.createdAt / 1000),
			model: end.model,
			choices: choicesOf(answer).map((choice, index) => ({
				index,
				message: messageOf(choice),
				logprobs: choice.logprobs === undefined ? null : { content: choice.logprobs.map(wireLogprob), refusal: null },
				finish_reason: finishReasons[choice.finish],
			})),
			usage: usageOf(end),
		}),
		stream: (begin) => new ChatStream(begin, includeUsage),
	};
}

function choicesOf(answer: TextAnswer): readonly TextChoice[] {
	return answer.task === "embedding" ? [] : answer.choices;
}

function messageOf({ text, reasoning, toolCalls }: TextChoice): Readonly<Record<string, unknown>> {
	return {
		role: "assistant",
		content: text === "" && toolCalls.length > 0 ? null : text,
		refusal: null,
		...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
		...(toolCalls.length === 0
			? {}
			: { tool_calls: toolCalls.map(({ id, name, arguments: given }) => ({ id, type: "function", function: { name, arguments: given } })) }),
	};
}

export function usageOf({ inputTokens, outputTokens }: AnswerEnd): Readonly<Record<string, number>> {
	return { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens };
}

/** Chunks are put together from text: the same members stand around every piece. */
class ChatStream implements StreamWriter {
	readonly #head: string;
	readonly #includeUsage: boolean;
	readonly #begun = new Set<number>();

	constructor({ callId, createdAt, model }: AnswerBegin, includeUsage: boolean) {
		this.#head = `{"id":"${idOf("chatcmpl-", callId)}","object":"chat.completion.chunk","created":${Math.floor(createdAt / 1000)},"model":${JSON.stringify(model)},`;
		this.#includeUsage = includeUsage;
	}

	open(): string {
		return "";
	}

	delta({ choice, text, reasoning, toolCall, logprobs, finish }: TextDelta): string {
		const told = logprobs === undefined ? "null" : JSON.stringify({ content: logprobs.map(wireLogprob), refusal: null });
		let events = "";
		if (!this.#begun.has(choice)) {
			this.#begun.add(choice);
			events += this.#chunk(choice, `{"role":"assistant","content":""}`, "null", "null");
		}
		if (text !== undefined || reasoning !== undefined || toolCall !== undefined) {
			const members: string[] = [];
			if (text !== undefined) members.push(`"content":${JSON.stringify(text)}`);
			if (reasoning !== undefined) members.push(`"reasoning_content":${JSON.stringify(reasoning)}`);
			if (toolCall !== undefined) members.push(`"tool_calls":[${JSON.stringify(wireToolCall(toolCall))}]`);
			events += this.#chunk(choice, `{${members.join(",")}}`, told, "null");
		}
		if (finish !== undefined) events += this.#chunk(choice, "{}", "null", `"${finishReasons[finish]}"`);
		return events;
	}

	close(_: TextAnswer, end: AnswerEnd, receipt: string): string {
		const usage = this.#includeUsage ? `data: ${this.#head}"choices":[],"usage":${JSON.stringify(usageOf(end))}}\n\n` : "";
		return `${usage}${receipt}data: [DONE]\n\n`;
	}

	/** Clients of OpenAI read an `error` member in an event; the stream then ends without `[DONE]`. */
	fail(error: Parameters<StreamWriter["fail"]>[0], receipt: string): string {
		return `${receipt}data: ${JSON.stringify(openaiError(error))}\n\n`;
	}

	#chunk(choice: number, delta: string, logprobs: string, finish: string): string {
		return `data: ${this.#head}"choices":[{"index":${choice},"delta":${delta},"logprobs":${logprobs},"finish_reason":${finish}}]}\n\n`;
	}
}

function wireToolCall({ index, id, name, arguments: given }: NonNullable<TextDelta["toolCall"]>): unknown {
	return { index, ...(id === undefined ? {} : { id, type: "function" }), function: { ...(name === undefined ? {} : { name }), arguments: given } };
}
