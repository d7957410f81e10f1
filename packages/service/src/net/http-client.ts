/**
 * Calls to other programs, over undici with connections kept open: a call by `node:http` costs three times as much, and a gateway makes one for each that it answers.
 * Every call has a deadline and a limit on what is read; every failure is a `FreeholdError`. Redirects are not followed: an address of ours answers itself.
 */
import type { IncomingHttpHeaders } from "node:http";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { errorFromBody, FreeholdError, limits, parseJson } from "@freehold/protocol";
import type { Dispatcher, Agent as UndiciAgent } from "undici";
import { traceHeaders } from "../trace/trace.js";
import { aborted } from "./limiter.js";
import { isPrivateHost, PRIVATE, publicLookup } from "./public-address.js";

// The package's own front door would also replace the dispatcher of the global `fetch`.
const Agent = createRequire(import.meta.url)("undici/lib/dispatcher/agent.js") as typeof UndiciAgent;

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

// Waits are bounded by each call's own deadline.
const pool = { connections: 256, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 } as const;
const agent = new Agent({ ...pool, connect: { timeout: 0 } });
/** A connection of these was judged when it was made, so the two kinds are never mixed. */
const publicAgent = new Agent({ ...pool, connect: { timeout: 0, lookup: publicLookup } });

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
	return send<Buffer>(url, options, (call) => {
		const chunks: Buffer[] = [];
		let size = 0;
		return {
			data: (chunk) => {
				size += chunk.length;
				if (size > maxBytes) call.stop(tooLong(what));
				else chunks.push(chunk);
			},
			end: () => call.resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size)),
			fail: () => undefined,
		};
	});
}

/** Answer of any status whose body is read as it comes. The stream fails with a `FreeholdError` past the limit, the deadline or the signal; it must be consumed or destroyed. */
export function fetchStream(url: string, options: CallOptions & { readonly body?: string | Uint8Array }): Promise<Answer<Readable>> {
	const { what, maxBytes = limits.jsonBodyBytes } = options;
	return send<Readable>(url, options, (call) => {
		let left = maxBytes;
		const stream = new Readable({
			read: () => call.resume(),
			destroy: (error, callback) => {
				call.end();
				callback(error);
			},
		});
		// An answer that nobody reads any more may fail in peace; a reader is told by the stream itself.
		stream.on("error", () => undefined);
		call.resolve(stream);
		return {
			data: (chunk) => {
				left -= chunk.length;
				if (left < 0) call.stop(tooLong(what));
				else if (!stream.push(chunk)) call.pause();
			},
			end: () => void stream.push(null),
			fail: (error) => void stream.destroy(error),
		};
	});
}

/** What is done with an answer's body as it comes. */
interface Receiver {
	readonly data: (chunk: Buffer) => void;
	readonly end: () => void;
	/** It broke off, in the catalogue's words. */
	readonly fail: (error: FreeholdError) => void;
}

/** A request whose answer has begun. */
interface Call<B> {
	readonly resolve: (body: B) => void;
	/** Ends it for a reason of ours. */
	readonly stop: (reason: FreeholdError) => void;
	readonly pause: () => void;
	readonly resume: () => void;
	/** Lets the connection go when nobody wants the rest. */
	readonly end: () => void;
}

function send<B>(url: string, options: CallOptions & { readonly body?: string | Uint8Array }, receive: (call: Call<B>) => Receiver): Promise<Answer<B>> {
	const { what, deadlineMs, signal } = options;
	return new Promise((resolve, reject) => {
		if (signal?.aborted === true) {
			reject(aborted(signal));
			return;
		}
		const target = targetOf(url);
		if (target === undefined) {
			reject(new FreeholdError("upstream.failed", { what, reason: "its address is no http or https URL" }));
			return;
		}
		if (options.onlyPublic === true && isPrivateHost(target.hostname)) {
			reject(new FreeholdError("upstream.failed", { what, reason: PRIVATE }));
			return;
		}
		let controller: Dispatcher.DispatchController | undefined;
		let receiver: Receiver | undefined;
		let reason: FreeholdError | undefined;
		let over = false;
		const stop = (error: FreeholdError): void => {
			if (over) return;
			reason ??= error;
			// Not on its way yet: nobody waits for a connection any more.
			if (controller === undefined) fail(error);
			else controller.abort(error);
		};
		const timer = setTimeout(() => stop(new FreeholdError("upstream.timeout", { what, seconds: deadlineMs / 1000 })), deadlineMs);
		const onAbort = (): void => stop(aborted(signal));
		signal?.addEventListener("abort", onAbort, { once: true });
		const done = (): void => {
			over = true;
			clearTimeout(timer);
			signal?.removeEventListener("abort", onAbort);
		};
		const fail = (error: Error): void => {
			if (over) return;
			done();
			const words = reason ?? translate(error, what, target.origin);
			receiver?.fail(words);
			reject(words);
		};
		const { body } = options;
		(options.onlyPublic === true ? publicAgent : agent).dispatch(
			{
				origin: target.origin,
				path: target.path,
				method: options.method ?? (body === undefined ? "GET" : "POST"),
				headers: { ...options.headers, ...traceHeaders() },
				...(body === undefined ? {} : { body }),
			},
			{
				onRequestStart(started) {
					controller = started;
					if (over) started.abort(reason ?? new Error("given up"));
				},
				onResponseStart(own, status, headers) {
					// Early hints and the like are no answer.
					if (status < 200 || over) return;
					receiver = receive({
						resolve: (value) => resolve({ status, headers: headers as IncomingHttpHeaders, body: value }),
						stop,
						pause: () => own.pause(),
						resume: () => own.resume(),
						end: () => {
							if (over) return;
							done();
							own.abort(new Error("given up"));
						},
					});
				},
				onResponseData(_, chunk) {
					if (!over) receiver?.data(chunk);
				},
				onResponseEnd() {
					if (over) return;
					done();
					receiver?.end();
				},
				onResponseError(_, error) {
					fail(error);
				},
			},
		);
	});
}

interface Target {
	readonly origin: string;
	readonly hostname: string;
	readonly path: string;
}

const MAX_TARGETS = 256;
const MAX_TARGET_LENGTH = 200;
/** The few addresses that are called all the time. */
const targets = new Map<string, Target>();

function targetOf(url: string): Target | undefined {
	const known = targets.get(url);
	if (known !== undefined) return known;
	const parsed = URL.canParse(url) ? new URL(url) : undefined;
	if (parsed === undefined || (parsed.protocol !== "http:" && parsed.protocol !== "https:")) return undefined;
	const { origin, hostname, pathname, search } = parsed;
	const target = { origin, hostname, path: `${pathname}${search}` };
	if (url.length <= MAX_TARGET_LENGTH) {
		const [oldest] = targets.size >= MAX_TARGETS ? targets.keys() : [];
		if (oldest !== undefined) targets.delete(oldest);
		targets.set(url, target);
	}
	return target;
}

function tooLong(what: string): FreeholdError {
	return new FreeholdError("upstream.failed", { what, reason: "a longer answer than allowed" });
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
	const code = codeOf(error);
	const down = ["ECONNREFUSED", "ENOTFOUND", "EHOSTUNREACH", "ENETUNREACH", "EAI_AGAIN"].includes(code ?? "");
	return down
		? new FreeholdError("network.down", { what, url }, { cause: error })
		: new FreeholdError("upstream.failed", { what, reason: code === "EPRIVATE" ? PRIVATE : (code ?? error.message) }, { cause: error });
}

/** The system's code of what failed. The library's own, for a connection that was closed, is told as the system would. */
function codeOf({ code }: NodeJS.ErrnoException): string | undefined {
	return code === "UND_ERR_SOCKET" || code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH" ? "ECONNRESET" : code;
}
