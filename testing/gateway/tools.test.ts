/** What people use with a language model: the AI SDK, and the commands chat, proxy, mcp and key, against a real gateway. */
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Anthropic from "@anthropic-ai/sdk";
import { connect } from "@freehold/sdk";
import { createFreeholdProvider } from "@freehold/sdk/ai-sdk";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { generateText, jsonSchema, streamText, tool } from "ai";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Shell, shell } from "../cli/command.js";
import { keyText } from "../journey/accounts.js";
import { account } from "./network.js";
import { MODEL, networkFileOf, startTextNetwork, type TextNetwork } from "./text-network.js";
import { words } from "./text-node.js";

const COMMAND = fileURLToPath(new URL("../../packages/cli/bin/freehold.js", import.meta.url));

let network: TextNetwork;
let commands: Shell;
let globals: readonly string[];
let env: Record<string, string>;
beforeAll(async () => {
	network = await startTextNetwork();
	const path = (name: string): string => join(network.folder, name);
	const payer = account("payer");
	await writeFile(path("client.json"), JSON.stringify(networkFileOf(network)));
	await writeFile(path("accounts.json"), JSON.stringify([{ name: "dev-6", address: payer.address, privateKey: `0x${keyText(payer)}` }]));
	env = { FREEHOLD_HOME: path("home"), NO_COLOR: "1" };
	commands = shell(env);
	globals = ["--network", path("client.json"), "--data", network.folder, "--account", "dev-6", "--yes"];
});
afterAll(() => network.stop());
beforeEach(() => {
	network.textNode.script = () => words("Hello there, friend.");
	network.textNode.forge = undefined;
});

/** Ids of the calls that the account's commands have paid for. */
const paidCalls = async (): Promise<readonly string[]> => {
	const folder = join(network.folder, "home", "calls");
	const files = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), "utf8")));
	return files.flatMap((text) => text.trim().split("\n")).map((line) => (JSON.parse(line) as { callId: string }).callId);
};

const messages = [{ role: "user" as const, content: "Say hello to me" }];

describe("the AI SDK", () => {
	const models = () => createFreeholdProvider(connect({ network: networkFileOf(network), account: account("owner").account }));

	it("generates and streams text, and tells what it cost", async () => {
		const generated = await generateText({ model: models()(MODEL), prompt: "Say hello to me", maxOutputTokens: 20 });
		expect([generated.text, generated.finishReason, generated.usage.totalTokens]).toEqual(["Hello there, friend.", "stop", 7]);
		expect(generated.providerMetadata?.["freehold"]).toMatchObject({ receipt: "signed", chargeOpg: expect.any(String) });
		const streamed = streamText({ model: models()(MODEL), prompt: "Say hello to me", maxOutputTokens: 20 });
		const pieces: string[] = [];
		for await (const piece of streamed.textStream) pieces.push(piece);
		expect(pieces).toEqual(["Hello ", "there, ", "friend."]);
	});

	it("calls tools and goes on with what they gave", async () => {
		network.textNode.script = (request) =>
			request.task === "chat" && request.messages.some(({ role }) => role === "tool")
				? words("Rain.")
				: [
						{ choice: 0, toolCall: { index: 0, id: "c1", name: "weather", arguments: '{"city":"Oslo"}' }, outputTokens: 2 },
						{ choice: 0, finish: "tools" as const, outputTokens: 2 },
					];
		const asked: unknown[] = [];
		const weather = tool({
			description: "Weather",
			inputSchema: jsonSchema<{ city: string }>({ type: "object", properties: { city: { type: "string" } } }),
			execute: async (input) => {
				asked.push(input);
				return "rain";
			},
		});
		const { stepCountIs } = await import("ai");
		const result = streamText({ model: models()(MODEL), prompt: "Weather?", tools: { weather }, stopWhen: stepCountIs(3), maxOutputTokens: 20 });
		expect(await result.text).toBe("Rain.");
		expect(asked).toEqual([{ city: "Oslo" }]);
	});
});

describe("freehold key", () => {
	it("makes a key that a program can use, shows what it spent, and ends it", async () => {
		const made = await commands.run("key", "create", "--budget", "2", "--models", MODEL, "--expires", "1d", "--name", "laptop", "--json", ...globals);
		const { key, id } = made.json() as { key: string; id: string };
		const openai = new OpenAI({ baseURL: `${network.gatewayUrl()}/v1`, apiKey: key, maxRetries: 0 });
		expect((await openai.chat.completions.create({ model: MODEL, messages })).choices[0]?.message.content).toBe("Hello there, friend.");
		const anthropic = new Anthropic({ baseURL: network.gatewayUrl(), apiKey: key, maxRetries: 0 });
		expect((await anthropic.messages.create({ model: MODEL, max_tokens: 9, messages })).content).toMatchObject([{ text: "Hello there, friend." }]);
		const listed = (await commands.run("key", "list", "--json", ...globals)).json() as { keys: { id: string; calls: number }[] };
		expect(listed.keys).toMatchObject([{ id, name: "laptop", calls: 2, models: [MODEL] }]);
		expect((await commands.run("key", "revoke", "laptop", ...globals)).out).toContain("Revoked.");
		await expect(openai.chat.completions.create({ model: MODEL, messages })).rejects.toMatchObject({ status: 401, code: "key.revoked" });
	});
});

describe("freehold chat", () => {
	it("answers once, with the receipt", async () => {
		const { out, status } = await commands.run("chat", MODEL, "--message", "Say hello to me", "--json", ...globals);
		expect(status).toBe(0);
		const answered = JSON.parse(out) as { callId: string };
		expect(answered).toMatchObject({ text: "Hello there, friend.", finish: "stop", receiptFile: { version: 1 } });
		// What an export takes along.
		expect(await paidCalls()).toContain(answered.callId);
	});

	it("runs the tools that are offered, once each, and adds up what the answers cost", async () => {
		network.textNode.script = (request) => {
			const results = request.task === "chat" ? request.messages.filter(({ role }) => role === "tool") : [];
			if (results.length > 0) return words("A till holds it.");
			return [
				{ choice: 0, toolCall: { index: 0, id: "c1", name: "calculate", arguments: '{"expression":"17 * 23"}' }, outputTokens: 2 },
				{ choice: 0, toolCall: { index: 1, id: "c2", name: "search_docs", arguments: '{"query":"till"}' }, outputTokens: 2 },
				{ choice: 0, finish: "tools" as const, outputTokens: 2 },
			];
		};
		const before = network.textNode.asked.length;
		const { out } = await commands.run("chat", MODEL, "--tools", "--message", "What is a till?", "--json", ...globals);
		const asked = network.textNode.asked.slice(before) as unknown as { tools: { name: string }[]; messages: { role: string; content: unknown }[] }[];
		expect(asked.map(({ messages: said }) => said.map(({ role }) => role))).toEqual([["user"], ["user", "assistant", "tool", "tool"]]);
		expect(asked[0]?.tools.map(({ name }) => name)).toEqual(["calculate", "model_price", "model_owner", "list_models", "search_docs"]);
		const told = JSON.parse(out) as { text: string; charge: string; tools: { name: string; result: string }[] };
		expect(told).toMatchObject({ text: "A till holds it.", toolCalls: [], tools: [{ name: "calculate", result: "391" }, { name: "search_docs" }] });
		expect(told.tools[1]?.result).toMatch(/till/i);
		const once = JSON.parse((await commands.run("chat", MODEL, "--message", "What is a till?", "--json", ...globals)).out) as { charge: string };
		expect(network.textNode.asked.at(-1)).toMatchObject({ tools: [] });
		expect(BigInt(told.charge)).toBeGreaterThan(BigInt(once.charge));
	});

	it("holds a conversation, verifies and saves it", async () => {
		const { spawn } = await import("node:child_process");
		const saved = join(network.folder, "talk.json");
		const child = spawn(process.execPath, [COMMAND, "chat", MODEL, ...globals], { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
		let out = "";
		child.stdout.on("data", (chunk: Buffer) => {
			out += chunk.toString("utf8");
		});
		child.stdin.end(`Say hello to me\n/verify\nAgain\n/save ${saved}\n/quit\n`);
		await once(child, "close");
		expect(out.match(/Hello there, friend\./g)).toHaveLength(2);
		expect(out).toContain("✓ answer");
		const file = JSON.parse(await readFile(saved, "utf8")) as { messages: unknown[]; answers: unknown[] };
		expect([file.messages.length, file.answers.length]).toEqual([4, 2]);
		expect(network.textNode.asked.at(-1)).toMatchObject({ messages: [{ role: "user" }, { role: "assistant" }, { role: "user" }] });
	});
});

describe("freehold proxy", () => {
	it("serves clients that know its key, pays, checks before it ends, and tells when a receipt does not stand up", async () => {
		const child = commands.start("proxy", "--port", "0", "--budget", "1", "--json", ...globals);
		let out = "";
		child.stdout?.on("data", (chunk: Buffer) => {
			out += chunk.toString("utf8");
		});
		await expect.poll(() => out, { timeout: 30_000 }).toContain("}");
		const { url, token } = JSON.parse(out) as { url: string; token: string };
		const openai = new OpenAI({ baseURL: url, apiKey: token, maxRetries: 0 });
		expect((await openai.models.list()).data.map(({ id }) => id)).toEqual([MODEL]);
		const answers = await Promise.all([1, 2, 3].map(() => openai.chat.completions.create({ model: MODEL, messages })));
		expect(answers.map(({ choices }) => choices[0]?.message.content)).toEqual(Array.from({ length: 3 }, () => "Hello there, friend."));
		const raw = await fetch(`${url}/chat/completions`, {
			method: "POST",
			headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
			body: JSON.stringify({ model: MODEL, messages, stream: true }),
		});
		expect(await raw.text()).toMatch(/: freehold \{.*"state":"verified"\}\ndata: \[DONE\]\n\n$/);
		const paid = await paidCalls();
		expect(answers.every(({ id }) => paid.some((call) => id.endsWith(call.slice(2))))).toBe(true);
		network.textNode.forge = (receipt) => ({ ...receipt, charge: receipt.charge + 1n });
		const stream = await openai.chat.completions.create({ model: MODEL, messages, stream: true });
		const reading = (async () => {
			for await (const _ of stream);
		})();
		await expect(reading).rejects.toMatchObject({ code: "text.brokenOff" });
		await expect(new OpenAI({ baseURL: url, apiKey: "fhp_wrong", maxRetries: 0 }).models.list()).rejects.toMatchObject({ status: 401 });
		child.kill("SIGTERM");
		await once(child, "close");
	});
});

describe("freehold mcp", () => {
	it("gives its tools to the official client", async () => {
		const transport = new StdioClientTransport({
			command: process.execPath,
			args: [COMMAND, "mcp", ...globals],
			env: { ...(process.env as Record<string, string>), ...env },
			stderr: "ignore",
		});
		const client = new Client({ name: "test", version: "1" });
		await client.connect(transport);
		expect((await client.listTools()).tools.map(({ name }) => name)).toEqual([
			"ask",
			"earnings",
			"verify",
			"model_price",
			"model_owner",
			"list_models",
			"search_docs",
		]);
		const asked = (await client.callTool({ name: "ask", arguments: { message: "Say hello to me", model: MODEL } })) as { content: { text: string }[] };
		expect(asked.content[0]?.text).toMatch(/^Hello there, friend\.\n\n\[0\.\d+ OPG · receipt checked/);
		const refused = await client.callTool({ name: "ask", arguments: { message: "Hello", model: "talk/nothing" } });
		expect(refused).toMatchObject({ isError: true, content: [{ text: expect.stringContaining("model.notFound") }] });
		const found = (await client.callTool({ name: "search_docs", arguments: { query: "till" } })) as { content: { text: string }[] };
		expect(found.content[0]?.text).toMatch(/till/i);
		expect(await client.callTool({ name: "model_owner", arguments: {} })).toMatchObject({
			isError: true,
			content: [{ text: expect.stringContaining("request.invalid") }],
		});
		const forged = (await client.callTool({ name: "verify", arguments: { receipt: "{}" } })) as { content: { text: string }[] };
		expect(forged.content[0]?.text).toContain("Forged or altered");
		await expect(client.callTool({ name: "none", arguments: {} })).rejects.toThrow("Unknown tool");
		await client.close();
	});
});
