/** Storage as a client of Walrus, against a server that speaks its API: our own, as a stranger. */
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Hex } from "@freehold/protocol";
import { afterAll, describe, expect, it } from "vitest";
import { type ServedStorage, serveStorage } from "../../test/serve.js";
import { codeOf, describeStore, inChunks, MIB, noise, readAll, sha256Of } from "../../test/store-compliance.js";
import type { BlobStore } from "../blob/blob-store.js";
import { LocalStore } from "../local/local-store.js";
import { encodedLength } from "./encoded-length.js";
import { parsePublisherAnswer } from "./walrus-api.js";
import { walrusIds } from "./walrus-ids.js";
import { WalrusStore } from "./walrus-store.js";

const SHARDS = 100;
const stops: (() => Promise<unknown>)[] = [];
afterAll(async () => {
	for (const stop of stops.reverse()) await stop();
});

const newFolder = () => mkdtemp(join(tmpdir(), "freehold-walrus-"));

/** A network of a hundred shards encodes in milliseconds. */
async function walrus(): Promise<ServedStorage> {
	const served = await serveStorage(await newFolder(), ["--walrus-shards", String(SHARDS)]);
	stops.push(() => served.stop());
	return served;
}

async function client(publisherUrl: string, aggregatorUrl = publisherUrl, transferTimeoutMs = 10_000): Promise<BlobStore> {
	const local = await LocalStore.open(
		{ folder: await newFolder(), maxBlobBytes: 64 * MIB, capacityBytes: 1024 * MIB, maxWalrusIdBytes: 64 * MIB },
		{ walrusIds: walrusIds({ shards: SHARDS, maxWaiting: 100, idleMs: 10_000 }), events: { corrupt() {}, walrusIdFailed() {} }, crashPoint() {} },
	);
	const store = new WalrusStore({ publisherUrl, aggregatorUrl, epochs: 2, transferTimeoutMs }, local);
	stops.push(() => store.close());
	return store;
}

/** A publisher and aggregator that answers as told. */
async function stranger(answer: (path: string) => { status: number; body: string | Buffer } | undefined): Promise<string> {
	const server = createServer((request, response) => {
		request.resume();
		request.on("end", () => {
			const { status, body } = answer(request.url ?? "") ?? { status: 0, body: "" };
			if (status !== 0) response.writeHead(status, { "content-type": "application/json" }).end(body);
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	stops.push(async () => {
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	});
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describeStore("Walrus behind a folder", async () => client((await walrus()).url));

describe("a client of Walrus", () => {
	it("stores there what it stores, and fetches from there what it lacks", async () => {
		const { url } = await walrus();
		const bytes = noise(2 * MIB + 3);
		const { info } = await (await client(url)).put(inChunks(bytes));
		if (info.blobId === undefined) throw new Error("no blob id");
		const atWalrus = await fetch(`${url}/v1/blobs/${info.blobId}`);
		expect(Buffer.from(await atWalrus.arrayBuffer()).equals(bytes)).toBe(true);

		const other = await client(url);
		const [found, again] = await Promise.all([other.find({ blobId: info.blobId }), other.find({ blobId: info.blobId })]);
		expect(found).toEqual(info);
		expect(again).toEqual(info);
		expect((await readAll(other, info.sha256)).equals(bytes)).toBe(true);
		expect(other.stats().blobs).toBe(1);
	});

	it("does not give out bytes that are not the blob it asked for", async () => {
		const { url } = await walrus();
		const { info } = await (await client(url)).put(inChunks(noise(500)));
		const liar = await client(url, await stranger(() => ({ status: 200, body: "something else" })));
		expect(await codeOf(liar.find({ blobId: info.blobId as never }))).toBe("upstream.failed");
	});

	it.each([
		["an error", { status: 500, body: "{}" }],
		["no JSON", { status: 200, body: "<html>" }],
		["another blob's id", { status: 200, body: JSON.stringify({ alreadyCertified: { blobId: "A".repeat(43), endEpoch: 1 } }) }],
		["an endless text", { status: 200, body: Buffer.alloc(MIB, 32) }],
	])("refuses a publisher that answers %s", async (_what, answer) => {
		const store = await client(await stranger(() => answer));
		expect(await codeOf(store.put(inChunks(noise(100))))).toBe("upstream.failed");
		// Kept here all the same: a second attempt sends it again.
		expect(await store.find({ sha256: sha256Of(noise(100)) as Hex })).toBeDefined();
	});

	it("gives up on a publisher that does not answer", async () => {
		const store = await client(await stranger(() => undefined), undefined, 200);
		expect(await codeOf(store.put(inChunks(noise(100))))).toBe("upstream.timeout");
	});

	it("says when nobody is there", async () => {
		expect(await codeOf((await client("http://127.0.0.1:1")).put(inChunks(noise(100))))).toBe("upstream.failed");
	});
});

it("reads both answers of a publisher", () => {
	const blobId = "M4hsZGQ1oCktdzegB6HnI6Mi28S2nqOPHxK-W7_4BUk";
	expect(parsePublisherAnswer({ newlyCreated: { blobObject: { blobId, size: 1 }, cost: 1 } })).toEqual({ blobId, created: true });
	expect(parsePublisherAnswer({ alreadyCertified: { blobId, event: { txDigest: "x", eventSeq: "0" }, endEpoch: 3 } })).toEqual({ blobId, created: false });
	for (const other of [null, [], {}, { newlyCreated: {} }, { markedInvalid: { blobId } }, { alreadyCertified: { blobId: "short" } }])
		expect(parsePublisherAnswer(other)).toBeUndefined();
});

it("knows how large a blob is on Walrus", () => {
	// A symbol is two bytes at least: 1001 symbols in a shard's slivers, and 64,032 bytes of metadata.
	expect(encodedLength(1, 1000)).toBe(66_034_000);
	expect(encodedLength(334 * 667 * 2, 1000)).toBe(66_034_000);
	expect(encodedLength(334 * 667 * 2 + 1, 1000)).toBe(68_036_000);
});
