/** What every blob store does. Called by a test file with a way to make one. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { FreeholdError, type Hex } from "@freehold/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseBlobId, parseSha256 } from "../src/blob/blob-name.js";
import type { BlobStore, ByteRange } from "../src/blob/blob-store.js";

export const MIB = 1024 * 1024;

/** The code of a refusal, so that a test names what it expects. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
	try {
		await work;
	} catch (error) {
		if (error instanceof FreeholdError) return error.code;
		throw error;
	}
	return "no error";
}

/** Bytes that differ everywhere, the same for the same seed. */
export function noise(length: number, seed = 1): Buffer {
	const bytes = Buffer.alloc(length);
	let state = seed;
	for (let index = 0; index < length; index++) {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		bytes[index] = state >>> 24;
	}
	return bytes;
}

export function sha256Of(bytes: Uint8Array): Hex {
	return `0x${createHash("sha256").update(bytes).digest("hex")}`;
}

export async function* inChunks(bytes: Buffer, size = 100_000): AsyncGenerator<Buffer> {
	for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}

export async function readAll(store: BlobStore, sha256: Hex, range?: ByteRange): Promise<Buffer> {
	const chunks: Buffer[] = [];
	for await (const chunk of await store.read(sha256, range)) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks);
}

export function describeStore(name: string, open: () => Promise<BlobStore>): void {
	describe(`${name} as a blob store`, () => {
		let store: BlobStore;
		beforeAll(async () => {
			store = await open();
		});
		afterAll(() => store.close());

		it.each([0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 12_345])("keeps %i bytes and gives them back", async (size) => {
			const bytes = noise(size, size + 1);
			const { info, created } = await store.put(inChunks(bytes));
			expect(info.sha256).toBe(sha256Of(bytes));
			expect(info.sizeBytes).toBe(size);
			expect(created).toBe(true);
			expect((await readAll(store, info.sha256)).equals(bytes)).toBe(true);
			expect((await store.put(inChunks(bytes))).created).toBe(false);
		});

		it("gives any range", async () => {
			const bytes = noise(2 * MIB + 500, 7);
			const { info } = await store.put(inChunks(bytes));
			for (const [start, end] of [
				[0, 1],
				[MIB - 1, MIB + 1],
				[MIB, 2 * MIB],
				[2 * MIB + 499, 2 * MIB + 500],
				[10, 10],
				[0, bytes.length],
			] as const) {
				expect((await readAll(store, info.sha256, { start, end })).equals(bytes.subarray(start, end))).toBe(true);
			}
		});

		it("finds a blob by both names", async () => {
			const { info } = await store.put(inChunks(noise(1000, 9)));
			const blobId = await store.walrusId(info.sha256);
			if (blobId === undefined) throw new Error("no Walrus id");
			expect(await store.find({ sha256: info.sha256 })).toEqual({ ...info, blobId });
			expect(await store.find({ blobId })).toEqual({ ...info, blobId });
		});

		it("says so when a blob is not there", async () => {
			const unknown = sha256Of(Buffer.from("nobody stored this"));
			expect(await store.find({ sha256: unknown })).toBeUndefined();
			expect(await store.find({ blobId: parseBlobId("A".repeat(43)) as never })).toBeUndefined();
			expect(await codeOf(store.read(unknown))).toBe("blob.notFound");
			expect(await codeOf(store.walrusId(unknown))).toBe("blob.notFound");
		});

		it("refuses bytes that are not what was announced, and keeps nothing of them", async () => {
			const bytes = noise(5000, 11);
			expect(await codeOf(store.put(inChunks(bytes), { expectedSha256: parseSha256("0".repeat(64)) as Hex }))).toBe("blob.mismatch");
			expect(await store.find({ sha256: sha256Of(bytes) })).toBeUndefined();
		});

		it("keeps nothing of an upload that breaks off", async () => {
			const bytes = noise(MIB, 13);
			const before = store.stats();
			const broken = Readable.from(
				(async function* () {
					yield bytes.subarray(0, 1000);
					throw new Error("the line went dead");
				})(),
			);
			await expect(store.put(broken)).rejects.toThrow("the line went dead");
			expect(store.stats()).toEqual(before);
		});

		it("takes many uploads of the same bytes at once", async () => {
			const bytes = noise(300_000, 17);
			const before = store.stats();
			const answers = await Promise.all(Array.from({ length: 6 }, () => store.put(inChunks(bytes))));
			expect(answers.filter(({ created }) => created)).toHaveLength(1);
			expect(store.stats().blobs).toBe(before.blobs + 1);
			expect(store.stats().bytes).toBe(before.bytes + bytes.length);
		});
	});
}
