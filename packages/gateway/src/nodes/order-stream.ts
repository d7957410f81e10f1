/** An order of text whose answer is read as it comes: lines of JSON (`OrderStreamLine`), then the settlement for what the caller received. */
import type { Readable } from "node:stream";
import { FreeholdError, type Hex, limits, nodeRoutes, type OrderStreamLine, type SettleOrderBody, type TextOrderRequestBody } from "@freehold/protocol";
import { fetchBytes, fetchJson, fetchStream, refusal } from "@freehold/service";
import { nodeReach } from "./reach.js";

const NEWLINE = 0x0a;

export interface NodeStream {
	/** The lines that came together; undefined after the last. Throws `FreeholdError`s of the connection, and `node.refused` for what is no line. */
	next(): Promise<readonly OrderStreamLine[] | undefined>;
	/** Lets the connection go; the node hears of it. */
	cancel(): void;
}

/** Throws what the node refused with, or that it cannot be reached. */
export async function openStream(
	endpoint: string,
	body: TextOrderRequestBody,
	options: { readonly deadlineMs: number; readonly signal?: AbortSignal },
): Promise<NodeStream> {
	const what = `The node at ${endpoint}`;
	const answer = await fetchStream(`${endpoint}${nodeRoutes.order.path}`, {
		what,
		...options,
		...nodeReach(),
		maxBytes: limits.receiptFileBytes,
		headers: { accept: "application/x-ndjson", "content-type": "application/json" },
		body: JSON.stringify(body),
	});
	if (answer.status < 200 || answer.status > 299) throw refusal(what, answer.status, await jsonOf(answer.body));
	// An order that was answered before may come whole, as JSON.
	if (!String(answer.headers["content-type"]).startsWith("application/x-ndjson")) {
		const whole = (await jsonOf(answer.body)) as Extract<OrderStreamLine, { answer: unknown }>["answer"];
		const lines: (readonly OrderStreamLine[])[] = [[{ answer: whole }]];
		return { next: async () => lines.shift(), cancel: () => undefined };
	}
	return lineStream(answer.body);
}

/** The receipt for exactly the first `deltas` pieces; asked again, the same. */
export function settleOrder(endpoint: string, digest: Hex, deltas: number, options: { readonly deadlineMs: number }): Promise<unknown> {
	const url = `${endpoint}${nodeRoutes.settleOrder.path.replace(":digest", digest)}`;
	return fetchJson(url, {
		what: `The node at ${endpoint}`,
		json: { deltas } satisfies SettleOrderBody,
		maxBytes: limits.receiptFileBytes,
		...options,
		...nodeReach(),
	});
}

/** Input tokens of a request, counted by a node that runs its model. */
export async function countTokens(endpoint: string, body: unknown, options: { readonly deadlineMs: number; readonly signal: AbortSignal }): Promise<unknown> {
	const what = `The node at ${endpoint}`;
	const { status, body: bytes } = await fetchBytes(`${endpoint}${nodeRoutes.countTokens.path}`, {
		what,
		...options,
		...nodeReach(),
		maxBytes: 4_096,
		headers: { accept: "application/json", "content-type": "application/json" },
		body: JSON.stringify(body),
	});
	const value = parse(bytes.toString("utf8"));
	if (status < 200 || status > 299) throw refusal(what, status, value);
	return value;
}

function lineStream(body: Readable): NodeStream {
	const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
	let rest: Buffer[] = [];
	return {
		async next() {
			for (;;) {
				const { done, value } = await chunks.next();
				if (done === true) {
					if (rest.length > 0) throw new FreeholdError("upstream.failed", { what: "The node", reason: "its stream broke off in a line" });
					return undefined;
				}
				const lines: OrderStreamLine[] = [];
				let from = 0;
				for (let end = value.indexOf(NEWLINE); end >= 0; end = value.indexOf(NEWLINE, from)) {
					const piece = value.subarray(from, end);
					const line = rest.length === 0 ? piece : Buffer.concat([...rest, piece]);
					rest = [];
					from = end + 1;
					if (line.length > 0) lines.push(readLine(line.toString("utf8")));
				}
				if (from < value.length) rest.push(value.subarray(from));
				if (lines.length > 0) return lines;
			}
		},
		cancel: () => void body.destroy(),
	};
}

function readLine(text: string): OrderStreamLine {
	const value = parse(text);
	if (typeof value !== "object" || value === null || Array.isArray(value))
		throw new FreeholdError("node.refused", { reason: "a line of its stream is no object" });
	return value as OrderStreamLine;
}

async function jsonOf(body: Readable): Promise<unknown> {
	const chunks: Buffer[] = [];
	for await (const chunk of body) chunks.push(chunk as Buffer);
	return parse(Buffer.concat(chunks).toString("utf8"));
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text) as unknown;
	} catch {
		return undefined;
	}
}
