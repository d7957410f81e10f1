/** A door to language models: how one route reads what is asked and says what is answered. */
import { type AnswerBegin, type AnswerWriter, type Dialect, receiptComment, type StreamWriter } from "@freehold/dialects";
import {
	deltaShape,
	errorBody,
	FreeholdError,
	formatOpg,
	isHex,
	type Receipt,
	type TextAnswer,
	type TextDelta,
	type TextRequest,
	type TextResponseBody,
	type TextStreamLine,
	textAnswerShape,
	textRequestShape,
} from "@freehold/protocol";

import { receiptFileJson } from "../inference/answer.js";
import { readFields, readTerms } from "../inference/ask.js";
import type { CallTerms } from "../inference/plan.js";
import type { CallRecord } from "../store/tables.js";

export interface TextAsk {
	readonly terms: CallTerms;
	readonly request: TextRequest;
	readonly stream: boolean;
	/** The caller did not bound the answer's length. */
	readonly openEnded: boolean;
	readonly voice: Voice;
}

/** A call that is paid and recorded. */
export interface Told {
	readonly call: CallRecord;
	readonly answer: TextAnswer;
	/** Header of x402; undefined for calls paid by an API key. */
	readonly settlement: string | undefined;
}

export interface Begin {
	readonly callId: CallRecord["order"]["callId"];
	/** Unix milliseconds. */
	readonly createdAt: number;
	readonly inputTokens: number;
}

export interface Voice {
	/** JSON of a whole answer. */
	whole(told: Told): unknown;
	stream(begin: Begin): StreamVoice;
}

export interface StreamVoice {
	open(): string;
	delta(delta: TextDelta): string;
	close(told: Told): string;
	/** `told`: what was charged, where something was. */
	fail(error: FreeholdError, told: Told | undefined): string;
}

export interface Door {
	readonly streamType: string;
	read(body: unknown): TextAsk;
	/** Body of a refusal. */
	refusal(error: FreeholdError): unknown;
}

/** The door of another system's clients. */
export function dialectDoor(dialect: Dialect, seed: () => number): Door {
	return {
		streamType: "text/event-stream; charset=utf-8",
		refusal: (error) => dialect.refusal(error),
		read(body) {
			const { model, request, stream, openEnded, writer } = dialect.read(body, { seed });
			const terms: CallTerms = { ...(isHex(model, 32) ? { release: model } : { model }), mode: "fast", require: [] };
			return { terms, request, stream, openEnded, voice: dialectVoice(writer, model) };
		},
	};
}

function dialectVoice(writer: AnswerWriter, model: string): Voice {
	const beginOf = (begin: Begin): AnswerBegin => ({ ...begin, model });
	const endOf = ({ call: { order, receipt } }: Told, createdAt = Number(receipt.startedAt)) => ({
		callId: order.callId,
		model,
		createdAt,
		inputTokens: Number(receipt.inputUnits),
		outputTokens: Number(receipt.outputUnits),
	});
	return {
		whole: (told) => writer.whole(told.answer, endOf(told)),
		stream: (begin): StreamVoice => {
			const stream: StreamWriter = writer.stream(beginOf(begin));
			return {
				open: () => stream.open(),
				delta: (delta) => stream.delta(delta),
				close: (told) => stream.close(told.answer, endOf(told, begin.createdAt), commentOf(told)),
				fail: (error, told) => stream.fail(error, told === undefined ? "" : commentOf(told)),
			};
		},
	};
}

function commentOf({ call: { order, receipt }, settlement }: Told): string {
	const { callId } = order;
	return receiptComment({
		callId,
		charge: receipt.charge.toString(),
		chargeOpg: formatOpg(receipt.charge),
		state: "signed",
		receipt: `/v1/calls/${callId}`,
		...(settlement === undefined ? {} : { settlement }),
	});
}

/** `POST /v1/text`: the protocol's own form, and the receipt file with the answer. */
export function exactDoor(chainId: number): Door {
	return {
		streamType: "application/x-ndjson",
		refusal: (error) => ({ error: errorBody(error) }),
		read(body) {
			const source = readFields(body, ["request", "stream"]);
			const { stream = false } = source;
			if (typeof stream !== "boolean") throw new FreeholdError("request.invalid", { field: "stream", reason: "must be true or false" });
			return { terms: readTerms(source), request: readRequest(source["request"]), stream, openEnded: false, voice: exactVoice(chainId) };
		},
	};
}

function readRequest(value: unknown): TextRequest {
	try {
		return textRequestShape.read(value, "request");
	} catch (error) {
		const reason = error instanceof Error ? error.message : "is malformed";
		throw new FreeholdError("request.invalid", { field: "request", reason });
	}
}

function exactVoice(chainId: number): Voice {
	const line = (value: TextStreamLine): string => `${JSON.stringify(value)}\n`;
	const bodyOf = (told: Told): TextResponseBody => ({
		answer: textAnswerShape.write(told.answer),
		usage: usageOf(told.call.receipt),
		callId: told.call.order.callId,
		receiptFile: receiptFileJson(told.call, chainId),
	});
	const settled = ({ settlement }: Told): { readonly settlement?: string } => (settlement === undefined ? {} : { settlement });
	return {
		whole: bodyOf,
		stream: ({ callId, inputTokens }) => ({
			open: () => line({ started: { callId, inputTokens } }),
			delta: (delta) => line({ delta: deltaShape.write(delta) }),
			close: (told) => line({ ended: bodyOf(told), ...settled(told) }),
			fail: (error, told) => line({ error: errorBody(error), ...(told === undefined ? {} : { ended: bodyOf(told), ...settled(told) }) }),
		}),
	};
}

function usageOf({ inputUnits, outputUnits, charge }: Receipt): TextResponseBody["usage"] {
	return { inputTokens: Number(inputUnits), outputTokens: Number(outputUnits), charge: charge.toString(), chargeOpg: formatOpg(charge) };
}
