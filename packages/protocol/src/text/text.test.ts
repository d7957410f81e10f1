import { describe, expect, it } from "vitest";
import { defaultHashes } from "../crypto/crypto.js";
import { commit } from "../receipt/commitment.js";
import { answerOfDeltas, deltaShape, type TextAnswer, textAnswerShape } from "./answer.js";
import { textRequestText, textResponseText } from "./commitment.js";
import { type ChatRequest, maxInputTokens, maxOutputTokens, textRequestShape } from "./request.js";

const salt = `0x${"11".repeat(32)}` as const;
const order = { release: `0x${"22".repeat(32)}`, mode: "fast", require: ["signed"] } as const;

const chat: ChatRequest = {
	task: "chat",
	messages: [
		{ role: "system", content: [{ type: "text", text: "Be brief." }] },
		{
			role: "user",
			content: [
				{ type: "text", text: "What is on it?" },
				{ type: "image", mediaType: "image/png", data: Uint8Array.of(1, 2, 3) },
			],
		},
		{ role: "assistant", content: [], toolCalls: [{ id: "a", name: "look", arguments: '{"at":1}' }] },
		{ role: "tool", toolCallId: "a", content: [{ type: "text", text: "a cat" }] },
	],
	tools: [{ name: "look", parameters: { type: "object", properties: { at: { type: "integer" } } }, strict: false }],
	toolChoice: { type: "auto" },
	parallelToolCalls: true,
	format: { type: "text" },
	sampling: { temperature: 0.7, topP: 1, topK: 0, minP: 0, presencePenalty: 0, frequencyPenalty: 0, seed: 7 },
	stop: [],
	maxOutputTokens: 64,
	choices: 2,
};

const answer: TextAnswer = { task: "chat", choices: [{ text: "A cat.", toolCalls: [], finish: "stop" }] };

const spelt = textRequestShape.write(chat) as Record<string, unknown>;

describe("a request to a language model", () => {
	it("comes back from its JSON as it was", () => {
		const json = JSON.parse(JSON.stringify(textRequestShape.write(chat))) as unknown;
		expect(textRequestShape.read(json, "text")).toEqual(chat);
	});

	it.each([
		["a setting that is left to a default", { ...spelt, parallelToolCalls: undefined }, "text.parallelToolCalls"],
		["a field that nobody knows", { ...spelt, best_of: 2 }, "text.best_of is not known"],
		["a role that nobody knows", { ...spelt, messages: [{ role: "wizard", content: [] }] }, "text.messages[0].role"],
		["a temperature out of range", { ...spelt, sampling: { ...chat.sampling, temperature: 3 } }, "text.sampling.temperature"],
		["a task that nobody knows", { task: "song" }, "text.task"],
		["a schema that is no JSON", { ...spelt, tools: [{ name: "f", parameters: { a: Number.NaN }, strict: true }] }, "text.tools[0].parameters"],
	])("is refused for %s", (_, value, message) => {
		expect(() => textRequestShape.read(value, "text")).toThrow(message);
	});

	it("is committed to in every setting and every byte", () => {
		const commitment = (request: ChatRequest): string => commit(textRequestText(order, request, defaultHashes), salt);
		const changed: ChatRequest[] = [
			{ ...chat, sampling: { ...chat.sampling, seed: 8 } },
			{ ...chat, toolChoice: { type: "none" } },
			{ ...chat, format: { type: "json" } },
			{ ...chat, stop: ["\n"] },
			{ ...chat, messages: chat.messages.slice(0, 3) },
			{ ...chat, messages: [{ role: "user", content: [{ type: "image", mediaType: "image/png", data: Uint8Array.of(1, 2, 4) }] }] },
		];
		expect(new Set([chat, ...changed].map(commitment)).size).toBe(changed.length + 1);
		expect(JSON.stringify(textRequestText(order, chat, defaultHashes))).toContain(
			'"sha256":"0x039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81"',
		);
	});

	it("cannot count more tokens than it has bytes", () => {
		expect(maxInputTokens({ task: "embedding", inputs: ["é"] })).toBe(18n);
		expect(maxInputTokens(chat)).toBeGreaterThan(BigInt("Be brief.What is on it?".length));
		expect(maxOutputTokens(chat)).toBe(128n);
	});
});

describe("an answer", () => {
	it("comes back from its JSON as it was", () => {
		const full: TextAnswer = {
			task: "completion",
			choices: [
				{
					text: "x",
					toolCalls: [],
					finish: "length",
					logprobs: [{ token: "x", bytes: Uint8Array.of(120), logprob: -0.25, top: [{ token: "y", bytes: Uint8Array.of(121), logprob: -1.5 }] }],
				},
			],
		};
		const embedding: TextAnswer = { task: "embedding", vectors: [Uint8Array.of(0, 0, 128, 63)] };
		for (const value of [answer, full, embedding])
			expect(textAnswerShape.read(JSON.parse(JSON.stringify(textAnswerShape.write(value))), "text")).toEqual(value);
	});

	it("is committed to by the digest of its text, so that the text can be hashed as it comes", () => {
		expect(textResponseText(answer, defaultHashes)).toEqual({
			kind: "text",
			version: 1,
			answer: {
				task: "chat",
				choices: [{ text: { sha256: "0x60a52d10f5e272ea21160f1a3d9742060583095055197743f7523b4f9300e0b2", bytes: 6 }, toolCalls: [], finish: "stop" }],
			},
		});
	});

	it("of a stream that was cut is what its first pieces amount to", () => {
		const deltas = [
			{ choice: 0, text: "A ", outputTokens: 1 },
			{ choice: 1, toolCall: { index: 0, id: "t", name: "look", arguments: '{"at"' }, outputTokens: 3 },
			{ choice: 0, text: "cat.", outputTokens: 2 },
			{ choice: 1, toolCall: { index: 0, arguments: ":1}" }, outputTokens: 5 },
			{ choice: 0, finish: "stop", outputTokens: 3 },
			{ choice: 1, finish: "tools", outputTokens: 5 },
		].map((delta) => deltaShape.read(delta, "delta"));
		const whole = answerOfDeltas("chat", 2, deltas);
		expect(whole).toEqual({
			outputTokens: 8n,
			answer: {
				task: "chat",
				choices: [
					{ text: "A cat.", toolCalls: [], finish: "stop" },
					{ text: "", toolCalls: [{ id: "t", name: "look", arguments: '{"at":1}' }], finish: "tools" },
				],
			},
		});
		const cut = answerOfDeltas("chat", 2, deltas.slice(0, 2));
		expect(cut.outputTokens).toBe(4n);
		expect(cut.answer).toMatchObject({ choices: [{ text: "A ", finish: "cancelled" }, { finish: "cancelled" }] });
	});
});
