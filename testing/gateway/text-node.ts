/**
 * A node whose language model says what its script says: quick, and as faulty as a test wants it. All else is real: its bond, its key, its receipts, and the wire
 * of orders, streams and settlements. The real node is tested beside the real gateway in `testing/journey`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
	answerOfDeltas,
	charge,
	commit,
	defaultHashes,
	deltaShape,
	engineDigest,
	fromHex,
	type Hex,
	type Order,
	orderDigest,
	orderShape,
	type Price,
	type Receipt,
	receiptDigest,
	receiptShape,
	type TextAnswer,
	type TextDelta,
	type TextRequest,
	textAnswerShape,
	textRequestShape,
	textResponseText,
	toHex,
} from "@freehold/protocol";
import type { DigestSigner } from "@freehold/service";

const engine = { name: "script", version: "1", artifact: `0x${"12".repeat(32)}`, options: {} } as const;

/** What the model says: pieces, and what happens between them. */
export type Script = (request: TextRequest) => AsyncIterable<TextDelta> | Iterable<TextDelta>;

export interface TextNode {
	readonly url: string;
	readonly signer: DigestSigner;
	/** Requests as they came, in order. */
	readonly asked: TextRequest[];
	readonly orders: Order[];
	/** `deltas` of each settlement. */
	readonly settled: number[];
	/** Streams that run. */
	running: number;
	script: Script;
	/** Changes receipts before they are signed. */
	forge: ((receipt: Receipt) => Receipt) | undefined;
	/** Refuses the next orders with a code of the catalogue. */
	refuse: { readonly status: number; readonly code: string } | undefined;
	close(): Promise<void>;
}

interface Run {
	readonly order: Order;
	readonly salt: Hex;
	readonly request: TextRequest;
	readonly deltas: TextDelta[];
	readonly inputTokens: bigint;
	readonly startedAt: bigint;
	stopped: boolean;
	receipt: string | undefined;
}

/** One token a word. */
export function* words(text: string, choice = 0): Iterable<TextDelta> {
	const pieces = text.split(/(?<= )/);
	let outputTokens = 0;
	for (const piece of pieces) yield { choice, text: piece, outputTokens: ++outputTokens };
	yield { choice, finish: "stop", outputTokens };
}

export async function startTextNode(signer: DigestSigner, price: () => Price, chainId: number): Promise<TextNode> {
	const runs = new Map<Hex, Run>();
	const node: Omit<TextNode, "url" | "close"> = {
		signer,
		asked: [],
		orders: [],
		settled: [],
		running: 0,
		script: () => words("Hello there, friend."),
		forge: undefined,
		refuse: undefined,
	};

	const receiptOf = (run: Run, answer: TextAnswer, outputTokens: bigint): string => {
		const units = { inputUnits: run.inputTokens, outputUnits: outputTokens };
		const honest: Receipt = {
			order: orderDigest(run.order, chainId),
			response: commit(textResponseText(answer, defaultHashes), run.salt),
			engine: engineDigest(engine),
			...units,
			charge: charge(price(), { calls: 1n, ...units }, run.order),
			startedAt: run.startedAt,
			finishedAt: BigInt(Date.now()),
		};
		const receipt = node.forge?.(honest) ?? honest;
		const receiptSignature = toHex(signer.signDigest(fromHex(receiptDigest(receipt, chainId))));
		return JSON.stringify({ receipt: receiptShape.write(receipt), receiptSignature, engine, text: textAnswerShape.write(answer), evidence: [] });
	};
	const settle = (run: Run, count: number): string => {
		const { task } = run.request;
		run.stopped = true;
		if (task === "embedding") throw new Error("embeddings are not streamed");
		const { answer, outputTokens } = answerOfDeltas(task, run.request.choices, run.deltas.slice(0, count));
		run.receipt ??= receiptOf(run, answer, outputTokens);
		return run.receipt;
	};

	async function answer(body: Record<string, unknown>, streamed: boolean, response: ServerResponse): Promise<void> {
		if (node.refuse !== undefined) {
			const { status, code } = node.refuse;
			json(response, status, { error: { code, message: code, retryable: false, docs: "" } });
			return;
		}
		const order = orderShape.read(body["order"], "order");
		const request = textRequestShape.read(body["text"], "text");
		const digest = orderDigest(order, chainId);
		const known = runs.get(digest)?.receipt;
		if (known !== undefined) {
			response.writeHead(200, { "content-type": "application/json" }).end(known);
			return;
		}
		node.asked.push(request);
		node.orders.push(order);
		const run: Run = {
			order,
			salt: body["salt"] as Hex,
			request,
			deltas: [],
			inputTokens: BigInt(inputTokensOf(request)),
			startedAt: BigInt(Date.now()),
			stopped: false,
			receipt: undefined,
		};
		runs.set(digest, run);
		if (request.task === "embedding") {
			const vectors = request.inputs.map((input) => new Uint8Array(new Float32Array([input.length, 1]).buffer));
			run.receipt = receiptOf(run, { task: "embedding", vectors }, 0n);
			response.writeHead(200, { "content-type": "application/json" }).end(run.receipt);
			return;
		}
		node.running++;
		try {
			if (streamed) {
				response.writeHead(200, { "content-type": "application/x-ndjson" });
				response.write(`${JSON.stringify({ started: { inputTokens: Number(run.inputTokens) } })}\n`);
			}
			for await (const delta of node.script(request)) {
				if (run.stopped || response.destroyed) return;
				run.deltas.push(delta);
				if (streamed) response.write(`${JSON.stringify({ delta: deltaShape.write(delta) })}\n`);
			}
			if (streamed) response.end(`${JSON.stringify({ ended: { deltas: run.deltas.length } })}\n`);
			else response.writeHead(200, { "content-type": "application/json" }).end(settle(run, run.deltas.length));
		} finally {
			node.running--;
		}
	}

	const server: Server = createServer((request, response) => {
		const path = request.url ?? "";
		if (request.method === "GET") {
			json(response, 200, { operator: signer.address, engines: [{ mode: "fast", formats: ["gguf"], engine, digest: engineDigest(engine) }] });
			return;
		}
		void bodyOf(request)
			.then(async (body) => {
				const digest = /^\/v1\/orders\/(0x[0-9a-f]{64})\/settle$/.exec(path)?.[1] as Hex | undefined;
				if (path === "/v1/count-tokens") {
					json(response, 200, { inputTokens: inputTokensOf(textRequestShape.read(body["text"], "text")) });
					return;
				}
				if (digest === undefined) return answer(body, String(request.headers.accept).includes("ndjson"), response);
				const run = runs.get(digest);
				const deltas = body["deltas"] as number;
				if (run === undefined) return json(response, 404, { error: { code: "order.invalid", message: "unknown", retryable: false, docs: "" } });
				node.settled.push(deltas);
				response.writeHead(200, { "content-type": "application/json" }).end(settle(run, deltas));
			})
			.catch(() => response.destroy());
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return Object.assign(node, {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		close: () =>
			new Promise<void>((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	});
}

/** One token a word, of everything that was asked. */
function inputTokensOf(request: TextRequest): number {
	const texts =
		request.task === "embedding"
			? request.inputs
			: request.task === "completion"
				? [request.prompt]
				: request.messages.flatMap(({ content }) => content.map((part) => (part.type === "text" ? part.text : "image")));
	return texts.join(" ").split(/\s+/).filter(Boolean).length;
}

function json(response: ServerResponse, status: number, value: unknown): void {
	response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return JSON.parse(Buffer.concat(chunks).toString("utf8")) as Record<string, unknown>;
}
