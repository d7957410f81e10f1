/** A model that an outside provider runs, behind the same specification as our own engines. Tokens are counted as the provider counts them. */
import { createHash } from "node:crypto";
import {
	canonicalJson,
	type EngineDescription,
	FreeholdError,
	maxInputTokens,
	type TextAbilities,
	type TextDelta,
	type TextRequest,
	type UpstreamModel,
} from "@freehold/protocol";
import { fetchStream } from "@freehold/service";
import type { TextEnd, TextSession, TextSink } from "../text-engine.js";
import { errorName, malformed, type Said, type UsageSaid } from "./dialect.js";
import type { Provider } from "./providers.js";
import { EventReader } from "./sse.js";

export interface UpstreamLimits {
	readonly runTimeoutMs: number;
}

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
/** Characters of a token, for prompts whose provider tells their size only at the end: about what byte-pair vocabularies make of English. */
const CHARS_A_TOKEN = 4n;

export class UpstreamSession implements TextSession {
	readonly abilities: TextAbilities;
	readonly engine: EngineDescription;
	readonly #provider: Provider;
	readonly #model: string;
	readonly #what: string;
	readonly #limits: UpstreamLimits;

	constructor({ model, provider: name, abilities }: UpstreamModel, provider: Provider, limits: UpstreamLimits) {
		this.abilities = abilities;
		this.#provider = provider;
		this.#model = model;
		this.#what = `Provider ${name}`;
		this.#limits = limits;
		const { host } = new URL(provider.url);
		// There is no artefact that could be named: what ran is the provider's word.
		const named = { provider: name, model, host, wire: provider.kind };
		this.engine = {
			name: "upstream",
			version: "1",
			artifact: `0x${createHash("sha256").update(canonicalJson(named)).digest("hex")}`,
			options: named,
		};
	}

	async run(request: TextRequest, sink: TextSink, signal?: AbortSignal): Promise<TextEnd> {
		signal?.throwIfAborted();
		if (!this.abilities.tasks.includes(request.task))
			throw new FreeholdError("text.unsupported", { what: `A request of kind ${request.task}`, reason: `it serves ${this.abilities.tasks.join(", ")}` });
		try {
			return await (request.task === "embedding" ? this.#embed(request, sink, signal) : this.#write(request, sink, signal));
		} catch (error) {
			throw signal?.aborted === true ? signal.reason : error;
		}
	}

	/** An estimate: only the provider's tokenizer knows. */
	async countTokens(request: TextRequest): Promise<number> {
		return estimate(request);
	}

	async dispose(): Promise<void> {}

	async #write(request: Exclude<TextRequest, { task: "embedding" }>, sink: TextSink, signal: AbortSignal | undefined): Promise<TextEnd> {
		const { dialect } = this.#provider;
		const { path, body } = dialect.request(request, this.#model);
		const answer = await this.#open(path, body, signal);
		const reader = dialect.reader(request, this.#what);
		const events = new EventReader(this.#what);
		const choices = new Choices(request.choices, request.maxOutputTokens, sink);
		let usage: UsageSaid = {};
		let started = false;
		const begin = (): void => {
			if (started) return;
			started = true;
			sink.started(Math.min(usage.inputTokens ?? estimate(request), Number(maxInputTokens(request))));
		};
		for await (const chunk of answer) {
			for (const event of events.push(chunk as Buffer)) {
				const told = reader.read(event);
				usage = { ...usage, ...told.usage };
				for (const said of told.said) {
					begin();
					choices.say(said);
				}
			}
		}
		signal?.throwIfAborted();
		begin();
		choices.end(usage.outputTokens, this.#what);
		return usage.inputTokens === undefined ? {} : { inputTokens: Math.min(usage.inputTokens, Number(maxInputTokens(request))) };
	}

	async #embed(request: Extract<TextRequest, { task: "embedding" }>, sink: TextSink, signal: AbortSignal | undefined): Promise<TextEnd> {
		const { dialect } = this.#provider;
		const { path, body } = dialect.request(request, this.#model);
		const answer = await this.#open(path, body, signal);
		const chunks: Buffer[] = [];
		for await (const chunk of answer) chunks.push(chunk as Buffer);
		let value: unknown;
		try {
			value = JSON.parse(Buffer.concat(chunks).toString("utf8"));
		} catch {
			throw malformed(this.#what);
		}
		const { vectors, inputTokens } = dialect.vectors(value, this.#what);
		if (vectors.length !== request.inputs.length) throw malformed(this.#what, `${vectors.length} vectors for ${request.inputs.length} texts`);
		sink.started(Math.min(inputTokens ?? estimate(request), Number(maxInputTokens(request))));
		return { vectors: vectors.map((vector) => new Uint8Array(Float32Array.from(vector).buffer)) };
	}

	/** The body of a good answer. Throws `upstream.failed` with the status and the provider's name of the error. */
	async #open(path: string, body: object, signal: AbortSignal | undefined) {
		const { url, key, dialect, isPrivate } = this.#provider;
		const options = {
			what: this.#what,
			method: "POST" as const,
			headers: { "content-type": "application/json", accept: "text/event-stream, application/json", ...dialect.headers(key) },
			body: JSON.stringify(body),
			deadlineMs: this.#limits.runTimeoutMs,
			maxBytes: MAX_ANSWER_BYTES,
			onlyPublic: !isPrivate,
			...(signal === undefined ? {} : { signal }),
		};
		const { status, body: answer } = await fetchStream(`${url}${path}`, options);
		if (status >= 200 && status < 300) return answer;
		const words: Buffer[] = [];
		let size = 0;
		for await (const chunk of answer) {
			size += (chunk as Buffer).length;
			if (size > MAX_ERROR_BYTES) break;
			words.push(chunk as Buffer);
		}
		throw malformed(this.#what, `HTTP ${status}${nameOf(Buffer.concat(words).toString("utf8"))}`);
	}
}

function nameOf(text: string): string {
	try {
		const value: unknown = JSON.parse(text);
		// Google's wire sends a list of one.
		return errorName(Array.isArray(value) ? value[0] : value);
	} catch {
		return "";
	}
}

/** Tokens that a request has about, for want of the provider's own count. */
function estimate(request: TextRequest): number {
	return Math.max(1, Number(maxInputTokens(request) / CHARS_A_TOKEN));
}

/** Pieces with their counts: one token for each piece until the provider tells how many there were. The end of a choice waits for that. */
class Choices {
	readonly #sink: TextSink;
	readonly #most: number;
	readonly #tokens: number[];
	readonly #ends: (TextDelta["finish"] | undefined)[];
	readonly #calls: Set<number>[];

	constructor(count: number, most: number, sink: TextSink) {
		this.#sink = sink;
		this.#most = most;
		this.#tokens = Array.from({ length: count }, () => 0);
		this.#ends = Array.from({ length: count }, () => undefined);
		this.#calls = Array.from({ length: count }, () => new Set());
	}

	say({ choice, finish, toolCall, ...said }: Said): void {
		const count = this.#tokens[choice];
		// What was not asked for is nobody's to charge.
		if (count === undefined) return;
		if (finish !== undefined) {
			this.#ends[choice] = finish;
			return;
		}
		const tokens = Math.min(count + Math.max(1, said.logprobs?.length ?? 1), this.#most);
		this.#tokens[choice] = tokens;
		const known = toolCall !== undefined && this.#calls[choice]?.has(toolCall.index) === true;
		if (toolCall !== undefined) this.#calls[choice]?.add(toolCall.index);
		// Some servers repeat id and name with each piece.
		const call = toolCall === undefined ? {} : { toolCall: known ? { index: toolCall.index, arguments: toolCall.arguments } : toolCall };
		this.#sink.delta({ choice, ...said, ...call, outputTokens: tokens });
	}

	/** `outputTokens`: of all choices together, as the provider counts. Throws `upstream.failed` when a choice has no end. */
	end(outputTokens: number | undefined, what: string): void {
		if (this.#ends.includes(undefined)) throw malformed(what, "an answer without an end");
		const most = this.#most * this.#tokens.length;
		let left = outputTokens === undefined ? undefined : Math.min(outputTokens, most);
		this.#ends.forEach((finish, choice) => {
			const counted = this.#tokens[choice] ?? 0;
			const isLast = choice === this.#ends.length - 1;
			// Told for all choices together: the last one takes what the others leave.
			const tokens = left === undefined ? counted : isLast ? Math.min(left, this.#most) : Math.min(counted, left);
			if (left !== undefined) left -= tokens;
			this.#sink.delta({ choice, ...(finish === undefined ? {} : { finish }), outputTokens: tokens });
		});
	}
}
