/** The wire of OpenAI's chat completions, completions and embeddings, which xAI, Mistral, vLLM, Ollama and llama.cpp's server speak too, each with its own corners. */
import type { ChatRequest, CompletionRequest, Finish, TextMessage, TextPart, TextRequest, TokenLogprob } from "@freehold/protocol";
import {
	countOf,
	type Dialect,
	errorName,
	type Fields,
	fields,
	items,
	malformed,
	objectOf,
	type Said,
	textOf,
	type UsageSaid,
	unsupported,
	type WireReader,
} from "./dialect.js";

export interface OpenAiCorners {
	/** Name of the limit of output tokens. */
	readonly limit: "max_completion_tokens" | "max_tokens";
	/** Name of the seed; undefined where there is none. */
	readonly seed: "seed" | "random_seed" | undefined;
	/** Takes `top_k` and `min_p`, and has defaults of its own for the rest: everything is told. */
	readonly moreSampling: boolean;
	/** Takes `stream_options`; others tell usage by themselves. */
	readonly streamOptions: boolean;
	/** "Some tool must be called" in its words. */
	readonly required: "required" | "any";
}

const finishes: Readonly<Record<string, Finish>> = {
	stop: "stop",
	length: "length",
	model_length: "length",
	tool_calls: "tools",
	function_call: "tools",
	content_filter: "filter",
};
const MAX_NAME = 128;

export function openAiDialect(corners: OpenAiCorners): Dialect {
	return {
		headers: (key) => (key === undefined ? {} : { authorization: `Bearer ${key}` }),
		request(request, model) {
			if (request.task === "embedding") {
				const dimensions = request.dimensions === undefined ? {} : { dimensions: request.dimensions };
				return { path: "/embeddings", streams: false, body: { model, input: request.inputs, encoding_format: "float", ...dimensions } };
			}
			const body = { model, ...sampling(request, corners), stream: true, ...(corners.streamOptions ? { stream_options: { include_usage: true } } : {}) };
			return request.task === "chat"
				? { path: "/chat/completions", streams: true, body: { ...body, ...chat(request, corners) } }
				: { path: "/completions", streams: true, body: { ...body, ...completion(request) } };
		},
		reader: (request, what) => new OpenAiReader(request, what),
		vectors(answer, what) {
			const { data, usage } = fields(answer);
			const entries = items(data).map(fields);
			const vectors = [...entries].sort((a, b) => (countOf(a["index"]) ?? 0) - (countOf(b["index"]) ?? 0)).map(({ embedding }) => numbers(embedding, what));
			return { vectors, inputTokens: countOf(fields(usage)["prompt_tokens"]) };
		},
	};
}

/** What equals OpenAI's own default is left out: some models refuse to be told. */
function sampling(request: ChatRequest | CompletionRequest, corners: OpenAiCorners): Fields {
	const { temperature, topP, topK, minP, presencePenalty, frequencyPenalty, seed } = request.sampling;
	if ((topK !== 0 || minP !== 0) && !corners.moreSampling) throw unsupported("top_k or min_p", "the provider has no such setting");
	return {
		...(temperature === 1 && !corners.moreSampling ? {} : { temperature }),
		...(topP === 1 && !corners.moreSampling ? {} : { top_p: topP }),
		...(topK === 0 ? {} : { top_k: topK }),
		...(minP === 0 ? {} : { min_p: minP }),
		...(presencePenalty === 0 ? {} : { presence_penalty: presencePenalty }),
		...(frequencyPenalty === 0 ? {} : { frequency_penalty: frequencyPenalty }),
		...(corners.seed === undefined ? {} : { [corners.seed]: seed }),
		...(request.stop.length === 0 ? {} : { stop: request.stop }),
		...(request.choices === 1 ? {} : { n: request.choices }),
	};
}

function chat(request: ChatRequest, corners: OpenAiCorners): Fields {
	const { toolChoice, format, effort } = request;
	const choice =
		toolChoice.type === "tool"
			? { type: "function", function: { name: toolChoice.name } }
			: toolChoice.type === "required"
				? corners.required
				: toolChoice.type;
	return {
		messages: request.messages.map(message),
		[corners.limit]: request.maxOutputTokens,
		...(request.logprobs === undefined ? {} : { logprobs: true, top_logprobs: request.logprobs }),
		...(request.tools.length === 0
			? {}
			: {
					tools: request.tools.map(({ name, description, parameters, strict }) => ({
						type: "function",
						function: { name, ...(description === undefined ? {} : { description }), parameters, ...(strict ? { strict } : {}) },
					})),
					tool_choice: choice,
					...(request.parallelToolCalls ? {} : { parallel_tool_calls: false }),
				}),
		...(format.type === "text"
			? {}
			: {
					response_format:
						format.type === "json"
							? { type: "json_object" }
							: { type: "json_schema", json_schema: { name: format.name, schema: format.schema, strict: format.strict } },
				}),
		...(effort === undefined ? {} : { reasoning_effort: effort }),
	};
}

function completion(request: CompletionRequest): Fields {
	if (request.logprobs !== undefined) throw unsupported("Log-probabilities of a completion", "the provider tells them for conversations only");
	return {
		prompt: request.prompt,
		max_tokens: request.maxOutputTokens,
		...(request.suffix === undefined ? {} : { suffix: request.suffix }),
		...(request.echo ? { echo: true } : {}),
	};
}

function message(message: TextMessage): Fields {
	const name = "name" in message && message.name !== undefined ? { name: message.name } : {};
	switch (message.role) {
		case "tool":
			return { role: "tool", tool_call_id: message.toolCallId, content: content(message.content) };
		case "assistant": {
			const calls = message.toolCalls.map(({ id, name: called, arguments: given }) => ({ id, type: "function", function: { name: called, arguments: given } }));
			return {
				role: "assistant",
				content: message.content.length === 0 ? null : content(message.content),
				...name,
				...(calls.length === 0 ? {} : { tool_calls: calls }),
			};
		}
		default:
			return { role: message.role, content: content(message.content), ...name };
	}
}

/** Plain text where there is nothing else: older servers know no other form. */
function content(parts: readonly TextPart[]): unknown {
	if (parts.every((part) => part.type === "text")) return parts.map((part) => part.text).join("");
	return parts.map((part) =>
		part.type === "text"
			? { type: "text", text: part.text }
			: { type: "image_url", image_url: { url: `data:${part.mediaType};base64,${Buffer.from(part.data).toString("base64")}` } },
	);
}

class OpenAiReader implements WireReader {
	readonly #what: string;
	readonly #completion: boolean;

	constructor({ task }: TextRequest, what: string) {
		this.#what = what;
		this.#completion = task === "completion";
	}

	read({ data }: { readonly data: string }): { said: readonly Said[]; usage?: UsageSaid } {
		if (data === "[DONE]") return { said: [] };
		const chunk = objectOf(data, this.#what);
		if (chunk["error"] !== undefined && chunk["error"] !== null) throw malformed(this.#what, `an error${errorName(chunk)}`);
		const said = items(chunk["choices"]).map((choice) => this.#choice(fields(choice)));
		const { prompt_tokens, completion_tokens } = fields(chunk["usage"]);
		const [inputTokens, outputTokens] = [countOf(prompt_tokens), countOf(completion_tokens)];
		const usage = { ...(inputTokens === undefined ? {} : { inputTokens }), ...(outputTokens === undefined ? {} : { outputTokens }) };
		return Object.keys(usage).length === 0 ? { said: said.flat() } : { said: said.flat(), usage };
	}

	#choice(choice: Fields): readonly Said[] {
		const index = countOf(choice["index"]) ?? 0;
		const delta = fields(choice["delta"]);
		const text = this.#completion ? textOf(choice["text"]) : (textOf(delta["content"]) ?? textOf(delta["refusal"]));
		const reasoning = textOf(delta["reasoning_content"]) ?? textOf(delta["reasoning"]);
		const finish = textOf(choice["finish_reason"]);
		const logprobs = items(fields(choice["logprobs"])["content"]).map((entry) => logprob(fields(entry)));
		const said: Said[] = [];
		if ((text !== undefined && text !== "") || (reasoning !== undefined && reasoning !== "") || logprobs.length > 0)
			said.push({ choice: index, ...(text ? { text } : {}), ...(reasoning ? { reasoning } : {}), ...(logprobs.length > 0 ? { logprobs } : {}) });
		for (const [place, entry] of items(delta["tool_calls"]).map(fields).entries()) {
			const called = fields(entry["function"]);
			const id = textOf(entry["id"])?.slice(0, MAX_NAME);
			const name = textOf(called["name"])?.slice(0, MAX_NAME);
			const given = called["arguments"];
			said.push({
				choice: index,
				toolCall: {
					index: countOf(entry["index"]) ?? place,
					...(id ? { id } : {}),
					...(name ? { name } : {}),
					// Some servers give arguments as an object, whole.
					arguments: typeof given === "string" ? given : given === undefined || given === null ? "" : JSON.stringify(given),
				},
			});
		}
		if (finish !== undefined) said.push({ choice: index, finish: finishes[finish] ?? "stop" });
		return said;
	}
}

function logprob(entry: Fields): TokenLogprob {
	const one = (told: Fields): { token: string; bytes: Uint8Array; logprob: number } => {
		const token = (textOf(told["token"]) ?? "").slice(0, 1_024);
		const bytes = Array.isArray(told["bytes"]) ? Uint8Array.from(told["bytes"] as number[]) : new TextEncoder().encode(token);
		const value = told["logprob"];
		return { token, bytes: bytes.subarray(0, 4_096), logprob: typeof value === "number" ? Math.max(-1e9, Math.min(0, value)) : -9_999 };
	};
	return {
		...one(entry),
		top: items(entry["top_logprobs"])
			.slice(0, 20)
			.map((told) => one(fields(told))),
	};
}

export function numbers(value: unknown, what: string): readonly number[] {
	if (!Array.isArray(value) || value.length === 0 || value.some((item) => typeof item !== "number" || !Number.isFinite(item))) throw malformed(what);
	return value as number[];
}
