import { once } from "node:events";
import { mkdtemp, open } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { planUpload, type UploadBody } from "@freehold/protocol";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type ServedStorage, serveStorage } from "../../test/serve.js";
import { MIB, noise, sha256Of } from "../../test/store-compliance.js";
import { layoutOf } from "../local/layout.js";
import { encodedLength } from "../walrus/encoded-length.js";

const SHARDS = 10;
let folder: string;
let storage: ServedStorage;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "freehold-storage-"));
	storage = await serveStorage(folder, ["--max-blob", "8MiB", "--walrus-shards", String(SHARDS)]);
});
afterAll(() => storage.stop());

const put = (bytes: Uint8Array, query = "?blob_id=later") => fetch(`${storage.url}/v1/blobs${query}`, { method: "PUT", body: Buffer.from(bytes) });
const bySha = (bytes: Uint8Array, init?: RequestInit) => fetch(`${storage.url}/v1/blobs/by-sha256/${sha256Of(bytes)}`, init);
const codeOf = async (response: Response) => `${response.status} ${((await response.json()) as { error: { code: string } }).error.code}`;

describe("the Walrus publisher and aggregator API", () => {
	it("stores, answers in Walrus's words, and serves by blob id", async () => {
		const bytes = noise(1000);
		const first = (await (await put(bytes, "?epochs=3")).json()) as { newlyCreated: { blobObject: { blobId: string; size: number; storage: object } } };
		expect(first).toMatchObject({
			newlyCreated: {
				blobObject: { size: 1000, encodingType: "RS2", deletable: false, storage: { startEpoch: 0, endEpoch: 3, storageSize: encodedLength(1000, SHARDS) } },
				resourceOperation: { registerFromScratch: { encodedLength: encodedLength(1000, SHARDS), epochsAhead: 3 } },
				cost: 0,
			},
			sha256: sha256Of(bytes),
		});
		const { blobId } = first.newlyCreated.blobObject;
		expect(await (await put(bytes, "")).json()).toMatchObject({ alreadyCertified: { blobId, endEpoch: 1 }, sha256: sha256Of(bytes) });

		const response = await fetch(`${storage.url}/v1/blobs/${blobId}`);
		expect(response.status).toBe(200);
		expect(response.headers.get("content-type")).toBe("application/octet-stream");
		expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
		const head = await fetch(`${storage.url}/v1/blobs/${blobId}`, { method: "HEAD" });
		expect([head.status, head.headers.get("content-length")]).toEqual([200, "1000"]);
	});

	it("computes the name of a blob that was stored without one when somebody asks for the blob", async () => {
		const bytes = noise(700);
		const stored = (await (await put(bytes)).json()) as { newlyCreated: { blobObject: object } };
		expect(stored.newlyCreated.blobObject).not.toHaveProperty("blobId");
		expect((await bySha(bytes, { method: "HEAD" })).headers.get("x-walrus-blob-id")).toBeNull();
		await vi.waitFor(async () => expect((await bySha(bytes, { method: "HEAD" })).headers.get("x-walrus-blob-id")).not.toBeNull(), { timeout: 30_000 });
		const named = (await (await put(bytes, "")).json()) as { alreadyCertified: { blobId: string } };
		expect((await bySha(bytes)).headers.get("x-walrus-blob-id")).toBe(named.alreadyCertified.blobId);
	});

	it.each([
		["?epochs=0", "400 request.invalid"],
		["?epochs=many", "400 request.invalid"],
		["?sha256=abc", "400 request.invalid"],
		[`?sha256=${"0".repeat(64)}`, "422 blob.mismatch"],
	])("refuses an upload with %s", async (query, refusal) => {
		expect(await codeOf(await put(noise(10), query))).toBe(refusal);
	});

	it("refuses names that are none, and knows nothing of others", async () => {
		expect(await codeOf(await fetch(`${storage.url}/v1/blobs/..%2F..%2Fetc`))).toBe("400 request.invalid");
		expect(await codeOf(await fetch(`${storage.url}/v1/blobs/by-sha256/${"g".repeat(64)}`))).toBe("400 request.invalid");
		expect(await codeOf(await fetch(`${storage.url}/v1/blobs/${"A".repeat(43)}`))).toBe("404 blob.notFound");
		expect((await fetch(`${storage.url}/v1/blobs/by-sha256/${"0".repeat(64)}`, { method: "HEAD" })).status).toBe(404);
	});
});

describe("blobs by SHA-256", () => {
	it("answers before the Walrus id is known when asked to", async () => {
		const bytes = noise(2000, 2);
		const answer = (await (await put(bytes)).json()) as { newlyCreated: { blobObject: object } };
		expect(answer.newlyCreated.blobObject).not.toHaveProperty("blobId");
		expect(Buffer.from(await (await bySha(bytes)).arrayBuffer()).equals(bytes)).toBe(true);
	});

	it("serves ranges, and says what it cannot", async () => {
		const bytes = noise(2 * MIB, 3);
		await put(bytes);
		const middle = await bySha(bytes, { headers: { range: `bytes=${MIB - 2}-${MIB + 1}` } });
		expect([middle.status, middle.headers.get("content-range"), middle.headers.get("content-length")]).toEqual([
			206,
			`bytes ${MIB - 2}-${MIB + 1}/${2 * MIB}`,
			"4",
		]);
		expect(Buffer.from(await middle.arrayBuffer()).equals(bytes.subarray(MIB - 2, MIB + 2))).toBe(true);
		const beyond = await bySha(bytes, { headers: { range: `bytes=${2 * MIB}-` } });
		expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, `bytes */${2 * MIB}`]);
		const changed = await bySha(bytes, { headers: { range: "bytes=0-1", "if-range": '"another"' } });
		expect(changed.status).toBe(200);
		await changed.body?.cancel();
	});

	it("lets a reader keep what it has", async () => {
		const bytes = noise(100, 4);
		await put(bytes);
		const etag = (await bySha(bytes)).headers.get("etag") ?? "";
		expect((await bySha(bytes, { headers: { "if-none-match": etag } })).status).toBe(304);
		expect((await bySha(bytes, { headers: { "if-none-match": '"another"' } })).status).toBe(200);
	});

	it("refuses what is too large, announced or not", async () => {
		expect(await codeOf(await put(Buffer.alloc(9 * MIB)))).toBe("413 blob.tooLarge");
		const upload = request(`${storage.url}/v1/blobs`, { method: "PUT" });
		upload.on("error", () => {});
		const answered = once(upload, "response");
		for (let sent = 0; sent < 9; sent++) upload.write(Buffer.alloc(MIB, sent));
		upload.end();
		const [response] = (await answered) as [{ statusCode: number; resume(): void }];
		response.resume();
		expect(response.statusCode).toBe(413);
	});

	it("never completes an answer with bytes that have changed on the disk", async () => {
		const bytes = noise(3 * MIB, 5);
		await put(bytes);
		const file = await open(layoutOf(folder).blob(sha256Of(bytes)), "r+");
		await file.write(Buffer.from([1, 2, 3]), 0, 3, 2 * MIB + 100);
		await file.close();
		const response = await bySha(bytes);
		expect(response.status).toBe(200);
		await expect(response.arrayBuffer()).rejects.toThrow();
		expect(await codeOf(await bySha(bytes, { headers: { range: `bytes=${2 * MIB}-` } }))).toBe("500 blob.corrupt");
		await put(bytes);
		expect(Buffer.from(await (await bySha(bytes)).arrayBuffer()).equals(bytes)).toBe(true);
	});

	it("keeps nothing of an upload whose sender goes away", async () => {
		const count = async () => (await storage.metrics.getSingleMetric("freehold_storage_kept_blobs")?.get())?.values[0]?.value;
		const before = await count();
		const upload = request(`${storage.url}/v1/blobs`, { method: "PUT", headers: { "content-length": String(2 * MIB) } });
		upload.on("error", () => {});
		await new Promise((resolve) => upload.write(noise(MIB, 6), resolve));
		upload.destroy();
		await put(noise(50, 7));
		expect(await count()).toBe((before ?? 0) + 1);
	});

	it("streams with bounded memory", async () => {
		const big = await serveStorage(await mkdtemp(join(tmpdir(), "freehold-storage-")), ["--walrus-max-blob", "0"]);
		try {
			const size = 192 * MIB;
			const part = noise(MIB, 8);
			const upload = request(`${big.url}/v1/blobs?blob_id=later`, { method: "PUT", headers: { "content-length": String(size) } });
			const answered = once(upload, "response");
			const before = process.memoryUsage().arrayBuffers;
			let most = 0;
			for (let sent = 0; sent < size; sent += MIB) {
				if (!upload.write(part)) await once(upload, "drain");
				most = Math.max(most, process.memoryUsage().arrayBuffers);
			}
			upload.end();
			const [answer] = (await answered) as [AsyncIterable<Buffer> & { statusCode: number }];
			let text = "";
			for await (const chunk of answer) text += chunk.toString();
			const { sha256 } = JSON.parse(text) as { sha256: string };
			let received = 0;
			const response = await fetch(`${big.url}/v1/blobs/by-sha256/${sha256}`);
			for await (const chunk of response.body ?? []) {
				received += (chunk as Uint8Array).length;
				most = Math.max(most, process.memoryUsage().arrayBuffers);
			}
			expect(received).toBe(size);
			expect(most - before).toBeLessThan(96 * MIB);
		} finally {
			await big.stop();
		}
	}, 30_000);
});

describe("uploads in parts over HTTP", () => {
	const part = (upload: string, index: number | string, bytes: Uint8Array) =>
		fetch(`${storage.url}/v1/uploads/${upload}/parts/${index}`, { method: "PUT", body: Buffer.from(bytes) });
	const begin = (plan: unknown) =>
		fetch(`${storage.url}/v1/uploads`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(plan) });

	it("keeps each part, says what is missing, and serves the whole", async () => {
		const bytes = noise(3 * MIB, 41);
		const plan = planUpload(bytes, { partBytes: MIB });
		const { upload, missing } = (await (await begin(plan)).json()) as UploadBody;
		expect(missing).toEqual([0, 1, 2]);
		expect(await codeOf(await part(upload, 0, bytes.subarray(1, MIB + 1)))).toBe("422 blob.mismatch");
		for (const index of [2, 0]) expect((await part(upload, index, bytes.subarray(index * MIB, (index + 1) * MIB))).status).toBe(200);
		const complete = () => fetch(`${storage.url}/v1/uploads/${upload}/complete?blob_id=later`, { method: "POST" });
		expect(await codeOf(await complete())).toBe("409 upload.incomplete");
		expect(await (await fetch(`${storage.url}/v1/uploads/${upload}`)).json()).toEqual({ upload, missing: [1] });
		await part(upload, 1, bytes.subarray(MIB, 2 * MIB));
		expect(await (await complete()).json()).toMatchObject({ newlyCreated: {}, sha256: sha256Of(bytes) });
		expect(Buffer.from(await (await bySha(bytes)).arrayBuffer()).equals(bytes)).toBe(true);
		expect(await codeOf(await complete())).toBe("404 upload.notFound");
	});

	it("refuses plans and names that are none", async () => {
		expect(await codeOf(await begin({ sha256: "no" }))).toBe("400 request.invalid");
		expect(await codeOf(await begin({ ...planUpload(noise(MIB), { partBytes: MIB }), bytes: 9 * MIB, parts: Array(9).fill(sha256Of(noise(1))) }))).toBe(
			"413 blob.tooLarge",
		);
		expect(await codeOf(await part("nothing", 0, noise(1)))).toBe("400 request.invalid");
		expect(await codeOf(await part(sha256Of(noise(1)), "first", noise(1)))).toBe("400 request.invalid");
		expect(await codeOf(await part(sha256Of(noise(1)), 0, noise(1)))).toBe("404 upload.notFound");
	});
});
