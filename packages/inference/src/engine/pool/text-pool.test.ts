import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChatRequest } from "@freehold/protocol";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { tinyLlama } from "../../../../../testing/gguf/tiny-llama.js";
import { codeOf } from "../../../test/engine-compliance.js";
import { chat } from "../../../test/text-compliance.js";
import type { ReleaseFiles } from "../engine.js";
import { createTextPool, type TextListener, type TextPool, type TextPoolOptions } from "./text-pool.js";

const deep = process.env["FREEHOLD_DEEP"] === "1";
const long: ChatRequest = { ...chat, maxOutputTokens: 100_000 };
let folder: string;
let count = 0;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "freehold-text-pool-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const pools: TextPool[] = [];
afterEach(async () => {
	await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

async function open(options: TextPoolOptions = {}): Promise<TextPool> {
	const pool = await createTextPool({ sequences: 2, abortGraceMs: 2_000, ...options });
	pools.push(pool);
	return pool;
}

async function model(bytes: Uint8Array = tinyLlama()): Promise<ReleaseFiles> {
	const id = `release-${count++}`;
	const modelPath = join(folder, id);
	await writeFile(modelPath, bytes);
	return { id, format: "gguf", modelPath };
}

/** A listener, and a promise of its first piece. */
function listener(): TextListener & { readonly first: Promise<void> } {
	let resolve: () => void = () => undefined;
	const first = new Promise<void>((done) => {
		resolve = done;
	});
	return { first, started: () => undefined, delta: () => resolve() };
}

const run = (pool: TextPool, files: ReleaseFiles, request: ChatRequest = chat, signal?: AbortSignal) => pool.run(files, request, listener(), signal);

describe("a pool of language models", () => {
	it("keeps a call that is killed with its process to itself, and starts another process", async () => {
		const pool = await open({ windowTokens: 65_536 });
		const [one, other] = [await model(tinyLlama({ contextTokens: 65_536 })), await model()];
		await pool.load(other);
		const ear = listener();
		const broken = codeOf(pool.run(one, long, ear));
		await ear.first;
		const [, victim] = pool.pids;
		process.kill(victim as number, "SIGKILL");
		const mine = await Promise.all([broken, codeOf(run(pool, other))]);
		expect(mine).toEqual(["engine.crashed", "no error"]);
		expect(await codeOf(run(pool, one))).toBe("no error");
		expect(pool.pids).toHaveLength(2);
	});

	it("ends a call that takes too long, and no other", async () => {
		const pool = await open({ windowTokens: 65_536, runTimeoutMs: 700 });
		const files = await model(tinyLlama({ contextTokens: 65_536 }));
		await pool.load(files);
		const [pid] = pool.pids;
		const endless = codeOf(run(pool, files, long));
		expect(await codeOf(run(pool, files))).toBe("no error");
		expect(await endless).toBe("engine.timeout");
		expect(await codeOf(run(pool, files))).toBe("no error");
		// Stopped by asking: the process and what it has read stay.
		expect(pool.pids).toEqual([pid]);
	});

	it("takes no more calls of a release than it may, and no more releases than it has room for", async () => {
		const pool = await open({ windowTokens: 65_536, maxCalls: 1, maxReleases: 1 });
		const [one, other] = [await model(tinyLlama({ contextTokens: 65_536 })), await model()];
		const caller = new AbortController();
		const ear = listener();
		const busy = pool.run(one, long, ear, caller.signal);
		await ear.first;
		expect([await codeOf(run(pool, one)), await codeOf(run(pool, other)), pool.hasRoom]).toEqual(["engine.busy", "engine.busy", false]);
		caller.abort(new Error("enough"));
		await expect(busy).rejects.toThrow("enough");
		expect(await codeOf(run(pool, other))).toBe("no error");
		expect(pool.pids).toHaveLength(1);
	});

	it("replaces a worn process without failing a call", async () => {
		const pool = await open({ recycleAfter: 3 });
		const files = await model();
		await pool.load(files);
		const [before] = pool.pids;
		expect(await Promise.all(Array.from({ length: 8 }, () => codeOf(run(pool, files))))).toEqual(Array.from({ length: 8 }, () => "no error"));
		expect(pool.pids).not.toContain(before);
	});

	it("names its engine before any model is loaded", async () => {
		const pool = await open();
		expect(await pool.describe()).toMatchObject({ name: "llama.cpp", options: { flashAttention: false } });
		expect(pool.pids).toEqual([]);
	});

	it("takes nothing more once it closes", async () => {
		const pool = await open();
		const files = await model();
		await pool.load(files);
		const last = codeOf(run(pool, files));
		const closed = pool.close();
		expect(await codeOf(run(pool, files))).toBe("service.stopping");
		expect(await last).toBe("no error");
		await closed;
		expect(pool.pids).toEqual([]);
	});

	it.each([
		["garbage", Uint8Array.from({ length: 4_096 }, (_, index) => index)],
		["a head without its tensors", tinyLlama().subarray(0, 12_000)],
		["a model whose numbers are none", withNan()],
	])("refuses %s, and goes on", async (_, bytes) => {
		const pool = await open();
		expect(await codeOf(pool.load(await model(bytes)))).toBe("engine.modelInvalid");
		expect(await codeOf(run(pool, await model()))).toBe("no error");
	});

	it("survives files whose bits were turned", async () => {
		const pool = await open({ maxReleases: 2, loadTimeoutMs: 20_000, runTimeoutMs: 5_000 });
		const honest = await model();
		const good = tinyLlama();
		await fc.assert(
			fc.asyncProperty(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 }), async (edits) => {
				const bytes = Uint8Array.from(good);
				for (const [at, value] of edits) bytes[at % 5_800] = value;
				expect(await codeOf(run(pool, await model(bytes)))).toMatch(
					/^(no error|engine\.(modelInvalid|crashed|failed|outOfMemory|timeout)|text\.(unsupported|tooLong))$/,
				);
				expect(await codeOf(run(pool, honest))).toBe("no error");
			}),
			{ numRuns: deep ? 300 : 5, endOnFailure: true },
		);
	});
});

/** Weights that are not a number: the engine is told to look. */
function withNan(): Uint8Array {
	const bytes = Uint8Array.from(tinyLlama());
	new DataView(bytes.buffer).setUint32(bytes.length - 4, 0x7fc00000, true);
	return bytes;
}
