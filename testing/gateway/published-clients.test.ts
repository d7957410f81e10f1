/** The published clients of OpenAI and Anthropic for JavaScript, unchanged, against a real gateway. */
import Anthropic from "@anthropic-ai/sdk";
import type { TextDelta } from "@freehold/protocol";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { MODEL, startTextNetwork, type TextNetwork } from "./text-network.js";
import { words } from "./text-node.js";
import { createTextPayer } from "./text-payer.js";

let network: TextNetwork;
let openai: OpenAI;
let anthropic: Anthropic;
beforeAll(async () => {
	network = await startTextNetwork();
	const { fetch } = createTextPayer(network);
	openai = new OpenAI({ baseURL: `${network.gatewayUrl()}/v1`, apiKey: "0x1234567890abcdef", fetch, maxRetries: 0 });
	anthropic = new Anthropic({ baseURL: network.gatewayUrl(), apiKey: "0x1234567890abcdef", fetch, maxRetries: 0 });
});
afterAll(() => network.stop());
beforeEach(() => {
	network.textNode.script = () => words("Hello there, friend.");
});

const ask = [{ role: "user" as const, content: "What is the weather in Oslo?" }];
const weather = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

/** Two calls of tools, in pieces. */
function* calls(): Iterable<TextDelta> {
	yield { choice: 0, toolCall: { index: 0, id: "call_1", name: "weather", arguments: "" }, outputTokens: 1 };
	yield { choice: 0, toolCall: { index: 0, arguments: '{"city":' }, outputTokens: 2 };
	yield { choice: 0, toolCall: { index: 0, arguments: '"Oslo"}' }, outputTokens: 3 };
	yield { choice: 0, toolCall: { index: 1, id: "call_2", name: "weather", arguments: '{"city":"Bergen"}' }, outputTokens: 6 };
	yield { choice: 0, finish: "tools", outputTokens: 6 };
}

describe("OpenAI's client", () => {
	const tools = [{ type: "function" as const, function: { name: "weather", description: "Weather of a city", parameters: weather } }];

	it("lists and finds the language models", async () => {
		const models = await openai.models.list();
		expect(models.data).toEqual([{ id: MODEL, object: "model", created: expect.any(Number), owned_by: "talk" }]);
		expect((await openai.models.retrieve(MODEL)).id).toBe(MODEL);
		await expect(openai.models.retrieve("talk/nothing")).rejects.toBeInstanceOf(OpenAI.NotFoundError);
	});

	it("chats", async () => {
		const completion = await openai.chat.completions.create({ model: MODEL, messages: ask, seed: -7, stop: "END", temperature: 0.5, user: "me" });
		expect(completion.choices[0]).toMatchObject({ message: { content: "Hello there, friend.", refusal: null }, finish_reason: "stop" });
		expect(completion.usage?.total_tokens).toBe(9);
		expect(network.textNode.asked.at(-1)).toMatchObject({ stop: ["END"], sampling: { temperature: 0.5, seed: 2 ** 32 - 7 } });
	});

	it("streams, with its usage at the end", async () => {
		const stream = await openai.chat.completions.create({ model: MODEL, messages: ask, stream: true, stream_options: { include_usage: true } });
		let text = "";
		let usage: unknown;
		for await (const chunk of stream) {
			text += chunk.choices[0]?.delta.content ?? "";
			usage = chunk.usage ?? usage;
		}
		expect([text, usage]).toEqual(["Hello there, friend.", { prompt_tokens: 6, completion_tokens: 3, total_tokens: 9 }]);
	});

	it("gets calls of tools, whole and in pieces, and sends what they gave", async () => {
		network.textNode.script = calls;
		const whole = await openai.chat.completions.create({ model: MODEL, messages: ask, tools, tool_choice: "required" });
		const message = whole.choices[0]?.message;
		const wanted = [
			{ id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Oslo"}' } },
			{ id: "call_2", type: "function", function: { name: "weather", arguments: '{"city":"Bergen"}' } },
		];
		expect([message?.content, whole.choices[0]?.finish_reason, message?.tool_calls]).toEqual([null, "tool_calls", wanted]);
		const streamed = await openai.chat.completions.stream({ model: MODEL, messages: ask, tools }).finalChatCompletion();
		expect(streamed.choices[0]?.message.tool_calls).toMatchObject(wanted);
		network.textNode.script = () => words("Rain.");
		const results = ["call_1", "call_2"].map((tool_call_id) => ({ role: "tool" as const, tool_call_id, content: "rain" }));
		if (message === undefined) throw new Error("no message");
		const after = await openai.chat.completions.create({ model: MODEL, messages: [...ask, message, ...results], tools });
		expect(after.choices[0]?.message.content).toBe("Rain.");
		expect(network.textNode.asked.at(-1)).toMatchObject({
			messages: [{ role: "user" }, { role: "assistant", toolCalls: [{ id: "call_1" }, { id: "call_2" }] }, { role: "tool" }, { role: "tool" }],
		});
	});

	it("draws several answers, with log-probabilities", async () => {
		network.textNode.script = function* () {
			for (const choice of [0, 1]) {
				const logprobs = [{ token: `a${choice}`, bytes: new Uint8Array([97, 48 + choice]), logprob: -0.5, top: [] }];
				yield { choice, text: `a${choice}`, logprobs, outputTokens: 1 };
				yield { choice, finish: "stop" as const, outputTokens: 1 };
			}
		};
		const completion = await openai.chat.completions.create({ model: MODEL, messages: ask, n: 2, logprobs: true, top_logprobs: 2 });
		expect(completion.choices.map(({ message }) => message.content)).toEqual(["a0", "a1"]);
		expect(completion.choices[1]?.logprobs?.content).toEqual([{ token: "a1", logprob: -0.5, bytes: [97, 49], top_logprobs: [] }]);
		expect(network.textNode.asked.at(-1)).toMatchObject({ choices: 2, logprobs: 2, sampling: { temperature: 1 } });
	});

	it("asks for JSON of a schema", async () => {
		network.textNode.script = () => words('{"city":"Oslo"}');
		const json_schema = { name: "place", schema: weather, strict: true };
		const completion = await openai.chat.completions.parse({ model: MODEL, messages: ask, response_format: { type: "json_schema", json_schema } });
		expect(completion.choices[0]?.message.parsed).toEqual({ city: "Oslo" });
		expect(network.textNode.asked.at(-1)).toMatchObject({ format: { type: "schema", name: "place", schema: weather, strict: true } });
	});

	it("completes text, and makes embeddings", async () => {
		const completion = await openai.completions.create({ model: MODEL, prompt: "Once upon", max_tokens: 5 });
		expect(completion.choices[0]?.text).toBe("Hello there, friend.");
		const stream = await openai.completions.create({ model: MODEL, prompt: ["Once upon"], stream: true });
		let text = "";
		for await (const chunk of stream) text += chunk.choices[0]?.text ?? "";
		expect(text).toBe("Hello there, friend.");
		// The client asks for base64 by itself and decodes it.
		const embedded = await openai.embeddings.create({ model: MODEL, input: ["four", "seven77"] });
		expect(embedded.data.map(({ embedding }) => [...embedding])).toEqual([
			[4, 1],
			[7, 1],
		]);
	});

	it("uses responses: text, tools, streaming", async () => {
		const response = await openai.responses.create({ model: MODEL, instructions: "Be kind.", input: "Hello", metadata: { a: "b" } });
		expect([response.output_text, response.status, response.metadata]).toEqual(["Hello there, friend.", "completed", { a: "b" }]);
		network.textNode.script = calls;
		const declared = [{ type: "function" as const, name: "weather", parameters: weather, strict: false }];
		const called = await openai.responses.create({ model: MODEL, input: "Weather?", tools: declared });
		expect(called.output).toMatchObject([
			{ type: "function_call", call_id: "call_1" },
			{ type: "function_call", call_id: "call_2", arguments: '{"city":"Bergen"}' },
		]);
		const streamed = await openai.responses.stream({ model: MODEL, input: "Weather?", tools: declared }).finalResponse();
		expect(streamed.output).toMatchObject(called.output.map(({ id }) => ({ id })));
		network.textNode.script = () => words("Rain.");
		const outputs = called.output.flatMap((item) =>
			item.type === "function_call" ? [item, { type: "function_call_output" as const, call_id: item.call_id, output: "rain" }] : [],
		);
		const stream = openai.responses.stream({ model: MODEL, input: [{ role: "user", content: "Weather?" }, ...outputs], tools: declared });
		const events: string[] = [];
		for await (const event of stream) events.push(event.type);
		expect((await stream.finalResponse()).output_text).toBe("Rain.");
		expect(events).toEqual([
			"response.created",
			"response.in_progress",
			"response.output_item.added",
			"response.content_part.added",
			"response.output_text.delta",
			"response.output_text.done",
			"response.content_part.done",
			"response.output_item.done",
			"response.completed",
		]);
	});

	it("throws its own errors, with our code in them", async () => {
		const wrong = openai.chat.completions.create({ model: "talk/nothing", messages: ask });
		await expect(wrong).rejects.toMatchObject({ status: 404, code: "model.notFound" });
		const field = openai.chat.completions.create({ model: MODEL, messages: ask, store: true });
		await expect(field).rejects.toMatchObject({ status: 400, code: "request.invalid", param: "store", type: "invalid_request_error" });
		const stranger = new OpenAI({ baseURL: `${network.gatewayUrl()}/v1`, apiKey: "sk-unknown", maxRetries: 0 });
		await expect(stranger.chat.completions.create({ model: MODEL, messages: ask })).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
		const unpaid = new OpenAI({ baseURL: `${network.gatewayUrl()}/v1`, apiKey: "0x1234567890abcdef", maxRetries: 0 });
		await expect(unpaid.chat.completions.create({ model: MODEL, messages: ask })).rejects.toMatchObject({ status: 402, code: "payment.required" });
	});

	it("is told in the stream when the node breaks off", async () => {
		let fail = (): void => undefined;
		const read = new Promise<void>((resolve) => {
			fail = resolve;
		});
		network.textNode.script = async function* () {
			yield { choice: 0, text: "Hel", outputTokens: 1 };
			await read;
			throw new Error("the model is gone");
		};
		const stream = await openai.chat.completions.create({ model: MODEL, messages: ask, stream: true });
		let text = "";
		const reading = (async () => {
			for await (const chunk of stream) {
				text += chunk.choices[0]?.delta.content ?? "";
				if (text === "Hel") fail();
			}
		})();
		await expect(reading).rejects.toMatchObject({ code: "text.brokenOff" });
		expect(text).toBe("Hel");
		network.textNode.script = () => words("Again.");
		expect((await openai.chat.completions.create({ model: MODEL, messages: ask })).choices[0]?.message.content).toBe("Again.");
	});
});

describe("Anthropic's client", () => {
	const tools = [{ name: "weather", description: "Weather of a city", input_schema: { type: "object" as const, properties: weather.properties } }];

	it("sends messages, whole and streamed", async () => {
		const message = await anthropic.messages.create({ model: MODEL, max_tokens: 50, system: "Be kind.", messages: ask });
		expect(message).toMatchObject({
			role: "assistant",
			content: [{ type: "text", text: "Hello there, friend." }],
			stop_reason: "end_turn",
			usage: { input_tokens: 8, output_tokens: 3 },
		});
		const stream = anthropic.messages.stream({ model: MODEL, max_tokens: 50, messages: ask });
		let text = "";
		stream.on("text", (piece) => {
			text += piece;
		});
		const final = await stream.finalMessage();
		expect([text, final.stop_reason, final.usage.output_tokens]).toEqual(["Hello there, friend.", "end_turn", 3]);
	});

	it("uses tools, and counts tokens", async () => {
		network.textNode.script = calls;
		const message = await anthropic.messages.create({
			model: MODEL,
			max_tokens: 50,
			messages: ask,
			tools,
			tool_choice: { type: "any", disable_parallel_tool_use: true },
		});
		expect(message.stop_reason).toBe("tool_use");
		expect(message.content).toMatchObject([
			{ type: "tool_use", id: "call_1", name: "weather", input: { city: "Oslo" } },
			{ type: "tool_use", id: "call_2", input: { city: "Bergen" } },
		]);
		expect(network.textNode.asked.at(-1)).toMatchObject({ toolChoice: { type: "required" }, parallelToolCalls: false });
		const streamed = await anthropic.messages.stream({ model: MODEL, max_tokens: 50, messages: ask, tools }).finalMessage();
		expect(streamed.content).toMatchObject(
			message.content.map((block) => ({ type: block.type, ...(block.type === "tool_use" ? { input: block.input } : {}) })),
		);
		const content = [{ type: "tool_result" as const, tool_use_id: "call_1", content: "rain", is_error: true }];
		await anthropic.messages.create({
			model: MODEL,
			max_tokens: 50,
			messages: [...ask, { role: "assistant", content: message.content }, { role: "user", content }],
			tools,
		});
		expect(network.textNode.asked.at(-1)).toMatchObject({
			messages: [{}, { role: "assistant" }, { role: "tool", toolCallId: "call_1", content: [{ text: "Error: " }, { text: "rain" }] }],
		});
		expect(await anthropic.messages.countTokens({ model: MODEL, messages: ask })).toEqual({ input_tokens: 6 });
	});

	it("throws its own errors, with our code in them", async () => {
		const wrong = anthropic.messages.create({ model: "talk/nothing", max_tokens: 1, messages: ask });
		await expect(wrong).rejects.toBeInstanceOf(Anthropic.NotFoundError);
		await expect(wrong).rejects.toMatchObject({ error: { type: "error", error: { type: "not_found_error", code: "model.notFound" } } });
		const stranger = new Anthropic({ baseURL: network.gatewayUrl(), apiKey: "sk-unknown", maxRetries: 0 });
		await expect(stranger.messages.create({ model: MODEL, max_tokens: 1, messages: ask })).rejects.toBeInstanceOf(Anthropic.AuthenticationError);
	});
});
