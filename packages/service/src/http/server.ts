/** HTTP over `node:http` from a route table. Handlers are functions from a request to a response; errors become the catalogue's bodies. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex, Readable } from "node:stream";
import { FreeholdError, limits, type Route } from "@freehold/protocol";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { accessMetrics } from "./access-metrics.js";
import { Connections } from "./connections.js";
import { Exchange, LINGER_MS } from "./exchange.js";
import { errorResponse } from "./responses.js";
import { Router } from "./router.js";

export interface HttpRequest {
	readonly method: string;
	/** Raw path of the request line, without the query. */
	readonly path: string;
	/** Decoded `:name` segments. */
	readonly params: Readonly<Record<string, string>>;
	readonly query: URLSearchParams;
	readonly headers: IncomingHttpHeaders;
	/** Address of the peer's socket. */
	readonly remoteAddress: string;
	readonly remotePort: number;
	/** Aborted when the client goes away or the route's deadline passes. */
	readonly signal: AbortSignal;
	/** Whole body; refused with 413 beyond `maxBytes` (default `limits.jsonBodyBytes`). */
	readonly bytes: (maxBytes?: number) => Promise<Uint8Array>;
	/** Body as JSON; refused with 415 and 400 as fits. */
	readonly json: (maxBytes?: number) => Promise<unknown>;
	/** Body as a stream, for uploads. */
	readonly stream: Readable;
}

export interface HttpResponse {
	readonly status: number;
	readonly headers?: Readonly<Record<string, string | readonly string[]>>;
	/** Text, bytes or a stream, sent as they are; or a writer of pieces that has to know which of them were handed over. */
	readonly body?: string | Uint8Array | Readable | BodyWriter;
}

/** Called once, after the head is known; the response ends when it resolves, and breaks off when it throws. */
export type BodyWriter = (sink: BodySink) => Promise<void>;

export interface BodySink {
	/**
	 * Hands a piece to the client's socket. False, or a promise of it, when the client has gone: then nothing of the piece counts as sent. A client that takes
	 * nothing for `limits.streamStallMs` has gone.
	 */
	write(piece: string): boolean | Promise<boolean>;
}

export type Handler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

export interface RouteBinding {
	readonly route: Route;
	readonly handler: Handler;
	/** Time until the handler must have answered, body of the request included; default `limits.requestTimeoutMs`. `Infinity` for uploads and long polls. */
	readonly deadlineMs?: number;
	/** Begin a trace of requests that bring none. */
	readonly traced?: boolean;
	/**
	 * Asked first, when nothing but the head has come: an answer here is sent as it is, and the request is neither read nor handled. For a program that has no room
	 * for more: what it turns away must cost it next to nothing.
	 */
	readonly turnAway?: () => HttpResponse | undefined;
	/** Answer to a refusal, for routes that speak another system's dialect; default the catalogue's body. */
	readonly refuse?: (error: FreeholdError) => HttpResponse;
}

export interface HttpServer {
	/** `http://host:port` with the port that was taken. */
	readonly url: string;
	readonly port: number;
	/** Stops accepting, lets requests in flight finish until the deadline, then closes. A second call waits for the first. */
	readonly close: (deadlineMs: number) => Promise<void>;
}

export interface HttpServerOptions {
	readonly host: string;
	/** 0 takes any free port. */
	readonly port: number;
	readonly log: Logger;
	readonly metrics: Registry;
	/** Connections held at most; default `limits.connections`. */
	readonly maxConnections?: number;
	/** Request bodies held at a time, together; default `limits.bodiesBytes`. */
	readonly bodiesBytes?: number;
	/** Time over which a slow sender or reader is measured; default `limits.slowWindowMs`. */
	readonly slowWindowMs?: number;
	/** Takes over a connection that asks for another protocol (WebSocket). Without it such requests are answered as plain ones. */
	readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** A connection without any traffic for this long is closed. */
const IDLE_SOCKET_MS = 120_000;
const KEEP_ALIVE_MS = 65_000;
const DEADLINE_SCAN_MS = 250;
/** How often Node looks for heads that do not come to an end. */
const HEADERS_SCAN_MS = 1_000;

/** Binds the routes and listens. Throws `config.invalid` when the port cannot be had. */
export async function startHttpServer(bindings: readonly RouteBinding[], options: HttpServerOptions): Promise<HttpServer> {
	const router = new Router<RouteBinding>();
	for (const binding of bindings) router.add(binding.route, binding);
	const metrics = accessMetrics(options.metrics);
	const exchanges = new Set<Exchange>();
	const connections = new Connections(options.maxConnections ?? limits.connections);
	const bodies = { heldBytes: 0, mostBytes: options.bodiesBytes ?? limits.bodiesBytes };
	const slowWindowMs = options.slowWindowMs ?? limits.slowWindowMs;
	const upgraded = new Set<Duplex>();
	let draining = false;
	let closing: Promise<void> | undefined;

	const server = createServer(
		{
			maxHeaderSize: limits.headerBytes,
			headersTimeout: limits.headersTimeoutMs,
			connectionsCheckingInterval: HEADERS_SCAN_MS,
			requestTimeout: 0,
			keepAlive: true,
		},
		(message, response) => {
			const exchange = new Exchange(message, response, { router, log: options.log, metrics, bodies, slowWindowMs, draining: () => draining });
			exchanges.add(exchange);
			connections.busy(message.socket);
			response.once("close", () => {
				exchanges.delete(exchange);
				exchange.closed();
				connections.idle(message.socket);
				if (draining) setImmediate(() => server.closeIdleConnections());
			});
			void exchange.run();
		},
	);
	server.keepAliveTimeout = KEEP_ALIVE_MS;
	server.timeout = IDLE_SOCKET_MS;
	server.on("connection", (socket: Socket) => connections.opened(socket));
	server.on("clientError", answerUnreadable);
	if (options.upgrade !== undefined) {
		const { upgrade } = options;
		server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
			socket.setTimeout(0);
			connections.busy(socket);
			upgraded.add(socket);
			socket.once("close", () => upgraded.delete(socket));
			upgrade(request, socket, head);
		});
	}
	await listen(server, options.host, options.port);
	const deadlines = setInterval(() => {
		const now = performance.now();
		for (const exchange of exchanges) exchange.checkDeadline(now);
	}, DEADLINE_SCAN_MS).unref();

	const { port } = server.address() as AddressInfo;
	return {
		port,
		url: `http://${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}`,
		close: (deadlineMs) => {
			closing ??= new Promise((resolve) => {
				draining = true;
				const timer = setTimeout(() => server.closeAllConnections(), deadlineMs);
				server.close(() => {
					clearTimeout(timer);
					clearInterval(deadlines);
					resolve();
				});
				server.closeIdleConnections();
				// These are no requests: what they carry does not end by itself.
				for (const socket of upgraded) socket.destroy();
			});
			return closing;
		},
	};
}

function listen(server: Server, host: string, port: number): Promise<void> {
	return new Promise((resolve, reject) => {
		const onError = (error: NodeJS.ErrnoException): void => {
			const reason = error.code === "EADDRINUSE" ? `${port} on ${host} is in use` : `cannot listen on ${host}:${port} (${error.code ?? error.message})`;
			reject(new FreeholdError("config.invalid", { option: "--port", reason }, { cause: error }));
		};
		server.once("error", onError);
		server.listen(port, host, () => {
			server.off("error", onError);
			resolve();
		});
	});
}

/** What node:http could not read as a request: its own code decides the refusal. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
	if (!socket.writable || error.code === "ECONNRESET") {
		socket.destroy();
		return;
	}
	const { status, headers, body } = errorResponse(unreadable(error.code));
	const head = Object.entries({ ...headers, connection: "close", "content-length": Buffer.byteLength(String(body)) });
	socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`);
	// Whoever goes on sending is not listened to.
	setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

function unreadable(code: string | undefined): FreeholdError {
	if (code === "HPE_HEADER_OVERFLOW") return new FreeholdError("request.headersTooLarge", { limit: limits.headerBytes });
	if (code === "ERR_HTTP_REQUEST_TIMEOUT") return new FreeholdError("request.timeout", { seconds: limits.headersTimeoutMs / 1000 });
	return new FreeholdError("request.invalid", { field: "request", reason: "not HTTP/1.1" });
}
