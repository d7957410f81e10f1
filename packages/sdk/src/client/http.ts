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

/** An answer that is read as it comes; of another status than 2xx `body` is whole and there are no lines. */
export interface HttpStream extends HttpAnswer {
	/** Lines of text without their ends, each when it has come. Throws as `request` does; ends the request when it is left early. */
	readonly lines: AsyncIterable<string>;
}

export interface Http {
	/** Answer of any status. Throws `network.down`, `upstream.timeout`, `upstream.failed` or `request.aborted`. */
	request(url: string, request: HttpRequest): Promise<HttpAnswer>;
	/** As `request`; the deadline is of the whole stream. */
	stream(url: string, request: HttpRequest): Promise<HttpStream>;
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

	async function stream(url: string, options: HttpRequest): Promise<HttpStream> {
		const { what, signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
		if (isAborted(signal)) throw aborted(signal);
		const deadline = AbortSignal.timeout(timeoutMs);
		const left = new AbortController();
		const any = AbortSignal.any([deadline, left.signal, ...(signal === undefined ? [] : [signal])]);
		const translate = (error: unknown): unknown => {
			if (isAborted(signal)) return aborted(signal);
			if (deadline.aborted) return new FreeholdError("upstream.timeout", { what, seconds: timeoutMs / 1000 }, { cause: error });
			return error instanceof FreeholdError ? error : new FreeholdError("network.down", { what, url: originOf(url) }, { cause: error });
		};
		try {
			const response = await fetch(url, { ...requestInit(options), signal: any });
			const header = (name: string): string | null => response.headers.get(name);
			const { status } = response;
			if (status < 200 || status > 299) return { status, header, body: await readBounded(response, limits.jsonBodyBytes, what), lines: none() };
			return {
				status,
				header,
				body: new Uint8Array(0),
				lines: linesOf(response, options.maxBytes ?? limits.receiptFileBytes, what, translate, () => left.abort()),
			};
		} catch (error) {
			throw translate(error);
		}
	}

	return {
		request,
		stream,
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

async function* none(): AsyncIterable<string> {}

async function* linesOf(response: Response, maxBytes: number, what: string, translate: (error: unknown) => unknown, leave: () => void): AsyncIterable<string> {
	if (response.body === null) return;
	const reader = response.body.getReader();
	const decoder = new TextDecoder();
	let rest = "";
	let size = 0;
	try {
		for (;;) {
			const { done, value } = await reader.read().catch((error: unknown) => {
				throw translate(error);
			});
			if (done) break;
			size += value.length;
			if (size > maxBytes) throw new FreeholdError("upstream.failed", { what, reason: `an answer of more than ${maxBytes} bytes` });
			const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
			rest = lines.pop() ?? "";
			yield* lines;
		}
		if (rest !== "") yield rest;
	} finally {
		// Whoever stops reading has left: the gateway settles for what came.
		leave();
	}
}

function originOf(url: string): string {
	return new URL(url).origin;
}

/** Asked anew each time: a signal changes while its owner waits. */
function isAborted(signal: AbortSignal | undefined): boolean {
	return signal?.aborted === true;
}
