/**
 * Calls to other programs over `node:http` with connections kept open. Every call has a deadline and a limit on what is read; every failure is a
 * `FreeholdError`. Redirects are not followed: an address of ours answers itself.
 */
import { Agent, type ClientRequest, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as httpsRequest, Agent as TlsAgent } from "node:https";
import { type Readable, Transform, type TransformCallback } from "node:stream";
import { errorFromBody, FreeholdError, limits, parseJson } from "@freehold/protocol";
import { traceHeaders } from "../trace/trace.js";
import { aborted } from "./limiter.js";
import { isPrivateHost, PRIVATE, publicLookup } from "./public-address.js";

export interface CallOptions {
	readonly method?: "GET" | "HEAD" | "POST" | "PUT";
	readonly headers?: Readonly<Record<string, string>>;
	/** Time until the last byte of the answer. */
	readonly deadlineMs: number;
	readonly signal?: AbortSignal;
	/** Longest answer that is read; default `limits.jsonBodyBytes`. */
	readonly maxBytes?: number;
	/**
	 * The address was chosen by a stranger: nothing is asked of this machine, its neighbours or a cloud's metadata service, whatever name it goes by. Default false.
	 */
	readonly onlyPublic?: boolean;
	/** Whom errors name: "The hub", "Storage". */
	readonly what: string;
}

export interface Answer<B> {
	readonly status: number;
	readonly headers: IncomingHttpHeaders;
	readonly body: B;
}

const pool = { keepAlive: true, maxSockets: 256, maxFreeSockets: 32, scheduling: "lifo" } as const;
const agents = { "http:": new Agent(pool), "https:": new TlsAgent(pool) } as const;
/** A connection of these was judged when it was made, so the two kinds are never mixed. */
const publicAgents = { "http:": new Agent(pool), "https:": new TlsAgent(pool) } as const;

/** JSON of a 2xx answer. An error body of ours is thrown as the error that it describes, any other status as `upstream.failed`. */
export async function fetchJson(url: string, options: CallOptions & { readonly json?: unknown }): Promise<unknown> {
	const { json, ...rest } = options;
	const answer = await fetchBytes(url, {
		...rest,
		headers: { accept: "application/json", ...(json === undefined ? {} : { "content-type": "application/json" }), ...options.headers },
		...(json === undefined ? {} : { method: options.method ?? "POST", body: JSON.stringify(json) }),
	});
	const value = parse(answer.body);
	if (answer.status < 200 || answer.status > 299) throw refusal(options.what, answer.status, value);
	if (value === undefined) throw new FreeholdError("upstream.failed", { what: options.what, reason: "an answer that is not JSON" });
	return value;
}

/** Whole answer of any status. */
export function fetchBytes(url: string, options: CallOptions & { readonly body?: string | Uint8Array }): Promise<Answer<Buffer>> {
	const { what, maxBytes = limits.jsonBodyBytes } = options;
	return send<Buffer>(url, options, (message, call) => {
		const chunks: Buffer[] = [];
		let size = 0;
		// Straight from the parser: calls between programs are many and small, and a stream between would cost more than they do.
		message.on("data", (chunk: Buffer) => {
			size += chunk.length;
			if (size > maxBytes) call.stop(tooLong(what));
			else chunks.push(chunk);
		});
		message.once("end", () => {
			call.done();
			call.resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size));
		});
		message.once("error", call.fail);
		message.once("close", () => {
			if (!message.complete) call.fail(new Error("closed"));
		});
	});
}

/** Answer of any status whose body is read as it comes. The stream fails with a `FreeholdError` past the limit, the deadline or the signal; it must be consumed or destroyed. */
export function fetchStream(url: string, options: CallOptions & { readonly body?: string | Uint8Array }): Promise<Answer<Readable>> {
	return send<Readable>(url, options, (message, call) => {
		const bounded = new Bounded(options.what, options.maxBytes ?? limits.jsonBodyBytes);
		// An answer that nobody reads any more may fail in peace; a reader is told by the stream itself.
		bounded.on("error", () => undefined);
		// Not a pipeline: it would hand the raw error on before it could be put into our words.
		message.pipe(bounded);
		message.once("error", (error: NodeJS.ErrnoException) => bounded.destroy(call.words(error)));
		bounded.once("close", () => {
			call.done();
			if (!message.complete) call.end();
		});
		call.resolve(bounded);
	});
}

/** A request whose answer has begun. */
interface Call<B> {
	readonly resolve: (body: B) => void;
	/** Ends it for a reason of ours. */
	readonly stop: (reason: FreeholdError) => void;
	/** The connection failed. */
	readonly fail: (error: NodeJS.ErrnoException) => void;
	/** A failure of the connection in the catalogue's words: ours, where we ended it. */
	readonly words: (error: NodeJS.ErrnoException) => FreeholdError;
	/** The answer is read: its deadline is over. */
	readonly done: () => void;
	readonly end: () => void;
}

function send<B>(
	url: string,
	options: CallOptions & { readonly body?: string | Uint8Array },
	receive: (message: IncomingMessage, call: Call<B>) => void,
): Promise<Answer<B>> {
	const { what, deadlineMs, signal } = options;
	return new Promise((resolve, reject) => {
		if (signal?.aborted === true) {
			reject(aborted(signal));
			return;
		}
		const target = URL.canParse(url) ? new URL(url) : undefined;
		if (target === undefined || (target.protocol !== "http:" && target.protocol !== "https:")) {
			reject(new FreeholdError("upstream.failed", { what, reason: "its address is no http or https URL" }));
			return;
		}
		if (options.onlyPublic === true && isPrivateHost(target.hostname)) {
			reject(new FreeholdError("upstream.failed", { what, reason: PRIVATE }));
			return;
		}
		const secure = target.protocol === "https:";
		const request: ClientRequest = (secure ? httpsRequest : httpRequest)(target, {
			method: options.method ?? (options.body === undefined ? "GET" : "POST"),
			headers: { ...options.headers, ...traceHeaders(), ...(options.body === undefined ? {} : { "content-length": Buffer.byteLength(options.body) }) },
			...(options.onlyPublic === true ? { lookup: publicLookup } : {}),
			agent: (options.onlyPublic === true ? publicAgents : agents)[secure ? "https:" : "http:"],
		});
		let reason: FreeholdError | undefined;
		const words = (error: NodeJS.ErrnoException): FreeholdError => reason ?? translate(error, what, target.origin);
		const stop = (error: FreeholdError): void => {
			reason ??= error;
			request.destroy(reason);
		};
		const timer = setTimeout(() => stop(new FreeholdError("upstream.timeout", { what, seconds: deadlineMs / 1000 })), deadlineMs);
		const onAbort = (): void => stop(aborted(signal));
		signal?.addEventListener("abort", onAbort, { once: true });
		const done = (): void => {
			clearTimeout(timer);
			signal?.removeEventListener("abort", onAbort);
		};
		const fail = (error: NodeJS.ErrnoException): void => {
			done();
			reject(words(error));
		};
		request.once("close", done);
		request.on("error", fail);
		request.once("response", (message: IncomingMessage) =>
			receive(message, {
				resolve: (body) => resolve({ status: message.statusCode ?? 0, headers: message.headers, body }),
				stop,
				fail,
				words,
				done,
				end: () => request.destroy(),
			}),
		);
		request.end(options.body);
	});
}

function tooLong(what: string): FreeholdError {
	return new FreeholdError("upstream.failed", { what, reason: "a longer answer than allowed" });
}

class Bounded extends Transform {
	readonly #what: string;
	#left: number;

	constructor(what: string, maxBytes: number) {
		super();
		this.#what = what;
		this.#left = maxBytes;
	}

	override _transform(chunk: Buffer, _: BufferEncoding, callback: TransformCallback): void {
		this.#left -= chunk.length;
		if (this.#left < 0) callback(tooLong(this.#what));
		else callback(null, chunk);
	}
}

function parse(body: Buffer): unknown {
	try {
		return parseJson(body.toString("utf8"));
	} catch {
		return undefined;
	}
}

/** The error that an answer outside 2xx stands for. */
export function refusal(what: string, status: number, body: unknown): FreeholdError {
	return errorFromBody(body) ?? new FreeholdError("upstream.failed", { what, reason: `HTTP ${status}` });
}

function translate(error: NodeJS.ErrnoException, what: string, url: string): FreeholdError {
	const down = ["ECONNREFUSED", "ENOTFOUND", "EHOSTUNREACH", "ENETUNREACH", "EAI_AGAIN"].includes(error.code ?? "");
	return down
		? new FreeholdError("network.down", { what, url }, { cause: error })
		: new FreeholdError("upstream.failed", { what, reason: error.code === "EPRIVATE" ? PRIVATE : (error.code ?? error.message) }, { cause: error });
}
