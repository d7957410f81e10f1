/** The wire of Anthropic's messages (version 2023-06-01). */
import type { ChatRequest, Finish, TextMessage, TextPart } from "@freehold/protocol";
import {
	argumentsOf,
	countOf,
	type Dialect,
	errorName,
	type Fields,
	fields,
	malformed,
	objectOf,
	type Said,
	textOf,
	type UsageSaid,
	unsupported,
	type WireReader,
} from "./dialect.js";
import type { ServerEvent } from "./sse.js";

const VERSION = "2023-06-01";
const finishes: Readonly<Record<string, Finish>> = {
	end_turn: "stop",
	stop_sequence: "stop",
	pause_turn: "stop",
	max_tokens: "length",
	model_context_window_exceeded: "length",
	tool_use: "tools",
	refusal: "filter",
};

export const anthropicDialect: Dialect = {
	headers: (key) => ({ "anthropic-version": VERSION, ...(key === undefined ? {} : { "x-api-key": key }) }),
	request(request, model) {
		if (request.task !== "chat") throw unsupported(`A request of kind ${request.task}`, "the provider serves conversations only");
		return { path: "/messages", streams: true, body: { model, ...chat(request), stream: true } };
	},
	reader: (_, what) => new AnthropicReader(what),
	vectors: (_, what) => {
		throw malformed(what);
	},
};

function chat(request: ChatRequest): Fields {
	const { sampling, toolChoice, format } = request;
	const { temperature, topP, topK, minP, presencePenalty, frequencyPenalty } = sampling;
	if (request.choices > 1) throw unsupported("More than one choice", "the provider gives one");
	if (request.logprobs !== undefined) throw unsupported("Log-probabilities", "the provider tells none");
	if (minP !== 0 || presencePenalty !== 0 || frequencyPenalty !== 0) throw unsupported("min_p or a penalty", "the provider has no such setting");
	if (temperature > 1) throw unsupported("A temperature above 1", "the provider takes 0 to 1");
	if (format.type !== "text") throw unsupported("An answer in JSON", "the provider has no such setting; offer a tool instead");
	if (request.effort !== undefined) throw unsupported("An effort", "the provider has no such setting");
	const system = request.messages.filter(({ role }) => role === "system").map(({ content }) => plain(content));
	const choice = toolChoice.type === "tool" ? { type: "tool", name: toolChoice.name } : { type: toolChoice.type === "required" ? "any" : toolChoice.type };
	return {
		max_tokens: request.maxOutputTokens,
		...(system.length === 0 ? {} : { system: system.join("\n\n") }),
		messages: merged(request.messages.filter(({ role }) => role !== "system").map(turn)),
		...(temperature === 1 ? {} : { temperature }),
		...(topP === 1 ? {} : { top_p: topP }),
		...(topK === 0 ? {} : { top_k: topK }),
		...(request.stop.length === 0 ? {} : { stop_sequences: request.stop }),
		...(request.tools.length === 0
			? {}
			: {
					tools: request.tools.map(({ name, description, parameters }) => ({
						name,
						...(description === undefined ? {} : { description }),
						input_schema: parameters,
					})),
					tool_choice: { ...choice, ...(request.parallelToolCalls || toolChoice.type === "none" ? {} : { disable_parallel_tool_use: true }) },
				}),
	};
}

interface Turn {
	readonly role: "user" | "assistant";
	readonly content: readonly Fields[];
}

function turn(message: TextMessage): Turn {
	if (message.role === "tool")
		return { role: "user", content: [{ type: "tool_result", tool_use_id: message.toolCallId, content: message.content.map(block) }] };
	const content = message.content.map(block);
	if (message.role !== "assistant") return { role: "user", content };
	const calls = message.toolCalls.map(({ id, name, arguments: given }) => ({ type: "tool_use", id, name, input: argumentsOf(given) }));
	return { role: "assistant", content: [...content, ...calls] };
}

/** Turns alternate there: what one role says in a row is one turn. */
function merged(turns: readonly Turn[]): readonly Turn[] {
	const result: Turn[] = [];
	for (const { role, content } of turns) {
		const last = result.at(-1);
		if (last?.role === role) result[result.length - 1] = { role, content: [...last.content, ...content] };
		else result.push({ role, content });
	}
	return result;
}

function block(part: TextPart): Fields {
	if (part.type === "text") return { type: "text", text: part.text };
	return { type: "image", source: { type: "base64", media_type: part.mediaType, data: Buffer.from(part.data).toString("base64") } };
}

function plain(content: readonly TextPart[]): string {
	return content
		.map((part) => {
			if (part.type === "text") return part.text;
			throw unsupported("An image in the system's text", "the provider takes text there");
		})
		.join("");
}

class AnthropicReader implements WireReader {
	readonly #what: string;
	/** Place among the tool calls, by the block's index. */
	readonly #calls = new Map<number, number>();

	constructor(what: string) {
		this.#what = what;
	}

	read({ data }: ServerEvent): { said: readonly Said[]; usage?: UsageSaid } {
		const event = objectOf(data, this.#what);
		switch (event["type"]) {
			case "message_start":
				return { said: [], usage: usageOf(fields(fields(event["message"])["usage"])) };
			case "content_block_start":
				return { said: this.#start(countOf(event["index"]) ?? 0, fields(event["content_block"])) };
			case "content_block_delta":
				return { said: this.#delta(countOf(event["index"]) ?? 0, fields(event["delta"])) };
			case "message_delta": {
				const reason = textOf(fields(event["delta"])["stop_reason"]);
				return { said: reason === undefined ? [] : [{ choice: 0, finish: finishes[reason] ?? "stop" }], usage: usageOf(fields(event["usage"])) };
			}
			case "error":
				throw malformed(this.#what, `an error${errorName(event)}`);
			default:
				return { said: [] };
		}
	}

	#start(index: number, { type, id, name, text }: Fields): readonly Said[] {
		if (type === "text") return text === "" || typeof text !== "string" ? [] : [{ choice: 0, text }];
		if (type !== "tool_use") return [];
		const place = this.#calls.size;
		this.#calls.set(index, place);
		return [{ choice: 0, toolCall: { index: place, id: (textOf(id) ?? "").slice(0, 128), name: (textOf(name) ?? "").slice(0, 128), arguments: "" } }];
	}

	#delta(index: number, delta: Fields): readonly Said[] {
		const text = textOf(delta["text"]);
		if (delta["type"] === "text_delta" && text !== undefined) return [{ choice: 0, text }];
		const thinking = textOf(delta["thinking"]);
		if (delta["type"] === "thinking_delta" && thinking !== undefined) return [{ choice: 0, reasoning: thinking }];
		const json = textOf(delta["partial_json"]);
		const place = this.#calls.get(index);
		if (delta["type"] === "input_json_delta" && json !== undefined && place !== undefined) return [{ choice: 0, toolCall: { index: place, arguments: json } }];
		return [];
	}
}

/** What was read from a cache was read all the same. */
function usageOf(usage: Fields): UsageSaid {
	const parts = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"].map((key) => countOf(usage[key]));
	const outputTokens = countOf(usage["output_tokens"]);
	return {
		...(parts[0] === undefined ? {} : { inputTokens: parts.reduce<number>((sum, part) => sum + (part ?? 0), 0) }),
		...(outputTokens === undefined ? {} : { outputTokens }),
	};
}
