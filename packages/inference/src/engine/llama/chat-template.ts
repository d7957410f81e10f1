/**
 * The prompt of a conversation, as the model's own template (Jinja, from the file) writes it, split into marks and text. A mark comes from the template alone:
 * characters of a request carry a seal through the template, and whatever is sealed is text, however it is spelt.
 */

import { type ChatRequest, FreeholdError, type JsonValue, type TextFormat, type TextMessage, type TextTool } from "@freehold/protocol";
import { Template } from "@huggingface/jinja";
import { jsonText } from "./json-grammar.js";
import type { Stretch, Vocabulary } from "./vocabulary.js";

/** A message as templates know it. */
interface TemplateMessage {
	readonly role: string;
	readonly content: string;
	readonly name?: string;
	readonly tool_call_id?: string;
	readonly tool_calls?: readonly {
		readonly id: string;
		readonly type: "function";
		readonly function: { readonly name: string; readonly arguments: unknown };
	}[];
}

export interface PromptParts {
	readonly messages: readonly TextMessage[];
	readonly tools: readonly TextTool[];
	/** Begin the assistant's turn. */
	readonly open: boolean;
}

/** Longest prompt that a template may write of a request: guards against templates that repeat. */
const MAX_PROMPT_CHARS = 16 * 1024 * 1024;
/** First of the private-use characters that a seal is taken from. */
const FIRST_SEAL = 0xe000;
const LAST_SEAL = 0xf8ff;

export class ChatTemplate {
	readonly #template: Template;
	readonly #vocabulary: Vocabulary;
	readonly #bos: string;
	readonly #eos: string;

	/** Throws `engine.modelInvalid` when the template cannot be read. */
	constructor(source: string, vocabulary: Vocabulary, marks: { readonly bos: string; readonly eos: string }) {
		try {
			this.#template = new Template(source);
		} catch (error) {
			throw new FreeholdError("engine.modelInvalid", { reason: `its chat template cannot be read: ${short(error)}` }, { cause: error });
		}
		this.#vocabulary = vocabulary;
		this.#bos = marks.bos;
		this.#eos = marks.eos;
	}

	/** The prompt of a request. Throws `text.unsupported` for what a template of text cannot hold, or refuses itself. */
	write(parts: PromptParts): Stretch[] {
		const seal = freeSeal(parts);
		const sealed = (text: string): string => this.#seal(text, seal, false);
		const sealedWord = (text: string): string => this.#seal(text, seal, true);
		const messages = templateMessages(parts, sealed);
		const tools = parts.tools.map(({ name, description, parameters }) => ({
			type: "function",
			function: {
				name: sealed(name),
				...(description === undefined ? {} : { description: sealed(description) }),
				parameters: sealJson(parameters, sealedWord),
			},
		}));
		let text: string;
		try {
			text = this.#template.render({
				messages,
				...(tools.length === 0 ? {} : { tools }),
				bos_token: this.#bos,
				eos_token: this.#eos,
				add_generation_prompt: parts.open,
			});
		} catch (error) {
			throw new FreeholdError("text.unsupported", { what: "This conversation", reason: `its template refuses it: ${short(error)}` }, { cause: error });
		}
		if (text.length > MAX_PROMPT_CHARS)
			throw new FreeholdError("text.unsupported", { what: "This conversation", reason: `its prompt is longer than ${MAX_PROMPT_CHARS} characters` });
		// Seals interrupt what would spell a mark; then they go.
		return this.#vocabulary.split(text).map((stretch) => ("mark" in stretch ? stretch : { text: stretch.text.replaceAll(seal, "") }));
	}

	/**
	 * A seal behind the first character of everything that may begin a mark, and at both ends, inside the white space there: templates strip that. So a mark
	 * neither begins in the text, nor runs from the template into it. Words of a schema are compared by templates: they are sealed only where they could
	 * become part of a mark.
	 */
	#seal(text: string, seal: string, word: boolean): string {
		const trimmed = text.trim();
		if (trimmed === "" || (word && !this.#vocabulary.touchesMark(trimmed))) return text;
		const start = text.indexOf(trimmed);
		let written = seal;
		for (const character of trimmed) written += this.#vocabulary.mayBeginMark(character) ? character + seal : character;
		return text.slice(0, start) + written + seal + text.slice(start + trimmed.length);
	}
}

/** How a request is put to a template: what JSON is expected stands at the end of the system's text, where models are told such things. */
export function promptParts({ messages, tools, toolChoice, format }: ChatRequest): PromptParts {
	const line = formatLine(format);
	return { messages: line === undefined ? messages : withLine(messages, line), tools: toolChoice.type === "none" ? [] : tools, open: true };
}

function withLine(messages: readonly TextMessage[], line: string): readonly TextMessage[] {
	const [first, ...rest] = messages;
	if (first?.role !== "system") return [{ role: "system", content: [{ type: "text", text: line }] }, ...messages];
	return [{ role: "system", content: [...first.content, { type: "text", text: `\n\n${line}` }] }, ...rest];
}

/** `Answer in JSON: key: type, other?: type` of the members at the top. */
function formatLine(format: TextFormat): string | undefined {
	if (format.type === "text") return undefined;
	if (format.type === "json") return "Answer in JSON.";
	const { properties, required } =
		typeof format.schema === "object" && format.schema !== null && !Array.isArray(format.schema) ? (format.schema as Members) : {};
	if (typeof properties !== "object" || properties === null) return "Answer in JSON.";
	const members = Object.entries(properties).map(([name, { enum: values, type } = {}]) => {
		const kind = Array.isArray(values) ? values.join("|") : typeof type === "string" ? type : "any";
		return `${name}${Array.isArray(required) && required.includes(name) ? "" : "?"}: ${kind}`;
	});
	return members.length === 0 ? "Answer in JSON." : `Answer in JSON: ${members.join(", ")}`;
}

interface Members {
	readonly properties?: Readonly<Record<string, { readonly type?: unknown; readonly enum?: unknown }>>;
	readonly required?: unknown;
}

function templateMessages({ messages }: PromptParts, sealed: (text: string) => string): TemplateMessage[] {
	return messages.map((message) => {
		const text = message.content.map((part) => {
			if (part.type === "text") return part.text;
			throw new FreeholdError("text.unsupported", { what: "An image", reason: "it reads text only" });
		});
		const content = sealed(text.join(""));
		if (message.role === "tool") return { role: message.role, content, tool_call_id: sealed(message.toolCallId) };
		const name = "name" in message && message.name !== undefined ? { name: sealed(message.name) } : {};
		if (message.role !== "assistant" || message.toolCalls.length === 0) return { role: message.role, content, ...name };
		const calls = message.toolCalls.map(({ id, name: called, arguments: given }) => ({
			id: sealed(id),
			type: "function" as const,
			function: { name: sealed(called), arguments: callArguments(given, sealed) },
		}));
		return { role: message.role, content, ...name, tool_calls: calls };
	});
}

/** Templates write arguments as JSON themselves; what is no JSON stays the text that it is. */
function callArguments(text: string, sealed: (text: string) => string): unknown {
	try {
		return sealJson(JSON.parse(text) as JsonValue, sealed);
	} catch {
		return sealed(text);
	}
}

function sealJson(value: JsonValue, sealed: (text: string) => string): JsonValue {
	if (typeof value === "string") return sealed(value);
	if (Array.isArray(value)) return value.map((item) => sealJson(item, sealed));
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([key, member]) => [sealed(key), sealJson(member, sealed)]));
}

/** A character that the request does not hold. */
function freeSeal(parts: PromptParts): string {
	const text = jsonText({ messages: parts.messages, tools: parts.tools } as unknown as JsonValue);
	for (let code = FIRST_SEAL; code <= LAST_SEAL; code++) {
		const seal = String.fromCharCode(code);
		if (!text.includes(seal)) return seal;
	}
	throw new FreeholdError("text.unsupported", { what: "This conversation", reason: "it uses every character of the private use area" });
}

function short(error: unknown): string {
	return error instanceof Error ? error.message.slice(0, 200) : "unknown";
}
