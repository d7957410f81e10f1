/** Messages of `POST /v1/chat/completions`. */
import { limits, type TextMessage, type TextPart, type ToolCall } from "@freehold/protocol";
import { asList, asObject, asOneOf, asText, invalid, maybe, only, readDataUri, type Source } from "../fields/reader.js";

export function readMessages(value: unknown): readonly TextMessage[] {
	if (value === undefined) throw invalid("messages", "is missing");
	const list = asList(value, "messages", limits.textMessages);
	if (list.length === 0) throw invalid("messages", "must not be empty");
	return list.map((item, index) => readMessage(asObject(item, `messages[${index}]`), `messages[${index}]`));
}

function readMessage(source: Source, field: string): TextMessage {
	const role = asOneOf(source["role"], `${field}.role`, ["system", "developer", "user", "assistant", "tool"]);
	const name = maybe(source["name"], (value) => asText(value, `${field}.name`, 128), undefined);
	switch (role) {
		case "system":
		case "developer":
			only(source, field, ["role", "content", "name"]);
			return { role: "system", content: readContent(source["content"], `${field}.content`, false) };
		case "user":
			only(source, field, ["role", "content", "name"]);
			return { role, content: readContent(source["content"], `${field}.content`, true), ...(name === undefined ? {} : { name }) };
		case "assistant":
			return readAssistant(source, field, name);
		case "tool":
			only(source, field, ["role", "content", "tool_call_id"]);
			return {
				role,
				toolCallId: asText(source["tool_call_id"], `${field}.tool_call_id`, 128),
				content: readContent(source["content"], `${field}.content`, false),
			};
	}
}

/** What an answer looked like when it was given comes back in the next request: members that said nothing may say nothing again. */
const EMPTY_MEMBERS = ["refusal", "audio", "function_call", "annotations"];

function readAssistant(source: Source, field: string, name: string | undefined): TextMessage {
	// What a model thought is not part of the conversation that it is shown.
	only(source, field, ["role", "content", "name", "tool_calls", "reasoning_content", ...EMPTY_MEMBERS]);
	for (const member of EMPTY_MEMBERS) {
		const value = source[member];
		if (value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0)) throw invalid(`${field}.${member}`, "is not offered here");
	}
	const toolCalls = maybe(source["tool_calls"], (value) => asList(value, `${field}.tool_calls`, limits.textTools), []).map((call, index) =>
		readToolCall(asObject(call, `${field}.tool_calls[${index}]`), `${field}.tool_calls[${index}]`),
	);
	const content = maybe(source["content"], (value) => readContent(value, `${field}.content`, false), []);
	if (content.length === 0 && toolCalls.length === 0 && typeof source["content"] !== "string") throw invalid(`${field}.content`, "is missing");
	return { role: "assistant", content, toolCalls, ...(name === undefined ? {} : { name }) };
}

function readToolCall(source: Source, field: string): ToolCall {
	only(source, field, ["id", "type", "function", "index"]);
	if (source["type"] !== undefined) asOneOf(source["type"], `${field}.type`, ["function"]);
	const called = only(asObject(source["function"], `${field}.function`), `${field}.function`, ["name", "arguments"]);
	return {
		id: asText(source["id"], `${field}.id`, 128),
		name: asText(called["name"], `${field}.function.name`, 128),
		arguments: asText(called["arguments"], `${field}.function.arguments`, limits.textChars),
	};
}

function readContent(value: unknown, field: string, images: boolean): readonly TextPart[] {
	if (typeof value === "string") return value === "" ? [] : [{ type: "text", text: asText(value, field, limits.textChars) }];
	if (value === undefined || value === null) throw invalid(field, "is missing");
	return asList(value, field, limits.textParts).map((part, index) => readPart(asObject(part, `${field}[${index}]`), `${field}[${index}]`, images));
}

function readPart(source: Source, field: string, images: boolean): TextPart {
	if (source["type"] === "image_url" && images) {
		only(source, field, ["type", "image_url"]);
		const image = only(asObject(source["image_url"], `${field}.image_url`), `${field}.image_url`, ["url", "detail"]);
		if (image["detail"] !== undefined && image["detail"] !== "auto") throw invalid(`${field}.image_url.detail`, "is not offered here: a model looks as it can");
		return { type: "image", ...readDataUri(image["url"], `${field}.image_url.url`, limits.textAttachmentBytes) };
	}
	asOneOf(source["type"], `${field}.type`, images ? ["text", "image_url"] : ["text"]);
	only(source, field, ["type", "text"]);
	return { type: "text", text: asText(source["text"], `${field}.text`, limits.textChars) };
}
