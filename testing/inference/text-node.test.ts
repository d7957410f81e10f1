/** Orders to language models at a real node: whole and streamed answers, receipts for what was received, and everything that can go wrong between. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import {
	answerOfDeltas,
	type ChatRequest,
	commit,
	defaultHashes,
	deltaShape,
	type EngineDescription,
	engineDigest,
	fromHex,
	type Hex,
	type Receipt,
	receiptDigest,
	receiptShape,
	type TextAnswer,
	type TextDelta,
	tensorFromElements,
	textAnswerShape,
	textRequestShape,
	textResponseText,
	toHex,
} from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tinyLlama } from "../gguf/tiny-llama.js";
import { eventually, type RunningProgram } from "../journey/programs.js";
import { linear } from "../onnx/models.js";
import { account, ask, CHAIN_ID, type DraftedOrder, draftOrder, draftTextOrder, type Market, NODE_FEE, OPG, openMarket, SALT, untilReady } from "./market.js";

const price = { perCall: 5n, perInputUnit: 1_000n, perOutputUnit: 30_000n };
const request: ChatRequest = {
	task: "chat",
	messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }],
	tools: [],
	toolChoice: { type: "auto" },
	parallelToolCalls: true,
	format: { type: "text" },
	sampling: { temperature: 0, topP: 1, topK: 0, minP: 0, presencePenalty: 0, frequencyPenalty: 0, seed: 1 },
	stop: [],
	maxOutputTokens: 24,
	choices: 1,
};
const long: ChatRequest = { ...request, maxOutputTokens: 6_000 };

interface Signed {
	readonly receipt: Receipt;
	readonly receiptSignature: Hex;
	readonly engine: EngineDescription;
	readonly answer: TextAnswer;
}

function read(text: string): Signed {
	const body = JSON.parse(text) as { receipt: unknown; receiptSignature: Hex; engine: EngineDescription; text: unknown };
	return {
		receipt: receiptShape.read(body.receipt, "receipt"),
		receiptSignature: body.receiptSignature,
		engine: body.engine,
		answer: textAnswerShape.read(body.text, "text"),
	};
}

/** Lines as they come. */
class Stream {
	readonly status: number;
	readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
	#text = "";

	private constructor(status: number, reader: ReadableStreamDefaultReader<Uint8Array>) {
		this.status = status;
		this.#reader = reader;
	}

	static async open(url: string, { body }: DraftedOrder, signal?: AbortSignal): Promise<Stream> {
		const answer = await fetch(`${url}/v1/orders`, {
			method: "POST",
			headers: { "content-type": "application/json", accept: "application/x-ndjson" },
			body: JSON.stringify(body),
			...(signal === undefined ? {} : { signal }),
		});
		if (answer.body === null) throw new Error("no body");
		return new Stream(answer.status, answer.body.getReader());
	}

	/** The next line; undefined at the end. */
	async next(): Promise<Record<string, unknown> | undefined> {
		for (;;) {
			const end = this.#text.indexOf("\n");
			if (end >= 0) {
				const line = this.#text.slice(0, end);
				this.#text = this.#text.slice(end + 1);
				return JSON.parse(line) as Record<string, unknown>;
			}
			const { done, value } = await this.#reader.read();
			if (done) {
				const last = this.#text;
				this.#text = "";
				return last === "" ? undefined : (JSON.parse(last) as Record<string, unknown>);
			}
			this.#text += new TextDecoder().decode(value);
		}
	}

	async rest(): Promise<Record<string, unknown>[]> {
		const lines: Record<string, unknown>[] = [];
		for (let line = await this.next(); line !== undefined; line = await this.next()) lines.push(line);
		return lines;
	}
}

const deltasOf = (lines: readonly Record<string, unknown>[]): TextDelta[] =>
	lines.flatMap((line) => ("delta" in line ? [deltaShape.read(line["delta"], "delta")] : []));

let market: Market;
let node: RunningProgram;
let release: Hex;
let tensors: Hex;
let reference = 1;

const draft = (asked: ChatRequest, more: Partial<Parameters<typeof draftTextOrder>[0]> = {}): DraftedOrder =>
	draftTextOrder({ release, request: asked, reference: reference++, ...more });

async function settle(digest: string, deltas: unknown): Promise<{ readonly status: number; readonly text: string; readonly code: string | undefined }> {
	const answer = await fetch(`${node.url}/v1/orders/${digest}/settle`, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({ deltas }),
	});
	const text = await answer.text();
	return { status: answer.status, text, code: (JSON.parse(text) as { error?: { code: string } }).error?.code };
}

/** Every field of a receipt against what it is about. */
function expectHolds(drafted: DraftedOrder, { receipt, receiptSignature, engine, answer }: Signed, inputUnits: bigint, outputUnits: bigint): void {
	const signer = nativeCrypto.recover(fromHex(receiptDigest(receipt, CHAIN_ID)), fromHex(receiptSignature));
	expect(toHex(signer ?? new Uint8Array())).toBe(account("node").address);
	expect(receipt).toMatchObject({
		order: drafted.digest,
		response: commit(textResponseText(answer, defaultHashes), SALT),
		engine: engineDigest(engine),
		inputUnits,
		outputUnits,
		charge: price.perCall + inputUnits * price.perInputUnit + outputUnits * price.perOutputUnit + NODE_FEE + OPG / 100n,
	});
	expect(receipt.startedAt <= receipt.finishedAt && receipt.finishedAt <= drafted.order.deadline).toBe(true);
}

beforeAll(async () => {
	market = await openMarket();
	release = await market.publish("acme/words", tinyLlama({ contextTokens: 8_192 }), price, { modes: 1 });
	tensors = await market.publish("acme/linear", linear(), price);
	await market.bondGateway("gateway", 50_000n * OPG);
	node = await market.startNode();
	await untilReady(node.url);
}, 120_000);

afterAll(() => market?.stop());

describe("an order to a language model", () => {
	it("is answered with a receipt that holds in every field, and the same again, also after kill -9", async () => {
		const drafted = draft(request);
		const reply = await ask(node.url, drafted);
		expect(reply).toMatchObject({ status: 200 });
		const signed = read(reply.text);
		expect(signed.engine).toMatchObject({ name: "llama.cpp", version: "3.21.1" });
		expect(signed.answer).toMatchObject({ task: "chat", choices: [{ finish: "length", toolCalls: [] }] });
		// Three marks, "user", a line's end, "Hello", a line's end, "assistant", a line's end: one token for each byte of text.
		expectHolds(drafted, signed, BigInt(3 + "user\nHello\nassistant\n".length), 24n);
		await node.kill();
		node = await market.startNode({ port: new URL(node.url).port });
		await untilReady(node.url);
		expect((await ask(node.url, drafted)).text).toBe(reply.text);
		expect(await (await Stream.open(node.url, drafted)).rest()).toEqual([{ answer: JSON.parse(reply.text) }]);
	});

	it("streams the same answer, and is settled for all of it", async () => {
		const whole = read((await ask(node.url, draft(request))).text);
		const drafted = draft(request);
		const lines = await (await Stream.open(node.url, drafted)).rest();
		const deltas = deltasOf(lines);
		expect(lines[0]).toEqual({ started: { inputTokens: Number(whole.receipt.inputUnits) } });
		expect(lines.at(-1)).toEqual({ ended: { deltas: deltas.length } });
		expect(answerOfDeltas("chat", 1, deltas).answer).toEqual(whole.answer);
		const settled = await settle(drafted.digest, deltas.length);
		expect(settled.status).toBe(200);
		const signed = read(settled.text);
		expect(signed.answer).toEqual(whole.answer);
		expectHolds(drafted, signed, whole.receipt.inputUnits, 24n);
	});

	it("is charged for the pieces that its caller received, and only those", async () => {
		const drafted = draft(request);
		const deltas = deltasOf(await (await Stream.open(node.url, drafted)).rest());
		const received = deltas.slice(0, 5);
		const settled = await settle(drafted.digest, 5);
		const signed = read(settled.text);
		const expected = answerOfDeltas("chat", 1, received);
		expect(signed.answer).toEqual(expected.answer);
		expect(signed.answer).toMatchObject({ choices: [{ finish: "cancelled" }] });
		expectHolds(drafted, signed, signed.receipt.inputUnits, expected.outputTokens);
		expect(expected.outputTokens).toBeLessThan(24n);
		// Settled is settled.
		expect((await settle(drafted.digest, deltas.length)).text).toBe(settled.text);
		expect((await ask(node.url, drafted)).text).toBe(settled.text);
	});

	it("is stopped when its caller leaves, and can still be settled", async () => {
		const drafted = draft(long);
		const caller = new AbortController();
		const stream = await Stream.open(node.url, drafted, caller.signal);
		const received: Record<string, unknown>[] = [];
		while (received.length < 4) received.push((await stream.next()) ?? {});
		caller.abort();
		await eventually(async () => ((await running()) === 0 ? true : undefined), "the end of the run");
		const signed = read((await settle(drafted.digest, 3)).text);
		expect(signed.answer).toEqual(answerOfDeltas("chat", 1, deltasOf(received)).answer);
		expect(signed.receipt.outputUnits).toBeLessThan(100n);
	});

	it("is stopped by settling it", async () => {
		const drafted = draft(long);
		const stream = await Stream.open(node.url, drafted);
		await stream.next();
		await stream.next();
		const signed = read((await settle(drafted.digest, 1)).text);
		expect(signed.answer).toMatchObject({ choices: [{ finish: "cancelled" }] });
		expect((await stream.rest()).at(-1)).toMatchObject({ error: { code: "request.aborted" } });
		expect(await running()).toBe(0);
	});

	it("without a settlement is signed for what was sent, before its deadline", async () => {
		const drafted = draft(request, { deadlineMs: 3_000 });
		const deltas = deltasOf(await (await Stream.open(node.url, drafted)).rest());
		const text = await eventually(async () => {
			const reply = await ask(node.url, { body: { ...drafted.body } });
			return reply.status === 200 ? reply.text : undefined;
		}, "the answer");
		expectHolds(drafted, read(text), read(text).receipt.inputUnits, answerOfDeltas("chat", 1, deltas).outputTokens);
	});

	it("is paid for what was sent when the node is killed in the middle, and signed once", async () => {
		const drafted = draft(long);
		const stream = await Stream.open(node.url, drafted);
		const lines: Record<string, unknown>[] = [];
		while (lines.length < 8) lines.push((await stream.next()) ?? {});
		await node.kill();
		const received = deltasOf(lines);
		node = await market.startNode({ port: new URL(node.url).port });
		await untilReady(node.url);
		const settled = await eventually(async () => {
			const answer = await settle(drafted.digest, received.length);
			return answer.code === "service.starting" ? undefined : answer;
		}, "what the killed run left");
		const signed = read(settled.text);
		const expected = answerOfDeltas("chat", 1, received);
		expect(signed.answer).toEqual(expected.answer);
		expectHolds(drafted, signed, BigInt((lines[0] as { started: { inputTokens: number } }).started.inputTokens), expected.outputTokens);
		expect((await settle(drafted.digest, 1)).text).toBe(settled.text);
		expect((await ask(node.url, drafted)).text).toBe(settled.text);
		expect(await readdir(join(market.folder, "node", "streams"))).toEqual([]);
	});

	it("of a killed node is settled for no more than was handed out, and signed for that when nobody settles", async () => {
		const drafted = draft(long, { deadlineMs: 120_000 });
		const stream = await Stream.open(node.url, drafted);
		const lines: Record<string, unknown>[] = [];
		while (lines.length < 4) lines.push((await stream.next()) ?? {});
		await node.kill();
		node = await market.startNode({ port: new URL(node.url).port });
		await untilReady(node.url);
		expect((await settle(drafted.digest, 1_000_000)).code).toBe("order.invalid");
		await node.stop();
		node = await market.startNode({ port: new URL(node.url).port });
		await untilReady(node.url);
		const { text, status } = await ask(node.url, drafted);
		expect(status).toBe(200);
		const sent = read(text).answer;
		expect(sent.task === "chat" && sent.choices[0]?.finish).toBe("cancelled");
		expect(read(text).receipt.outputUnits >= answerOfDeltas("chat", 1, deltasOf(lines)).outputTokens).toBe(true);
	});

	it("whose caller left before anything was sent costs nothing, and runs when it is asked again", async () => {
		const drafted = draft({ ...request, maxOutputTokens: 400 });
		const caller = new AbortController();
		const gone = fetch(`${node.url}/v1/orders`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify(drafted.body),
			signal: caller.signal,
		});
		await eventually(async () => ((await running()) > 0 ? true : undefined), "the run");
		caller.abort();
		await expect(gone).rejects.toThrow();
		expect(read((await ask(node.url, drafted)).text).answer).toMatchObject({ choices: [{ finish: "length" }] });
	});

	it("asked for twice at once is one run", async () => {
		const drafted = draft({ ...request, maxOutputTokens: 200 });
		const [first, second] = await Promise.all([ask(node.url, drafted), ask(node.url, drafted)]);
		expect(first?.text).toBe(second?.text);
	});

	it("can have its tokens counted before it is made", async () => {
		const count = async (body: unknown): Promise<unknown> =>
			(await fetch(`${node.url}/v1/count-tokens`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })).json();
		const text = textRequestShape.write(request);
		const { receipt } = read((await ask(node.url, draft(request))).text);
		expect(await count({ release, text })).toEqual({ inputTokens: Number(receipt.inputUnits) });
		expect(await count({ release: tensors, text })).toMatchObject({ error: { code: "text.unsupported" } });
		expect(await count({ release, text: { task: "song" } })).toMatchObject({ error: { code: "request.invalid", field: "text" } });
	});

	const refusals: [what: string, code: string, draft: () => DraftedOrder, words: RegExp][] = [
		[
			"longer than the model's window, with both numbers",
			"text.tooLong",
			() => draft({ ...request, messages: [{ role: "user", content: [{ type: "text", text: "x".repeat(9_000) }] }] }),
			/9[0-9]{3} tokens.*8192/,
		],
		[
			"with more tokens than it pays for",
			"order.invalid",
			() => draft(request, { change: (order) => ({ ...order, maxInputUnits: 3n }) }),
			/maxInputUnits allows 3/,
		],
		[
			"that may cost more than it pays for",
			"order.invalid",
			() => draft(request, { change: (order) => ({ ...order, maxOutputUnits: 23n }) }),
			/maxOutputUnits allows 23, the request asks for up to 24/,
		],
		[
			"with an image",
			"text.unsupported",
			() => draft({ ...request, messages: [{ role: "user", content: [{ type: "image", mediaType: "image/png", data: Uint8Array.of(1) }] }] }),
			/image/,
		],
		["to a model of tensors", "order.invalid", () => draft(request, { release: tensors }), /takes: tensors/],
		[
			"of tensors to a language model",
			"order.invalid",
			() => draftOrder({ release, inputs: { X: tensorFromElements("float32", [1, 2], [1, 1]) }, reference: 200 }),
			/takes: text/,
		],
		[
			"of another request than it commits to",
			"order.invalid",
			() => ({ ...draft(request), body: { ...draft(request).body, text: draft(long).body["text"] } }),
			/commitment/,
		],
		["that asks for a routed answer", "require.unavailable", () => draft(request, { require: ["routed"] }), /routed/],
		[
			"with a schema that nobody can keep",
			"text.schemaRefused",
			() => draft({ ...request, format: { type: "schema", name: "r", strict: true, schema: { type: "string", pattern: "^a+$" } } }),
			/pattern/,
		],
		[
			"that names a tool which it does not offer",
			"request.invalid",
			() => draft({ ...request, toolChoice: { type: "tool", name: "look" } }),
			/no tool is named look/,
		],
	];
	it.each(refusals)("is refused %s, streamed or not", async (_, code, make, words) => {
		const drafted = make();
		const reply = await ask(node.url, drafted);
		expect(reply.code).toBe(code);
		expect(reply.message).toMatch(words);
		const stream = await Stream.open(node.url, drafted);
		expect(stream.status).toBe(reply.status);
		expect(await stream.next()).toMatchObject({ error: { code } });
	});

	it.each([
		["more pieces than there were", 1_000, "order.invalid"],
		["a count that is none", -1, "request.invalid"],
		["no count", undefined, "request.invalid"],
	])("is not settled for %s", async (_, deltas, code) => {
		const drafted = draft(request);
		await (await Stream.open(node.url, drafted)).rest();
		expect((await settle(drafted.digest, deltas)).code).toBe(code);
		expect((await settle(drafted.digest, 2)).status).toBe(200);
	});

	it("that was never taken is not settled", async () => {
		expect((await settle(draft(request).digest, 0)).code).toBe("order.notFound");
	});
});

async function running(): Promise<number> {
	const metrics = await (await fetch(`${node.url}/metrics`)).text();
	return Number(/^freehold_node_running_calls (\d+)/m.exec(metrics)?.[1] ?? -1);
}
