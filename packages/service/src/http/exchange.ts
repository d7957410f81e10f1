/** One request and its answer: finds the route, runs the handler under its deadline, sends the response, counts it. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FreeholdError, limits } from "@freehold/protocol";
import type { Logger } from "pino";
import { traceRequest } from "../trace/trace.js";
import type { AccessMetrics } from "./access-metrics.js";
import { parseJsonBody, readBody } from "./body.js";
import { exposedHeaders, preflight } from "./cors.js";
import { errorResponse, toFreeholdError } from "./responses.js";
import type { Router } from "./router.js";
import type { BodyWriter, HttpRequest, HttpResponse, RouteBinding } from "./server.js";

export interface ExchangeModules {
	readonly router: Router<RouteBinding>;
	readonly log: Logger;
	readonly metrics: AccessMetrics;
	readonly draining: () => boolean;
	/** What all exchanges hold of request bodies. */
	readonly bodies: { heldBytes: number; readonly mostBytes: number };
	readonly slowWindowMs: number;
}

/** A client whose request is refused before it was read gets this long to notice. */
export const LINGER_MS = 2_000;

export class Exchange {
	readonly #message: IncomingMessage;
	readonly #response: ServerResponse;
	readonly #modules: ExchangeModules;
	readonly #startedAt = performance.now();
	readonly #path: string;
	readonly #search: string;
	#binding: RouteBinding | undefined;
	#request: Request | undefined;
	#deadlineAt = Number.POSITIVE_INFINITY;
	#answered = false;
	#heldBytes = 0;
	/** What the client had moved at the beginning of the window under way. */
	#progress: { readonly at: number; readonly bytes: number };

	constructor(message: IncomingMessage, response: ServerResponse, modules: ExchangeModules) {
		this.#message = message;
		this.#response = response;
		this.#modules = modules;
		this.#progress = { at: this.#startedAt, bytes: movedBytes(message) };
		const target = pathOf(message.url ?? "/");
		const mark = target.indexOf("?");
		this.#path = mark < 0 ? target : target.slice(0, mark);
		this.#search = mark < 0 ? "" : target.slice(mark + 1);
	}

	async run(): Promise<void> {
		let answer: HttpResponse;
		try {
			const result = this.#handle();
			answer = result instanceof Promise ? await result : result;
		} catch (error) {
			answer = this.#refuse(error);
		}
		await this.#send(answer);
	}

	/** Answers in the handler's place when its time is over; gives up a client that moves too little while it is waited for. */
	checkDeadline(now: number): void {
		if (now - this.#progress.at >= this.#modules.slowWindowMs) this.#checkProgress(now);
		if (now < this.#deadlineAt || this.#answered) return;
		this.#deadlineAt = Number.POSITIVE_INFINITY;
		const timeout = new FreeholdError("request.timeout", { seconds: this.#deadlineMs() / 1000 });
		this.#request?.abort(timeout);
		void this.#send(this.#refuse(timeout));
	}

	#checkProgress(now: number): void {
		const { at, bytes } = this.#progress;
		const moved = movedBytes(this.#message);
		this.#progress = { at: now, bytes: moved };
		if (moved - bytes >= (limits.slowestBytesPerSecond * (now - at)) / 1000) return;
		const { socket } = this.#message;
		if (this.#answered) {
			// Something waits for the client to take it.
			if (socket.writableLength > 0) socket.destroy();
			return;
		}
		// Nothing waits for us, so the client is the slow one.
		if (this.#message.complete || this.#message.readableLength > 0 || this.#deadlineAt !== Number.POSITIVE_INFINITY) return;
		const timeout = new FreeholdError("request.timeout", { seconds: this.#modules.slowWindowMs / 1000 });
		this.#request?.abort(timeout);
		void this.#send(this.#refuse(timeout));
	}

	/** Takes room for a part of the body; false when the program holds too much already. */
	readonly #hold = (bytes: number): boolean => {
		const { bodies } = this.#modules;
		if (bodies.heldBytes + bytes > bodies.mostBytes) return false;
		bodies.heldBytes += bytes;
		this.#heldBytes += bytes;
		return true;
	};

	/** The connection is done with this exchange; what still works for it can stop. */
	closed(): void {
		this.#modules.bodies.heldBytes -= this.#heldBytes;
		this.#heldBytes = 0;
		if (!this.#response.writableFinished) this.#request?.abort(new FreeholdError("request.aborted"));
		this.#modules.metrics.observe(
			this.#binding?.route.path ?? "none",
			this.#binding === undefined ? "none" : (this.#message.method ?? "none"),
			this.#response.writableFinished ? this.#response.statusCode : 499,
			(performance.now() - this.#startedAt) / 1000,
		);
	}

	#handle(): HttpResponse | Promise<HttpResponse> {
		const method = this.#message.method ?? "GET";
		const lookup = this.#modules.router.find(method, this.#path);
		if (lookup === undefined) throw new FreeholdError("request.notFound", { path: this.#path.slice(0, 200) });
		if (!("found" in lookup)) {
			if (method === "OPTIONS") return preflight(this.#message.headers, lookup.allowed);
			const refusal = new FreeholdError("request.methodNotAllowed", { path: this.#path.slice(0, 200), method });
			const answer = errorResponse(refusal);
			return { ...answer, headers: { ...answer.headers, allow: [...lookup.allowed, "OPTIONS"].join(", ") } };
		}
		const { value: binding, params } = lookup.found;
		this.#binding = binding;
		const away = binding.turnAway?.();
		if (away !== undefined) return away;
		this.#deadlineAt = this.#startedAt + this.#deadlineMs();
		const request = new Request(this.#message, this.#hold, method, this.#path, this.#search, params);
		this.#request = request;
		const span = { method, route: binding.route.path, headers: this.#message.headers, begins: binding.traced === true };
		return traceRequest(span, () => binding.handler(request));
	}

	#deadlineMs(): number {
		return this.#binding?.deadlineMs ?? limits.requestTimeoutMs;
	}

	#refuse(error: unknown): HttpResponse {
		const known = toFreeholdError(error, this.#modules.log, `${this.#message.method} ${this.#binding?.route.path ?? this.#path.slice(0, 200)}`);
		try {
			return this.#binding?.refuse?.(known) ?? errorResponse(known);
		} catch (second) {
			return errorResponse(toFreeholdError(second, this.#modules.log, "refusal"));
		}
	}

	async #send(answer: HttpResponse): Promise<void> {
		const { body } = answer;
		if (this.#answered || this.#response.destroyed) {
			if (body instanceof Readable) body.destroy();
			// What was begun for a client that has gone still has its end: it sees that nothing arrives.
			if (typeof body === "function") await body({ write: () => false }).catch(() => undefined);
			return;
		}
		this.#answered = true;
		const headers: OutgoingHttpHeaders = {
			...exposedHeaders,
			...(answer.headers as OutgoingHttpHeaders | undefined),
		};
		if (!(body instanceof Readable) && typeof body !== "function" && answer.status !== 204 && answer.status !== 304) {
			// A HEAD answer may state a length of its own.
			headers["content-length"] ??= body === undefined ? 0 : typeof body === "string" ? Buffer.byteLength(body) : body.length;
		}
		if (this.#modules.draining()) headers["connection"] = "close";
		if (!this.#message.complete) this.#lingerBriefly();
		try {
			this.#response.writeHead(answer.status, headers);
			if (this.#message.method === "HEAD") {
				if (body instanceof Readable) body.destroy();
				this.#response.end();
			} else if (body instanceof Readable) await pipeline(body, this.#response);
			else if (typeof body === "function") await this.#write(body);
			else this.#response.end(body);
		} catch (error) {
			// The head is out, so the client can learn of it only by a cut connection.
			if (!this.#response.writableFinished && !isGone(error)) this.#modules.log.error({ err: error, route: this.#binding?.route.path }, "a response broke off");
			this.#response.destroy();
		}
	}

	async #write(body: BodyWriter): Promise<void> {
		const response = this.#response;
		await body({
			write: (piece) => {
				if (response.destroyed || response.writableEnded) return false;
				return response.write(piece) || drained(response);
			},
		});
		response.end();
	}

	/** Node discards what is left of the body, so that the client can read the answer; not for ever. */
	#lingerBriefly(): void {
		// A destroyed message has let its socket go.
		if (this.#message.destroyed) return;
		const { socket } = this.#message;
		this.#response.once("finish", () => {
			if (this.#message.complete) return;
			// The socket outlives the request: what is hung on it is taken off again.
			const forget = (): void => {
				clearTimeout(timer);
				socket.off("close", forget);
				this.#message.off("end", forget);
			};
			const timer = setTimeout(() => {
				forget();
				if (!this.#message.complete) socket.destroy();
			}, LINGER_MS).unref();
			socket.once("close", forget);
			this.#message.once("end", forget);
		});
	}
}

/** Whether the client takes what waits for it before its patience ends. */
function drained(response: ServerResponse): Promise<boolean> {
	return new Promise((resolve) => {
		const end = (taken: boolean): void => {
			clearTimeout(timer);
			response.off("drain", onDrain).off("close", onClose);
			resolve(taken);
		};
		const onDrain = (): void => end(true);
		const onClose = (): void => end(false);
		const timer = setTimeout(() => {
			response.destroy();
			end(false);
		}, limits.streamStallMs);
		response.on("drain", onDrain).on("close", onClose);
	});
}

class Request implements HttpRequest {
	readonly method: string;
	readonly path: string;
	readonly params: Readonly<Record<string, string>>;
	readonly stream: IncomingMessage;
	readonly #search: string;
	readonly #hold: (bytes: number) => boolean;
	#query: URLSearchParams | undefined;
	#controller: AbortController | undefined;
	#aborted: FreeholdError | undefined;
	#bytes: Promise<Uint8Array> | undefined;

	constructor(
		message: IncomingMessage,
		hold: (bytes: number) => boolean,
		method: string,
		path: string,
		search: string,
		params: Readonly<Record<string, string>>,
	) {
		this.stream = message;
		this.#hold = hold;
		this.method = method;
		this.path = path;
		this.#search = search;
		this.params = params;
	}

	get headers(): IncomingMessage["headers"] {
		return this.stream.headers;
	}

	get remoteAddress(): string {
		return this.stream.socket.remoteAddress ?? "";
	}

	get remotePort(): number {
		return this.stream.socket.remotePort ?? 0;
	}

	get query(): URLSearchParams {
		this.#query ??= new URLSearchParams(this.#search);
		return this.#query;
	}

	// Made when first asked for: most handlers end before anyone could use it.
	get signal(): AbortSignal {
		if (this.#controller === undefined) {
			this.#controller = new AbortController();
			if (this.#aborted !== undefined) this.#controller.abort(this.#aborted);
		}
		return this.#controller.signal;
	}

	readonly bytes = (maxBytes: number = limits.jsonBodyBytes): Promise<Uint8Array> => {
		this.#bytes ??= readBody(this.stream, maxBytes, this.#hold);
		return this.#bytes;
	};

	readonly json = async (maxBytes?: number): Promise<unknown> => parseJsonBody(await this.bytes(maxBytes), this.headers["content-type"]);

	abort(reason: FreeholdError): void {
		this.#aborted ??= reason;
		this.#controller?.abort(reason);
	}
}

/** Bytes that went over the connection in either direction so far; what is still to be taken by the client has not. */
function movedBytes({ socket }: IncomingMessage): number {
	return socket.bytesRead + socket.bytesWritten - socket.writableLength;
}

/** Path and query of a request target; proxies may send the absolute form. */
function pathOf(target: string): string {
	if (target.startsWith("/")) return target;
	try {
		const { pathname, search } = new URL(target);
		return pathname + search;
	} catch {
		return "/";
	}
}

function isGone(error: unknown): boolean {
	return error instanceof Error && "code" in error && (error.code === "ERR_STREAM_PREMATURE_CLOSE" || error.code === "ECONNRESET" || error.code === "EPIPE");
}
