/** A language model from its publication to a checked answer, every part real: node, engine, gateway, clients. What the model says is noise; that it is paid, counted and signed is not. */
import { verifyReceipt } from "@freehold/proofs";
import { answerOfDeltas, type Hex, type TextDelta } from "@freehold/protocol";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tinyLlama } from "../gguf/tiny-llama.js";
import { type JourneyNetwork, OPG, startJourney } from "./network.js";
import { eventually } from "./programs.js";

const MODEL = "noise/maker";
const LONG = "noise/long";

let network: JourneyNetwork;
beforeAll(async () => {
	network = await startJourney();
	const owner = network.person(0);
	await owner.publish({ name: MODEL, model: tinyLlama(), price: { perCall: OPG / 100n, perInputUnit: OPG / 100_000n, perOutputUnit: OPG / 100_000n } });
});
afterAll(() => network.stop());

const tokens = (usage: { inputTokens: number; outputTokens: number }): bigint => BigInt(usage.inputTokens + usage.outputTokens);

describe("a language model", () => {
	it("answers whole and in pieces alike, for the price of its tokens", async () => {
		const buyer = network.person(1);
		const ask = { messages: "Hello", maxTokens: 12, seed: 7 };
		const whole = await buyer.chat(MODEL, ask);
		const stream = buyer.stream(MODEL, ask);
		let text = "";
		for await (const { text: piece } of stream) text += piece ?? "";
		const streamed = await stream.result;
		expect([text, streamed.text]).toEqual([whole.text, whole.text]);
		expect(streamed.charge).toBe(whole.charge);
		const { order } = whole.receiptFile;
		expect(whole.charge).toBe(OPG / 100n + (tokens(whole) * OPG) / 100_000n + order.nodeFee + order.gatewayFee);
		const { state } = await buyer.receipts.wait(streamed.callId, { timeoutMs: 30_000 });
		expect(state).toBe("final");
	});

	it("answers an unchanged client with an API key, also with JSON and tools", async () => {
		const { key } = await network.person(1).keys.create({ budget: 2n * OPG });
		const openai = new OpenAI({ baseURL: `${network.network.gatewayUrl}/v1`, apiKey: key, maxRetries: 0 });
		expect((await openai.models.list()).data.map(({ id }) => id)).toContain(MODEL);
		const messages = [{ role: "user" as const, content: "Hello" }];
		const plain = await openai.chat.completions.create({ model: MODEL, messages, max_tokens: 8, logprobs: true, top_logprobs: 2, n: 2 });
		expect(plain.choices.map(({ logprobs }) => logprobs?.content?.length)).toEqual([expect.any(Number), expect.any(Number)]);
		const schema = { type: "object", properties: { yes: { type: "boolean" } }, required: ["yes"], additionalProperties: false };
		const json = await openai.chat.completions.create({
			model: MODEL,
			messages,
			max_tokens: 60,
			response_format: { type: "json_schema", json_schema: { name: "a", schema, strict: true } },
		});
		expect(JSON.parse(json.choices[0]?.message.content ?? "")).toEqual({ yes: expect.any(Boolean) });
		const tools = [{ type: "function" as const, function: { name: "say", parameters: schema, strict: true } }];
		const called = await openai.chat.completions.create({ model: MODEL, messages, max_tokens: 100, tools, tool_choice: "required" });
		const [call] = called.choices[0]?.message.tool_calls ?? [];
		expect(call?.type === "function" && JSON.parse(call.function.arguments)).toEqual({ yes: expect.any(Boolean) });
	});

	it("is left in the middle, and charged for what was handed over", async () => {
		const buyer = network.person(1);
		let callId = "";
		for await (const event of buyer.text.stream(MODEL, { ...chatOf(), maxOutputTokens: 400 })) {
			if (event.type === "started") callId = event.callId;
			if (event.type === "delta") break;
		}
		const { receipt } = await eventually(async () => {
			const answer = await fetch(`${network.network.gatewayUrl}/v1/calls/${callId}`);
			return answer.ok ? ((await answer.json()) as { receiptFile: { receipt: { outputUnits: string } } }).receiptFile : undefined;
		}, "the call of the one who left");
		expect(Number(receipt.outputUnits)).toBeGreaterThan(0);
		expect(Number(receipt.outputUnits)).toBeLessThan(400);
	});

	it("whose node is killed in the middle ends with a clear error, is paid for what arrived, and is asked again elsewhere or later", async () => {
		const buyer = network.person(2);
		await network
			.person(0)
			.publish({ name: LONG, model: tinyLlama({ contextTokens: 8_192 }), price: { perCall: OPG / 100n, perInputUnit: 0n, perOutputUnit: OPG / 100_000n } });
		const request = { ...chatOf(), maxOutputTokens: 6_000 };
		let callId: Hex = "0x";
		const deltas: TextDelta[] = [];
		let restarting: Promise<void> | undefined;
		const reading = (async () => {
			for await (const event of buyer.text.stream(LONG, request)) {
				if (event.type === "started") callId = event.callId;
				if (event.type !== "delta") continue;
				deltas.push(event.delta);
				restarting ??= network
					.role("inference")
					.kill()
					.then(() => network.restart("inference"));
			}
		})();
		await expect(reading).rejects.toMatchObject({ code: "text.brokenOff" });
		await restarting;
		const came = answerOfDeltas("chat", 1, deltas);
		const { charge, outputTokens, receiptFile } = await buyer.text.recover(callId, { request, came: came.answer, timeoutMs: 30_000 });
		expect(BigInt(outputTokens)).toBe(came.outputTokens);
		const { nodeFee, gatewayFee } = receiptFile.order;
		expect(charge).toBe(OPG / 100n + (came.outputTokens * OPG) / 100_000n + nodeFee + gatewayFee);
		expect((await buyer.channels.show()).reduce((sum, { charged }) => sum + charged, 0n)).toBe(charge);
		const { state, file } = await buyer.receipts.wait(callId, { timeoutMs: 30_000 });
		expect([state, verifyReceipt(file, { checkpoint: network.network.checkpoint, chainId: network.network.chainId }).outcome]).toEqual(["final", "meets"]);
		const again = await eventually(async () => buyer.chat(LONG, { messages: "Hello", maxTokens: 4 }).catch(() => undefined), "an answer after the restart");
		expect(again.charge).toBeGreaterThan(0n);
	}, 120_000);
});

function chatOf() {
	return {
		task: "chat" as const,
		messages: [{ role: "user" as const, content: [{ type: "text" as const, text: "Hello" }] }],
		tools: [],
		toolChoice: { type: "none" as const },
		parallelToolCalls: true,
		format: { type: "text" as const },
		sampling: { temperature: 1, topP: 1, topK: 0, minP: 0, presencePenalty: 0, frequencyPenalty: 0, seed: 3 },
		stop: [],
		choices: 1,
	};
}
