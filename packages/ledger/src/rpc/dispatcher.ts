/** JSON-RPC 2.0 over one request body: single calls, batches, notifications; every refusal in its code. */
import { FreeholdError, JsonLimitError, limits, parseJson } from "@freehold/protocol";
import type { Asker } from "../calls/call-pool.js";
import type { Method, Methods } from "./context.js";
import { RpcError, rpcCodes } from "./rpc-error.js";

export interface DispatcherOptions {
	/** Called for a fault of ours; the caller only learns a reference. */
	readonly onFault: (error: unknown, method: string) => string;
	/** Milliseconds, rising. */
	readonly now: () => number;
	/** Lets other work run. */
	readonly breathe: () => Promise<void>;
}

/** Longest stretch without letting blocks be made, and longest time for one body. Milliseconds. */
const STRETCH_MS = 10;
const MAX_BATCH_MS = 20_000;
/** Calls of one batch that wait for other threads or for blocks at once. */
const MAX_UNDERWAY = 64;
const MAX_ANSWER_CHARACTERS = 64 * 1024 * 1024;

/** A result that is JSON already. */
export class JsonText {
	readonly text: string;

	constructor(text: string) {
		this.text = text;
	}
}

type Id = string | number | null;

export class Dispatcher {
	readonly #methods: ReadonlyMap<string, Method>;
	readonly #options: DispatcherOptions;

	constructor(methods: Methods, options: DispatcherOptions) {
		this.#methods = new Map(Object.entries(methods));
		this.#options = options;
	}

	/** Text of the answer; undefined when there is nothing to answer (notifications only). */
	answer(body: Uint8Array, asker: Asker): string | undefined | Promise<string | undefined> {
		let value: unknown;
		const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8");
		try {
			value = parseJson(text);
		} catch (error) {
			return failure(null, new RpcError(rpcCodes.parse, error instanceof JsonLimitError ? `parse error: ${error.message}` : "parse error"));
		}
		if (!Array.isArray(value)) return this.#one(value, asker);
		if (value.length === 0) return failure(null, new RpcError(rpcCodes.invalidRequest, "empty batch"));
		if (value.length > limits.rpcBatch) return failure(null, new RpcError(rpcCodes.invalidRequest, `batch too large: at most ${limits.rpcBatch}`));
		return this.#batch(value, asker);
	}

	async #batch(calls: readonly unknown[], asker: Asker): Promise<string | undefined> {
		const { now, breathe } = this.#options;
		const answers: (string | undefined | Promise<string | undefined>)[] = [];
		const startedAt = now();
		let stretchFrom = startedAt;
		let size = 0;
		const underway = new Set<Promise<void>>();
		for (const call of calls) {
			const tired = now() - startedAt > MAX_BATCH_MS || size > MAX_ANSWER_CHARACTERS;
			const answer = tired ? failure(idOf(call), new RpcError(rpcCodes.limit, "the batch takes too long or its answer is too large")) : this.#one(call, asker);
			answers.push(answer);
			if (typeof answer === "string") size += answer.length;
			else if (answer !== undefined) {
				const ended = answer.then((text) => {
					size += text?.length ?? 0;
					underway.delete(ended);
				});
				underway.add(ended);
				if (underway.size >= MAX_UNDERWAY) await Promise.race(underway);
			}
			if (now() - stretchFrom < STRETCH_MS) continue;
			await breathe();
			if (asker.signal().aborted) return undefined;
			stretchFrom = now();
		}
		const texts = (await Promise.all(answers)).filter((text) => text !== undefined);
		return texts.length === 0 ? undefined : `[${texts.join(",")}]`;
	}

	#one(call: unknown, asker: Asker): string | undefined | Promise<string | undefined> {
		if (typeof call !== "object" || call === null || Array.isArray(call)) return failure(null, new RpcError(rpcCodes.invalidRequest, "invalid request"));
		const { method, params, id } = call as { readonly method?: unknown; readonly params?: unknown; readonly id?: unknown };
		if (id !== undefined && id !== null && typeof id !== "string" && typeof id !== "number")
			return failure(null, new RpcError(rpcCodes.invalidRequest, "invalid request: id"));
		if (typeof method !== "string") return failure(id ?? null, new RpcError(rpcCodes.invalidRequest, "invalid request: method"));
		if (params !== undefined && params !== null && !Array.isArray(params))
			return this.#finish(id, failure(id ?? null, new RpcError(rpcCodes.invalidParams, "non-array args")));
		try {
			const run = this.#methods.get(method);
			if (run === undefined) throw new RpcError(rpcCodes.methodNotFound, `the method ${method.slice(0, 100)} does not exist/is not available`);
			const result = run((params as readonly unknown[] | null | undefined) ?? [], asker);
			if (!(result instanceof Promise)) return this.#finish(id, success(id ?? null, result));
			return result.then(
				(value: unknown) => this.#finish(id, success(id ?? null, value)),
				(error: unknown) => this.#finish(id, failure(id ?? null, this.#translate(error, method))),
			);
		} catch (error) {
			return this.#finish(id, failure(id ?? null, this.#translate(error, method)));
		}
	}

	/** A call without an id wants no answer. */
	#finish(id: Id | undefined, text: string): string | undefined {
		return id === undefined ? undefined : text;
	}

	#translate(error: unknown, method: string): RpcError {
		if (error instanceof RpcError) return error;
		if (error instanceof FreeholdError) return new RpcError(error.entry.rpc, error.message);
		return new RpcError(rpcCodes.internal, `internal error (reference ${this.#options.onFault(error, method)})`);
	}
}

function idOf(call: unknown): Id {
	const id = typeof call === "object" && call !== null && "id" in call ? call.id : null;
	return typeof id === "string" || typeof id === "number" ? id : null;
}

function success(id: Id, result: unknown): string {
	return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result instanceof JsonText ? result.text : JSON.stringify(result ?? null)}}`;
}

function failure(id: Id, { code, message, data }: RpcError): string {
	return JSON.stringify({ jsonrpc: "2.0", id, error: { code, message, ...(data === undefined ? {} : { data }) } });
}
