/** Answers of `POST /v1/messages`: blocks, and the events that build them. */
import type { Finish, FreeholdError, TextAnswer, TextChoice, TextDelta } from "@freehold/protocol";
import type { AnswerBegin, AnswerEnd, AnswerWriter, StreamWriter } from "../dialect.js";
import { idOf } from "../openai/wire.js";
import { anthropicError } from "./errors.js";

const stopReasons: Readonly<Record<Finish, string>> = { stop: "end_turn", length: "max_tokens", tools: "tool_use", filter: "refusal", cancelled: "max_tokens" };

export function messageWriter(): AnswerWriter {
	return {
		whole: (answer, end) => {
			const choice = answer.task === "embedding" ? undefined : answer.choices[0];
			return {
				...head(end),
				content: choice === undefined ? [] : blocksOf(choice),
				stop_reason: choice === undefined ? "end_turn" : stopReasons[choice.finish],
				usage: usageOf(end.inputTokens, end.outputTokens),
			};
		},
		stream: (begin) => new MessageStream(begin),
	};
}

function head({ callId, model }: AnswerBegin): Readonly<Record<string, unknown>> {
	return { id: idOf("msg_", callId), type: "message", role: "assistant", model, content: [], stop_reason: null, stop_sequence: null };
}

function usageOf(inputTokens: number, outputTokens: number): unknown {
	return { input_tokens: inputTokens, output_tokens: outputTokens, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
}

function blocksOf({ text, reasoning, toolCalls }: TextChoice): readonly unknown[] {
	return [
		...(reasoning === undefined ? [] : [{ type: "thinking", thinking: reasoning, signature: "" }]),
		...(text === "" ? [] : [{ type: "text", text, citations: null }]),
		...toolCalls.map(({ id, name, arguments: given }) => ({ type: "tool_use", id, name, input: inputOf(given) })),
	];
}

/** What a small model wrote may be no JSON; the client's type wants an object, so it gets the text in one. */
function inputOf(given: string): unknown {
	try {
		const value: unknown = JSON.parse(given === "" ? "{}" : given);
		if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
	} catch {
		// Told below.
	}
	return { unreadable: given };
}

class MessageStream implements StreamWriter {
	readonly #begin: AnswerBegin;
	readonly #calls = new Map<number, number>();
	#open: { readonly kind: "text" | "thinking" | "tool"; readonly index: number } | undefined;
	#blocks = 0;
	#finish: Finish | undefined;

	constructor(begin: AnswerBegin) {
		this.#begin = begin;
	}

	open(): string {
		return event("message_start", { message: { ...head(this.#begin), usage: usageOf(this.#begin.inputTokens, 0) } });
	}

	delta({ text, reasoning, toolCall, finish }: TextDelta): string {
		let events = "";
		if (reasoning !== undefined) {
			events += this.#become("thinking", { type: "thinking", thinking: "", signature: "" });
			events += this.#piece({ type: "thinking_delta", thinking: reasoning });
		}
		if (text !== undefined && text !== "") {
			events += this.#become("text", { type: "text", text: "", citations: null });
			events += this.#piece({ type: "text_delta", text });
		}
		if (toolCall !== undefined) {
			if (!this.#calls.has(toolCall.index)) {
				events += this.#end();
				events += this.#become("tool", { type: "tool_use", id: toolCall.id ?? "", name: toolCall.name ?? "", input: {} });
				this.#calls.set(toolCall.index, this.#blocks - 1);
			}
			if (toolCall.arguments !== "") events += this.#piece({ type: "input_json_delta", partial_json: toolCall.arguments });
		}
		if (finish !== undefined) {
			this.#finish = finish;
			events += this.#end();
		}
		return events;
	}

	close(_: TextAnswer, end: AnswerEnd, receipt: string): string {
		const delta = { stop_reason: stopReasons[this.#finish ?? "cancelled"], stop_sequence: null };
		const last = event("message_delta", { delta, usage: usageOf(end.inputTokens, end.outputTokens) });
		return `${this.#end()}${last}${receipt}${event("message_stop", {})}`;
	}

	fail(error: FreeholdError, receipt: string): string {
		return `${receipt}event: error\ndata: ${JSON.stringify(anthropicError(error))}\n\n`;
	}

	#become(kind: "text" | "thinking" | "tool", block: unknown): string {
		if (this.#open?.kind === kind) return "";
		const ended = this.#end();
		this.#open = { kind, index: this.#blocks++ };
		return ended + event("content_block_start", { index: this.#open.index, content_block: block });
	}

	#piece(delta: unknown): string {
		return event("content_block_delta", { index: this.#open?.index ?? 0, delta });
	}

	#end(): string {
		if (this.#open === undefined) return "";
		const { index } = this.#open;
		this.#open = undefined;
		return event("content_block_stop", { index });
	}
}

function event(type: string, members: Readonly<Record<string, unknown>>): string {
	return `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`;
}
