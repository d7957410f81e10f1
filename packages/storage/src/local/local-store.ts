/** Blobs in a folder. A blob is there whole or not at all, whenever the process is killed. */
import { randomUUID } from "node:crypto";
import { access, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { FreeholdError, type Hex } from "@freehold/protocol";
import { atomicWriteFile, stampFormat, syncFolder } from "@freehold/service";
import { type BlobName, blobIdOf, parseBlobId, parseSha256, type WalrusBlobId } from "../blob/blob-name.js";
import type { BlobInfo, BlobStore, BlobStoreStats, ByteRange, PutOptions, StoredBlob } from "../blob/blob-store.js";
import type { WalrusIds } from "../walrus/walrus-ids.js";
import { isDiskFull } from "./disk-full.js";
import { type Layout, layoutOf } from "./layout.js";
import { type BlobRecord, decodeRecord, encodeRecord, PartHasher } from "./record.js";
import { CorruptBlobError, readVerified } from "./verified-read.js";

const STORE_KIND = "freehold-blobs";
const STORE_FORMAT = 1;

export interface LocalStoreOptions {
	readonly folder: string;
	readonly maxBlobBytes: number;
	/** Bytes of all blobs together. */
	readonly capacityBytes: number;
	/** Blobs larger than this get no Walrus id: encoding needs several times their size in memory. */
	readonly maxWalrusIdBytes: number;
}

export interface LocalStoreModules {
	readonly walrusIds: WalrusIds;
	readonly events: LocalStoreEvents;
	/** Ends the process here when a test asks for it. */
	readonly crashPoint: (name: string) => void;
}

export interface LocalStoreEvents {
	corrupt(sha256: Hex, reason: string): void;
	walrusIdFailed(sha256: Hex, error: unknown): void;
}

/** Every step between two durable effects of a store. */
export const localStoreCrashPoints = [
	"storage.put.synced",
	"storage.put.recorded",
	"storage.put.named",
	"storage.record.rebuilt",
	"storage.id.owned",
	"storage.id.named",
] as const;

export class LocalStore implements BlobStore {
	readonly #options: LocalStoreOptions;
	readonly #modules: LocalStoreModules;
	readonly #layout: Layout;
	/** Ids being computed, by SHA-256. */
	readonly #pending = new Map<Hex, Promise<WalrusBlobId | undefined>>();
	readonly #turns = new Map<Hex, Promise<unknown>>();
	readonly #closing = new AbortController();
	#blobs = 0;
	#bytes = 0;

	private constructor(options: LocalStoreOptions, modules: LocalStoreModules) {
		this.#options = options;
		this.#modules = modules;
		this.#layout = layoutOf(options.folder);
	}

	/** Opens the folder: throws away what uploads left behind and counts what is there. */
	static async open(options: LocalStoreOptions, modules: LocalStoreModules): Promise<LocalStore> {
		// Blobs named by their digest have stood like this from the beginning; a later layout will be told by its stamp.
		stampFormat(options.folder, STORE_KIND, STORE_FORMAT, () => false);
		const store = new LocalStore(options, modules);
		await rm(store.#layout.drafts, { recursive: true, force: true });
		await mkdir(store.#layout.drafts, { recursive: true });
		await mkdir(store.#layout.blobs, { recursive: true });
		await store.#takeStock();
		return store;
	}

	async put(content: AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<StoredBlob> {
		const draft = join(this.#layout.drafts, randomUUID());
		try {
			const { sha256, record } = await this.#receive(content, draft, options.signal);
			if (options.expectedSha256 !== undefined && options.expectedSha256 !== sha256) {
				throw new FreeholdError("blob.mismatch", { actual: sha256, expected: options.expectedSha256 });
			}
			this.#modules.crashPoint("storage.put.synced");
			const created = await this.#inTurn(sha256, () => this.#keep(sha256, record, draft));
			return { info: { sha256, sizeBytes: record.sizeBytes, blobId: await this.#knownWalrusId(sha256) }, created };
		} catch (error) {
			await rm(draft, { force: true });
			throw isDiskFull(error) ? new FreeholdError("store.full", { path: this.#options.folder }, { cause: error }) : error;
		}
	}

	async find(name: BlobName): Promise<BlobInfo | undefined> {
		const sha256 = "sha256" in name ? name.sha256 : await this.#ownerOf(name.blobId);
		if (sha256 === undefined) return undefined;
		const record = await this.#record(sha256);
		return record === undefined ? undefined : { sha256, sizeBytes: record.sizeBytes, blobId: await this.#knownWalrusId(sha256) };
	}

	async read(sha256: Hex, range?: ByteRange): Promise<Readable> {
		const record = await this.#record(sha256);
		if (record === undefined) throw new FreeholdError("blob.notFound", { id: sha256 });
		const { start, end } = range ?? { start: 0, end: record.sizeBytes };
		if (start < 0 || start > end || end > record.sizeBytes) throw new RangeError(`bytes ${start} to ${end} are not in a blob of ${record.sizeBytes}`);
		const parts = readVerified(await open(this.#layout.blob(sha256), "r"), record, { start, end });
		// The first part is checked before anyone is told that all is well.
		const first = await parts.next().catch((error: unknown) => {
			throw this.#corrupt(sha256, error);
		});
		return Readable.from(this.#continue(sha256, first.value ?? undefined, parts), { objectMode: false });
	}

	walrusId(sha256: Hex, signal?: AbortSignal): Promise<WalrusBlobId | undefined> {
		const work = this.#pending.get(sha256) ?? this.#startWalrusId(sha256);
		return signal === undefined ? work : Promise.race([work, rejectOn(signal)]);
	}

	stats(): BlobStoreStats {
		return { blobs: this.#blobs, bytes: this.#bytes, pendingIds: this.#pending.size };
	}

	async close(): Promise<void> {
		this.#closing.abort(new FreeholdError("service.stopping", { service: "Storage" }));
		await this.#modules.walrusIds.close();
		await Promise.allSettled(this.#pending.values());
	}

	/** Streams the content into a draft, digesting as it goes, and makes the draft durable. */
	async #receive(content: AsyncIterable<Uint8Array>, draft: string, signal: AbortSignal | undefined): Promise<{ sha256: Hex; record: BlobRecord }> {
		const hasher = new PartHasher();
		const file = await open(draft, "wx", 0o644);
		try {
			for await (const chunk of content) {
				signal?.throwIfAborted();
				if (hasher.sizeBytes + chunk.length > this.#options.maxBlobBytes) throw new FreeholdError("blob.tooLarge", { limit: this.#options.maxBlobBytes });
				if (this.#bytes + hasher.sizeBytes + chunk.length > this.#options.capacityBytes) throw new FreeholdError("store.full", { path: this.#options.folder });
				hasher.update(chunk);
				for (let written = 0; written < chunk.length; ) written += (await file.write(chunk, written)).bytesWritten;
			}
			await file.sync();
		} finally {
			await file.close();
		}
		return hasher.finish();
	}

	/** Two uploads of the same bytes name them one after the other. */
	async #inTurn<T>(sha256: Hex, work: () => Promise<T>): Promise<T> {
		const before = this.#turns.get(sha256) ?? Promise.resolve();
		const mine = before.then(work, work);
		this.#turns.set(sha256, mine);
		try {
			return await mine;
		} finally {
			if (this.#turns.get(sha256) === mine) this.#turns.delete(sha256);
		}
	}

	/** Gives the draft its name. An older copy is replaced, which also repairs one that has rotted. */
	async #keep(sha256: Hex, record: BlobRecord, draft: string): Promise<boolean> {
		const path = this.#layout.blob(sha256);
		const known = await stat(path).catch(() => undefined);
		await atomicWriteFile(this.#layout.record(sha256), encodeRecord(record));
		this.#modules.crashPoint("storage.put.recorded");
		await rename(draft, path);
		await syncFolder(dirname(path));
		this.#modules.crashPoint("storage.put.named");
		if (known === undefined) {
			await syncFolder(this.#layout.blobs);
			this.#blobs++;
		}
		this.#bytes += record.sizeBytes - (known?.size ?? 0);
		return known === undefined;
	}

	/** Record of a blob that is here. A lost or damaged one is made anew from bytes that still match their name. */
	async #record(sha256: Hex): Promise<BlobRecord | undefined> {
		if (!(await exists(this.#layout.blob(sha256)))) return undefined;
		const bytes = await readFile(this.#layout.record(sha256)).catch(() => undefined);
		const record = bytes === undefined ? undefined : decodeRecord(bytes);
		return record ?? this.#rebuild(sha256);
	}

	async #rebuild(sha256: Hex): Promise<BlobRecord> {
		const hasher = new PartHasher();
		const file = await open(this.#layout.blob(sha256), "r");
		for await (const chunk of file.createReadStream()) hasher.update(chunk as Buffer);
		const found = hasher.finish();
		if (found.sha256 !== sha256) throw this.#corrupt(sha256, new CorruptBlobError(`the bytes hash to ${found.sha256}`));
		await atomicWriteFile(this.#layout.record(sha256), encodeRecord(found.record));
		this.#modules.crashPoint("storage.record.rebuilt");
		return found.record;
	}

	async *#continue(sha256: Hex, first: Buffer | undefined, parts: AsyncGenerator<Buffer, void, undefined>): AsyncGenerator<Buffer, void, undefined> {
		try {
			if (first !== undefined) yield first;
			yield* parts;
		} catch (error) {
			throw this.#corrupt(sha256, error);
		} finally {
			await parts.return();
		}
	}

	#corrupt(sha256: Hex, error: unknown): unknown {
		if (!(error instanceof CorruptBlobError)) return error;
		this.#modules.events.corrupt(sha256, error.message);
		return new FreeholdError("blob.corrupt", { id: sha256 }, { cause: error });
	}

	async #ownerOf(blobId: WalrusBlobId): Promise<Hex | undefined> {
		const text = await readFile(this.#layout.owner(blobId), "utf8").catch(() => undefined);
		return text === undefined ? undefined : parseSha256(text);
	}

	async #knownWalrusId(sha256: Hex): Promise<WalrusBlobId | undefined> {
		const text = await readFile(this.#layout.walrusId(sha256), "utf8").catch(() => undefined);
		return text === undefined ? undefined : parseBlobId(text);
	}

	#startWalrusId(sha256: Hex): Promise<WalrusBlobId | undefined> {
		const work = this.#computeWalrusId(sha256).finally(() => this.#pending.delete(sha256));
		this.#pending.set(sha256, work);
		// Those who wait see the failure; when nobody waits it is only noted.
		work.catch((error: unknown) => {
			if (!this.#closing.signal.aborted) this.#modules.events.walrusIdFailed(sha256, error);
		});
		return work;
	}

	async #computeWalrusId(sha256: Hex): Promise<WalrusBlobId | undefined> {
		const known = await this.#knownWalrusId(sha256);
		if (known !== undefined) return known;
		const record = await this.#record(sha256);
		if (record === undefined) throw new FreeholdError("blob.notFound", { id: sha256 });
		if (record.sizeBytes > this.#options.maxWalrusIdBytes) return undefined;
		const blobId = blobIdOf(await this.#modules.walrusIds.compute(this.#layout.blob(sha256), sha256, this.#closing.signal));
		// The way back first: an id that is answered can be asked for.
		await atomicWriteFile(this.#layout.owner(blobId), sha256);
		await syncFolder(this.#layout.ids);
		this.#modules.crashPoint("storage.id.owned");
		await atomicWriteFile(this.#layout.walrusId(sha256), blobId);
		this.#modules.crashPoint("storage.id.named");
		return blobId;
	}

	async #takeStock(): Promise<void> {
		for (const shelf of await readdir(this.#layout.blobs)) {
			for (const name of await readdir(join(this.#layout.blobs, shelf))) {
				if (name.endsWith(".tmp")) await rm(join(this.#layout.blobs, shelf, name), { force: true });
				const sha256 = parseSha256(name);
				if (sha256 === undefined) continue;
				const { size } = await stat(this.#layout.blob(sha256));
				this.#blobs++;
				this.#bytes += size;
			}
		}
	}
}

async function exists(path: string): Promise<boolean> {
	return access(path).then(
		() => true,
		() => false,
	);
}

function rejectOn(signal: AbortSignal): Promise<never> {
	return new Promise((_, reject) => {
		if (signal.aborted) reject(signal.reason);
		else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
	});
}
