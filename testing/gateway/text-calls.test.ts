/** Calls to a language model, from the door to the chain. */
import { type CallBody, parseReceiptFile } from "@freehold/protocol";
import { contracts } from "@freehold/sdk/chain";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../journey/programs.js";
import { account } from "./network.js";
import { FEES, MODEL, startTextNetwork, TEXT_PRICE, type TextNetwork } from "./text-network.js";
import { words } from "./text-node.js";
import { createTextPayer, type TextPayer } from "./text-payer.js";

let network: TextNetwork;
let payer: TextPayer;
beforeAll(async () => {
	network = await startTextNetwork();
	payer = createTextPayer(network);
});
afterAll(() => network.stop());
beforeEach(() => {
	network.textNode.script = () => words("Hello there, friend.");
	network.textNode.forge = undefined;
	network.textNode.refuse = undefined;
});

const costs = (inputs: number, outputs: number): bigint => TEXT_PRICE.perCall + TEXT_PRICE.perInputUnit * BigInt(inputs + outputs) + FEES;
const post = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}, init: RequestInit = {}): Promise<Response> =>
	payer.fetch(`${network.gatewayUrl()}${path}`, {
		method: "POST",
		headers: { "content-type": "application/json", ...headers },
		body: JSON.stringify(body),
		...init,
	});
const chat = { model: MODEL, messages: [{ role: "user", content: "Say hello to me" }] };

async function fileOf(callId: string): Promise<ReturnType<typeof parseReceiptFile>> {
	const call = (await (await fetch(`${network.gatewayUrl()}/v1/calls/${callId}`)).json()) as CallBody;
	return parseReceiptFile(JSON.stringify(call.receiptFile));
}

describe("a paid chat", () => {
	it("is answered as JSON, charged by its tokens, and anchored", async () => {
		const response = await post("/v1/chat/completions", chat);
		expect(response.status).toBe(200);
		const body = (await response.json()) as Record<string, unknown>;
		expect(body).toMatchObject({
			object: "chat.completion",
			model: MODEL,
			choices: [{ index: 0, message: { role: "assistant", content: "Hello there, friend." }, finish_reason: "stop" }],
			usage: { prompt_tokens: 4, completion_tokens: 3, total_tokens: 7 },
		});
		const callId = response.headers.get("x-freehold-call-id") ?? "";
		const file = await fileOf(callId);
		expect(file.receipt.charge).toBe(costs(4, 3));
		expect(file.textRequest?.request).toMatchObject({ task: "chat", sampling: { temperature: 0, topP: 1 }, maxOutputTokens: 4_096 });
		await eventually(async () => ((await fileOf(callId)).anchor === undefined ? undefined : true), "the proof");
		expect(await network.client.read(contracts.UsageLedger, "credit", [account("secondNode").address])).toBeGreaterThan(0n);
	});

	it("streams as it comes, and its last event tells the receipt", async () => {
		const response = await post("/v1/chat/completions", { ...chat, stream: true, stream_options: { include_usage: true } });
		expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
		const text = await response.text();
		expect(text.match(/"content":"([^"]*)"/g)).toEqual(['"content":""', '"content":"Hello "', '"content":"there, "', '"content":"friend."']);
		expect(text).toContain('"usage":{"prompt_tokens":4,"completion_tokens":3,"total_tokens":7}');
		expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
		const told = JSON.parse(/^: freehold (.*)$/m.exec(text)?.[1] ?? "") as { callId: string; charge: string };
		expect(told.callId).toBe(response.headers.get("x-freehold-call-id"));
		expect(BigInt(told.charge)).toBe(costs(4, 3));
		expect((await fileOf(told.callId)).receipt.outputUnits).toBe(3n);
	});

	it("of a caller who leaves is settled for what was handed over, and the node stops", async () => {
		let release = (): void => undefined;
		const held = new Promise<void>((resolve) => {
			release = resolve;
		});
		network.textNode.script = async function* () {
			yield { choice: 0, text: "one ", outputTokens: 1 };
			yield { choice: 0, text: "two ", outputTokens: 2 };
			await held;
			yield { choice: 0, text: "three", outputTokens: 3 };
		};
		const settledBefore = network.textNode.settled.length;
		const leaving = new AbortController();
		const response = await post("/v1/chat/completions", { ...chat, stream: true }, {}, { signal: leaving.signal });
		const reader = (response.body as ReadableStream<Uint8Array>).getReader();
		let text = "";
		while (!text.includes("two ")) text += new TextDecoder().decode((await reader.read()).value);
		leaving.abort();
		await reader.read().catch(() => undefined);
		const callId = response.headers.get("x-freehold-call-id") ?? "";
		const file = await eventually(async () => {
			const answer = await fetch(`${network.gatewayUrl()}/v1/calls/${callId}`);
			return answer.status === 200 ? fileOf(callId) : undefined;
		}, "the call of the one who left");
		release();
		expect(network.textNode.settled.slice(settledBefore)).toEqual([2]);
		expect(file.receipt.outputUnits).toBe(2n);
		expect(file.receipt.charge).toBe(costs(4, 2));
		expect(file.textResponse?.answer).toMatchObject({ choices: [{ text: "one two ", finish: "cancelled" }] });
		await eventually(async () => (network.textNode.running === 0 ? true : undefined), "the node to stop");
	});
});
