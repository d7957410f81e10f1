import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FreeholdError, type Hex } from "@freehold/protocol";
import { afterEach, describe, expect, it } from "vitest";
import { codeOf, describeStore, inChunks, MIB, noise, readAll, sha256Of } from "../../test/store-compliance.js";
import { type WalrusIds, walrusIds } from "../walrus/walrus-ids.js";
import { layoutOf } from "./layout.js";
import { LocalStore, localStoreCrashPoints } from "./local-store.js";
import { decodeRecord, encodeRecord, PartHasher } from "./record.js";

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
	for (const step of undo.splice(0).reverse()) await step();
});

/** Ids that cost nothing: this file is about keeping bytes. */
const quickIds: WalrusIds = {
	compute: async (_path, sha256) => Buffer.from(sha256.slice(2), "hex"),
	close: async () => {},
};

async function newFolder(): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), "freehold-storage-"));
	undo.push(() => rm(folder, { recursive: true, force: true }));
	return folder;
}

async function openStore(
	folder: string,
	more: { maxBlobBytes?: number; capacityBytes?: number; ids?: WalrusIds; corrupt?: (sha256: Hex) => void } = {},
): Promise<LocalStore> {
	return LocalStore.open(
		{ folder, maxBlobBytes: more.maxBlobBytes ?? 64 * MIB, capacityBytes: more.capacityBytes ?? 1024 * MIB, maxWalrusIdBytes: 64 * MIB },
		{ walrusIds: more.ids ?? quickIds, events: { corrupt: (sha256) => more.corrupt?.(sha256), walrusIdFailed: () => {} }, crashPoint: () => {} },
	);
}

describeStore("A folder", async () => openStore(await mkdtemp(join(tmpdir(), "freehold-storage-"))));

/** Overwrites one byte of a file. */
async function flip(path: string, offset: number): Promise<void> {
	const file = await open(path, "r+");
	try {
		const { buffer } = await file.read(Buffer.alloc(1), 0, 1, offset);
		buffer[0] = (buffer[0] as number) ^ 1;
		await file.write(buffer, 0, 1, offset);
	} finally {
		await file.close();
	}
}

describe("damage on the disk", () => {
	it("refuses a blob whose first part changed, and tells the operator", async () => {
		const folder = await newFolder();
		const noticed: Hex[] = [];
		const store = await openStore(folder, { corrupt: (sha256) => noticed.push(sha256) });
		const { info } = await store.put(inChunks(noise(5000)));
		await flip(layoutOf(folder).blob(info.sha256), 4321);
		expect(await codeOf(store.read(info.sha256))).toBe("blob.corrupt");
		expect(await codeOf(store.read(info.sha256, { start: 0, end: 10 }))).toBe("blob.corrupt");
		expect(noticed).toEqual([info.sha256, info.sha256]);
	});

	it("breaks off before the first bad byte of a long blob, and serves ranges that are good", async () => {
		const folder = await newFolder();
		const store = await openStore(folder);
		const bytes = noise(4 * MIB);
		const { info } = await store.put(inChunks(bytes));
		await flip(layoutOf(folder).blob(info.sha256), 2 * MIB + 5);
		const seen: Buffer[] = [];
		const reading = async (): Promise<void> => {
			for await (const chunk of await store.read(info.sha256)) seen.push(chunk as Buffer);
		};
		expect(await codeOf(reading())).toBe("blob.corrupt");
		expect(Buffer.concat(seen).equals(bytes.subarray(0, 2 * MIB))).toBe(true);
		expect((await readAll(store, info.sha256, { start: 3 * MIB, end: 4 * MIB })).equals(bytes.subarray(3 * MIB))).toBe(true);
	});

	it("notices a blob that lost its end", async () => {
		const folder = await newFolder();
		const store = await openStore(folder);
		const { info } = await store.put(inChunks(noise(5000)));
		await truncate(layoutOf(folder).blob(info.sha256), 4000);
		expect(await codeOf(store.read(info.sha256))).toBe("blob.corrupt");
	});

	it("is repaired by storing the same bytes again", async () => {
		const folder = await newFolder();
		const store = await openStore(folder);
		const bytes = noise(5000);
		const { info } = await store.put(inChunks(bytes));
		await flip(layoutOf(folder).blob(info.sha256), 0);
		expect((await store.put(inChunks(bytes))).created).toBe(false);
		expect((await readAll(store, info.sha256)).equals(bytes)).toBe(true);
	});

	it.each([
		["lost", (path: string) => rm(path)],
		["damaged", (path: string) => flip(path, 20)],
	])("makes a %s record anew from bytes that match their name", async (_what, harm) => {
		const folder = await newFolder();
		const store = await openStore(folder);
		const bytes = noise(MIB + 7);
		const { info } = await store.put(inChunks(bytes));
		await harm(layoutOf(folder).record(info.sha256));
		expect((await readAll(store, info.sha256)).equals(bytes)).toBe(true);
		expect(decodeRecord(await readFile(layoutOf(folder).record(info.sha256)))?.sizeBytes).toBe(MIB + 7);
	});

	it("does not make a record for bytes that do not match their name", async () => {
		const folder = await newFolder();
		const store = await openStore(folder);
		const { info } = await store.put(inChunks(noise(5000)));
		await rm(layoutOf(folder).record(info.sha256));
		await flip(layoutOf(folder).blob(info.sha256), 1);
		expect(await codeOf(store.read(info.sha256))).toBe("blob.corrupt");
	});
});

describe("limits", () => {
	it("refuses a blob that is too large, and a store that is full", async () => {
		const small = await openStore(await newFolder(), { maxBlobBytes: 1000 });
		expect(await codeOf(small.put(inChunks(noise(1001))))).toBe("blob.tooLarge");
		expect(await codeOf(small.put(inChunks(noise(1000))))).toBe("no error");
		const full = await openStore(await newFolder(), { capacityBytes: 1500 });
		await full.put(inChunks(noise(1000)));
		expect(await codeOf(full.put(inChunks(noise(1000, 2))))).toBe("store.full");
	});

	it("leaves no draft behind after a refusal", async () => {
		const folder = await newFolder();
		const store = await openStore(folder, { maxBlobBytes: 10 });
		expect(await codeOf(store.put(inChunks(noise(1000))))).toBe("blob.tooLarge");
		expect(await readdir(layoutOf(folder).drafts)).toEqual([]);
	});
});

describe("a restart", () => {
	it("finds everything, throws drafts away, and computes an id that could not be computed before", async () => {
		const folder = await newFolder();
		const failing: WalrusIds = { compute: () => Promise.reject(new Error("no encoder today")), close: async () => {} };
		const first = await openStore(folder, { ids: failing });
		const bytes = noise(9000);
		const { info } = await first.put(inChunks(bytes));
		await expect(first.walrusId(info.sha256)).rejects.toThrow("no encoder today");
		await first.close();
		await writeFile(join(layoutOf(folder).drafts, "left-over"), "half a blob");

		const second = await openStore(folder);
		expect(second.stats()).toEqual({ blobs: 1, bytes: 9000, pendingIds: 0 });
		expect(await readdir(layoutOf(folder).drafts)).toEqual([]);
		const blobId = await second.walrusId(info.sha256);
		expect(await second.find({ sha256: info.sha256 })).toEqual({ ...info, blobId });
	});

	it.each(localStoreCrashPoints)("after a kill at %s has the whole blob or none of it", async (point) => {
		const folder = await newFolder();
		const child = spawn(process.execPath, [fileURLToPath(new URL("../../test/put-and-crash.mjs", import.meta.url)), folder, point], { stdio: "ignore" });
		const [, signal] = (await once(child, "exit")) as [number | null, string | null];
		expect(signal).toBe("SIGKILL");
		const bytes = Buffer.alloc(3 * MIB, "freehold");
		const store = await openStore(folder);
		const found = await store.find({ sha256: sha256Of(bytes) });
		if (found !== undefined) expect((await readAll(store, found.sha256)).equals(bytes)).toBe(true);
		const isNamed = !["storage.put.synced", "storage.put.recorded"].includes(point);
		expect(found !== undefined).toBe(isNamed);
		expect((await store.put(inChunks(bytes))).created).toBe(!isNamed);
		expect((await readAll(store, sha256Of(bytes))).equals(bytes)).toBe(true);
	});
});

describe("records", () => {
	it("survive their own encoding and no other", () => {
		const hasher = new PartHasher();
		for (let part = 0; part < 5; part++) hasher.update(noise(700_000, part + 1));
		const { record } = hasher.finish();
		const bytes = encodeRecord(record);
		expect(decodeRecord(bytes)).toEqual(record);
		for (const offset of [0, 5, 20, bytes.length - 1]) {
			const changed = Buffer.from(bytes);
			changed[offset] = (changed[offset] as number) ^ 1;
			expect(decodeRecord(changed)).toBeUndefined();
		}
		expect(decodeRecord(bytes.subarray(0, -1))).toBeUndefined();
		expect(decodeRecord(Buffer.alloc(0))).toBeUndefined();
	});
});

describe("Walrus ids", () => {
	it("are those of the Walrus encoder, at any time and after a restart", async () => {
		const folder = await newFolder();
		const store = await openStore(folder, { ids: walrusIds({ shards: 1000, maxWaiting: 10, idleMs: 10_000 }) });
		const { info } = await store.put(inChunks(Buffer.from([7])));
		// Computed once with @mysten/walrus-wasm 0.3.0 for the single byte 7 and 1000 shards.
		const expected = Buffer.from("ec78dfa168cfcecdbb8fbf6a0a718f9b4639dc4ab3c956b50005d94f5d3ee9ae", "hex").toString("base64url");
		expect(await store.walrusId(info.sha256)).toBe(expected);
		await store.close();
		expect((await (await openStore(folder)).find({ sha256: info.sha256 }))?.blobId).toBe(expected);
	});

	it("are not made of bytes that have changed", async () => {
		const folder = await newFolder();
		const ids = walrusIds({ shards: 1000, maxWaiting: 10, idleMs: 10_000 });
		const store = await openStore(folder, { ids });
		const { info } = await store.put(inChunks(noise(100)));
		await flip(layoutOf(folder).blob(info.sha256), 3);
		await expect(store.walrusId(info.sha256)).rejects.toThrow("have changed");
		await store.close();
	});

	it("end with the store", async () => {
		const store = await openStore(await newFolder(), { ids: walrusIds({ shards: 1000, maxWaiting: 10, idleMs: 10_000 }) });
		const { info } = await store.put(inChunks(noise(100)));
		const waiting = store.walrusId(info.sha256);
		const outcome = expect(waiting).rejects.toThrow(FreeholdError);
		await store.close();
		await outcome;
	});
});
