/** Input items of `POST /v1/responses`, as messages. */
import { limits, type TextMessage, type TextPart } from "@freehold/protocol";
import { asList, asObject, asOneOf, asText, invalid, only, readDataUri, type Source } from "../fields/reader.js";

export function readInput(value: unknown): readonly TextMessage[] {
	if (typeof value === "string") return [{ role: "user", content: [{ type: "text", text: asText(value, "input", limits.textChars) }] }];
	if (value === undefined || value === null) throw invalid("input", "is missing");
	const items = asList(value, "input", limits.textMessages);
	if (items.length === 0) throw invalid("input", "must not be empty");
	const messages: TextMessage[] = [];
	for (const [index, item] of items.entries()) addItem(messages, asObject(item, `input[${index}]`), `input[${index}]`);
	return messages;
}

function addItem(messages: TextMessage[], source: Source, field: string): void {
	switch (asOneOf(source["type"] ?? "message", `${field}.type`, ["message", "function_call", "function_call_output", "reasoning"])) {
		case "message":
			messages.push(readMessage(source, field));
			return;
		case "function_call": {
			only(source, field, ["type", "id", "call_id", "name", "arguments", "status"]);
			const call = {
				id: asText(source["call_id"], `${field}.call_id`, 128),
				name: asText(source["name"], `${field}.name`, 128),
				arguments: asText(source["arguments"], `${field}.arguments`, limits.textChars),
			};
			// Text and calls of one turn are items of their own here, and one message to the model.
			const last = messages.at(-1);
			if (last?.role === "assistant") messages[messages.length - 1] = { ...last, toolCalls: [...last.toolCalls, call] };
			else messages.push({ role: "assistant", content: [], toolCalls: [call] });
			return;
		}
		case "function_call_output": {
			only(source, field, ["type", "id", "call_id", "output", "status"]);
			const content = readContent(source["output"], `${field}.output`, ["input_text"]);
			messages.push({ role: "tool", toolCallId: asText(source["call_id"], `${field}.call_id`, 128), content });
			return;
		}
		case "reasoning":
			// What a model thought is not part of the conversation that it is shown.
			return;
	}
}

function readMessage(source: Source, field: string): TextMessage {
	only(source, field, ["type", "role", "content", "id", "status", "phase"]);
	const role = asOneOf(source["role"], `${field}.role`, ["system", "developer", "user", "assistant"]);
	const content = `${field}.content`;
	if (role === "assistant") return { role, content: readContent(source["content"], content, ["output_text"]), toolCalls: [] };
	return role === "user"
		? { role, content: readContent(source["content"], content, ["input_text", "input_image"]) }
		: { role: "system", content: readContent(source["content"], content, ["input_text"]) };
}

function readContent(value: unknown, field: string, kinds: readonly ("input_text" | "input_image" | "output_text")[]): readonly TextPart[] {
	if (typeof value === "string") return value === "" ? [] : [{ type: "text", text: asText(value, field, limits.textChars) }];
	return asList(value, field, limits.textParts).map((item, index): TextPart => {
		const at = `${field}[${index}]`;
		const source = asObject(item, at);
		if (asOneOf(source["type"], `${at}.type`, kinds) === "input_image") {
			only(source, at, ["type", "image_url", "detail"]);
			return { type: "image", ...readDataUri(source["image_url"], `${at}.image_url`, limits.textAttachmentBytes) };
		}
		only(source, at, ["type", "text", "annotations", "logprobs"]);
		return { type: "text", text: asText(source["text"], `${at}.text`, limits.textChars) };
	});
}
