/** A loaded GGUF model: requests in the form of the wire become prompts, plans and choices over one context that they share. */
import {
	type ChatRequest,
	type CompletionRequest,
	type EmbeddingRequest,
	FreeholdError,
	type GgufModel,
	type TextRequest,
	type TextTool,
} from "@freehold/protocol";
import type { TextEnd, TextSession, TextSink } from "../text-engine.js";
import type { AddonContext, AddonGrammar, AddonGrammarState, AddonModel, LlamaAddon } from "./addon.js";
import { ChatTemplate, promptParts } from "./chat-template.js";
import { Choice, type ChoicePlan } from "./choice.js";
import { DecodeLoop } from "./decode-loop.js";
import { Embedder } from "./embedder.js";
import { JsonGrammar, jsonText, literal } from "./json-grammar.js";
import { type Sequence, Sequences } from "./sequences.js";
import { TokenSampler } from "./token-sampler.js";
import { readToolSyntax, type ToolSyntax } from "./tool-syntax.js";
import { type Stretch, Vocabulary } from "./vocabulary.js";

export interface SessionParts {
	readonly addon: LlamaAddon;
	readonly model: AddonModel;
	readonly context: AddonContext;
	readonly file: GgufModel;
	/** Tokens that one sequence can hold. */
	readonly windowTokens: number;
	readonly sequences: number;
	readonly batchSize: number;
	readonly threads: number;
}

type Generation = ChatRequest | CompletionRequest;

/** From this window on a model is taken to be large enough to end its texts by itself. */
const LARGE_WINDOW_TOKENS = 8_192;
const LIST_ITEMS = 32;
const MAX_CALLS = 16;
/** Vectors are made of texts up to this many tokens: the whole text is one step. */
const EMBEDDED_TOKENS = 2_048;

export class LlamaSession implements TextSession {
	readonly abilities;
	readonly #parts: SessionParts;
	readonly #vocabulary: Vocabulary;
	readonly #loop: DecodeLoop;
	readonly #sequences: Sequences;
	readonly #embedder: Embedder;
	readonly #template: ChatTemplate | undefined;
	readonly #syntax: ToolSyntax | undefined;

	constructor(parts: SessionParts) {
		const { model, file, context, batchSize, sequences } = parts;
		this.abilities = file.abilities;
		this.#parts = parts;
		this.#vocabulary = new Vocabulary(model, file.tokenizer.model, file.tokenizer.tokens);
		this.#loop = new DecodeLoop(context, batchSize);
		this.#sequences = new Sequences(context, sequences);
		this.#embedder = new Embedder(parts.addon, model, { contextTokens: Math.min(parts.windowTokens, EMBEDDED_TOKENS), threads: parts.threads });
		const textOf = (token: number): string => (token < 0 ? "" : (model.getTokenString(token) ?? ""));
		this.#template =
			file.chatTemplate === undefined
				? undefined
				: new ChatTemplate(file.chatTemplate, this.#vocabulary, { bos: textOf(model.tokenBos()), eos: textOf(model.tokenEos()) });
		this.#syntax = this.#template && readToolSyntax(this.#template, this.#vocabulary);
	}

	async run(request: TextRequest, sink: TextSink, signal?: AbortSignal): Promise<TextEnd> {
		signal?.throwIfAborted();
		if (request.task === "embedding") return this.#embed(request, sink, signal);
		const prompt = this.#prompt(request);
		const plan = this.#plan(request, prompt.length);
		sink.started(prompt.length);
		// The first failure stops the others; all of them are over when this ends.
		const stop = new AbortController();
		const common = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
		const outcomes = await Promise.allSettled(
			Array.from({ length: request.choices }, (_, index) =>
				this.#write(request, index, prompt, plan, sink, common).catch((error: unknown) => {
					stop.abort(error);
					throw error;
				}),
			),
		);
		signal?.throwIfAborted();
		const failed = outcomes.find((outcome) => outcome.status === "rejected");
		if (failed !== undefined) throw stop.signal.aborted ? stop.signal.reason : failed.reason;
		return {};
	}

	async countTokens(request: TextRequest): Promise<number> {
		if (request.task === "embedding") return request.inputs.reduce((sum, text) => sum + this.#embeddedTokens(text).length, 0);
		return this.#prompt(request).length;
	}

	async dispose(): Promise<void> {
		await this.#embedder.dispose();
		await this.#parts.context.dispose();
		await this.#parts.model.dispose();
	}

	async #embed(request: EmbeddingRequest, sink: TextSink, signal: AbortSignal | undefined): Promise<TextEnd> {
		this.#require("embedding");
		const texts = request.inputs.map((text) => this.#embeddedTokens(text));
		sink.started(texts.reduce((sum, { length }) => sum + length, 0));
		const vectors: Uint8Array[] = [];
		for (const tokens of texts) vectors.push(await this.#embedder.embed(tokens, request.dimensions, signal));
		return { vectors };
	}

	async #write(request: Generation, index: number, prompt: readonly number[], plan: ChoicePlan, sink: TextSink, signal: AbortSignal): Promise<void> {
		const sequence = await this.#sequences.acquire(prompt, signal);
		const seed = (request.sampling.seed + index) % 2 ** 32;
		const sampler = new TokenSampler(
			{ addon: this.#parts.addon, model: this.#parts.model, context: this.#parts.context, vocabulary: this.#vocabulary },
			{ sampling: { ...request.sampling, seed }, logprobs: request.logprobs, maxTokens: plan.maxTokens },
		);
		try {
			const choice = new Choice(index, plan, this.#vocabulary, (delta) => sink.delta(delta));
			await this.#drive(choice, sampler, sequence, prompt, signal);
		} catch (error) {
			// An aborted step was never begun, so the memory is as it was told.
			if (!signal.aborted) this.#sequences.forget(sequence);
			throw error;
		} finally {
			sampler.dispose();
			this.#sequences.release(sequence);
		}
	}

	async #drive(choice: Choice, sampler: TokenSampler, sequence: Sequence, prompt: readonly number[], signal: AbortSignal): Promise<void> {
		const begun = choice.begin();
		for (const token of begun) sampler.wrote(token);
		let read: readonly number[] = [...prompt, ...begun];
		read = read.slice(this.#sequences.rewind(sequence, read));
		for (;;) {
			if (sequence.tokens.length + read.length > this.#parts.windowTokens) {
				choice.full();
				return;
			}
			const position = sequence.tokens.length;
			const drawn = await this.#loop.decode(
				sequence.id,
				position,
				read,
				async (logits) => {
					sequence.tokens.push(...read);
					const first = await sampler.draw(logits, choice.allowance);
					if (first === undefined || !choice.mustRedraw(first.token)) return first;
					choice.holdToGrammar();
					return sampler.draw(logits, choice.allowance);
				},
				signal,
			);
			const next = drawn === undefined ? choice.stuck() : choice.take(drawn);
			if ("finish" in next) return;
			read = next.read;
			for (const token of read) sampler.wrote(token);
		}
	}

	#prompt(request: Generation): number[] {
		this.#require(request.task);
		const tokens = this.#vocabulary.encode(request.task === "chat" ? this.#chat(request) : []);
		if (request.task === "completion") tokens.push(...this.#completion(request));
		const { model, windowTokens } = this.#parts;
		const bos = model.tokenBos();
		if (bos >= 0 && model.shouldPrependBosToken() && tokens[0] !== bos) tokens.unshift(bos);
		// Nothing can be written behind nothing.
		if (tokens.length === 0) tokens.push(bos >= 0 ? bos : model.tokenEos());
		if (tokens.length >= windowTokens) throw new FreeholdError("text.tooLong", { tokens: tokens.length, limit: windowTokens });
		return tokens;
	}

	#chat(request: ChatRequest): Stretch[] {
		if (this.#template === undefined) throw unsupported("A conversation", "its file has no chat template; ask it for a completion");
		if (request.tools.length > 0 && request.toolChoice.type !== "none" && this.#syntax === undefined)
			throw unsupported("A tool", "its chat template has no form for tool calls");
		return this.#template.write(promptParts(request));
	}

	#completion({ prompt, suffix }: CompletionRequest): number[] {
		const { model } = this.#parts;
		if (suffix === undefined) return this.#vocabulary.encodeText(prompt);
		const [prefix, middle, end] = [model.prefixToken(), model.middleToken(), model.suffixToken()];
		if (prefix < 0 || middle < 0 || end < 0) throw unsupported("A suffix", "it was not made to fill gaps");
		return [prefix, ...this.#vocabulary.encodeText(prompt), end, ...this.#vocabulary.encodeText(suffix), middle];
	}

	#embeddedTokens(text: string): number[] {
		const { model } = this.#parts;
		const tokens = this.#vocabulary.encodeText(text);
		if (model.shouldPrependBosToken() && model.tokenBos() >= 0) tokens.unshift(model.tokenBos());
		if (model.shouldAppendEosToken() && model.tokenEos() >= 0) tokens.push(model.tokenEos());
		if (tokens.length === 0) tokens.push(Math.max(0, model.tokenEos()));
		const limit = Math.min(this.#parts.windowTokens, EMBEDDED_TOKENS);
		if (tokens.length > limit) throw new FreeholdError("text.tooLong", { tokens: tokens.length, limit });
		return tokens;
	}

	#plan(request: Generation, promptTokens: number): ChoicePlan {
		const { windowTokens } = this.#parts;
		const room = windowTokens - promptTokens;
		const common = {
			stops: request.stop,
			maxTokens: Math.min(request.maxOutputTokens, room),
			logprobs: request.logprobs !== undefined,
		};
		const trigger = this.#syntax?.trigger.id;
		const never = trigger === undefined ? [] : [trigger];
		if (request.task === "completion") {
			if (request.echo && request.logprobs !== undefined) throw unsupported("A prompt repeated with log-probabilities", "they are told of what it writes only");
			return { ...common, textGrammar: undefined, tools: undefined, never, echo: request.echo ? request.prompt : undefined };
		}
		const bounds = {
			textChars: windowTokens >= LARGE_WINDOW_TOKENS ? undefined : Math.max(16, Math.floor(Math.min(windowTokens, request.maxOutputTokens * 4) / 4)),
			listItems: LIST_ITEMS,
		};
		const offered = offeredTools(request);
		const calls = offered.length === 0 || this.#syntax === undefined ? undefined : this.#grammarOfCalls(new JsonGrammar(bounds), offered, this.#syntax);
		return {
			...common,
			textGrammar: this.#textGrammar(request, new JsonGrammar(bounds)),
			tools:
				calls === undefined || this.#syntax === undefined
					? undefined
					: {
							syntax: this.#syntax,
							// A name that begins another one must not be taken for it.
							names: offered.map(({ name }) => name).sort((a, b) => b.length - a.length),
							grammar: calls,
							forced: request.toolChoice.type === "required" || request.toolChoice.type === "tool",
							maxCalls: request.parallelToolCalls ? MAX_CALLS : 1,
							id: (index) => `call_${request.sampling.seed.toString(16).padStart(8, "0")}${index}`,
						},
			never: calls === undefined ? never : [],
			echo: undefined,
		};
	}

	#textGrammar({ format }: ChatRequest, grammar: JsonGrammar): (() => AddonGrammarState) | undefined {
		if (format.type === "text") return undefined;
		const root = format.type === "json" ? grammar.anyObject() : grammar.schema(format.schema, format.strict, `response format ${format.name}`);
		return this.#compile(grammar.write(root), "the response format");
	}

	#grammarOfCalls(grammar: JsonGrammar, tools: readonly TextTool[], { beforeArguments, afterArguments }: ToolSyntax): () => AddonGrammarState {
		const calls = tools.map(({ name, parameters, strict }) => {
			const root = grammar.schema(asObject(parameters), strict, `tool ${name}`);
			return `${literal(`${name}${beforeArguments}`)} ${root} ${literal(afterArguments)}`;
		});
		return this.#compile(grammar.write(calls.join(" | ")), "the tools");
	}

	#compile(text: string, what: string): () => AddonGrammarState {
		const { addon, model } = this.#parts;
		let grammar: AddonGrammar;
		try {
			grammar = new addon.AddonGrammar(text, { addonExports: addon, rootRuleName: "root" });
		} catch (error) {
			throw new FreeholdError("text.schemaRefused", { what, reason: "its references lead in a circle without any text between" }, { cause: error });
		}
		return () => new addon.AddonGrammarEvaluationState(model, grammar);
	}

	#require(task: TextRequest["task"]): void {
		if (!this.abilities.tasks.includes(task)) throw unsupported(`A request of kind ${task}`, `it serves ${this.abilities.tasks.join(", ")}`);
	}
}

function offeredTools({ tools, toolChoice }: ChatRequest): readonly TextTool[] {
	if (toolChoice.type === "none") return [];
	if (toolChoice.type !== "tool") {
		if (toolChoice.type === "required" && tools.length === 0) throw new FreeholdError("request.invalid", { field: "toolChoice", reason: "no tool is offered" });
		return tools;
	}
	const named = tools.filter(({ name }) => name === toolChoice.name);
	if (named.length === 0) throw new FreeholdError("request.invalid", { field: "toolChoice.name", reason: `no tool is named ${toolChoice.name}` });
	return named;
}

/** Arguments are an object, also where a schema says nothing of it. */
function asObject(parameters: TextTool["parameters"]): TextTool["parameters"] {
	if (typeof parameters !== "object" || parameters === null || Array.isArray(parameters)) return { type: "object" };
	const { type, anyOf, oneOf, allOf, $ref } = parameters as Readonly<Record<string, unknown>>;
	if (type === undefined && anyOf === undefined && oneOf === undefined && allOf === undefined && $ref === undefined)
		return { ...(parameters as object), type: "object" };
	if (type !== undefined && type !== "object")
		throw new FreeholdError("text.schemaRefused", { what: "a tool", reason: `arguments are an object, not ${jsonText(type as never).slice(0, 50)}` });
	return parameters;
}

function unsupported(what: string, reason: string): FreeholdError {
	return new FreeholdError("text.unsupported", { what, reason });
}
