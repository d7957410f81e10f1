/** Messages of `POST /v1/messages`: blocks of content, some of which are messages of their own to a model. */
import { limits, type TextMessage, type TextPart, type ToolCall } from "@freehold/protocol";
import { asList, asObject, asOneOf, asText, asTruth, invalid, maybe, only, readBase64, type Source } from "../fields/reader.js";

export function readSystem(value: unknown): readonly TextMessage[] {
	if (value === undefined || value === null || value === "") return [];
	if (typeof value === "string") return [{ role: "system", content: [{ type: "text", text: asText(value, "system", limits.textChars) }] }];
	const content = asList(value, "system", limits.textParts).map((item, index) => readText(asObject(item, `system[${index}]`), `system[${index}]`));
	return content.length === 0 ? [] : [{ role: "system", content }];
}

export function readMessages(value: unknown): readonly TextMessage[] {
	if (value === undefined) throw invalid("messages", "is missing");
	const list = asList(value, "messages", limits.textMessages);
	if (list.length === 0) throw invalid("messages", "must not be empty");
	return list.flatMap((item, index) => {
		const field = `messages[${index}]`;
		const source = only(asObject(item, field), field, ["role", "content"]);
		const role = asOneOf(source["role"], `${field}.role`, ["user", "assistant"]);
		const blocks =
			typeof source["content"] === "string" ? [{ type: "text", text: source["content"] }] : asList(source["content"], `${field}.content`, limits.textParts);
		const sources = blocks.map((block, at) => asObject(block, `${field}.content[${at}]`));
		return role === "user" ? readUser(sources, `${field}.content`) : [readAssistant(sources, `${field}.content`)];
	});
}

/** Results of tools come before the user's own words. */
function readUser(blocks: readonly Source[], field: string): readonly TextMessage[] {
	const results: TextMessage[] = [];
	const content: TextPart[] = [];
	for (const [index, block] of blocks.entries()) {
		const at = `${field}[${index}]`;
		const type = asOneOf(block["type"], `${at}.type`, ["text", "image", "tool_result"]);
		if (type === "tool_result") results.push(readResult(block, at));
		else content.push(readPart(block, at));
	}
	return content.length === 0 && results.length > 0 ? results : [...results, { role: "user", content }];
}

function readResult(source: Source, field: string): TextMessage {
	only(source, field, ["type", "tool_use_id", "content", "is_error", "cache_control"]);
	const value = source["content"];
	const parts: readonly TextPart[] =
		value === undefined || value === null
			? []
			: typeof value === "string"
				? [{ type: "text", text: asText(value, `${field}.content`, limits.textChars) }]
				: asList(value, `${field}.content`, limits.textParts).map((part, index) =>
						readPart(asObject(part, `${field}.content[${index}]`), `${field}.content[${index}]`),
					);
	// A model is told in words: results have no other sign of failure.
	const failed = maybe(source["is_error"], (flag) => asTruth(flag, `${field}.is_error`), false);
	const content: readonly TextPart[] = failed ? [{ type: "text", text: "Error: " }, ...parts] : parts;
	return { role: "tool", toolCallId: asText(source["tool_use_id"], `${field}.tool_use_id`, 128), content };
}

function readAssistant(blocks: readonly Source[], field: string): TextMessage {
	const content: TextPart[] = [];
	const toolCalls: ToolCall[] = [];
	for (const [index, block] of blocks.entries()) {
		const at = `${field}[${index}]`;
		const type = asOneOf(block["type"], `${at}.type`, ["text", "tool_use", "thinking", "redacted_thinking"]);
		if (type === "text") content.push(readText(block, at));
		else if (type === "tool_use") {
			only(block, at, ["type", "id", "name", "input", "cache_control", "caller"]);
			toolCalls.push({
				id: asText(block["id"], `${at}.id`, 128),
				name: asText(block["name"], `${at}.name`, 128),
				arguments: JSON.stringify(asObject(block["input"], `${at}.input`)),
			});
		}
		// What a model thought is not part of the conversation that it is shown.
	}
	return { role: "assistant", content, toolCalls };
}

function readPart(source: Source, field: string): TextPart {
	if (asOneOf(source["type"], `${field}.type`, ["text", "image"]) === "text") return readText(source, field);
	only(source, field, ["type", "source", "cache_control"]);
	const image = only(asObject(source["source"], `${field}.source`), `${field}.source`, ["type", "media_type", "data", "url"]);
	if (image["type"] !== "base64") throw invalid(`${field}.source.type`, "must be base64; URLs are not fetched");
	const data = readBase64(asText(image["data"], `${field}.source.data`, Math.ceil(limits.textAttachmentBytes / 3) * 4), `${field}.source.data`);
	return { type: "image", mediaType: asText(image["media_type"], `${field}.source.media_type`, 100), data };
}

function readText(source: Source, field: string): TextPart {
	only(source, field, ["type", "text", "cache_control", "citations"]);
	asOneOf(source["type"], `${field}.type`, ["text"]);
	const { citations } = source;
	if (citations !== undefined && citations !== null && !(Array.isArray(citations) && citations.length === 0))
		throw invalid(`${field}.citations`, "is not offered here");
	return { type: "text", text: asText(source["text"], `${field}.text`, limits.textChars) };
}
