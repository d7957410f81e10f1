/** The published clients of OpenAI and Anthropic for Python, unchanged, against a real gateway with an API key. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { connect } from "@freehold/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { account, OPG } from "./network.js";
import { MODEL, networkFileOf, startTextNetwork, type TextNetwork } from "./text-network.js";

const has = (module: string): boolean => spawnSync("python3", ["-c", `import ${module}`], { timeout: 30_000 }).status === 0;
const SCRIPT = fileURLToPath(new URL("python_clients.py", import.meta.url));

let network: TextNetwork | undefined;
let key = "";
const clients = { openai: has("openai"), anthropic: has("anthropic") };
beforeAll(async () => {
	if (!clients.openai && !clients.anthropic) return;
	network = await startTextNetwork();
	const owner = connect({ network: networkFileOf(network), account: account("payer").account });
	({ key } = await owner.keys.create({ budget: 3n * OPG }));
	network.textNode.script = (request) => {
		const tools = request.task === "chat" && request.tools.length > 0;
		if (!tools)
			return "Hello there, friend."
				.split(/(?<= )/)
				.map((text, index) => ({ choice: 0, text, outputTokens: index + 1, ...(index === 2 ? { finish: "stop" as const } : {}) }));
		return [
			{ choice: 0, toolCall: { index: 0, id: "call_1", name: "weather", arguments: '{"city":' }, outputTokens: 1 },
			{ choice: 0, toolCall: { index: 0, arguments: '"Oslo"}' }, outputTokens: 2 },
			{ choice: 0, finish: "tools" as const, outputTokens: 2 },
		];
	};
});
afterAll(() => network?.stop());

async function python(client: string): Promise<unknown> {
	const child = spawn("python3", [SCRIPT, client, network?.gatewayUrl() ?? "", MODEL, key], { stdio: ["ignore", "pipe", "pipe"] });
	let out = "";
	let err = "";
	child.stdout.on("data", (chunk: Buffer) => {
		out += chunk.toString("utf8");
	});
	child.stderr.on("data", (chunk: Buffer) => {
		err += chunk.toString("utf8");
	});
	await once(child, "close");
	if (err !== "") throw new Error(err);
	return JSON.parse(out);
}

describe("for Python", () => {
	it.skipIf(!clients.openai)("OpenAI's client chats, streams, calls tools, embeds, responds, and throws its own errors (needs: openai)", async () => {
		expect(await python("openai")).toEqual({
			models: [MODEL],
			chat: "Hello there, friend.",
			usage: 7,
			stream: ["Hello ", "there, ", "friend."],
			tools: [["weather", '{"city":"Oslo"}']],
			streamed_tools: '{"city":"Oslo"}',
			completion: "Hello there, friend.",
			embedding: [
				[4, 1],
				[7, 1],
			],
			response: "Hello there, friend.",
			response_events: ["response.created", "response.completed"],
			not_found: "model.notFound",
			bad_request: "request.invalid",
			unauthorized: "key.unknown",
		});
	});

	it.skipIf(!clients.anthropic)("Anthropic's client sends messages, streams, uses tools, counts, and throws its own errors (needs: anthropic)", async () => {
		expect(await python("anthropic")).toEqual({
			message: "Hello there, friend.",
			stop_reason: "end_turn",
			stream: ["Hello ", "there, ", "friend."],
			final: "Hello there, friend.",
			tools: [["weather", { city: "Oslo" }]],
			streamed_tools: [["weather", { city: "Oslo" }]],
			count: 4,
			not_found: "model.notFound",
			unauthorized: "key.unknown",
		});
	});
});
