import type { FreeholdError } from "@freehold/protocol";
import { describe, expect, it } from "vitest";
import { chatCompletions, completions, countTokens, embeddings, fieldTables, messages, responses } from "../index.js";

const context = { seed: () => 7 };
const user = [{ role: "user", content: "Hello" }];
const tool = { type: "function", function: { name: "f", parameters: { type: "object" } } };

/** A minimal request of each route, and for each honoured or passed field a value that asks for something. */
const routes = {
	"POST /v1/chat/completions": {
		read: (body: unknown) => chatCompletions.read(body, context),
		least: { model: "a/b", messages: user },
		values: {
			temperature: 0.5,
			top_p: 0.5,
			frequency_penalty: 1,
			presence_penalty: -1,
			seed: 3,
			stop: ["x"],
			n: 2,
			top_k: 5,
			min_p: 0.1,
			max_tokens: 9,
			max_completion_tokens: 8,
			logprobs: true,
			top_logprobs: 3,
			tools: [tool],
			tool_choice: "required",
			parallel_tool_calls: false,
			response_format: { type: "json_object" },
			reasoning_effort: "low",
			stream: true,
			stream_options: { include_usage: true },
			user: "u",
			metadata: { a: "b" },
			safety_identifier: "s",
			prompt_cache_key: "k",
			prompt_cache_retention: "24h",
			prompt_cache_options: {},
		},
		with: { top_logprobs: { logprobs: true }, tool_choice: { tools: [tool] } },
	},
	"POST /v1/completions": {
		read: (body: unknown) => completions.read(body, context),
		least: { model: "a/b", prompt: "Once" },
		values: {
			suffix: "end",
			echo: true,
			temperature: 0.5,
			top_p: 0.5,
			frequency_penalty: 1,
			presence_penalty: 1,
			seed: 3,
			stop: "x",
			n: 2,
			top_k: 5,
			min_p: 0.1,
			max_tokens: 9,
			logprobs: 2,
			stream: true,
			stream_options: { include_usage: true },
			user: "u",
		},
		with: {},
	},
	"POST /v1/embeddings": {
		read: (body: unknown) => embeddings.read(body, context),
		least: { model: "a/b", input: "Once" },
		values: { dimensions: 4, encoding_format: "base64", user: "u" },
		with: {},
	},
	"POST /v1/responses": {
		read: (body: unknown) => responses.read(body, context),
		least: { model: "a/b", input: "Hello" },
		values: {
			instructions: "Be kind",
			temperature: 0.5,
			top_p: 0.5,
			max_output_tokens: 9,
			tools: [{ type: "function", name: "f", parameters: {} }],
			tool_choice: "required",
			parallel_tool_calls: false,
			text: { format: { type: "json_object" } },
			reasoning: { effort: "low" },
			include: ["message.output_text.logprobs"],
			top_logprobs: 2,
			stream: true,
			stream_options: { include_obfuscation: false },
			user: "u",
			metadata: { a: "b" },
			safety_identifier: "s",
			prompt_cache_key: "k",
			prompt_cache_retention: "24h",
			prompt_cache_options: {},
		},
		with: { tool_choice: { tools: [{ type: "function", name: "f", parameters: {} }] } },
	},
	"POST /v1/messages": {
		read: (body: unknown) => messages.read(body, context),
		least: { model: "a/b", max_tokens: 9, messages: user },
		values: {
			system: "Be kind",
			tools: [{ name: "f", input_schema: { type: "object" } }],
			tool_choice: { type: "any" },
			output_config: { effort: "low" },
			cache_control: { type: "ephemeral" },
			user_profile_id: "u",
			workspace_id: "w",
			stop_sequences: ["x"],
			temperature: 0.5,
			top_p: 0.5,
			top_k: 5,
			stream: true,
			metadata: { user_id: "u" },
		},
		with: { tool_choice: { tools: [{ name: "f", input_schema: { type: "object" } }] } },
	},
	"POST /v1/messages/count_tokens": {
		read: (body: unknown) => ({ ...countTokens.read(body), stream: false, openEnded: false, writer: undefined }),
		least: { model: "a/b", messages: user },
		values: {
			system: "Be kind",
			tools: [{ name: "f", input_schema: { type: "object" } }],
			tool_choice: { type: "any" },
			output_config: { effort: "low" },
			cache_control: { type: "ephemeral" },
			user_profile_id: "u",
			workspace_id: "w",
		},
		with: { tool_choice: { tools: [{ name: "f", input_schema: { type: "object" } }] } },
	},
} as const;

type Values = Readonly<Record<string, unknown>>;
const refusalOf = (work: () => unknown): FreeholdError | undefined => {
	try {
		work();
		return undefined;
	} catch (error) {
		return error as FreeholdError;
	}
};

describe.each(Object.keys(fieldTables) as (keyof typeof fieldTables)[])("each field of %s", (route) => {
	const table = fieldTables[route];
	const { read, least, values, with: partners } = routes[route];
	const needed = Object.keys(least);
	const given = values as Values;
	const partnerOf = (name: string): object => ((partners as Values)[name] as object | undefined) ?? {};

	it("that is documented is sent below", () => {
		const taken = Object.entries(table).filter(([, { treatment }]) => treatment !== "refused");
		expect([...needed, ...Object.keys(given)].sort()).toEqual(taken.map(([name]) => name).sort());
	});

	it("that is honoured changes what is asked, and one that is passed does not", () => {
		for (const [name, value] of Object.entries(given)) {
			const base = { ...least, ...partnerOf(name) };
			const before = read(base);
			const after = read({ ...base, [name]: value });
			const shown = ({ request, stream, writer }: typeof before): unknown => ({ request, stream, writer: JSON.stringify(probe(writer)) });
			if (table[name as keyof typeof table] === undefined) throw new Error(`${name} is not in the table`);
			const { treatment } = (table as Readonly<Record<string, { treatment: string }>>)[name] as { treatment: string };
			if (treatment === "passed") expect(after.request, name).toEqual(before.request);
			else if (name !== "stream_options") expect(shown(after), name).not.toEqual(shown(before));
		}
	});

	it("that is refused is refused by name, and does not mind being asked for nothing", () => {
		for (const [name, { treatment, neutral = [] }] of Object.entries(table)) {
			if (treatment !== "refused") continue;
			expect(refusalOf(() => read({ ...least, [name]: { unlikely: true } }))?.detail, name).toMatchObject({ field: name });
			for (const value of [null, ...neutral])
				expect(
					refusalOf(() => read({ ...least, [name]: value })),
					`${name} ${JSON.stringify(value)}`,
				).toBeUndefined();
		}
	});

	it("that nobody documented is refused", () => {
		const refusal = refusalOf(() => read({ ...least, surprise: 1 }));
		expect([refusal?.code, refusal?.detail["field"]]).toEqual(["request.invalid", "surprise"]);
	});

	it("may be null where it may be absent", () => {
		const nulls = Object.fromEntries(Object.keys(given).map((name) => [name, null]));
		expect(read({ ...least, ...nulls }).request).toEqual(read(least).request);
	});
});

/** What a writer makes of an answer: settings of the wire show there. */
function probe(writer: ReturnType<typeof chatCompletions.read>["writer"] | undefined): unknown {
	if (writer === undefined) return undefined;
	const end = { callId: `0x${"11".repeat(32)}`, model: "a/b", createdAt: 0, inputTokens: 1, outputTokens: 1 } as const;
	const vector = new Uint8Array(8);
	const whole = writer.whole({ task: "embedding", vectors: [vector] }, end);
	return whole;
}
