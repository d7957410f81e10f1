/** Blobs of storage on local disk, by SHA-256: checked when they come and once after each start, bounded in bytes, the longest unused goes first. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { FreeholdError, type Hex, isHex } from "@freehold/protocol";
import { createLimiter, fetchStream, syncFolder } from "@freehold/service";

export interface BlobCacheOptions {
	readonly folder: string;
	readonly storageUrl: string;
	/** Bytes of all files together. One that is in use stays, even beyond it. */
	readonly maxBytes: number;
	/** Longest time of one download. */
	readonly downloadTimeoutMs: number;
	/** Aborted when the program stops. */
	readonly signal: AbortSignal;
	readonly onFetched: (sha256: Hex, bytes: number, tookMs: number) => void;
	readonly onEvicted: (sha256: Hex, bytes: number) => void;
	readonly crashPoint: (name: string) => void;
}

/** A file that stays until it is given back. */
export interface HeldBlob {
	readonly path: string;
	readonly giveBack: () => void;
}

interface Entry {
	readonly bytes: number;
	pins: number;
	/** Read and hashed since this process began. */
	checked: boolean;
}

const MAX_DOWNLOADS = 4;
const MAX_WAITING = 256;

export class BlobCache {
	readonly #options: BlobCacheOptions;
	/** Longest unused first. */
	readonly #entries = new Map<Hex, Entry>();
	readonly #arrivals = new Map<Hex, Promise<Entry>>();
	readonly #downloads = createLimiter({
		concurrency: MAX_DOWNLOADS,
		maxWaiting: MAX_WAITING,
		refuse: (waiting) => new FreeholdError("engine.busy", { waiting }),
	});
	#bytes = 0;

	private constructor(options: BlobCacheOptions) {
		this.#options = options;
	}

	static async open(options: BlobCacheOptions): Promise<BlobCache> {
		await mkdir(options.folder, { recursive: true });
		const cache = new BlobCache(options);
		const found: { readonly name: Hex; readonly bytes: number; readonly usedAt: number }[] = [];
		for (const name of await readdir(options.folder)) {
			const path = join(options.folder, name);
			if (!isHex(name, 32)) await rm(path, { force: true, recursive: true });
			else {
				const { size, mtimeMs } = await stat(path);
				found.push({ name, bytes: size, usedAt: mtimeMs });
			}
		}
		for (const { name, bytes } of found.sort((a, b) => a.usedAt - b.usedAt)) cache.#add(name, { bytes, pins: 0, checked: false });
		await cache.#evict();
		return cache;
	}

	get bytes(): number {
		return this.#bytes;
	}

	has(sha256: Hex): boolean {
		return this.#entries.has(sha256);
	}

	/** The file with these bytes, fetched when it is not here. Throws `blob.notFound`, `blob.corrupt`, `blob.tooLarge`, or why storage could not be asked. */
	async hold(sha256: Hex, maxBytes: number): Promise<HeldBlob> {
		const entry = await this.#arrive(sha256, maxBytes);
		entry.pins += 1;
		this.#entries.delete(sha256);
		this.#entries.set(sha256, entry);
		let held = true;
		return {
			path: this.#pathOf(sha256),
			giveBack: () => {
				if (!held) return;
				held = false;
				entry.pins -= 1;
				if (this.#bytes > this.#options.maxBytes) void this.#evict();
			},
		};
	}

	/** One check or download for all who wait for the same blob. */
	#arrive(sha256: Hex, maxBytes: number): Promise<Entry> {
		const known = this.#entries.get(sha256);
		if (known?.checked === true) return Promise.resolve(known);
		let arrival = this.#arrivals.get(sha256);
		if (arrival === undefined) {
			arrival = this.#obtain(sha256, maxBytes, known).finally(() => this.#arrivals.delete(sha256));
			this.#arrivals.set(sha256, arrival);
		}
		return arrival;
	}

	async #obtain(sha256: Hex, maxBytes: number, known: Entry | undefined): Promise<Entry> {
		if (known !== undefined) {
			if ((await digestFile(this.#pathOf(sha256))) === sha256) {
				known.checked = true;
				const now = new Date();
				await utimes(this.#pathOf(sha256), now, now);
				return known;
			}
			await this.#remove(sha256, known);
		}
		const startedAt = performance.now();
		const bytes = await this.#downloads.run(() => this.#download(sha256, maxBytes), this.#options.signal);
		const entry: Entry = { bytes, pins: 0, checked: true };
		this.#add(sha256, entry);
		this.#options.onFetched(sha256, bytes, performance.now() - startedAt);
		await this.#evict(sha256);
		return entry;
	}

	async #download(sha256: Hex, maxBytes: number): Promise<number> {
		const { storageUrl, signal, downloadTimeoutMs, folder, crashPoint } = this.#options;
		const limit = Math.min(maxBytes, this.#options.maxBytes);
		const { status, headers, body } = await fetchStream(`${storageUrl}/v1/blobs/by-sha256/${sha256}`, {
			what: "Storage",
			deadlineMs: downloadTimeoutMs,
			signal,
			maxBytes: limit,
		});
		if (status !== 200) {
			body.destroy();
			throw status === 404
				? new FreeholdError("blob.notFound", { id: sha256 })
				: new FreeholdError("upstream.failed", { what: "Storage", reason: `HTTP ${status}` });
		}
		if (Number(headers["content-length"] ?? 0) > limit) {
			body.destroy();
			throw new FreeholdError("blob.tooLarge", { limit });
		}
		const draft = join(folder, `${sha256}.part`);
		const hash = createHash("sha256");
		let bytes = 0;
		try {
			const file = await open(draft, "w");
			try {
				for await (const chunk of body) {
					hash.update(chunk as Buffer);
					bytes += (chunk as Buffer).length;
					await writeAll(file, chunk as Buffer);
				}
				await file.sync();
			} finally {
				await file.close();
			}
			const actual = `0x${hash.digest("hex")}`;
			if (actual !== sha256) throw new FreeholdError("blob.mismatch", { actual, expected: sha256 });
			crashPoint("inference.blob.synced");
			await rename(draft, this.#pathOf(sha256));
			crashPoint("inference.blob.named");
			await syncFolder(folder);
			return bytes;
		} catch (error) {
			await rm(draft, { force: true });
			if (error instanceof Error && "code" in error && error.code === "ENOSPC") throw new FreeholdError("store.full", { path: folder }, { cause: error });
			throw error;
		} finally {
			body.destroy();
		}
	}

	#pathOf(sha256: Hex): string {
		return join(this.#options.folder, sha256);
	}

	#add(sha256: Hex, entry: Entry): void {
		this.#entries.set(sha256, entry);
		this.#bytes += entry.bytes;
	}

	async #remove(sha256: Hex, entry: Entry): Promise<void> {
		this.#entries.delete(sha256);
		this.#bytes -= entry.bytes;
		await rm(this.#pathOf(sha256), { force: true });
	}

	async #evict(keep?: Hex): Promise<void> {
		for (const [sha256, entry] of this.#entries) {
			if (this.#bytes <= this.#options.maxBytes) return;
			if (entry.pins > 0 || sha256 === keep || this.#arrivals.has(sha256)) continue;
			await this.#remove(sha256, entry);
			this.#options.onEvicted(sha256, entry.bytes);
		}
	}
}

async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
	for (let offset = 0; offset < chunk.length; ) {
		const { bytesWritten } = await file.write(chunk, offset);
		offset += bytesWritten;
	}
}

async function digestFile(path: string): Promise<Hex> {
	const hash = createHash("sha256");
	await pipeline(createReadStream(path), hash);
	return `0x${hash.digest("hex")}`;
}
