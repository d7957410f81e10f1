/** The specification of a provider's wire: how a request is put, and what each event of the answer says. Dialects know nothing of each other. */
import { type Finish, FreeholdError, type JsonValue, type TextRequest, type TokenLogprob } from "@freehold/protocol";
import type { ServerEvent } from "./sse.js";

export interface WireRequest {
	/** Behind the provider's URL. */
	readonly path: string;
	readonly body: Readonly<Record<string, unknown>>;
	/** The answer comes as events; else as one JSON value. */
	readonly streams: boolean;
}

/** A piece of a choice, in the order the provider says it. */
export interface Said {
	readonly choice: number;
	readonly text?: string;
	readonly reasoning?: string;
	readonly toolCall?: { readonly index: number; readonly id?: string; readonly name?: string; readonly arguments: string };
	readonly logprobs?: readonly TokenLogprob[];
	readonly finish?: Finish;
}

/** Tokens as the provider counts them; the latest word counts. */
export interface UsageSaid {
	readonly inputTokens?: number;
	readonly outputTokens?: number;
}

export interface WireReader {
	/** What an event says. Throws `upstream.failed` for an error, or for what is no answer. */
	read(event: ServerEvent): { readonly said: readonly Said[]; readonly usage?: UsageSaid };
}

export interface Dialect {
	/** Headers that carry the key. */
	headers(key: string | undefined): Readonly<Record<string, string>>;
	/** Throws `text.unsupported` for what the wire cannot say: nothing is left out in silence. */
	request(request: TextRequest, model: string): WireRequest;
	reader(request: TextRequest, what: string): WireReader;
	/** Vectors of a whole answer to an embedding, and its tokens. */
	vectors(answer: unknown, what: string): { readonly vectors: readonly (readonly number[])[]; readonly inputTokens: number | undefined };
}

export function unsupported(what: string, reason: string): FreeholdError {
	return new FreeholdError("text.unsupported", { what, reason });
}

export function malformed(what: string, reason = "an answer in a form that is not its own"): FreeholdError {
	return new FreeholdError("upstream.failed", { what, reason });
}

/** JSON object of an event's data. */
export function objectOf(data: string, what: string): Fields {
	try {
		const value: unknown = JSON.parse(data);
		if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
	} catch {
		// Told below.
	}
	throw malformed(what);
}

export type Fields = Readonly<Record<string, unknown>>;

export function fields(value: unknown): Fields {
	return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function items(value: unknown): readonly unknown[] {
	return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | undefined {
	return typeof value === "string" ? value : undefined;
}

export function countOf(value: unknown): number | undefined {
	return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** What a provider calls its error, without any of its words: those may repeat a prompt or a part of a key. */
export function errorName(value: unknown): string {
	const { type, code, status } = fields(fields(value)["error"] ?? value);
	const name = [type, code, status].find((candidate) => typeof candidate === "string" && /^[A-Za-z0-9_.-]{1,60}$/.test(candidate));
	return typeof name === "string" ? ` (${name})` : "";
}

/** Arguments of a tool call as an object. */
export function argumentsOf(text: string): JsonValue {
	try {
		return JSON.parse(text === "" ? "{}" : text) as JsonValue;
	} catch {
		throw unsupported("A tool call whose arguments are no JSON", "the provider takes JSON only");
	}
}
