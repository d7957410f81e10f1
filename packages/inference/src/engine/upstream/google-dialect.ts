/** The wire of Google's Gemini models (`streamGenerateContent`, v1beta). */
import type { ChatRequest, Finish, TextMessage, TextPart } from "@freehold/protocol";
import {
	argumentsOf,
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
import { numbers } from "./openai-dialect.js";
import type { ServerEvent } from "./sse.js";

const finishes: Readonly<Record<string, Finish>> = { STOP: "stop", MAX_TOKENS: "length", FINISH_REASON_UNSPECIFIED: "stop", OTHER: "stop", LANGUAGE: "stop" };
const modes = { auto: "AUTO", none: "NONE", required: "ANY", tool: "ANY" } as const;

export const googleDialect: Dialect = {
	headers: (key) => (key === undefined ? {} : { "x-goog-api-key": key }),
	request(request, model) {
		const path = `/models/${encodeURIComponent(model)}`;
		if (request.task === "embedding") {
			const dimensions = request.dimensions === undefined ? {} : { outputDimensionality: request.dimensions };
			const requests = request.inputs.map((text) => ({ model: `models/${model}`, content: { parts: [{ text }] }, ...dimensions }));
			return { path: `${path}:batchEmbedContents`, streams: false, body: { requests } };
		}
		if (request.task === "completion") throw unsupported("A completion", "the provider serves conversations only");
		return { path: `${path}:streamGenerateContent?alt=sse`, streams: true, body: chat(request) };
	},
	reader: (_, what) => new GoogleReader(what),
	vectors: (answer, what) => ({ vectors: items(fields(answer)["embeddings"]).map((entry) => numbers(fields(entry)["values"], what)), inputTokens: undefined }),
};

function chat(request: ChatRequest): Fields {
	const { temperature, topP, topK, minP, presencePenalty, frequencyPenalty, seed } = request.sampling;
	if (minP !== 0) throw unsupported("min_p", "the provider has no such setting");
	if (request.logprobs !== undefined) throw unsupported("Log-probabilities", "they are not read from this provider");
	if (!request.parallelToolCalls && request.tools.length > 0) throw unsupported("Tool calls one by one", "the provider has no such setting");
	if (request.effort !== undefined) throw unsupported("An effort", "the provider has no such setting");
	const { format, toolChoice } = request;
	const names = new Map(
		request.messages.flatMap((message) => (message.role === "assistant" ? message.toolCalls.map(({ id, name }) => [id, name] as const) : [])),
	);
	const system = request.messages.filter(({ role }) => role === "system").flatMap(({ content }) => content.map(part));
	return {
		...(system.length === 0 ? {} : { systemInstruction: { parts: system } }),
		contents: merged(request.messages.filter(({ role }) => role !== "system").map((message) => turn(message, names))),
		...(request.tools.length === 0
			? {}
			: {
					tools: [
						{
							functionDeclarations: request.tools.map(({ name, description, parameters }) => ({
								name,
								...(description === undefined ? {} : { description }),
								parametersJsonSchema: parameters,
							})),
						},
					],
					toolConfig: {
						functionCallingConfig: { mode: modes[toolChoice.type], ...(toolChoice.type === "tool" ? { allowedFunctionNames: [toolChoice.name] } : {}) },
					},
				}),
		generationConfig: {
			temperature,
			topP,
			...(topK === 0 ? {} : { topK }),
			...(presencePenalty === 0 ? {} : { presencePenalty }),
			...(frequencyPenalty === 0 ? {} : { frequencyPenalty }),
			seed: seed | 0,
			maxOutputTokens: request.maxOutputTokens,
			...(request.choices === 1 ? {} : { candidateCount: request.choices }),
			...(request.stop.length === 0 ? {} : { stopSequences: request.stop }),
			...(format.type === "text" ? {} : { responseMimeType: "application/json", ...(format.type === "schema" ? { responseJsonSchema: format.schema } : {}) }),
		},
	};
}

interface Turn {
	readonly role: "user" | "model";
	readonly parts: readonly Fields[];
}

function turn(message: TextMessage, names: ReadonlyMap<string, string>): Turn {
	const parts = message.content.map(part);
	if (message.role === "tool") {
		const name = names.get(message.toolCallId);
		if (name === undefined) throw unsupported("A tool's result without its call", "the provider wants the tool's name");
		const result = message.content.map((one) => (one.type === "text" ? one.text : "")).join("");
		return { role: "user", parts: [{ functionResponse: { name, response: { result } } }] };
	}
	if (message.role !== "assistant") return { role: "user", parts };
	return { role: "model", parts: [...parts, ...message.toolCalls.map(({ name, arguments: given }) => ({ functionCall: { name, args: argumentsOf(given) } }))] };
}

function merged(turns: readonly Turn[]): readonly Turn[] {
	const result: Turn[] = [];
	for (const { role, parts } of turns) {
		const last = result.at(-1);
		if (last?.role === role) result[result.length - 1] = { role, parts: [...last.parts, ...parts] };
		else result.push({ role, parts });
	}
	return result;
}

function part(one: TextPart): Fields {
	return one.type === "text" ? { text: one.text } : { inlineData: { mimeType: one.mediaType, data: Buffer.from(one.data).toString("base64") } };
}

class GoogleReader implements WireReader {
	readonly #what: string;
	/** Tool calls so far, by choice. */
	readonly #calls = new Map<number, number>();

	constructor(what: string) {
		this.#what = what;
	}

	read({ data }: ServerEvent): { said: readonly Said[]; usage?: UsageSaid } {
		const chunk = objectOf(data, this.#what);
		if (chunk["error"] !== undefined) throw malformed(this.#what, `an error${errorName(chunk)}`);
		const said = items(chunk["candidates"]).flatMap((candidate) => this.#candidate(fields(candidate)));
		const blocked = fields(chunk["promptFeedback"])["blockReason"];
		if (blocked !== undefined) said.push({ choice: 0, finish: "filter" });
		const { promptTokenCount, candidatesTokenCount, thoughtsTokenCount } = fields(chunk["usageMetadata"]);
		const inputTokens = countOf(promptTokenCount);
		const written = countOf(candidatesTokenCount);
		return {
			said,
			usage: {
				...(inputTokens === undefined ? {} : { inputTokens }),
				...(written === undefined ? {} : { outputTokens: written + (countOf(thoughtsTokenCount) ?? 0) }),
			},
		};
	}

	#candidate(candidate: Fields): Said[] {
		const choice = countOf(candidate["index"]) ?? 0;
		const said: Said[] = items(fields(candidate["content"])["parts"]).flatMap((entry) => this.#part(choice, fields(entry)));
		const reason = textOf(candidate["finishReason"]);
		if (reason !== undefined) {
			const finish = finishes[reason] ?? "filter";
			said.push({ choice, finish: finish === "stop" && this.#calls.has(choice) ? "tools" : finish });
		}
		return said;
	}

	#part(choice: number, { text, thought, functionCall }: Fields): readonly Said[] {
		if (typeof text === "string" && text !== "") return [thought === true ? { choice, reasoning: text } : { choice, text }];
		if (functionCall === undefined) return [];
		const { id, name, args } = fields(functionCall);
		const index = this.#calls.get(choice) ?? 0;
		this.#calls.set(choice, index + 1);
		return [
			{
				choice,
				toolCall: { index, id: (textOf(id) ?? `call_${index}`).slice(0, 128), name: (textOf(name) ?? "").slice(0, 128), arguments: JSON.stringify(args ?? {}) },
			},
		];
	}
}
