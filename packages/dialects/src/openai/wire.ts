/** What OpenAI's routes have in common: sampling, tools, formats, ends, errors. */
import {
	type ChatRequest,
	errorBody,
	type Finish,
	type FreeholdError,
	type JsonValue,
	limits,
	type Sampling,
	type TextFormat,
	type TextTool,
	type TokenLogprob,
	type ToolChoice,
} from "@freehold/protocol";
import type { ReadContext } from "../dialect.js";
import { asInteger, asList, asNumber, asObject, asOneOf, asText, asTruth, invalid, maybe, only, type Source } from "../fields/reader.js";

/** OpenGradient's gateway gives a model as many where the caller does not say (its specification, 1.9). */
export const DEFAULT_OUTPUT_TOKENS = 4_096;

const NAME = /^[a-zA-Z0-9_-]{1,128}$/;

export function readModel(source: Source): string {
	if (source["model"] === undefined || source["model"] === null) throw invalid("model", "is missing");
	return asText(source["model"], "model", 200);
}

export function readSampling(source: Source, context: ReadContext, choices = 1): Sampling {
	return {
		temperature: maybe(source["temperature"], (value) => asNumber(value, "temperature", 0, 2), choices > 1 ? 1 : 0),
		topP: maybe(source["top_p"], (value) => asNumber(value, "top_p", 0, 1), 1),
		topK: maybe(source["top_k"], (value) => asInteger(value, "top_k", 0, 1_000_000), 0),
		minP: maybe(source["min_p"], (value) => asNumber(value, "min_p", 0, 1), 0),
		presencePenalty: maybe(source["presence_penalty"], (value) => asNumber(value, "presence_penalty", -2, 2), 0),
		frequencyPenalty: maybe(source["frequency_penalty"], (value) => asNumber(value, "frequency_penalty", -2, 2), 0),
		seed:
			maybe(
				source["seed"],
				(value) => Number(BigInt.asUintN(32, BigInt(asInteger(value, "seed", -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)))),
				undefined,
			) ?? context.seed(),
	};
}

export function readStop(value: unknown, field = "stop"): readonly string[] {
	const stops = typeof value === "string" ? [value] : maybe(value, (list) => asList(list, field, limits.textStops), []);
	return stops.map((stop, index) => {
		const text = asText(stop, `${field}[${index}]`, limits.textStopChars);
		if (text === "") throw invalid(`${field}[${index}]`, "must not be empty");
		return text;
	});
}

export function readChoices(source: Source): number {
	return maybe(source["n"], (value) => asInteger(value, "n", 1, limits.textChoices), 1);
}

export interface StreamOptions {
	readonly stream: boolean;
	readonly includeUsage: boolean;
}

export function readStreaming(source: Source): StreamOptions {
	const stream = maybe(source["stream"], (value) => asTruth(value, "stream"), false);
	const options = maybe(
		source["stream_options"],
		(value) => only(asObject(value, "stream_options"), "stream_options", ["include_usage", "include_obfuscation"]),
		{} as Source,
	);
	if (maybe(options["include_obfuscation"], (value) => asTruth(value, "stream_options.include_obfuscation"), false))
		throw invalid("stream_options.include_obfuscation", "is not offered here: pieces are as long as their text");
	return { stream, includeUsage: maybe(options["include_usage"], (value) => asTruth(value, "stream_options.include_usage"), false) };
}

/** A function's declaration: name, description, parameters, strict. */
export function readFunction(source: Source, field: string): TextTool {
	only(source, field, ["type", "name", "description", "parameters", "strict"]);
	const name = asText(source["name"], `${field}.name`, 128);
	if (!NAME.test(name)) throw invalid(`${field}.name`, "must be letters, digits, _ and -");
	const description = maybe(source["description"], (value) => asText(value, `${field}.description`, limits.textChars), undefined);
	return {
		name,
		...(description === undefined ? {} : { description }),
		parameters: readSchema(source["parameters"] ?? { type: "object", properties: {} }, `${field}.parameters`),
		strict: maybe(source["strict"], (value) => asTruth(value, `${field}.strict`), false),
	};
}

export function readSchema(value: unknown, field: string): JsonValue {
	const schema = asObject(value, field);
	if (JSON.stringify(schema).length > limits.textSchemaChars)
		throw invalid(field, `must have at most ${limits.textSchemaChars} characters`, limits.textSchemaChars);
	return schema as JsonValue;
}

export function checkToolNames(tools: readonly TextTool[]): void {
	const names = new Set<string>();
	for (const [index, { name }] of tools.entries()) {
		if (names.has(name)) throw invalid(`tools[${index}]`, `repeats the name ${name}`);
		names.add(name);
	}
}

/** `named`: the function that an object form names. */
export function readToolChoice(value: unknown, tools: readonly TextTool[], named: (choice: Source) => unknown): ToolChoice {
	if (value === undefined || value === null) return { type: tools.length === 0 ? "none" : "auto" };
	if (typeof value === "string") {
		const choice = asOneOf(value, "tool_choice", ["auto", "none", "required"]);
		if (choice === "required" && tools.length === 0) throw invalid("tool_choice", "requires tools");
		return { type: tools.length === 0 ? "none" : choice };
	}
	const name = named(asObject(value, "tool_choice"));
	if (typeof name !== "string" || !tools.some((tool) => tool.name === name)) throw invalid("tool_choice", "must name one of the tools");
	return { type: "tool", name };
}

/** `{type, name, schema, strict}` of a format, wherever the route nests it. */
export function readFormat(source: Source, schemaOf: (source: Source) => Source, field: string): TextFormat {
	const type = asOneOf(source["type"], `${field}.type`, ["text", "json_object", "json_schema"]);
	if (type === "text") return { type: "text" };
	if (type === "json_object") return { type: "json" };
	const { name, schema, strict, description } = schemaOf(source);
	if (description !== undefined && description !== null) throw invalid(`${field}.description`, "is not offered here: say it in the messages");
	return {
		type: "schema",
		name: asText(name, `${field}.name`, 128),
		schema: readSchema(schema ?? {}, `${field}.schema`),
		strict: maybe(strict, (value) => asTruth(value, `${field}.strict`), false),
	};
}

/** Undefined: none is asked. */
export function readEffort(value: unknown, field: string): ChatRequest["effort"] {
	if (value === undefined || value === null || value === "none") return undefined;
	return asOneOf(value, field, ["minimal", "low", "medium", "high"]);
}

export const finishReasons: Readonly<Record<Finish, string>> = {
	stop: "stop",
	length: "length",
	tools: "tool_calls",
	filter: "content_filter",
	cancelled: "length",
};

export interface WireLogprob {
	readonly token: string;
	readonly logprob: number;
	readonly bytes: readonly number[];
	readonly top_logprobs: readonly { readonly token: string; readonly logprob: number; readonly bytes: readonly number[] }[];
}

export function wireLogprob({ token, logprob, bytes, top }: TokenLogprob): WireLogprob {
	return { token, logprob, bytes: [...bytes], top_logprobs: top.map((other) => ({ token: other.token, logprob: other.logprob, bytes: [...other.bytes] })) };
}

export function idOf(prefix: string, callId: string): string {
	return `${prefix}${callId.slice(2)}`;
}

const types: Readonly<Record<number, string>> = {
	401: "authentication_error",
	402: "insufficient_quota",
	403: "permission_error",
	404: "not_found_error",
	429: "rate_limit_error",
};

/** `{error: {message, type, param, code}}`, with our code and where it is explained. */
export function openaiError(error: FreeholdError): { readonly error: Readonly<Record<string, unknown>> } {
	const { code, message, field, limit, retryable, docs } = errorBody(error);
	const { status } = error.entry;
	const type = types[status] ?? (status < 500 ? "invalid_request_error" : "server_error");
	return { error: { message, type, param: field ?? null, code, ...(limit === undefined ? {} : { limit }), retryable, docs } };
}
