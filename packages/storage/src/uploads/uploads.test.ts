import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { planUpload, uploadId } from "@freehold/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { codeOf, inChunks, MIB, noise, readAll } from "../../test/store-compliance.js";
import { LocalStore } from "../local/local-store.js";
import { Uploads, uploadsCrashPoints } from "./uploads.js";

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
	for (const step of undo.splice(0).reverse()) await step();
});

async function newFolder(): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), "freehold-uploads-"));
	undo.push(() => rm(folder, { recursive: true, force: true }));
	return folder;
}

const clock = { now: 0 };
beforeEach(() => {
	clock.now = 1_000_000;
});

async function openUploads(folder: string, more: { maxOpen?: number; capacityBytes?: number } = {}): Promise<{ store: LocalStore; uploads: Uploads }> {
	const capacityBytes = more.capacityBytes ?? 64 * MIB;
	const store = await LocalStore.open(
		{ folder, maxBlobBytes: 16 * MIB, capacityBytes, maxWalrusIdBytes: 0 },
		{
			walrusIds: { compute: () => new Promise(() => {}), close: async () => {} },
			events: { corrupt: () => {}, walrusIdFailed: () => {} },
			crashPoint: () => {},
		},
	);
	const uploads = await Uploads.open(
		{ folder: join(folder, "uploads"), maxBlobBytes: 16 * MIB, capacityBytes, maxOpen: more.maxOpen ?? 8, restMs: 1_000, lifetimeMs: 60_000 },
		{ store, now: () => clock.now, crashPoint: () => {} },
	);
	undo.push(() => uploads.close());
	return { store, uploads };
}

const file = noise(2 * MIB + 77, 5);
const plan = planUpload(file, { partBytes: MIB });
const part = (index: number, of: Buffer = file) => inChunks(of.subarray(index * MIB, (index + 1) * MIB));

describe("an upload in parts", () => {
	it("takes the parts in any order, more than once, and makes them one blob", async () => {
		const { store, uploads } = await openUploads(await newFolder());
		const { upload, missing } = await uploads.begin(plan);
		expect([upload, missing]).toEqual([uploadId(plan), [0, 1, 2]]);
		for (const index of [2, 0, 0]) await uploads.putPart(upload, index, part(index));
		expect(await uploads.begin(plan)).toEqual({ upload, missing: [1] });
		expect(uploads.stats()).toEqual({ open: 1, bytes: MIB + 77 });
		expect(await codeOf(uploads.complete(upload))).toBe("upload.incomplete");
		await uploads.putPart(upload, 1, part(1));
		expect(await uploads.complete(upload)).toMatchObject({ created: true, info: { sha256: plan.sha256, sizeBytes: file.length } });
		expect((await readAll(store, plan.sha256)).equals(file)).toBe(true);
		expect(uploads.stats()).toEqual({ open: 0, bytes: 0 });
		expect(await codeOf(uploads.complete(upload))).toBe("upload.notFound");
	});

	it("goes on after a restart with the parts that were whole", async () => {
		const folder = await newFolder();
		const first = await openUploads(folder);
		const { upload } = await first.uploads.begin(plan);
		await first.uploads.putPart(upload, 1, part(1));
		await writeFile(join(folder, "uploads", upload.slice(2), "2"), "less than the part has");
		await writeFile(join(folder, "uploads", "drafts", "left-over"), "half a part");

		const { uploads } = await openUploads(folder);
		expect(await uploads.begin(plan)).toEqual({ upload, missing: [0, 2] });
		expect(uploads.stats()).toEqual({ open: 1, bytes: MIB });
		expect(await readdir(join(folder, "uploads", "drafts"))).toEqual([]);
	});

	it("refuses other bytes, other parts, and more than a part has", async () => {
		const { uploads } = await openUploads(await newFolder());
		const { upload } = await uploads.begin(plan);
		expect(await codeOf(uploads.putPart(upload, 0, part(1)))).toBe("blob.mismatch");
		expect(await codeOf(uploads.putPart(upload, 0, inChunks(file)))).toBe("request.tooLarge");
		expect(await codeOf(uploads.putPart(upload, 3, part(0)))).toBe("request.invalid");
		expect(await codeOf(uploads.putPart(plan.sha256, 0, part(0)))).toBe("upload.notFound");
		expect(await codeOf(uploads.begin({ ...plan, parts: [] }))).toBe("request.invalid");
		const large = { ...plan, bytes: 17 * MIB, parts: Array.from({ length: 17 }, () => plan.sha256) };
		expect(await codeOf(uploads.begin(large))).toBe("blob.tooLarge");
		expect(uploads.show(upload).missing).toEqual([0, 1, 2]);
		expect(uploads.stats().bytes).toBe(0);
	});

	it("throws away a plan whose parts are not the whole that it names", async () => {
		const { uploads } = await openUploads(await newFolder());
		const { upload } = await uploads.begin({ ...plan, sha256: plan.parts[0] });
		for (const index of [0, 1, 2]) await uploads.putPart(upload, index, part(index));
		expect(await codeOf(uploads.complete(upload))).toBe("blob.mismatch");
		expect(uploads.stats()).toEqual({ open: 0, bytes: 0 });
	});

	it("asks again for a part that was damaged on the disk", async () => {
		const folder = await newFolder();
		const { uploads } = await openUploads(folder);
		const { upload } = await uploads.begin(plan);
		for (const index of [0, 1, 2]) await uploads.putPart(upload, index, part(index));
		await writeFile(join(folder, "uploads", upload.slice(2), "1"), noise(MIB, 9));
		expect(await codeOf(uploads.complete(upload))).toBe("upload.incomplete");
		expect(uploads.show(upload).missing).toEqual([1]);
		await uploads.putPart(upload, 1, part(1));
		expect((await uploads.complete(upload)).created).toBe(true);
	});

	it("is thrown away when nobody adds to it, and gives way when there are too many", async () => {
		const folder = await newFolder();
		const { uploads } = await openUploads(folder, { maxOpen: 2 });
		const plans = [1, 2, 3].map((seed) => planUpload(noise(MIB + seed, seed), { partBytes: MIB }));
		const [first] = await Promise.all(plans.slice(0, 2).map((each) => uploads.begin(each)));
		expect(await codeOf(uploads.begin(plans[2]))).toBe("blob.busy");
		clock.now += 2_000;
		await uploads.begin(plans[2]);
		expect(await codeOf((async () => uploads.show(first?.upload ?? "0x"))())).toBe("upload.notFound");
		clock.now += 61_000;
		await uploads.sweep();
		expect(uploads.stats()).toEqual({ open: 0, bytes: 0 });
		expect(await readdir(join(folder, "uploads"))).toEqual(["drafts"]);
	});

	it("counts against the room for all blobs", async () => {
		const { uploads } = await openUploads(await newFolder(), { capacityBytes: 2 * MIB });
		const { upload } = await uploads.begin(plan);
		await uploads.putPart(upload, 0, part(0));
		await uploads.putPart(upload, 1, part(1));
		expect(await codeOf(uploads.putPart(upload, 2, part(2)))).toBe("store.full");
	});

	it.each(uploadsCrashPoints)("after a kill at %s loses no part and can be completed", async (point) => {
		const folder = await newFolder();
		const child = spawn(process.execPath, [fileURLToPath(new URL("../../test/upload-and-crash.mjs", import.meta.url)), folder, point], { stdio: "ignore" });
		const [, signal] = (await once(child, "exit")) as [number | null, string | null];
		expect(signal).toBe("SIGKILL");
		const bytes = Buffer.alloc(2 * MIB + 9, "freehold");
		const same = planUpload(bytes, { partBytes: MIB });
		const { store, uploads } = await openUploads(folder);
		const { upload, missing } = await uploads.begin(same);
		expect(missing).toEqual(point === "storage.upload.partNamed" ? [1, 2] : []);
		for (const index of missing) await uploads.putPart(upload, index, part(index, bytes));
		await uploads.complete(upload);
		expect((await readAll(store, same.sha256)).equals(bytes)).toBe(true);
	});
});
