import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChatRequest, type EngineDescription, FreeholdError, type TextDelta, type TextRequest } from "@freehold/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { tinyLlama } from "../../../../../testing/gguf/tiny-llama.js";
import { startDialectServer } from "../../../../../testing/upstream/dialect-server.js";
import { askSession, chat, describeTextEngine, type OpenSession } from "../../../test/text-compliance.js";
import { llamaEngine } from "../llama/llama-engine.js";
import { readProviders } from "./providers.js";
import { UpstreamPool } from "./upstream-pool.js";

const KEY = "sk-secret-0123456789";
const recordings = new URL("../../../../../testing/upstream/recordings/", import.meta.url);
let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "freehold-upstream-"));
	await writeFile(join(folder, "key"), `${KEY}\n`);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let files = 0;
async function pool(kind: string, url: string, more: object = {}): Promise<UpstreamPool> {
	const file = join(folder, `providers-${files++}.json`);
	await writeFile(file, JSON.stringify({ providers: [{ name: "prov", kind, url, keyFile: "key", private: true, ...more }] }));
	return new UpstreamPool(await readProviders(file, {}), { runTimeoutMs: 20_000 });
}

async function release(abilities: object = { contextTokens: 512, tasks: ["chat", "completion", "embedding"], tools: true }, provider = "prov") {
	const modelPath = join(folder, `model-${files++}.json`);
	await writeFile(modelPath, JSON.stringify({ version: 1, provider, model: "some-model", abilities }));
	return { id: modelPath, format: "upstream", modelPath } as const;
}

/** A provider on this machine whose model is the very one that the suite asks directly. */
async function overTheWire(): Promise<OpenSession> {
	const modelPath = join(folder, "tiny.gguf");
	await writeFile(modelPath, tinyLlama());
	const session = await (await llamaEngine({ sequences: 4 })).load({ id: "tiny", format: "gguf", modelPath });
	const server = await startDialectServer(async () => session);
	const upstreams = await pool("compatible", server.url);
	const named = await release();
	return {
		session: {
			abilities: await upstreams.load(named),
			run: (request, sink, signal) => upstreams.run(named, request, sink, signal),
			countTokens: (request) => upstreams.countTokens(named, request),
			dispose: async () => {},
		},
		close: async () => {
			await server.close();
			await session.dispose();
		},
	};
}

describeTextEngine("A provider", overTheWire, "upstream.failed");

/** What was sent, and the answer that a recording gives to it. */
interface Recording {
	readonly kind: string;
	/** Where the facts of this wire are from. */
	readonly source: string;
	readonly request: Partial<ChatRequest>;
	readonly sent: { readonly path: string; readonly headers: Readonly<Record<string, string>>; readonly body: object };
	readonly status?: number;
	/** Events or, as one text, a whole body. */
	readonly events: readonly { readonly event?: string; readonly data: unknown }[] | string;
	readonly expected:
		| { readonly answer: object; readonly inputTokens: number; readonly outputTokens: number }
		| { readonly error: { readonly code: string; readonly words: string } };
}

const servers: Server[] = [];
afterEach(async () => {
	for (const server of servers.splice(0)) {
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	}
});

async function replay(answer: { readonly status: number; readonly body: string; readonly type: string }) {
	const seen: { path: string; headers: IncomingHttpHeaders; body: unknown }[] = [];
	const server = createServer((request, response) => {
		const chunks: Buffer[] = [];
		request.on("data", (chunk: Buffer) => chunks.push(chunk));
		request.on("end", () => {
			seen.push({ path: request.url ?? "", headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString("utf8")) });
			response.writeHead(answer.status, { "content-type": answer.type });
			// In pieces that end in the middle of everything.
			const bytes = Buffer.from(answer.body);
			for (let at = 0; at < bytes.length; at += 37) response.write(bytes.subarray(at, at + 37));
			response.end();
		});
	});
	servers.push(server);
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base`, seen };
}

const bodyOf = (events: Recording["events"]): string =>
	typeof events === "string"
		? events
		: events
				.map(({ event, data }) => `${event === undefined ? "" : `event: ${event}\n`}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`)
				.join("");

describe("the recorded wire of", async () => {
	const names = (await readdir(recordings)).filter((name) => name.endsWith(".json")).sort();
	it.each(names)("%s is spoken and understood", async (name) => {
		const recording = JSON.parse(await readFile(new URL(name, recordings), "utf8")) as Recording;
		const { events, status = 200, expected, sent } = recording;
		const server = await replay({ status, body: bodyOf(events), type: typeof events === "string" ? "application/json" : "text/event-stream" });
		const upstreams = await pool(recording.kind, server.url);
		const named = await release({ contextTokens: 100_000, tasks: ["chat"], tools: true });
		const engines: EngineDescription[] = [];
		const session = {
			abilities: await upstreams.load(named),
			run: (request: TextRequest, sink: { started(tokens: number): void; delta(delta: TextDelta): void }, signal?: AbortSignal) =>
				upstreams.run(
					named,
					request,
					{
						started(tokens, engine) {
							engines.push(engine);
							sink.started(tokens);
						},
						delta: (delta) => sink.delta(delta),
					},
					signal,
				),
			countTokens: async () => 0,
			dispose: async () => {},
		};
		const asked = askSession(session, { ...chat, sampling: { ...chat.sampling, temperature: 1 }, ...recording.request } as ChatRequest);
		if ("error" in expected) {
			const error = await asked.then(
				() => undefined,
				(reason: unknown) => reason,
			);
			expect(error).toMatchObject({ code: expected.error.code });
			expect((error as Error).message).toContain(expected.error.words);
			expect((error as Error).message).not.toContain(KEY);
		} else {
			const { answer, inputTokens, outputTokens } = await asked;
			expect(answer).toEqual(expected.answer);
			expect([inputTokens, outputTokens]).toEqual([expected.inputTokens, expected.outputTokens]);
			expect(engines[0]).toMatchObject({ name: "upstream", options: { provider: "prov", model: "some-model", wire: recording.kind } });
		}
		expect(server.seen[0]?.path).toBe(`/base${sent.path}`);
		expect(server.seen[0]?.headers).toMatchObject(JSON.parse(JSON.stringify(sent.headers).replaceAll("KEY", KEY)) as object);
		expect(server.seen[0]?.body).toEqual(sent.body);
	});
});

describe("what a provider's wire cannot say", () => {
	const cases: [kind: string, request: Partial<ChatRequest>, words: string][] = [
		["openai", { sampling: { ...chat.sampling, topK: 5 } }, "top_k"],
		["anthropic", { choices: 2 }, "More than one choice"],
		["anthropic", { logprobs: 1 }, "Log-probabilities"],
		["anthropic", { sampling: { ...chat.sampling, temperature: 1.5 } }, "temperature above 1"],
		["anthropic", { sampling: { ...chat.sampling, frequencyPenalty: 1 } }, "penalty"],
		["anthropic", { format: { type: "json" } }, "JSON"],
		["google", { sampling: { ...chat.sampling, minP: 0.1 } }, "min_p"],
		["google", { messages: [{ role: "tool", toolCallId: "unknown", content: [] }] }, "without its call"],
	];
	it.each(cases)("is refused and not left out: %s, %j", async (kind, request, words) => {
		const upstreams = await pool(kind, "http://127.0.0.1:9/v1");
		const run = upstreams.run(await release(), { ...chat, ...request } as ChatRequest, { started: () => undefined, delta: () => undefined });
		await expect(run).rejects.toMatchObject({ code: "text.unsupported" });
		await expect(run).rejects.toThrow(words);
	});
});

describe("a provider", () => {
	const run = async (upstreams: UpstreamPool, named: Awaited<ReturnType<typeof release>>) =>
		upstreams.run(named, chat, { started: () => undefined, delta: () => undefined });

	it("without an account here is not asked", async () => {
		await expect(run(await pool("openai", "http://127.0.0.1:9"), await release(undefined, "other"))).rejects.toThrow("no account with other");
		await expect(run(await pool("openai", "http://127.0.0.1:9", { models: ["another"] }), await release())).rejects.toThrow("does not ask prov for some-model");
	});

	it("at a private address is asked only where that is allowed, whatever name leads there", async () => {
		const { url, seen } = await replay({ status: 200, body: "", type: "text/event-stream" });
		const port = new URL(url).port;
		for (const host of ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"]) {
			const upstreams = await pool("compatible", `https://${host}:${port}`, { private: false });
			await expect(run(upstreams, await release())).rejects.toMatchObject({ code: "upstream.failed" });
		}
		expect(seen).toEqual([]);
	});

	it.each([
		["ends without an end", { status: 200, body: 'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n', type: "text/event-stream" }, "without an end"],
		["answers something else", { status: 200, body: "<html>", type: "text/html" }, "without an end"],
		["sends events that are no JSON", { status: 200, body: "data: {oops\n\n", type: "text/event-stream" }, "in a form that is not its own"],
		["sends an event without end", { status: 200, body: `data: ${"x".repeat(5_000_000)}`, type: "text/event-stream" }, "an event longer than"],
	])("that %s is a failure with words", async (_, answer, words) => {
		const { url } = await replay(answer);
		await expect(run(await pool("openai", url), await release())).rejects.toThrow(words);
	});

	it("takes no more calls at once than its operator allows", async () => {
		const server = createServer(() => undefined);
		servers.push(server);
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		const upstreams = await pool("openai", `http://127.0.0.1:${(server.address() as AddressInfo).port}`, { maxCalls: 1 });
		const named = await release();
		const caller = new AbortController();
		const first = upstreams.run(named, chat, { started: () => undefined, delta: () => undefined }, caller.signal);
		await new Promise<void>((resolve) => server.once("request", () => resolve()));
		await expect(run(upstreams, named)).rejects.toMatchObject({ code: "engine.busy" });
		caller.abort(new FreeholdError("request.aborted"));
		await expect(first).rejects.toMatchObject({ code: "request.aborted" });
		expect(upstreams.depth).toBe(0);
	});
});

describe("the file of providers", () => {
	const read = async (providers: unknown, env: Record<string, string> = {}) => {
		const file = join(folder, `file-${files++}.json`);
		await writeFile(file, JSON.stringify({ providers }));
		return readProviders(file, env);
	};

	it("finds known providers by their kind, and keys in files and in the environment", async () => {
		const [openai, own] = await read(
			[
				{ name: "openai", kind: "openai", keyVariable: "OPENAI_KEY" },
				{ name: "own", kind: "compatible", url: "http://127.0.0.1:8000/v1/", private: true },
			],
			{ OPENAI_KEY: ` ${KEY} ` },
		);
		expect(openai).toMatchObject({ url: "https://api.openai.com/v1", key: KEY, isPrivate: false });
		expect(own).toMatchObject({ url: "http://127.0.0.1:8000/v1", key: undefined, isPrivate: true });
	});

	it.each([
		["an unknown kind", [{ name: "a", kind: "cohere" }], "kind must be one of"],
		["no URL where none is known", [{ name: "a", kind: "compatible" }], "url must be"],
		["a key in the file itself", [{ name: "a", kind: "openai", key: KEY }], "key is not known"],
		["a key in the URL", [{ name: "a", kind: "openai", url: `https://x:${KEY}@api.example.org` }], "no password"],
		["an unencrypted public URL", [{ name: "a", kind: "compatible", url: "http://api.example.org" }], "must be https"],
		["a key that is not there", [{ name: "a", kind: "openai", keyVariable: "NOPE" }], "the environment has no NOPE"],
		["a key file that is not there", [{ name: "a", kind: "openai", keyFile: "nope" }], "keyFile cannot be read"],
		[
			"two of one name",
			[
				{ name: "a", kind: "openai" },
				{ name: "a", kind: "xai" },
			],
			"same name",
		],
		["something else", "openai", "a list of"],
	])("is refused with %s", async (_, providers, words) => {
		await expect(read(providers)).rejects.toMatchObject({ code: "config.invalid" });
		await expect(read(providers)).rejects.toThrow(words);
		await expect(read(providers)).rejects.not.toThrow(KEY);
	});
});
