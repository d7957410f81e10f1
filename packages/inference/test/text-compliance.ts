/** What every engine for language models does, wherever the model runs. Called by a test file with a way to open the same model. */
import { answerOfDeltas, type ChatRequest, FreeholdError, type JsonValue, type TextAnswer, type TextDelta, type TextRequest } from "@freehold/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TextSession } from "../src/engine/text-engine.js";

export interface OpenSession {
	readonly session: TextSession;
	close(): Promise<void>;
}

export interface Asked {
	readonly answer: TextAnswer;
	readonly deltas: readonly TextDelta[];
	readonly inputTokens: number;
	readonly outputTokens: number;
	readonly vectors: readonly Uint8Array[];
}

export const chat: ChatRequest = {
	task: "chat",
	messages: [{ role: "user", content: [{ type: "text", text: "Hello Ada" }] }],
	tools: [],
	toolChoice: { type: "auto" },
	parallelToolCalls: true,
	format: { type: "text" },
	sampling: { temperature: 0, topP: 1, topK: 0, minP: 0, presencePenalty: 0, frequencyPenalty: 0, seed: 7 },
	stop: [],
	maxOutputTokens: 32,
	choices: 1,
};
const noisy = { ...chat.sampling, temperature: 1 };
const tool = (name: string, properties: JsonValue, required: readonly string[] = []): ChatRequest["tools"][number] => ({
	name,
	description: `Does ${name}.`,
	parameters: { type: "object", properties, required: [...required], additionalProperties: false },
	strict: false,
});
const look = tool("look", { at: { type: "string", maxLength: 12 }, deep: { type: "boolean" }, times: { type: "integer" } }, ["at", "times"]);
const count = tool("look_again", { list: { type: "array", items: { type: "string", enum: ["a", "b"] }, maxItems: 3 } }, ["list"]);

export async function askSession(session: TextSession, request: TextRequest, signal?: AbortSignal): Promise<Asked> {
	const deltas: TextDelta[] = [];
	const started: number[] = [];
	const end = await session.run(request, { started: (tokens) => started.push(tokens), delta: (delta) => deltas.push(delta) }, signal);
	expect(started).toHaveLength(1);
	const whole = request.task === "embedding" ? undefined : answerOfDeltas(request.task, request.choices, deltas);
	return {
		answer: whole?.answer ?? { task: "embedding", vectors: end.vectors ?? [] },
		outputTokens: Number(whole?.outputTokens ?? 0n),
		inputTokens: end.inputTokens ?? (started[0] as number),
		deltas,
		vectors: end.vectors ?? [],
	};
}

const first = (answer: TextAnswer) => {
	if (answer.task === "embedding" || answer.choices[0] === undefined) throw new Error("no choice");
	return answer.choices[0];
};

/** `overflow`: code of the refusal of a request beyond the model's window of 512 tokens. */
export function describeTextEngine(name: string, open: () => Promise<OpenSession>, overflow: string): void {
	describe(`${name} as an engine for language models`, () => {
		let opened: OpenSession;
		let session: TextSession;
		const ask = (request: TextRequest, signal?: AbortSignal): Promise<Asked> => askSession(session, request, signal);
		beforeAll(async () => {
			opened = await open();
			session = opened.session;
		}, 60_000);
		afterAll(() => opened?.close());

		it("says what it can be asked", () => {
			expect(session.abilities).toEqual({ contextTokens: 512, tasks: ["chat", "completion", "embedding"], tools: true });
		});

		it("counts what it reads and writes, and stops at the limit", async () => {
			const { answer, inputTokens, outputTokens, deltas } = await ask(chat);
			// One token for each byte of text and one for each mark.
			expect(inputTokens).toBe("user\nHello Ada\nassistant\n".length + 3);
			expect(outputTokens).toBe(32);
			expect(first(answer)).toMatchObject({ finish: "length", toolCalls: [] });
			expect(first(answer).text.length).toBeGreaterThan(10);
			expect(deltas.length).toBeGreaterThan(10);
			expect(deltas.every((delta, index) => delta.outputTokens >= (deltas[index - 1]?.outputTokens ?? 0))).toBe(true);
		});

		it("gives the same answer for the same seed and another one for another", async () => {
			const one = await ask({ ...chat, sampling: noisy });
			expect((await ask({ ...chat, sampling: noisy })).answer).toEqual(one.answer);
			expect((await ask({ ...chat, sampling: { ...noisy, seed: 8 } })).answer).not.toEqual(one.answer);
			expect((await ask({ ...chat, sampling: { ...noisy, topK: 1 } })).answer).toEqual((await ask(chat)).answer);
		});

		it("writes several at once as it writes one", async () => {
			const requests = ["a", "bb", "ccc", "dddd", "eeeee"].map(
				(text): ChatRequest => ({ ...chat, messages: [{ role: "user", content: [{ type: "text", text }] }] }),
			);
			const alone: TextAnswer[] = [];
			for (const request of requests) alone.push((await ask(request)).answer);
			expect((await Promise.all(requests.map((request) => ask(request)))).map(({ answer }) => answer)).toEqual(alone);
		});

		it("draws as many choices as it is asked for, each with its own end", async () => {
			const { answer, outputTokens } = await ask({ ...chat, sampling: noisy, choices: 3 });
			const choices = answer.task === "embedding" ? [] : answer.choices;
			expect(choices).toHaveLength(3);
			// Drawn at random, so one of them may draw the end of its turn.
			for (const { finish } of choices) expect(["length", "stop"]).toContain(finish);
			expect(new Set(choices.map(({ text }) => text)).size).toBe(3);
			expect(outputTokens).toSatisfy((tokens: number) => tokens > 32 && tokens <= 96);
		});

		it("ends before a stop text, wherever it lies between tokens, and sends no part of it", async () => {
			const { text } = first((await ask(chat)).answer);
			const stop = text.slice(6, 9);
			const { answer, deltas } = await ask({ ...chat, stop: ["never said", stop] });
			expect(first(answer)).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finish: "stop" });
			expect(deltas.map((delta) => delta.text ?? "").join("")).toBe(text.slice(0, text.indexOf(stop)));
		});

		it("holds an answer to a schema", async () => {
			const schema = {
				type: "object",
				properties: {
					name: { type: "string", maxLength: 8 },
					age: { type: "integer" },
					tags: { type: "array", items: { enum: ["x", "y"] }, minItems: 1, maxItems: 3 },
					maybe: { anyOf: [{ type: "null" }, { type: "boolean" }] },
				},
				required: ["name", "age", "tags", "maybe"],
				additionalProperties: false,
			};
			for (const seed of [1, 2, 3]) {
				const { answer } = await ask({
					...chat,
					sampling: { ...noisy, seed },
					maxOutputTokens: 200,
					format: { type: "schema", name: "person", schema, strict: true },
				});
				expect(first(answer).finish).toBe("stop");
				const { name: given, age, tags, maybe } = JSON.parse(first(answer).text) as Record<string, unknown>;
				expect(String(given).length).toBeLessThanOrEqual(16);
				expect(Number.isSafeInteger(age)).toBe(true);
				expect(tags).toSatisfy((list: string[]) => list.length >= 1 && list.length <= 3 && list.every((tag) => tag === "x" || tag === "y"));
				expect([null, true, false]).toContain(maybe);
			}
		});

		it("holds an answer to JSON", async () => {
			const { answer } = await ask({ ...chat, sampling: noisy, maxOutputTokens: 400, format: { type: "json" } });
			const { text, finish } = first(answer);
			if (finish === "stop") expect(typeof JSON.parse(text)).toBe("object");
			expect(text.startsWith("{")).toBe(true);
		});

		it.each([1, 2, 3])("calls a tool that it must call, with arguments that fit (seed %i)", async (seed) => {
			const { answer } = await ask({
				...chat,
				sampling: { ...noisy, seed },
				tools: [look, count],
				toolChoice: { type: "required" },
				parallelToolCalls: false,
				maxOutputTokens: 200,
			});
			const { toolCalls, finish, text } = first(answer);
			expect([finish, text, toolCalls.length]).toEqual(["tools", "", 1]);
			const { name: called, arguments: given, id } = toolCalls[0] as { name: string; arguments: string; id: string };
			expect(id).not.toBe("");
			const parsed = JSON.parse(given) as Record<string, unknown>;
			if (called === "look") expect(parsed).toSatisfy(({ at, times }: Record<string, unknown>) => typeof at === "string" && Number.isSafeInteger(times));
			else expect([called, Array.isArray(parsed["list"])]).toEqual(["look_again", true]);
		});

		it("calls the tool that is named, also where another's name begins with it", async () => {
			for (const named of ["look", "look_again"]) {
				const { answer } = await ask({
					...chat,
					sampling: noisy,
					tools: [look, count],
					toolChoice: { type: "tool", name: named },
					parallelToolCalls: false,
					maxOutputTokens: 200,
				});
				expect(first(answer).toolCalls.map((call) => call.name)).toEqual([named]);
			}
		});

		it("calls none where none may be called", async () => {
			const { answer } = await ask({ ...chat, tools: [look], toolChoice: { type: "none" } });
			expect(first(answer)).toMatchObject({ toolCalls: [], finish: "length" });
		});

		it("tells the log-probability of each token it wrote, and of others", async () => {
			const { answer, outputTokens } = await ask({ ...chat, maxOutputTokens: 8, logprobs: 3 });
			const { logprobs = [], text } = first(answer);
			expect([logprobs.length, outputTokens]).toEqual([8, 8]);
			expect(new TextDecoder().decode(Buffer.concat(logprobs.map(({ bytes }) => bytes)))).toBe(text);
			for (const { logprob, top } of logprobs) {
				expect(top).toHaveLength(3);
				// Greedy: what was written is the likeliest.
				expect(logprob).toBeCloseTo(top[0]?.logprob as number, 5);
				expect(top.map((one) => one.logprob)).toEqual([...top.map((one) => one.logprob)].sort((a, b) => b - a));
				expect(top.reduce((sum, one) => sum + Math.exp(one.logprob), 0)).toBeLessThanOrEqual(1.0001);
			}
		});

		it("writes less often what it is told to repeat less", async () => {
			const repeats = (text: string): number => text.length - new Set(text).size;
			const { text } = first((await ask({ ...chat, maxOutputTokens: 64 })).answer);
			const { text: varied } = first(
				(await ask({ ...chat, maxOutputTokens: 64, sampling: { ...chat.sampling, frequencyPenalty: 2, presencePenalty: 2 } })).answer,
			);
			expect(repeats(varied)).toBeLessThan(repeats(text));
		});

		it("goes on with a prompt, and repeats it where that is asked", async () => {
			const completion = { task: "completion", prompt: "Once upon", echo: false, sampling: chat.sampling, stop: [], maxOutputTokens: 8, choices: 1 } as const;
			const plain = await ask(completion);
			expect([plain.inputTokens, plain.outputTokens]).toEqual(["Once upon".length, 8]);
			expect(first((await ask({ ...completion, echo: true })).answer).text).toBe(`Once upon${first(plain.answer).text}`);
		});

		it("makes vectors of length 1, the same for the same text", async () => {
			const { vectors, inputTokens } = await ask({ task: "embedding", inputs: ["cat", "dog", "cat"] });
			const numbers = vectors.map((bytes) => new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)));
			expect(inputTokens).toBe(9);
			expect(numbers.map((vector) => vector.length)).toEqual([32, 32, 32]);
			for (const vector of numbers) expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
			expect(numbers[0]).toEqual(numbers[2]);
			expect(numbers[0]).not.toEqual(numbers[1]);
			const { vectors: short } = await ask({ task: "embedding", inputs: ["cat"], dimensions: 8 });
			expect(short[0]?.length).toBe(32);
		});

		it("refuses a request beyond its window", async () => {
			const long: ChatRequest = { ...chat, messages: [{ role: "user", content: [{ type: "text", text: "x".repeat(600) }] }] };
			await expect(ask(long)).rejects.toSatisfy((error) => error instanceof FreeholdError && error.code === overflow);
			expect((await ask(chat)).outputTokens).toBe(32);
		});

		it("fills its window and says that it is full", async () => {
			const { answer, inputTokens, outputTokens } = await ask({ ...chat, maxOutputTokens: 2_000 });
			expect(first(answer).finish).toBe("length");
			expect(inputTokens + outputTokens).toBe(512);
		});

		it("stops when its caller leaves, and goes on with others", async () => {
			const caller = new AbortController();
			let pieces = 0;
			const sink = {
				started: () => undefined,
				delta: () => {
					if (++pieces === 3) caller.abort(new Error("the caller left"));
				},
			};
			await expect(session.run({ ...chat, maxOutputTokens: 400 }, sink, caller.signal)).rejects.toThrow("the caller left");
			expect((await ask(chat)).outputTokens).toBe(32);
			await expect(ask(chat, AbortSignal.abort(new Error("given up")))).rejects.toThrow("given up");
		});
	});
}
