import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Hex } from "@freehold/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BlobCache } from "./blob-cache.js";

const nameOf = (bytes: Uint8Array): Hex => `0x${createHash("sha256").update(bytes).digest("hex")}`;
const blob = (fill: number, size = 1_000): Uint8Array => new Uint8Array(size).fill(fill);

let folder: string;
let server: Server;
/** What the storage answers, by the last part of the path. */
const blobs = new Map<string, Uint8Array>();
let asked: string[] = [];
const evicted: Hex[] = [];

beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), "freehold-cache-"));
	blobs.clear();
	asked = [];
	evicted.length = 0;
	server = createServer((request, response) => {
		const name = request.url?.split("/").at(-1) ?? "";
		asked.push(name);
		const bytes = blobs.get(name);
		if (bytes === undefined) response.writeHead(404).end("{}");
		else response.end(bytes);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
	server.closeAllConnections();
	await new Promise((resolve) => server.close(resolve));
	await rm(folder, { recursive: true, force: true });
});

function openCache(maxBytes = 1_000_000): Promise<BlobCache> {
	const { port } = server.address() as AddressInfo;
	return BlobCache.open({
		folder: join(folder, "blobs"),
		storageUrl: `http://127.0.0.1:${port}`,
		maxBytes,
		downloadTimeoutMs: 5_000,
		signal: new AbortController().signal,
		onFetched: () => {},
		onEvicted: (sha256) => evicted.push(sha256),
		crashPoint: () => {},
	});
}

function stored(fill: number, size?: number): Hex {
	const bytes = blob(fill, size);
	blobs.set(nameOf(bytes), bytes);
	return nameOf(bytes);
}

const names = async (): Promise<string[]> => (await readdir(join(folder, "blobs"))).sort();

describe("the cache of blobs", () => {
	it("asks storage once for all who want the same bytes, and not again after a restart", async () => {
		const name = stored(1);
		const cache = await openCache();
		const [first, second] = await Promise.all([cache.hold(name, 1_000), cache.hold(name, 1_000)]);
		expect(first.path).toBe(second.path);
		expect(new Uint8Array(await readFile(first.path))).toEqual(blob(1));
		const again = await openCache();
		await again.hold(name, 1_000);
		expect(asked).toEqual([name]);
	});

	it("fetches again what was damaged on disk", async () => {
		const name = stored(2);
		const { path } = await (await openCache()).hold(name, 1_000);
		await writeFile(path, blob(3));
		const { path: healed } = await (await openCache()).hold(name, 1_000);
		expect(nameOf(await readFile(healed))).toBe(name);
		expect(asked).toEqual([name, name]);
	});

	it("refuses bytes that are not what was asked for, and keeps nothing of them", async () => {
		const name = nameOf(blob(4));
		blobs.set(name, blob(5));
		const cache = await openCache();
		await expect(cache.hold(name, 1_000)).rejects.toMatchObject({ code: "blob.mismatch" });
		blobs.set(name, blob(4, 1_001));
		await expect(cache.hold(name, 1_000)).rejects.toMatchObject({ code: "blob.tooLarge" });
		await expect(cache.hold(nameOf(blob(6)), 1_000)).rejects.toMatchObject({ code: "blob.notFound" });
		expect(await names()).toEqual([]);
		expect(cache.bytes).toBe(0);
	});

	it("makes room by the longest unused, never by what is in use", async () => {
		const [a, b, c, d] = [stored(10), stored(11), stored(12), stored(13)];
		const cache = await openCache(2_500);
		const held = await cache.hold(a, 1_000);
		(await cache.hold(b, 1_000)).giveBack();
		(await cache.hold(c, 1_000)).giveBack();
		expect(evicted).toEqual([b]);
		held.giveBack();
		(await cache.hold(d, 1_000)).giveBack();
		expect(evicted).toEqual([b, a]);
		expect(await names()).toEqual([c, d].sort());
		expect(cache.bytes).toBe(2_000);
	});

	it("begins with a clean folder: drafts go, and no more stays than fits", async () => {
		const [a, b] = [stored(20), stored(21)];
		const cache = await openCache();
		for (const name of [a, b]) (await cache.hold(name, 1_000)).giveBack();
		await writeFile(join(folder, "blobs", `${a}.part`), "half");
		expect((await openCache(1_500)).bytes).toBe(1_000);
		expect(await names()).toHaveLength(1);
		expect((await stat(join(folder, "blobs", (await names())[0] ?? ""))).size).toBe(1_000);
	});
});
