/** What a dialect is: a reader of bodies, writers of answers, and the client's own shape of a refusal. */
import type { FreeholdError, Hex, TextAnswer, TextDelta, TextRequest } from "@freehold/protocol";
import type { FieldTable } from "./fields/tables.js";

export interface ReadContext {
	/** Draws a seed for a caller who left it open: a whole number below 2³². */
	readonly seed: () => number;
}

export interface Asked {
	/** As the client spells it. */
	readonly model: string;
	readonly request: TextRequest;
	readonly stream: boolean;
	/** The client did not bound the answer's length. */
	readonly openEnded: boolean;
	readonly writer: AnswerWriter;
}

export interface AnswerBegin {
	readonly callId: Hex;
	/** As the client spells it. */
	readonly model: string;
	/** Unix milliseconds. */
	readonly createdAt: number;
	readonly inputTokens: number;
}

export interface AnswerEnd extends AnswerBegin {
	readonly outputTokens: number;
}

export interface AnswerWriter {
	/** JSON of a whole answer. */
	whole(answer: TextAnswer, end: AnswerEnd): unknown;
	stream(begin: AnswerBegin): StreamWriter;
}

/** Text of server-sent events, in order: `open`, deltas, then `close` or `fail`. */
export interface StreamWriter {
	open(): string;
	delta(delta: TextDelta): string;
	/** The last events; `receipt` is a comment that clients skip. */
	close(answer: TextAnswer, end: AnswerEnd, receipt: string): string;
	fail(error: FreeholdError, receipt: string): string;
}

export interface Dialect {
	readonly fields: FieldTable;
	/** Throws `request.invalid` naming the field. */
	read(body: unknown, context: ReadContext): Asked;
	/** Body of a refusal. */
	refusal(error: FreeholdError): unknown;
}

/** A line of a stream that every parser of server-sent events skips (HTML standard, 9.2.6): what a receipt-keeping client reads. */
export function receiptComment(value: unknown): string {
	return `: freehold ${JSON.stringify(value)}\n`;
}
