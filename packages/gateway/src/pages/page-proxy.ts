/**
 * One origin for the page: hub, storage and ledger behind the gateway's own address, so that the page's policy can forbid every other one.
 * Only what a page needs is passed on, to fixed addresses, within bounds. Programs talk to each other directly.
 */
import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request as openRequest } from "node:http";
import { request as openSecureRequest, Agent as SecureAgent } from "node:https";
import { pipeline } from "node:stream";
import { FreeholdError, limits, type Route } from "@freehold/protocol";
import type { Handler, HttpRequest, RouteBinding } from "@freehold/service";

export interface PageProxyOptions {
	readonly rpcUrl: string;
	readonly storageUrl: string;
	readonly hubUrl: string | undefined;
}

interface Target {
	readonly what: string;
	readonly prefix: string;
	readonly url: string;
	readonly methods: readonly Route["method"][];
	/** Segments after the prefix, at most. */
	readonly depth: number;
	readonly maxBodyBytes: number;
	readonly deadlineMs: number;
}

/** Requests passed on at one time, to all targets together. */
const MAX_IN_FLIGHT = 256;
const IDLE_MS = 60_000;
const UPLOAD_DEADLINE_MS = 3_600_000;
const PASSED_DOWN = ["content-type", "content-length", "content-range", "cache-control", "etag", "retry-after", "last-modified"] as const;
const PASSED_UP = ["content-type", "content-length", "accept", "if-none-match", "range"] as const;

export function pageProxy({ rpcUrl, storageUrl, hubUrl }: PageProxyOptions): readonly RouteBinding[] {
	const targets: readonly Target[] = [
		{
			what: "The ledger",
			prefix: "/api/rpc",
			url: rpcUrl,
			methods: ["POST"],
			depth: 0,
			maxBodyBytes: limits.rpcBodyBytes,
			deadlineMs: limits.requestTimeoutMs,
		},
		{
			what: "The storage",
			prefix: "/api/storage",
			url: storageUrl,
			methods: ["GET", "HEAD", "PUT", "POST"],
			depth: 5,
			maxBodyBytes: limits.blobBytes,
			deadlineMs: UPLOAD_DEADLINE_MS,
		},
		...(hubUrl === undefined
			? []
			: [
					{
						what: "The hub",
						prefix: "/api/hub",
						url: hubUrl,
						methods: ["GET"] as const,
						depth: 5,
						maxBodyBytes: 0,
						deadlineMs: limits.requestTimeoutMs,
					},
				]),
	];
	const agents = { plain: new Agent({ keepAlive: true, timeout: IDLE_MS }), secure: new SecureAgent({ keepAlive: true, timeout: IDLE_MS }) };
	let inFlight = 0;
	return targets.flatMap((target) => {
		const handler: Handler = async (request) => {
			if (inFlight >= MAX_IN_FLIGHT) throw new FreeholdError("upstream.failed", { what: target.what, reason: "too many requests are being passed on" });
			inFlight++;
			let ended = false;
			const end = (): void => {
				if (!ended) inFlight--;
				ended = true;
			};
			try {
				const answer = await forward(request, target, agents);
				answer.once("close", end);
				return { status: answer.statusCode ?? 502, headers: pick(answer.headers, PASSED_DOWN) as Record<string, string>, body: answer };
			} catch (error) {
				end();
				throw error;
			}
		};
		return routesOf(target).map((route): RouteBinding => ({ route, handler, deadlineMs: target.deadlineMs }));
	});
}

function routesOf({ prefix, methods, depth, what }: Target): readonly Route[] {
	const paths = Array.from({ length: depth + 1 }, (_, length) => `${prefix}${Array.from({ length }, (_, level) => `/:level${level}`).join("")}`);
	return paths.flatMap((path) => methods.map((method): Route => ({ method, path, summary: `${what}, for the page.` })));
}

function forward(request: HttpRequest, target: Target, agents: { readonly plain: Agent; readonly secure: SecureAgent }): Promise<IncomingMessage> {
	const { what, maxBodyBytes, prefix } = target;
	const length = Number(request.headers["content-length"] ?? 0);
	if (length > maxBodyBytes) throw new FreeholdError("request.tooLarge", { limit: maxBodyBytes });
	const query = request.query.toString();
	const url = new URL(`${target.url.replace(/\/$/, "")}${request.path.slice(prefix.length)}${query === "" ? "" : `?${query}`}`);
	const options = { method: request.method, headers: pick(request.headers, PASSED_UP), signal: request.signal };
	return new Promise((resolve, reject) => {
		const failed = (error: Error): void => {
			const { reason } = request.signal;
			reject(request.signal.aborted && reason instanceof FreeholdError ? reason : new FreeholdError("upstream.failed", { what, reason: error.message }));
		};
		const outgoing =
			url.protocol === "https:" ? openSecureRequest(url, { ...options, agent: agents.secure }) : openRequest(url, { ...options, agent: agents.plain });
		outgoing.once("response", resolve);
		outgoing.once("error", failed);
		if (request.method === "GET" || request.method === "HEAD") {
			outgoing.end();
			return;
		}
		let sent = 0;
		request.stream.on("data", (chunk: Buffer) => {
			sent += chunk.length;
			if (sent > maxBodyBytes) outgoing.destroy(new FreeholdError("request.tooLarge", { limit: maxBodyBytes }));
		});
		pipeline(request.stream, outgoing, (error) => {
			if (error !== null && error !== undefined) failed(error);
		});
	});
}

function pick(headers: IncomingMessage["headers"], names: readonly string[]): OutgoingHttpHeaders {
	return Object.fromEntries(names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
}
