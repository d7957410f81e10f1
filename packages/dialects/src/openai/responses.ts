/** `POST /v1/responses` (OpenAI API reference, "Create a model response"), without a memory of earlier ones. */
import { type ChatRequest, limits, type TextMessage } from "@freehold/protocol";
import type { Asked, Dialect } from "../dialect.js";
import { asInteger, asList, asObject, asOneOf, asText, asTruth, invalid, maybe, only, readBody, type Source } from "../fields/reader.js";
import { fieldTables } from "../fields/tables.js";
import { responseWriter } from "./response-answer.js";
import { readInput } from "./response-input.js";
import {
	checkToolNames,
	DEFAULT_OUTPUT_TOKENS,
	openaiError,
	readEffort,
	readFormat,
	readFunction,
	readModel,
	readSampling,
	readStreaming,
	readToolChoice,
} from "./wire.js";

const fields = fieldTables["POST /v1/responses"];
/** What may be asked to be put into the answer. */
const includable = ["message.output_text.logprobs", "reasoning.encrypted_content"] as const;

export const responses: Dialect = {
	fields,
	refusal: openaiError,
	read(body, context): Asked {
		const source = readBody(body, fields);
		const model = readModel(source);
		const instructions = maybe(source["instructions"], (value) => asText(value, "instructions", limits.textChars), undefined);
		const system: readonly TextMessage[] = instructions === undefined ? [] : [{ role: "system", content: [{ type: "text", text: instructions }] }];
		const tools = maybe(source["tools"], (value) => asList(value, "tools", limits.textTools), []).map((tool, index) => {
			const declared = asObject(tool, `tools[${index}]`);
			asOneOf(declared["type"], `tools[${index}].type`, ["function"]);
			return readFunction(declared, `tools[${index}]`);
		});
		checkToolNames(tools);
		const include = maybe(source["include"], (value) => asList(value, "include", includable.length), []).map((item, index) =>
			asOneOf(item, `include[${index}]`, includable),
		);
		const top = maybe(source["top_logprobs"], (value) => asInteger(value, "top_logprobs", 0, limits.textLogprobs), undefined);
		const logprobs = include.includes("message.output_text.logprobs") || (top !== undefined && top > 0) ? (top ?? 0) : undefined;
		const reasoning = maybe(
			source["reasoning"],
			(value) => only(asObject(value, "reasoning"), "reasoning", ["effort", "summary", "generate_summary"]),
			{} as Source,
		);
		for (const member of ["summary", "generate_summary"])
			if (reasoning[member] !== undefined && reasoning[member] !== null)
				throw invalid(`reasoning.${member}`, "is not offered here: what the model thought comes whole");
		const effort = readEffort(reasoning["effort"], "reasoning.effort");
		const format = readText(source["text"]);
		const limit = source["max_output_tokens"];
		const openEnded = limit === undefined || limit === null;
		const { stream } = readStreaming(source);
		const parallelToolCalls = maybe(source["parallel_tool_calls"], (value) => asTruth(value, "parallel_tool_calls"), true);
		const request: ChatRequest = {
			task: "chat",
			messages: [...system, ...readInput(source["input"])],
			tools,
			toolChoice: readToolChoice(source["tool_choice"], tools, (choice) => {
				only(choice, "tool_choice", ["type", "name"]);
				asOneOf(choice["type"], "tool_choice.type", ["function"]);
				return choice["name"];
			}),
			parallelToolCalls,
			format,
			...(effort === undefined ? {} : { effort }),
			sampling: readSampling(source, context),
			stop: [],
			maxOutputTokens: openEnded ? DEFAULT_OUTPUT_TOKENS : asInteger(limit, "max_output_tokens", 1, limits.textOutputTokens),
			choices: 1,
			...(logprobs === undefined ? {} : { logprobs }),
		};
		const echo = {
			instructions: instructions ?? null,
			max_output_tokens: limit ?? null,
			metadata: readMetadata(source["metadata"]),
			parallel_tool_calls: parallelToolCalls,
			reasoning: { effort: effort ?? null, summary: null },
			temperature: request.sampling.temperature,
			text: source["text"] ?? { format: { type: "text" } },
			tool_choice: source["tool_choice"] ?? "auto",
			tools: source["tools"] ?? [],
			top_p: request.sampling.topP,
			...(source["user"] === undefined ? {} : { user: source["user"] }),
		};
		return { model, request, stream, openEnded, writer: responseWriter(echo) };
	},
};

function readText(value: unknown): ChatRequest["format"] {
	if (value === undefined || value === null) return { type: "text" };
	const text = only(asObject(value, "text"), "text", ["format", "verbosity"]);
	if (text["verbosity"] !== undefined && text["verbosity"] !== null && text["verbosity"] !== "medium")
		throw invalid("text.verbosity", "is not offered here: say it in the messages");
	return maybe(
		text["format"],
		(format) =>
			readFormat(only(asObject(format, "text.format"), "text.format", ["type", "name", "schema", "strict", "description"]), (source) => source, "text.format"),
		{ type: "text" } as const,
	);
}

function readMetadata(value: unknown): Source {
	const metadata = maybe(value, (given) => asObject(given, "metadata"), {} as Source);
	const entries = Object.entries(metadata);
	if (entries.length > 16) throw invalid("metadata", "must have at most 16 members", 16);
	for (const [name, text] of entries) {
		asText(name, "metadata", 64);
		asText(text, `metadata.${name}`, 512);
	}
	return metadata;
}
