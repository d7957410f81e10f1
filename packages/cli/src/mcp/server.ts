/**
 * A server of the Model Context Protocol over standard input and output (specification 2025-06-18): one JSON-RPC message a line. Written here because the
 * part that a few tools need is this file, and the official library brings a web server along; that library's client tests it.
 */

import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { FreeholdError } from "@freehold/protocol";

export interface McpTool {
	readonly name: string;
	readonly title: string;
	readonly description: string;
	/** JSON Schema of its arguments. */
	readonly inputSchema: Readonly<Record<string, unknown>>;
	/** Text of the result. Throws `FreeholdError`s, whose words the model is told. */
	readonly run: (input: Readonly<Record<string, unknown>>, signal: AbortSignal) => Promise<string>;
}

export interface McpOptions {
	readonly name: string;
	readonly version: string;
	readonly tools: readonly McpTool[];
	readonly input: Readable;
	readonly output: Writable;
	readonly signal: AbortSignal;
}

const VERSIONS = ["2025-06-18", "2025-03-26", "2024-11-05"];
const MAX_LINE = 8 * 1024 * 1024;
const MAX_RUNNING = 16;

type Id = string | number;

interface Message {
	readonly id?: Id;
	readonly method?: string;
	readonly params?: Readonly<Record<string, unknown>>;
}

class RpcError extends Error {
	readonly code: number;

	constructor(code: number, message: string) {
		super(message);
		this.code = code;
	}
}

/** Serves until the input ends or the signal says so. */
export async function serveMcp(options: McpOptions): Promise<void> {
	const running = new Map<Id, AbortController>();
	const pending = new Set<Promise<void>>();
	const send = (message: unknown): void => void options.output.write(`${JSON.stringify({ jsonrpc: "2.0", ...(message as object) })}\n`);
	const lines = createInterface({ input: options.input });
	const close = (): void => lines.close();
	options.signal.addEventListener("abort", close, { once: true });
	for await (const line of lines) {
		if (line.trim() === "") continue;
		const message = parse(line);
		if (message === undefined) {
			send({ id: null, error: { code: -32700, message: "Parse error" } });
			continue;
		}
		const { id, method, params = {} } = message;
		if (method === "notifications/cancelled") running.get(params["requestId"] as Id)?.abort();
		if (id === undefined || method === undefined) continue;
		const controller = new AbortController();
		running.set(id, controller);
		const work = answer(method, params, options, AbortSignal.any([controller.signal, options.signal]), running.size)
			.then((result) => send({ id, result }))
			.catch((error: unknown) =>
				send({ id, error: { code: error instanceof RpcError ? error.code : -32603, message: error instanceof Error ? error.message : "Internal error" } }),
			)
			.finally(() => {
				running.delete(id);
				pending.delete(work);
			});
		pending.add(work);
	}
	for (const controller of running.values()) controller.abort();
	await Promise.all(pending);
}

async function answer(
	method: string,
	params: Readonly<Record<string, unknown>>,
	{ name, version, tools }: McpOptions,
	signal: AbortSignal,
	underWay: number,
): Promise<unknown> {
	switch (method) {
		case "initialize": {
			const asked = params["protocolVersion"];
			const protocolVersion = VERSIONS.find((known) => known === asked) ?? VERSIONS[0];
			return { protocolVersion, capabilities: { tools: {} }, serverInfo: { name, version } };
		}
		case "ping":
			return {};
		case "tools/list":
			return { tools: tools.map(({ run: _, ...described }) => described) };
		case "tools/call": {
			const tool = tools.find((candidate) => candidate.name === params["name"]);
			if (tool === undefined) throw new RpcError(-32602, `Unknown tool: ${String(params["name"]).slice(0, 100)}`);
			if (underWay > MAX_RUNNING) return failure("Too many calls are under way; try again when one has ended.");
			const input = params["arguments"] ?? {};
			if (typeof input !== "object" || input === null || Array.isArray(input)) throw new RpcError(-32602, "arguments must be an object");
			try {
				return { content: [{ type: "text", text: await tool.run(input as Readonly<Record<string, unknown>>, signal) }] };
			} catch (error) {
				if (!(error instanceof FreeholdError)) throw error;
				return failure(`${error.message} (${error.code})`);
			}
		}
		default:
			throw new RpcError(-32601, `Method not found: ${method.slice(0, 100)}`);
	}
}

const failure = (text: string): unknown => ({ content: [{ type: "text", text }], isError: true });

function parse(line: string): Message | undefined {
	if (line.length > MAX_LINE) return undefined;
	try {
		const value: unknown = JSON.parse(line);
		return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Message) : undefined;
	} catch {
		return undefined;
	}
}
