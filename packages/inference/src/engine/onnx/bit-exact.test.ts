/** The promise behind the mode: the same call gives the same bits in any process, and in a browser. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { canonicalizeNans, type Tensor, tensorFromElements } from "@freehold/protocol";
import { chromium } from "playwright-core";
import { afterAll, describe, expect, it } from "vitest";
import { bitwiseTelling } from "../../../../../testing/onnx/models.js";
import { modelFolder } from "../../../test/engine-compliance.js";
import { createEnginePool } from "../pool/pool.js";
import { pinnedWasmSha256 } from "./pinned-artifact.js";
import { wasmOnnxEngine } from "./wasm-engine.js";

const SIDE = 64;
const ROWS = 5;
const model = bitwiseTelling();
const input = tensorFromElements(
	"float32",
	[ROWS, SIDE],
	Array.from({ length: ROWS * SIDE }, (_, index) => Math.cos(index * 78.233) * 3),
);
const models = modelFolder();
afterAll(() => models.remove());

const digest = (tensors: { readonly [name: string]: Tensor | undefined }) =>
	Object.fromEntries(
		Object.entries(tensors).map(([name, tensor]) => [
			name,
			createHash("sha256")
				.update(tensor?.bytes ?? new Uint8Array(0))
				.digest("hex"),
		]),
	);

async function here(): Promise<Record<string, string>> {
	const engine = await wasmOnnxEngine();
	const session = await engine.load(await models.write(model));
	return digest(await session.run({ X: input }));
}

describe("the bit-exact engine", () => {
	it("gives the bits that it gave when this test was written", async () => {
		// Recorded on x86-64 Linux. Another value on another machine is the failure that the mode exists to exclude.
		expect(await here()).toEqual({
			Y: "8a410cf22fa9943a3d54731310ca670423f0c6b7b672ba2a00c2f7b93c0bb2bd",
			Z: "53cd31c803c7e3c3e19394fd4296d43c9756a8e9d9ac5b349b5be972073b6f41",
		});
	});

	it("gives the same bits in two confined processes", async () => {
		const files = await models.write(model);
		const answers: unknown[] = [await here()];
		for (let time = 0; time < 2; time++) {
			const pool = await createEnginePool();
			answers.push(digest((await pool.run(files, "bit-exact", { X: input })).outputs));
			await pool.close();
		}
		expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
	});

	it("makes NaN canonical, whatever its sign", async () => {
		const { Z } = await (await (await wasmOnnxEngine()).load(await models.write(model))).run({ X: input });
		const words = new Uint32Array(new Uint8Array((Z as Tensor).bytes).buffer);
		const nans = words.filter((word) => (word & 0x7fffffff) > 0x7f800000);
		expect(nans.length).toBeGreaterThan(0);
		expect(new Set(nans)).toEqual(new Set([0x7fc00000]));
	});

	const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", chromium.executablePath()].find((path) => existsSync(path));
	it.skipIf(executable === undefined)(
		`gives the same bits in a browser${executable === undefined ? " [Chromium not found]" : ""}`,
		async () => {
			const server = await serveEngine();
			const browser = await chromium.launch({ executablePath: executable as string, args: ["--no-sandbox"] });
			try {
				const page = await browser.newPage();
				await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
				await page.waitForFunction("globalThis.ort !== undefined");
				const outputs = (await page.evaluate(runInPage, { side: SIDE, rows: ROWS, bytes: [...input.bytes] })) as Record<string, number[]>;
				const bytes = Object.fromEntries(
					Object.entries(outputs).map(([name, values]) => [name, { dtype: "float32" as const, shape: [], bytes: Uint8Array.from(values) }]),
				);
				for (const tensor of Object.values(bytes)) canonicalizeNans("float32", tensor.bytes);
				expect(digest(bytes)).toEqual(await here());
			} finally {
				await browser.close();
				await new Promise((resolve) => server.close(resolve));
			}
		},
		60_000,
	);
});

/** The engine's own files and the model, as a page would load them. */
async function serveEngine(): Promise<Server> {
	const folder = dirname(createRequire(import.meta.url).resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
	const wasm = await readFile(join(folder, "ort-wasm-simd-threaded.wasm"));
	expect(`0x${createHash("sha256").update(wasm).digest("hex")}`).toBe(pinnedWasmSha256);
	const script = await readFile(join(folder, "ort.wasm.bundle.min.mjs"));
	const pages: Readonly<Record<string, readonly [string, Uint8Array | string]>> = {
		"/": ["text/html", `<!doctype html><script type="module">import * as ort from "/engine.mjs"; globalThis.ort = ort;</script>`],
		"/engine.mjs": ["text/javascript", script],
		"/engine.wasm": ["application/wasm", wasm],
		"/model.onnx": ["application/octet-stream", model],
	};
	const server = createServer((request, response) => {
		const page = pages[request.url ?? ""];
		response.writeHead(page === undefined ? 404 : 200, { "content-type": page?.[0] ?? "text/plain" });
		response.end(page?.[1]);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return server;
}

/** Runs in the page; it can use nothing of this file. */
async function runInPage({ side, rows, bytes }: { side: number; rows: number; bytes: number[] }): Promise<Record<string, number[]>> {
	const load = async (path: string) => new Uint8Array(await (await fetch(path)).arrayBuffer());
	const { ort } = globalThis as unknown as { ort: typeof import("onnxruntime-web/wasm") };
	ort.env.wasm.numThreads = 1;
	ort.env.wasm.wasmBinary = await load("/engine.wasm");
	const session = await ort.InferenceSession.create(await load("/model.onnx"), {
		executionProviders: ["wasm"],
		graphOptimizationLevel: "all",
		executionMode: "sequential",
	});
	const outputs = await session.run({ X: new ort.Tensor("float32", new Float32Array(Uint8Array.from(bytes).buffer), [rows, side]) });
	return Object.fromEntries(["Y", "Z"].map((name) => [name, [...new Uint8Array(Float32Array.from((outputs[name] as { data: Float32Array }).data).buffer)]]));
}
