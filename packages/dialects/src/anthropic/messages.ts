/** `POST /v1/messages` and `POST /v1/messages/count_tokens` (Anthropic API reference, "Messages"). */
import { type ChatRequest, limits, type TextTool } from "@freehold/protocol";
import type { Asked, Dialect, ReadContext } from "../dialect.js";
import { asInteger, asList, asNumber, asObject, asOneOf, asText, asTruth, invalid, maybe, only, readBody, type Source } from "../fields/reader.js";
import { fieldTables } from "../fields/tables.js";
import { checkToolNames, readModel, readSchema, readStop } from "../openai/wire.js";
import { messageWriter } from "./answer.js";
import { readMessages, readSystem } from "./content.js";
import { anthropicError } from "./errors.js";

const fields = fieldTables["POST /v1/messages"];
const countable = fieldTables["POST /v1/messages/count_tokens"];

export const messages: Dialect = {
	fields,
	refusal: anthropicError,
	read(body, context): Asked {
		const source = readBody(body, fields);
		if (source["max_tokens"] === undefined) throw invalid("max_tokens", "is missing");
		const stream = maybe(source["stream"], (value) => asTruth(value, "stream"), false);
		const request = readRequest(source, context, asInteger(source["max_tokens"], "max_tokens", 1, limits.textOutputTokens));
		return { model: readModel(source), request, stream, openEnded: false, writer: messageWriter() };
	},
};

/** Reads what is to be counted; nothing is answered. */
export const countTokens: Pick<Dialect, "fields" | "refusal"> & { read(body: unknown): Pick<Asked, "model" | "request"> } = {
	fields: countable,
	refusal: anthropicError,
	read(body) {
		const source = readBody(body, countable);
		return { model: readModel(source), request: readRequest(source, { seed: () => 0 }, 1) };
	},
};

function readRequest(source: Source, context: ReadContext, maxOutputTokens: number): ChatRequest {
	const tools = maybe(source["tools"], (value) => asList(value, "tools", limits.textTools), []).map((tool, index) =>
		readTool(asObject(tool, `tools[${index}]`), `tools[${index}]`),
	);
	checkToolNames(tools);
	const { choice, parallel } = readToolChoice(source["tool_choice"], tools);
	const output = maybe(source["output_config"], (value) => only(asObject(value, "output_config"), "output_config", ["effort", "format"]), {} as Source);
	const effort = maybe(output["effort"], (value) => asOneOf(value, "output_config.effort", ["low", "medium", "high"]), undefined);
	return {
		task: "chat",
		messages: [...readSystem(source["system"]), ...readMessages(source["messages"])],
		tools,
		toolChoice: choice,
		parallelToolCalls: parallel,
		format: readFormat(output["format"]),
		...(effort === undefined ? {} : { effort }),
		sampling: {
			temperature: maybe(source["temperature"], (value) => asNumber(value, "temperature", 0, 1), 0),
			topP: maybe(source["top_p"], (value) => asNumber(value, "top_p", 0, 1), 1),
			topK: maybe(source["top_k"], (value) => asInteger(value, "top_k", 0, 1_000_000), 0),
			minP: 0,
			presencePenalty: 0,
			frequencyPenalty: 0,
			seed: context.seed(),
		},
		stop: readStop(source["stop_sequences"], "stop_sequences"),
		maxOutputTokens,
		choices: 1,
	};
}

function readTool(source: Source, field: string): TextTool {
	if (source["type"] !== undefined && source["type"] !== null && source["type"] !== "custom")
		throw invalid(`${field}.type`, "must be custom: tools run at your side");
	only(source, field, ["type", "name", "description", "input_schema", "cache_control", "strict", "eager_input_streaming"]);
	const description = maybe(source["description"], (value) => asText(value, `${field}.description`, limits.textChars), undefined);
	return {
		name: asText(source["name"], `${field}.name`, 128),
		...(description === undefined ? {} : { description }),
		parameters: readSchema(source["input_schema"], `${field}.input_schema`),
		strict: maybe(source["strict"], (value) => asTruth(value, `${field}.strict`), false),
	};
}

function readToolChoice(value: unknown, tools: readonly TextTool[]): { readonly choice: ChatRequest["toolChoice"]; readonly parallel: boolean } {
	if (value === undefined || value === null) return { choice: { type: tools.length === 0 ? "none" : "auto" }, parallel: true };
	const source = only(asObject(value, "tool_choice"), "tool_choice", ["type", "name", "disable_parallel_tool_use"]);
	const parallel = !maybe(source["disable_parallel_tool_use"], (flag) => asTruth(flag, "tool_choice.disable_parallel_tool_use"), false);
	const type = asOneOf(source["type"], "tool_choice.type", ["auto", "any", "tool", "none"]);
	if (type === "none" || (type === "auto" && tools.length === 0)) return { choice: { type: "none" }, parallel };
	if (type === "auto") return { choice: { type }, parallel };
	if (tools.length === 0) throw invalid("tool_choice", "requires tools");
	if (type === "any") return { choice: { type: "required" }, parallel };
	const { name } = source;
	if (typeof name !== "string" || !tools.some((tool) => tool.name === name)) throw invalid("tool_choice.name", "must name one of the tools");
	return { choice: { type: "tool", name }, parallel };
}

function readFormat(value: unknown): ChatRequest["format"] {
	if (value === undefined || value === null) return { type: "text" };
	const format = only(asObject(value, "output_config.format"), "output_config.format", ["type", "schema"]);
	asOneOf(format["type"], "output_config.format.type", ["json_schema"]);
	return { type: "schema", name: "answer", schema: readSchema(format["schema"], "output_config.format.schema"), strict: true };
}
