/** What does not become a paid call to a language model: each with its exact error, in the shape of the client that asked, and at no cost. */
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { decodePaymentRequired, x402Headers } from "@freehold/payments";
import { toHex } from "@freehold/protocol";
import { connect as connectTo } from "@freehold/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../journey/programs.js";
import { account, OPG } from "./network.js";
import { createTestPayer, type Payer } from "./payer.js";
import { MODEL, networkFileOf, startTextNetwork, type TextNetwork } from "./text-network.js";
import { type TextNode, words } from "./text-node.js";
import { createTextPayer } from "./text-payer.js";

const SECRET = "the-secret-that-nobody-may-log";

let network: TextNetwork;
let payer: Payer;
let second: TextNode;
beforeAll(async () => {
	network = await startTextNetwork({ gatewayOptions: { "max-calls": "3" } });
	payer = createTestPayer(network);
	second = await network.addTextNode("stranger", OPG / 20n);
});
afterAll(() => network.stop());
beforeEach(() => {
	Object.assign(network.textNode, { refuse: undefined, script: () => words("Hello there, friend.") });
	// Of two equal nodes one takes no orders, so that a test knows which one ran.
	second.refuse = busy;
});

const busy = { status: 429, code: "engine.busy" };
const messages = [{ role: "user", content: `Say hello, ${SECRET}` }];
const chat = { model: MODEL, messages, max_tokens: 5 };
const send = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
	fetch(`${network.gatewayUrl()}${path}`, {
		method: "POST",
		headers: { "content-type": "application/json", ...headers },
		body: typeof body === "string" || body instanceof Uint8Array ? (body as BodyInit) : JSON.stringify(body),
	});
interface OpenAiError {
	readonly error: { readonly code: string; readonly param: string | null; readonly type: string; readonly message: string };
}
const refusal = async (response: Promise<Response>): Promise<unknown[]> => {
	const answer = await response;
	const { error } = (await answer.json()) as OpenAiError;
	return [answer.status, error.code, error.param];
};
const tool = (parameters: unknown, name = "f"): unknown => ({ type: "function", function: { name, parameters } });
const nested = (depth: number): unknown => (depth === 0 ? {} : { type: "object", properties: { a: nested(depth - 1) } });

describe("before any payment", () => {
	it.each([
		["no JSON", "{", 400, "request.invalid", "body"],
		["no object", "[]", 400, "request.invalid", "body"],
		["an unknown model", { ...chat, model: "nobody/nothing" }, 404, "model.notFound", "model"],
		["an unknown version", { ...chat, model: `${MODEL}@9.9` }, 404, "model.notFound", "model"],
		["a model of tensors", { ...chat, model: "plus/identity" }, 400, "request.invalid", "model"],
		["no model", { messages }, 400, "request.invalid", "model"],
		["no messages", { model: MODEL }, 400, "request.invalid", "messages"],
		["an unknown field", { ...chat, surprise: 1 }, 400, "request.invalid", "surprise"],
		["a field that is not offered", { ...chat, logit_bias: { 5: 1 } }, 400, "request.invalid", "logit_bias"],
		["a search of the web", { ...chat, web_search: true }, 400, "request.invalid", "web_search"],
		["a wrong type", { ...chat, temperature: "hot" }, 400, "request.invalid", "temperature"],
		["a number out of range", { ...chat, temperature: 3 }, 400, "request.invalid", "temperature"],
		["more tokens than the model holds", { ...chat, max_tokens: 100_000 }, 400, "request.invalid", "max_tokens"],
		["a role that is none", { ...chat, messages: [{ role: "root", content: "x" }] }, 400, "request.invalid", "messages[0].role"],
		["half of a character", { ...chat, messages: [{ role: "user", content: "\ud800" }] }, 400, "request.invalid", "messages[0].content"],
		["a tool whose schema is none", { ...chat, tools: [tool("x")] }, 400, "request.invalid", "tools[0].function.parameters"],
		[
			"a tool with a schema beyond the limit",
			{ ...chat, tools: [tool({ enum: ["x".repeat(70_000)] })] },
			400,
			"request.invalid",
			"tools[0].function.parameters",
		],
		["a tool that nests without end", { ...chat, tools: [tool(nested(60))] }, 400, "request.invalid", "body"],
		["a tool whose name is a program", { ...chat, tools: [tool({}, "f;rm -rf /")] }, 400, "request.invalid", "tools[0].function.name"],
		["two tools of one name", { ...chat, tools: [tool({}), tool({})] }, 400, "request.invalid", "tools[1]"],
		["a choice of no tool", { ...chat, tools: [tool({})], tool_choice: { type: "function", function: { name: "g" } } }, 400, "request.invalid", "tool_choice"],
		["a choice that needs tools", { ...chat, tool_choice: "required" }, 400, "request.invalid", "tool_choice"],
	])("%s is refused", async (_, body, status, code, param) => {
		expect(await refusal(send("/v1/chat/completions", body))).toEqual([status, code, param]);
	});

	it("bytes that are no UTF-8, and a body of another kind, are refused", async () => {
		const bytes = new Uint8Array([...new TextEncoder().encode('{"model":"'), 0xff, ...new TextEncoder().encode('"}')]);
		expect(await refusal(send("/v1/chat/completions", bytes))).toEqual([400, "request.invalid", "body"]);
		expect(await refusal(send("/v1/chat/completions", "model=x", { "content-type": "application/x-www-form-urlencoded" }))).toEqual([
			415,
			"request.unsupportedMediaType",
			null,
		]);
	});

	it("a body that says it is too large is refused before it is read", async () => {
		const { port, hostname } = new URL(network.gatewayUrl());
		const socket = connect(Number(port), hostname);
		socket.write("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 999999999\r\n\r\n{");
		let text = "";
		for await (const chunk of socket) {
			text += String(chunk);
			if (text.includes("request.tooLarge")) break;
		}
		socket.destroy();
		expect(text).toMatch(/^HTTP\/1.1 413/);
	});

	it("URLs of images are refused and never fetched", async () => {
		let fetched = 0;
		const server = createServer((_, response) => {
			fetched++;
			response.end("x");
		});
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret.png`;
		const content = [{ type: "image_url", image_url: { url } }];
		expect(await refusal(send("/v1/chat/completions", { ...chat, messages: [{ role: "user", content }] }))).toEqual([
			400,
			"request.invalid",
			"messages[0].content[0].image_url.url",
		]);
		const source = { type: "url", url };
		const asked = await send("/v1/messages", { model: MODEL, max_tokens: 5, messages: [{ role: "user", content: [{ type: "image", source }] }] });
		expect([asked.status, ((await asked.json()) as { error: { field: string } }).error.field]).toEqual([400, "messages[0].content[0].source.type"]);
		expect(fetched).toBe(0);
		server.close();
	});

	it("no credential and the placeholder of OpenGradient's clients get the terms of payment; any other key is unknown", async () => {
		for (const headers of [{}, { authorization: "Bearer 0x1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef" }, { "x-api-key": "0x12" }]) {
			const response = await send("/v1/chat/completions", chat, headers as Record<string, string>);
			expect(response.status).toBe(402);
			const required = decodePaymentRequired(response.headers.get(x402Headers.required) ?? "");
			expect(required?.accepts.map(({ scheme }) => scheme)).toEqual(["batch-settlement"]);
			expect(((await response.json()) as OpenAiError).error).toMatchObject({ code: "payment.required", type: "insufficient_quota" });
		}
		for (const key of ["sk-123", "fhk_short", "null"])
			expect(await refusal(send("/v1/chat/completions", chat, { authorization: `Bearer ${key}` }))).toEqual([401, "key.unknown", null]);
		const anthropic = await send("/v1/messages", { ...chat }, { "x-api-key": "sk-ant-1" });
		expect([anthropic.status, await anthropic.json()]).toMatchObject([401, { type: "error", error: { type: "authentication_error", code: "key.unknown" } }]);
	});

	it("a model may be named without its namespace, while only one has the name", async () => {
		expect((await send("/v1/chat/completions", { ...chat, model: "echo" })).status).toBe(402);
	});
});

describe("a payment", () => {
	const gateway = account("gateway").address;
	const offered = async (body: unknown) => {
		const response = await send("/v1/chat/completions", body);
		const required = decodePaymentRequired(response.headers.get(x402Headers.required) ?? "");
		if (required === undefined) throw new Error("no offer");
		return required;
	};

	it("of less than the call can cost, or of another call, or used before, buys nothing", async () => {
		const cheap = await offered(chat);
		const small = await payer.payer.pay(cheap, gateway);
		const dear = { ...chat, max_tokens: 500 };
		expect(await refusal(send("/v1/chat/completions", dear, small.headers))).toEqual([402, "payment.invalid", null]);
		const paid = await send("/v1/chat/completions", chat, small.headers);
		expect(paid.status).toBe(200);
		await small.settle({ status: 200, header: (name) => paid.headers.get(name) });
		const again = await send("/v1/chat/completions", chat, small.headers);
		expect([again.status, ((await again.json()) as OpenAiError).error.message]).toEqual([
			402,
			expect.stringContaining("does not continue from what was charged"),
		]);
		const ran = network.textNode.orders.length;
		expect(await refusal(send("/v1/chat/completions", chat, { [x402Headers.signature]: "AAAA" }))).toEqual([402, "payment.invalid", null]);
		expect(network.textNode.orders.length).toBe(ran);
	});

	it("is not spent when no node answers, and the same voucher pays afterwards", async () => {
		for (const node of [network.textNode, second]) node.refuse = { status: 422, code: "engine.failed" };
		const payment = await payer.payer.pay(await offered(chat), gateway);
		expect(await refusal(send("/v1/chat/completions", { ...chat, stream: true }, payment.headers))).toEqual([422, "engine.failed", null]);
		network.textNode.refuse = undefined;
		second.refuse = busy;
		const response = await send("/v1/chat/completions", chat, payment.headers);
		expect(response.status).toBe(200);
		await payment.settle({ status: 200, header: (name) => response.headers.get(name) });
	});

	it("under one key buys one stream, which can be had again", async () => {
		const payment = await payer.payer.pay(await offered({ ...chat, stream: true }), gateway);
		const headers = { ...payment.headers, "idempotency-key": toHex(crypto.getRandomValues(new Uint8Array(8))) };
		const ran = network.textNode.orders.length;
		const [first, other] = await Promise.all([1, 2].map(async () => (await send("/v1/chat/completions", { ...chat, stream: true }, headers)).text()));
		const text = (events = ""): string => [...events.matchAll(/"content":"([^"]*)"/g)].map(([, piece]) => piece).join("");
		expect([text(first), text(other)]).toEqual(["Hello there, friend.", "Hello there, friend."]);
		expect(network.textNode.orders.length).toBe(ran + 1);
		payment.release();
	});
});

describe("a node", () => {
	it("that is busy is passed over before the first byte", async () => {
		network.textNode.refuse = busy;
		second.refuse = undefined;
		const ran = second.orders.length;
		const response = await createTextPayer(network, "owner").fetch(`${network.gatewayUrl()}/v1/chat/completions`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ ...chat, stream: true }),
		});
		expect(await response.text()).toContain("[DONE]");
		expect(second.orders.length).toBe(ran + 1);
	});

	it("that breaks off is settled for what came, and the caller is told what it cost", async () => {
		let fail = (): void => undefined;
		const read = new Promise<void>((resolve) => {
			fail = resolve;
		});
		network.textNode.script = async function* () {
			yield { choice: 0, text: "Hel", outputTokens: 1 };
			await read;
			throw new Error("gone");
		};
		const response = await createTextPayer(network, "parent").fetch(`${network.gatewayUrl()}/v1/chat/completions`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ ...chat, stream: true }),
		});
		const reader = (response.body as ReadableStream<Uint8Array>).getReader();
		let text = "";
		for (let done = false; !done; ) {
			const piece = await reader.read();
			done = piece.done;
			text += new TextDecoder().decode(piece.value);
			if (text.includes("Hel")) fail();
		}
		expect(text).toMatch(/: freehold \{"callId":"0x[0-9a-f]{64}","charge":"\d+"/);
		expect(text).toContain('"code":"text.brokenOff"');
		expect(text).not.toContain("[DONE]");
	});
});

describe("the gateway", () => {
	it("says when to come back when it is full", async () => {
		let release = (): void => undefined;
		const held = new Promise<void>((resolve) => {
			release = resolve;
		});
		// One node alone never gets all places.
		second.refuse = undefined;
		network.textNode.script = second.script = async function* () {
			yield { choice: 0, text: "x", outputTokens: 1 };
			await held;
			yield { choice: 0, finish: "stop" as const, outputTokens: 1 };
		};
		const owner = connectTo({ network: networkFileOf(network), account: account("payer").account });
		const { key } = await owner.keys.create({ budget: OPG });
		const open = (): Promise<Response> => send("/v1/chat/completions", { ...chat, stream: true }, { authorization: `Bearer ${key}` });
		// A call of another test may be just about to end.
		const streams: Response[] = [];
		while (streams.length < 3) {
			const stream = await open();
			if (stream.status === 200) streams.push(stream);
			else expect(stream.status).toBe(429);
		}
		const full = await send("/v1/chat/completions", chat);
		expect([full.status, full.headers.get("retry-after"), ((await full.json()) as OpenAiError).error.code]).toEqual([429, "1", "gateway.overloaded"]);
		release();
		for (const stream of streams) expect(await stream.text()).toContain("[DONE]");
		await eventually(async () => ((await send("/v1/chat/completions", chat)).status === 402 ? true : undefined), "a free place");
	});

	it("logs neither what was asked nor keys", () => {
		expect(network.gateway().output()).not.toContain(SECRET);
		expect(network.gateway().output()).not.toContain("sk-123");
	});
});
