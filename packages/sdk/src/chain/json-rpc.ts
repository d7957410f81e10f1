/**
 * JSON-RPC 2.0 over HTTP. Requests that are made in the same turn of the event loop travel as one batch; each has its own signal, all share a deadline.
 * Every failure is a `FreeholdError`; what the peer said itself is its cause (`RpcError`).
 */
import { FreeholdError } from "@freehold/protocol";
import { aborted, withSignal } from "./deadline.js";

/** An error object of JSON-RPC, as the peer sent it. */
export class RpcError extends Error {
	override readonly name = "RpcError";
	readonly code: number;
	readonly data: unknown;

	constructor(code: number, message: string, data: unknown) {
		super(message);
		this.code = code;
		this.data = data;
	}
}

export interface RequestOptions {
	readonly signal?: AbortSignal | undefined;
	/** Default 30,000. */
	readonly timeoutMs?: number;
	/** False: travels by itself, for calls that the peer answers late on purpose. */
	readonly batch?: boolean;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface JsonRpc {
	readonly url: string;
	request(method: string, params: readonly unknown[], options?: RequestOptions): Promise<unknown>;
}

export interface JsonRpcOptions {
	readonly url: string;
	readonly fetch?: Fetch | undefined;
	/** Most calls in one HTTP request; default 100. */
	readonly maxBatch?: number;
	/** Longest answer that is read, in bytes; default 64 MiB. */
	readonly maxAnswerBytes?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** Calls made in one turn of the event loop. */
const MAX_QUEUED = 10_000;

interface Pending {
	readonly method: string;
	readonly params: readonly unknown[];
	readonly timeoutMs: number;
	readonly settle: { readonly resolve: (value: unknown) => void; readonly reject: (error: unknown) => void };
}

export function createJsonRpc({ url, fetch = globalThis.fetch, maxBatch = 100, maxAnswerBytes = 64 * 1024 * 1024 }: JsonRpcOptions): JsonRpc {
	let queue: Pending[] = [];

	async function post(body: unknown, timeoutMs: number, signal?: AbortSignal): Promise<unknown> {
		const deadline = AbortSignal.timeout(timeoutMs);
		const either = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
		try {
			const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal: either });
			return JSON.parse(await readText(response, maxAnswerBytes));
		} catch (error) {
			if (signal?.aborted === true) throw aborted(signal);
			if (deadline.aborted) throw new FreeholdError("upstream.timeout", { what: `The ledger at ${url}`, seconds: timeoutMs / 1000 }, { cause: error });
			if (error instanceof FreeholdError) throw error;
			if (error instanceof SyntaxError) throw new FreeholdError("upstream.failed", { what: `The ledger at ${url}`, reason: "no JSON" }, { cause: error });
			throw new FreeholdError("network.down", { what: "The ledger", url }, { cause: error });
		}
	}

	async function flush(): Promise<void> {
		const calls = queue;
		queue = [];
		for (let from = 0; from < calls.length; from += maxBatch) void sendBatch(calls.slice(from, from + maxBatch));
	}

	async function sendBatch(calls: readonly Pending[]): Promise<void> {
		const timeoutMs = Math.max(...calls.map((call) => call.timeoutMs));
		const messages = calls.map((call, id) => ({ jsonrpc: "2.0", id, method: call.method, params: call.params }));
		try {
			const answer = await post(messages.length === 1 ? messages[0] : messages, timeoutMs);
			const answers = Array.isArray(answer) ? (answer as unknown[]) : [answer];
			const byId = new Map(answers.map((item) => [idOf(item), item]));
			for (const [id, call] of calls.entries()) settle(call, byId.get(id) ?? (answers.length === 1 && idOf(answers[0]) === null ? answers[0] : undefined));
		} catch (error) {
			for (const call of calls) call.settle.reject(error);
		}
	}

	function settle(call: Pending, answer: unknown): void {
		try {
			call.settle.resolve(resultOf(answer, call.method));
		} catch (error) {
			call.settle.reject(error);
		}
	}

	return {
		url,
		async request(method, params, { signal, timeoutMs = DEFAULT_TIMEOUT_MS, batch = true } = {}) {
			if (signal?.aborted === true) throw aborted(signal);
			if (!batch) return resultOf(await post({ jsonrpc: "2.0", id: 0, method, params }, timeoutMs, signal), method);
			if (queue.length >= MAX_QUEUED) throw new FreeholdError("upstream.failed", { what: method, reason: `${MAX_QUEUED} calls are waiting already` });
			const answer = new Promise<unknown>((resolve, reject) => {
				queue.push({ method, params, timeoutMs, settle: { resolve, reject } });
				if (queue.length === 1) queueMicrotask(flush);
			});
			return withSignal(answer, signal);
		},
	};
}

/** Text of a body that may not be longer than `maxBytes`. */
async function readText(response: Response, maxBytes: number): Promise<string> {
	const tooLong = (): FreeholdError => new FreeholdError("upstream.failed", { what: "The ledger", reason: `an answer of more than ${maxBytes} bytes` });
	if (Number(response.headers.get("content-length") ?? 0) > maxBytes) throw tooLong();
	if (response.body === null) return "";
	const decoder = new TextDecoder();
	const reader = response.body.getReader();
	let text = "";
	let size = 0;
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return text + decoder.decode();
		size += value.length;
		if (size > maxBytes) {
			await reader.cancel();
			throw tooLong();
		}
		text += decoder.decode(value, { stream: true });
	}
}

function idOf(answer: unknown): unknown {
	return typeof answer === "object" && answer !== null && "id" in answer ? answer.id : undefined;
}

function resultOf(answer: unknown, method: string): unknown {
	if (typeof answer === "object" && answer !== null) {
		if ("error" in answer && typeof answer.error === "object" && answer.error !== null) {
			const { code, message, data } = answer.error as { code?: unknown; message?: unknown; data?: unknown };
			const cause = new RpcError(typeof code === "number" ? code : -32603, typeof message === "string" ? message : "unknown error", data);
			throw new FreeholdError("upstream.failed", { what: method, reason: cause.message }, { cause });
		}
		if ("result" in answer) return answer.result;
	}
	throw new FreeholdError("upstream.failed", { what: method, reason: "no answer in the batch" });
}
