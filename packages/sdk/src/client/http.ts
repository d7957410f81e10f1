/** Asking the programs of a network: every request has a deadline and a limit, every failure is in the words of the catalogue. */
import { errorFromBody, FreeholdError, fromUtf8, limits } from "@freehold/protocol";
import { aborted } from "../chain/deadline.js";
import type { Fetch } from "../chain/json-rpc.js";

export interface HttpRequest {
	/** Whom is asked, for error texts: `The gateway`. */
	readonly what: string;
	readonly method?: "GET" | "HEAD" | "POST" | "PUT";
	readonly headers?: Readonly<Record<string, string>>;
	/** Sent as JSON. */
	readonly json?: unknown;
	readonly body?: BodyInit;
	/** Default 30,000. */
	readonly timeoutMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
	/** Longest answer that is read, in bytes. */
	readonly maxBytes?: number;
}

export interface HttpAnswer {
	readonly status: number;
	readonly header: (name: string) => string | null;
	readonly body: Uint8Array;
}

export interface Http {
	/** Answer of any status. Throws `network.down`, `upstream.timeout`, `upstream.failed` or `request.aborted`. */
	request(url: string, request: HttpRequest): Promise<HttpAnswer>;
	/** JSON of a good answer; the peer's own refusal otherwise. */
	json(url: string, request: HttpRequest): Promise<unknown>;
}

const DEFAULT_TIMEOUT_MS = 30_000;

export function createHttp(fetch: Fetch): Http {
	async function request(url: string, options: HttpRequest): Promise<HttpAnswer> {
		const { what, signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
		if (isAborted(signal)) throw aborted(signal);
		const deadline = AbortSignal.timeout(timeoutMs);
		const either = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
		try {
			const response = await fetch(url, { ...requestInit(options), signal: either });
			const body = await readBounded(response, options.maxBytes ?? limits.jsonBodyBytes, what);
			return { status: response.status, header: (name) => response.headers.get(name), body };
		} catch (error) {
			if (isAborted(signal)) throw aborted(signal);
			if (deadline.aborted) throw new FreeholdError("upstream.timeout", { what, seconds: timeoutMs / 1000 }, { cause: error });
			if (error instanceof FreeholdError) throw error;
			throw new FreeholdError("network.down", { what, url: originOf(url) }, { cause: error });
		}
	}

	return {
		request,
		async json(url, options) {
			const answer = await request(url, options);
			const value = parseJson(answer.body);
			if (answer.status < 200 || answer.status > 299) throw refusalOf(options.what, answer.status, value);
			if (value === undefined) throw new FreeholdError("upstream.failed", { what: options.what, reason: "an answer that is not JSON" });
			return value;
		},
	};
}

/** The error that an answer outside 2xx stands for. */
export function refusalOf(what: string, status: number, body: unknown): FreeholdError {
	return errorFromBody(body) ?? new FreeholdError("upstream.failed", { what, reason: `HTTP ${status}` });
}

/** Value of JSON bytes; undefined when they are none. */
export function parseJson(body: Uint8Array): unknown {
	try {
		return JSON.parse(fromUtf8(body)) as unknown;
	} catch {
		return undefined;
	}
}

/** URL of a route's path, with its parameters filled in. */
export function urlOf(base: string, path: string, parameters: Readonly<Record<string, string>> = {}, query: Readonly<Record<string, string>> = {}): string {
	const filled = path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(parameters[name] ?? ""));
	const search = new URLSearchParams(query).toString();
	return `${base.replace(/\/$/, "")}${filled}${search === "" ? "" : `?${search}`}`;
}

function requestInit({ method, headers, json, body }: HttpRequest): RequestInit {
	const content = json === undefined ? body : JSON.stringify(json);
	const init: RequestInit & { duplex?: "half" } = {
		method: method ?? (content === undefined ? "GET" : "POST"),
		headers: { ...(json === undefined ? {} : { "content-type": "application/json" }), ...headers },
		...(content === undefined ? {} : { body: content }),
	};
	// Fetch asks for this whenever a body is a stream.
	if (content instanceof ReadableStream) init.duplex = "half";
	return init;
}

async function readBounded(response: Response, maxBytes: number, what: string): Promise<Uint8Array> {
	const tooLong = (): FreeholdError => new FreeholdError("upstream.failed", { what, reason: `an answer of more than ${maxBytes} bytes` });
	if (response.body === null) return new Uint8Array(0);
	const reader = response.body.getReader();
	const chunks: Uint8Array[] = [];
	let size = 0;
	for (;;) {
		const { done, value } = await reader.read();
		if (done) break;
		size += value.length;
		if (size > maxBytes) {
			await reader.cancel();
			throw tooLong();
		}
		chunks.push(value);
	}
	const whole = new Uint8Array(size);
	let offset = 0;
	for (const chunk of chunks) {
		whole.set(chunk, offset);
		offset += chunk.length;
	}
	return whole;
}

function originOf(url: string): string {
	return new URL(url).origin;
}

/** Asked anew each time: a signal changes while its owner waits. */
function isAborted(signal: AbortSignal | undefined): boolean {
	return signal?.aborted === true;
}
