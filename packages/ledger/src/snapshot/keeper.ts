/** The snapshots that this ledger offers: the newest two, as files; and the one that it is being given. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { equalBytes, fromHex, isHex, toHex } from "@freehold/protocol";
import { atomicWriteFile } from "@freehold/service";
import type { StateStore } from "../state/state-store.js";
import { SNAPSHOT_FORMAT } from "./snapshot.js";
import { CHUNK_BYTES, sha256, takeSnapshot } from "./take.js";

export interface OfferedSnapshot {
	readonly height: bigint;
	readonly format: number;
	readonly chunks: number;
	/** SHA-256 of `metadata`. */
	readonly hash: Uint8Array;
	/** SHA-256 of each chunk, joined. */
	readonly metadata: Uint8Array;
}

/** Of a snapshot that is taken: what a process holds in memory while it builds the tries. */
const MAX_CHUNKS = 64;
const KEPT = 2;
const HEIGHT = /^[1-9][0-9]{0,18}$/;

export class SnapshotKeeper {
	readonly #folder: string;
	#taking: Promise<void> | undefined;

	constructor(folder: string) {
		this.#folder = folder;
	}

	/** Takes one in the background, unless that is being done; `open` gives a view that does not move, which is closed afterwards. */
	take(open: () => StateStore, failed: (error: unknown) => void): void {
		if (this.#taking !== undefined) return;
		const view = open();
		this.#taking = this.#write(view)
			.catch(failed)
			.finally(async () => {
				await view.close();
				this.#taking = undefined;
			});
	}

	/** Resolves when nothing is being written. */
	async settled(): Promise<void> {
		await this.#taking;
	}

	async list(): Promise<readonly OfferedSnapshot[]> {
		const heights = (await readdir(this.#folder).catch(() => [])).filter((name) => HEIGHT.test(name)).map(BigInt);
		heights.sort((a, b) => (a > b ? -1 : 1));
		const found = await Promise.all(heights.slice(0, KEPT).map((height) => this.#read(height)));
		return found.filter((snapshot) => snapshot !== undefined);
	}

	/** Empty when there is none. */
	async chunk(height: bigint, format: number, index: number): Promise<Uint8Array> {
		if (format !== SNAPSHOT_FORMAT || index >= MAX_CHUNKS) return new Uint8Array(0);
		return readFile(join(this.#folder, height.toString(), `chunk-${index}`)).catch(() => new Uint8Array(0));
	}

	async #write(view: StateStore): Promise<void> {
		const place = join(this.#folder, "writing");
		await rm(place, { recursive: true, force: true });
		await mkdir(place, { recursive: true });
		const taken = await takeSnapshot(
			view,
			(index, chunk) => {
				if (index >= MAX_CHUNKS) throw new Error(`the state is larger than the ${MAX_CHUNKS} chunks that a snapshot may have`);
				return writeFile(join(place, `chunk-${index}`), chunk);
			},
			() => new Promise((resolve) => setImmediate(resolve)),
		);
		if (taken === undefined) return;
		await atomicWriteFile(join(place, "digests"), toHex(taken.digests));
		const target = join(this.#folder, taken.height.toString());
		await rm(target, { recursive: true, force: true });
		await rename(place, target);
		const kept = new Set((await this.list()).map(({ height }) => height.toString()));
		for (const name of await readdir(this.#folder)) if (HEIGHT.test(name) && !kept.has(name)) await rm(join(this.#folder, name), { recursive: true });
	}

	async #read(height: bigint): Promise<OfferedSnapshot | undefined> {
		const text = await readFile(join(this.#folder, height.toString(), "digests"), "utf8").catch(() => "");
		if (!isHex(text)) return undefined;
		const metadata = fromHex(text);
		return { height, format: SNAPSHOT_FORMAT, chunks: metadata.length / 32, hash: sha256(metadata), metadata };
	}
}

/** A snapshot on its way in: each chunk is checked as it comes. */
export class IncomingSnapshot {
	readonly height: bigint;
	readonly appHash: Uint8Array;
	readonly #metadata: Uint8Array;
	readonly #chunks: (Uint8Array | undefined)[];

	private constructor(offered: OfferedSnapshot, appHash: Uint8Array) {
		this.height = offered.height;
		this.appHash = Uint8Array.from(appHash);
		this.#metadata = Uint8Array.from(offered.metadata);
		this.#chunks = new Array<Uint8Array | undefined>(offered.chunks).fill(undefined);
	}

	/** What can be taken; `format` for one that is made otherwise, `refused` for one that is too large or says one thing twice differently. */
	static accept(offered: OfferedSnapshot, appHash: Uint8Array): IncomingSnapshot | "format" | "refused" {
		if (offered.format !== SNAPSHOT_FORMAT) return "format";
		const { chunks, metadata, hash } = offered;
		const isSound = chunks >= 1 && chunks <= MAX_CHUNKS && metadata.length === 32 * chunks && equalBytes(sha256(metadata), hash) && appHash.length === 32;
		return isSound ? new IncomingSnapshot(offered, appHash) : "refused";
	}

	/** False when it is not the chunk that was offered. */
	take(index: number, chunk: Uint8Array): boolean {
		const digest = this.#metadata.subarray(32 * index, 32 * index + 32);
		if (index >= this.#chunks.length || chunk.length > CHUNK_BYTES || !equalBytes(sha256(chunk), digest)) return false;
		this.#chunks[index] = Uint8Array.from(chunk);
		return true;
	}

	/** All chunks, once they are there. */
	whole(): readonly Uint8Array[] | undefined {
		return this.#chunks.every((chunk) => chunk !== undefined) ? (this.#chunks as readonly Uint8Array[]) : undefined;
	}
}
