/** Answers of `POST /v1/responses`: items, and the events that build them. */
import type { FreeholdError, TextAnswer, TextChoice, TextDelta } from "@freehold/protocol";
import type { AnswerBegin, AnswerEnd, AnswerWriter, StreamWriter } from "../dialect.js";
import { idOf, openaiError, wireLogprob } from "./wire.js";

/** Members of the request that the answer repeats. */
export type Echo = Readonly<Record<string, unknown>>;

export function responseWriter(echo: Echo): AnswerWriter {
	return {
		whole: (answer, end) => finished(answer, end, echo),
		stream: (begin) => new ResponseStream(begin, echo),
	};
}

function skeleton({ callId, createdAt, model }: AnswerBegin, echo: Echo): Readonly<Record<string, unknown>> {
	return {
		id: idOf("resp_", callId),
		object: "response",
		created_at: Math.floor(createdAt / 1000),
		status: "in_progress",
		error: null,
		incomplete_details: null,
		model,
		output: [],
		previous_response_id: null,
		store: false,
		truncation: "disabled",
		usage: null,
		...echo,
	};
}

function finished(answer: TextAnswer, end: AnswerEnd, echo: Echo): Readonly<Record<string, unknown>> {
	const choice = answer.task === "embedding" ? undefined : answer.choices[0];
	const incomplete = choice?.finish === "length" ? "max_output_tokens" : choice?.finish === "filter" ? "content_filter" : undefined;
	const { inputTokens, outputTokens } = end;
	return {
		...skeleton(end, echo),
		status: incomplete === undefined ? "completed" : "incomplete",
		incomplete_details: incomplete === undefined ? null : { reason: incomplete },
		output: choice === undefined ? [] : itemsOf(choice, end.callId, incomplete === undefined ? "completed" : "incomplete"),
		usage: {
			input_tokens: inputTokens,
			input_tokens_details: { cached_tokens: 0 },
			output_tokens: outputTokens,
			output_tokens_details: { reasoning_tokens: 0 },
			total_tokens: inputTokens + outputTokens,
		},
	};
}

function itemsOf({ text, reasoning, toolCalls, logprobs }: TextChoice, callId: string, status: string): readonly unknown[] {
	return [
		...(reasoning === undefined ? [] : [reasoningItem(callId, reasoning)]),
		...(text === "" && toolCalls.length > 0 ? [] : [messageItem(callId, text, status, logprobs)]),
		...toolCalls.map(({ id, name, arguments: given }) => callItem(id, name, given, status)),
	];
}

const reasoningItem = (callId: string, text: string): unknown => ({
	id: idOf("rs_", callId),
	type: "reasoning",
	summary: [],
	content: [{ type: "reasoning_text", text }],
	status: "completed",
});

const messageItem = (callId: string, text: string, status: string, logprobs: TextChoice["logprobs"]): unknown => ({
	id: idOf("msg_", callId),
	type: "message",
	status,
	role: "assistant",
	content: [textPart(text, logprobs)],
});

const textPart = (text: string, logprobs: TextChoice["logprobs"]): unknown => ({
	type: "output_text",
	text,
	annotations: [],
	logprobs: (logprobs ?? []).map(wireLogprob),
});

const callItem = (id: string, name: string, given: string, status: string): unknown => ({
	id: `fc_${id}`,
	type: "function_call",
	status,
	call_id: id,
	name,
	arguments: given,
});

type OpenItem =
	| { readonly kind: "message"; readonly index: number; text: string }
	| { readonly kind: "reasoning"; readonly index: number; text: string }
	| { readonly kind: "call"; readonly index: number; readonly id: string; readonly name: string; text: string };

class ResponseStream implements StreamWriter {
	readonly #begin: AnswerBegin;
	readonly #echo: Echo;
	readonly #calls = new Map<number, OpenItem & { kind: "call" }>();
	#current: OpenItem | undefined;
	#logprobs: NonNullable<TextChoice["logprobs"]>[number][] = [];
	#items = 0;
	#sequence = 0;

	constructor(begin: AnswerBegin, echo: Echo) {
		this.#begin = begin;
		this.#echo = echo;
	}

	open(): string {
		const response = skeleton(this.#begin, this.#echo);
		return this.#event("response.created", { response }) + this.#event("response.in_progress", { response });
	}

	delta({ text, reasoning, toolCall, logprobs }: TextDelta): string {
		let events = "";
		if (reasoning !== undefined) {
			events += this.#become("reasoning");
			(this.#current as OpenItem).text += reasoning;
			events += this.#event("response.reasoning_text.delta", { ...this.#place("rs_"), content_index: 0, delta: reasoning });
		}
		if (text !== undefined) {
			events += this.#become("message");
			(this.#current as OpenItem).text += text;
			this.#logprobs.push(...(logprobs ?? []));
			events += this.#event("response.output_text.delta", {
				...this.#place("msg_"),
				content_index: 0,
				delta: text,
				logprobs: (logprobs ?? []).map(wireLogprob),
			});
		}
		if (toolCall !== undefined) events += this.#call(toolCall);
		return events;
	}

	close(answer: TextAnswer, end: AnswerEnd, receipt: string): string {
		const response = finished(answer, end, this.#echo);
		const last = this.#endItem();
		return `${last}${receipt}${this.#event(response["status"] === "completed" ? "response.completed" : "response.incomplete", { response })}`;
	}

	fail(error: FreeholdError, receipt: string): string {
		const { message, code, param } = openaiError(error).error;
		return `${receipt}${this.#event("error", { code, message, param })}`;
	}

	/** Ends the item that is open and opens one of the kind, unless it is open already. */
	#become(kind: "message" | "reasoning"): string {
		if (this.#current?.kind === kind) return "";
		const ended = this.#endItem();
		const item = { kind, index: this.#items++, text: "" } as const;
		this.#current = { ...item };
		const { callId } = this.#begin;
		const opened =
			kind === "message"
				? { id: idOf("msg_", callId), type: "message", status: "in_progress", role: "assistant", content: [] }
				: { id: idOf("rs_", callId), type: "reasoning", status: "in_progress", summary: [], content: [] };
		const added = this.#event("response.output_item.added", { output_index: item.index, item: opened });
		return `${ended}${added}${kind === "message" ? this.#event("response.content_part.added", { ...this.#place("msg_"), content_index: 0, part: textPart("", undefined) }) : ""}`;
	}

	#call({ index, id, name, arguments: given }: NonNullable<TextDelta["toolCall"]>): string {
		let events = "";
		let call = this.#calls.get(index);
		if (call === undefined) {
			events += this.#endItem();
			call = { kind: "call", index: this.#items++, id: id ?? "", name: name ?? "", text: "" };
			this.#calls.set(index, call);
			this.#current = call;
			events += this.#event("response.output_item.added", { output_index: call.index, item: callItem(call.id, call.name, "", "in_progress") });
		}
		call.text += given;
		if (given !== "") events += this.#event("response.function_call_arguments.delta", { item_id: `fc_${call.id}`, output_index: call.index, delta: given });
		return events;
	}

	#endItem(): string {
		const item = this.#current;
		this.#current = undefined;
		if (item === undefined) return "";
		const { callId } = this.#begin;
		if (item.kind === "call") {
			const done = this.#event("response.function_call_arguments.done", {
				item_id: `fc_${item.id}`,
				output_index: item.index,
				name: item.name,
				arguments: item.text,
			});
			return done + this.#event("response.output_item.done", { output_index: item.index, item: callItem(item.id, item.name, item.text, "completed") });
		}
		if (item.kind === "reasoning") {
			const place = { item_id: idOf("rs_", callId), output_index: item.index, content_index: 0 };
			const done = this.#event("response.reasoning_text.done", { ...place, text: item.text });
			return done + this.#event("response.output_item.done", { output_index: item.index, item: reasoningItem(callId, item.text) });
		}
		const place = { item_id: idOf("msg_", callId), output_index: item.index, content_index: 0 };
		return (
			this.#event("response.output_text.done", { ...place, text: item.text, logprobs: this.#logprobs.map(wireLogprob) }) +
			this.#event("response.content_part.done", { ...place, part: textPart(item.text, this.#logprobs) }) +
			this.#event("response.output_item.done", { output_index: item.index, item: messageItem(callId, item.text, "completed", this.#logprobs) })
		);
	}

	#place(prefix: string): { readonly item_id: string; readonly output_index: number } {
		return { item_id: idOf(prefix, this.#begin.callId), output_index: this.#current?.index ?? 0 };
	}

	#event(type: string, members: Readonly<Record<string, unknown>>): string {
		return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: this.#sequence++, ...members })}\n\n`;
	}
}
