/**
 * Uploads in parts: each part is kept as soon as it is whole, so that a broken line costs one part. The parts become a blob when all are there. An upload
 * belongs to nobody: whoever has the same file may add to it, and only bytes with the planned digests are taken.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { FreeholdError, type Hex, isHex, parseUploadPlan, partRange, type UploadBody, type UploadPlan, uploadId } from "@freehold/protocol";
import { atomicWriteFile, nativeCrypto, syncFolder } from "@freehold/service";
import type { BlobStore, StoredBlob } from "../blob/blob-store.js";
import { isDiskFull } from "../local/disk-full.js";
import { digestOf, PLAN, partPath, readParts, readPlan, receivePart } from "./part-files.js";

export interface UploadsOptions {
	/**
	 *     <upload in hex>/plan.json   the plan; its time is when the upload was last added to
	 *     <upload in hex>/<n>         a part that is whole
	 *     drafts/                     parts being received; emptied at start
	 */
	readonly folder: string;
	readonly maxBlobBytes: number;
	/** Bytes of all blobs and parts together. */
	readonly capacityBytes: number;
	/** Uploads that have begun. Beyond it the one that rested longest gives way, if it has rested for `restMs`. */
	readonly maxOpen: number;
	readonly restMs: number;
	/** An upload that nobody added to for so long is thrown away. */
	readonly lifetimeMs: number;
}

export interface UploadsModules {
	readonly store: BlobStore;
	/** Unix milliseconds. */
	readonly now: () => number;
	/** Ends the process here when a test asks for it. */
	readonly crashPoint: (name: string) => void;
}

export const uploadsCrashPoints = ["storage.upload.partNamed", "storage.upload.stored"] as const;

interface Upload {
	readonly id: Hex;
	readonly plan: UploadPlan;
	readonly folder: string;
	/** Parts that are here. */
	readonly have: Set<number>;
	bytes: number;
	touchedAt: number;
	/** What changes it happens one after the other. */
	turn: Promise<unknown>;
}

const SWEEP_MS = 600_000;

export class Uploads {
	readonly #options: UploadsOptions;
	readonly #modules: UploadsModules;
	readonly #uploads = new Map<Hex, Upload>();
	readonly #sweeper: NodeJS.Timeout;
	/** Bytes of parts that are here, or being received. */
	#bytes = 0;

	private constructor(options: UploadsOptions, modules: UploadsModules) {
		this.#options = options;
		this.#modules = modules;
		this.#sweeper = setInterval(() => void this.sweep().catch(() => undefined), SWEEP_MS).unref();
	}

	/** Finds the uploads that were under way; what is damaged or too old is thrown away. */
	static async open(options: UploadsOptions, modules: UploadsModules): Promise<Uploads> {
		const uploads = new Uploads(options, modules);
		await rm(uploads.#drafts, { recursive: true, force: true });
		await mkdir(uploads.#drafts, { recursive: true });
		for (const name of await readdir(options.folder)) if (isHex(`0x${name}`, 32)) await uploads.#find(`0x${name}`);
		await uploads.sweep();
		return uploads;
	}

	get #drafts(): string {
		return join(this.#options.folder, "drafts");
	}

	/** The same plan gives the same upload, with what is there. Throws `request.invalid`, `blob.tooLarge`, `blob.busy`. */
	async begin(value: unknown): Promise<UploadBody> {
		const plan = parseUploadPlan(value);
		if (plan.bytes > this.#options.maxBlobBytes) throw new FreeholdError("blob.tooLarge", { limit: this.#options.maxBlobBytes });
		const id = uploadId(plan, nativeCrypto);
		const known = this.#uploads.get(id);
		if (known !== undefined) return bodyOf(known);
		await this.#makeRoom();
		const folder = join(this.#options.folder, id.slice(2));
		const upload: Upload = { id, plan, folder, have: new Set(), bytes: 0, touchedAt: this.#modules.now(), turn: Promise.resolve() };
		this.#uploads.set(id, upload);
		await this.#inTurn(upload, () => atomicWriteFile(join(folder, PLAN), JSON.stringify(plan))).catch(async (error: unknown) => {
			await this.#drop(upload);
			throw error;
		});
		return bodyOf(upload);
	}

	/** Throws `upload.notFound`. */
	show(id: Hex): UploadBody {
		return bodyOf(this.#get(id));
	}

	/** Keeps one part durably before it resolves. Throws `upload.notFound`, `request.invalid`, `blob.mismatch`, `store.full`. */
	async putPart(id: Hex, part: number, content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<UploadBody> {
		const upload = this.#get(id);
		const range = partRange(upload.plan, part);
		const expected = upload.plan.parts[part];
		if (range === undefined || expected === undefined)
			throw new FreeholdError("request.invalid", { field: "part", reason: `must be 0 to ${upload.plan.parts.length - 1}` });
		const size = range.end - range.start;
		if (this.#bytes + size + this.#modules.store.stats().bytes > this.#options.capacityBytes)
			throw new FreeholdError("store.full", { path: this.#options.folder });
		this.#bytes += size;
		let counted = false;
		const draft = join(this.#drafts, randomUUID());
		try {
			const actual = await receivePart(content, draft, size, signal);
			if (actual !== expected) throw new FreeholdError("blob.mismatch", { actual, expected });
			counted = await this.#inTurn(upload, async () => {
				if (this.#uploads.get(id) !== upload) throw this.#notFound(id);
				await rename(draft, partPath(upload.folder, part));
				await syncFolder(upload.folder);
				this.#modules.crashPoint("storage.upload.partNamed");
				await this.#touch(upload);
				if (upload.have.has(part)) return false;
				upload.have.add(part);
				upload.bytes += size;
				return true;
			});
			return bodyOf(upload);
		} catch (error) {
			throw isDiskFull(error) ? new FreeholdError("store.full", { path: this.#options.folder }, { cause: error }) : error;
		} finally {
			if (!counted) this.#bytes -= size;
			await rm(draft, { force: true });
		}
	}

	/**
	 * Makes the parts one blob. Throws `upload.notFound`, `upload.incomplete`, and `blob.mismatch` when the plan's own digests do not fit together; a part that
	 * was damaged here since it came is missing afterwards.
	 */
	async complete(id: Hex, signal?: AbortSignal): Promise<StoredBlob> {
		const upload = this.#get(id);
		return this.#inTurn(upload, async () => {
			if (this.#uploads.get(id) !== upload) throw this.#notFound(id);
			this.#refuseIncomplete(upload);
			try {
				const stored = await this.#modules.store.put(readParts(upload.folder, upload.plan.parts.length), {
					expectedSha256: upload.plan.sha256,
					...(signal === undefined ? {} : { signal }),
				});
				this.#modules.crashPoint("storage.upload.stored");
				await this.#drop(upload);
				return stored;
			} catch (error) {
				if (!(error instanceof FreeholdError) || error.code !== "blob.mismatch") throw error;
				await this.#dropDamaged(upload);
				this.#refuseIncomplete(upload);
				await this.#drop(upload);
				throw error;
			}
		});
	}

	stats(): { readonly open: number; readonly bytes: number } {
		return { open: this.#uploads.size, bytes: this.#bytes };
	}

	/** Throws away what nobody added to for too long. */
	async sweep(): Promise<void> {
		const before = this.#modules.now() - this.#options.lifetimeMs;
		for (const upload of this.#uploads.values()) if (upload.touchedAt < before) await this.#inTurn(upload, () => this.#drop(upload));
	}

	async close(): Promise<void> {
		clearInterval(this.#sweeper);
		await Promise.allSettled([...this.#uploads.values()].map(({ turn }) => turn));
	}

	#get(id: Hex): Upload {
		const upload = this.#uploads.get(id);
		if (upload === undefined) throw this.#notFound(id);
		return upload;
	}

	#notFound(id: Hex): FreeholdError {
		return new FreeholdError("upload.notFound", { upload: id, hours: Math.round(this.#options.lifetimeMs / 3_600_000) });
	}

	#refuseIncomplete({ id, plan, have }: Upload): void {
		if (have.size < plan.parts.length) throw new FreeholdError("upload.incomplete", { upload: id, missing: plan.parts.length - have.size });
	}

	#inTurn<T>(upload: Upload, work: () => Promise<T>): Promise<T> {
		const mine = upload.turn.then(work, work);
		upload.turn = mine.catch(() => undefined);
		return mine;
	}

	async #touch(upload: Upload): Promise<void> {
		upload.touchedAt = this.#modules.now();
		const seconds = upload.touchedAt / 1000;
		await utimes(join(upload.folder, PLAN), seconds, seconds);
	}

	async #makeRoom(): Promise<void> {
		if (this.#uploads.size < this.#options.maxOpen) return;
		const [oldest] = [...this.#uploads.values()].sort((a, b) => a.touchedAt - b.touchedAt);
		if (oldest === undefined || oldest.touchedAt > this.#modules.now() - this.#options.restMs)
			throw new FreeholdError("blob.busy", { waiting: this.#uploads.size });
		await this.#inTurn(oldest, () => this.#drop(oldest));
	}

	async #drop(upload: Upload): Promise<void> {
		if (this.#uploads.get(upload.id) !== upload) return;
		// Out of the way first: the same upload may begin again while this one is being removed.
		const gone = join(this.#drafts, randomUUID());
		await rename(upload.folder, gone).catch(() => undefined);
		this.#uploads.delete(upload.id);
		this.#bytes -= upload.bytes;
		await rm(gone, { recursive: true, force: true });
	}

	async #dropDamaged(upload: Upload): Promise<void> {
		for (const [part, digest] of upload.plan.parts.entries()) {
			const path = partPath(upload.folder, part);
			if ((await digestOf(path)) === digest) continue;
			await rm(path, { force: true });
			const { start, end } = partRange(upload.plan, part) ?? { start: 0, end: 0 };
			upload.have.delete(part);
			upload.bytes -= end - start;
			this.#bytes -= end - start;
		}
	}

	async #find(id: Hex): Promise<void> {
		const folder = join(this.#options.folder, id.slice(2));
		const planned = await readPlan(folder);
		if (planned === undefined || uploadId(planned.plan, nativeCrypto) !== id) {
			await rm(folder, { recursive: true, force: true });
			return;
		}
		const { plan, touchedAt, have } = planned;
		const bytes = [...have].reduce((sum, part) => {
			const { start, end } = partRange(plan, part) ?? { start: 0, end: 0 };
			return sum + end - start;
		}, 0);
		this.#uploads.set(id, { id, plan, folder, have, bytes, touchedAt, turn: Promise.resolve() });
		this.#bytes += bytes;
	}
}

function bodyOf({ id, plan, have }: Upload): UploadBody {
	return { upload: id, missing: plan.parts.flatMap((_, part) => (have.has(part) ? [] : [part])) };
}
