/** HTTP over `node:http` from a route table. Handlers are functions from a request to a response; errors become the catalogue's bodies. */
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { Route } from "@freehold/protocol";

export interface HttpRequest {
	readonly method: string;
	readonly path: string;
	/** Decoded `:name` segments. */
	readonly params: Readonly<Record<string, string>>;
	readonly query: URLSearchParams;
	readonly headers: IncomingHttpHeaders;
	/** Address of the peer's socket. */
	readonly remoteAddress: string;
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
	/** Text, bytes or a stream, sent as they are. */
	readonly body?: string | Uint8Array | Readable;
}

export type Handler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

export interface RouteBinding {
	readonly route: Route;
	readonly handler: Handler;
}

export interface HttpServer {
	/** `http://host:port` with the port that was taken. */
	readonly url: string;
	readonly port: number;
	/** Stops accepting, lets requests in flight finish until the deadline, then closes. */
	readonly close: (deadlineMs: number) => Promise<void>;
}
