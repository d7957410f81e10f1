/** Follows the chain into the index, and fetches what the chain only names by digest: manifests and cards. */
import { modelRegistryAbi, nodeRegistryAbi, royaltiesAbi, usageLedgerAbi } from "@freehold/contracts/abi";
import { contractAddresses, defaultHashes, FreeholdError, fromUtf8, type Hex, limits, type Manifest, parseManifest, toHex } from "@freehold/protocol";
import { type ChainClient, type Cursor, followEvents } from "@freehold/sdk/chain";
import { type Connection, readMeta, writeMeta } from "../database/database.js";
import { applyEvent } from "./apply.js";
import { refreshShown } from "./shown.js";

/** The name that Walrus gives a blob; undefined while the storage has not computed it. */
export type FindBlobId = (sha256: Hex, signal: AbortSignal) => Promise<string | undefined>;

/** Bytes of a blob; undefined when the storage does not have it (yet). */
export type FetchBlob = (sha256: Hex, maxBytes: number, signal: AbortSignal) => Promise<Uint8Array | undefined>;

export interface IndexerEvents {
	readonly indexed: (block: bigint, events: number) => void;
	readonly chainUnreachable: (error: unknown, waitMs: number) => void;
	readonly manifestRefused: (release: string, error: unknown) => void;
}

export interface IndexerModules {
	readonly db: Connection;
	readonly client: ChainClient;
	readonly fetchBlob: FetchBlob;
	readonly findBlobId: FindBlobId;
	readonly clock: { now(): number };
	/** Milliseconds of a steady clock. */
	readonly ticks: () => number;
	readonly events: IndexerEvents;
	readonly crashPoint: (name: string) => void;
}

/** What the index keeps of a manifest, beside the chain's own facts. */
export type ReleaseContent = Pick<Manifest, "title" | "task" | "tags" | "files" | "inputs" | "outputs" | "text">;

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 600_000;
const IDLE_MS = 1_000;
const CURSOR = "cursor";

export class Indexer {
	readonly #modules: IndexerModules;
	#height: bigint | undefined;
	#atHead = false;
	#tookAt: number;

	constructor(modules: IndexerModules) {
		this.#modules = modules;
		this.#tookAt = modules.ticks();
		this.#height = readCursor(modules.db)?.number;
	}

	/** Last block in the index. */
	get height(): bigint | undefined {
		return this.#height;
	}
	/** True when the index had everything at its last look. */
	get atHead(): boolean {
		return this.#atHead;
	}

	/** Time since a block was taken over and written. The chain makes one every few seconds, so a long silence means that it, or the index, stands still. */
	get silenceMs(): number {
		return this.#modules.ticks() - this.#tookAt;
	}

	/** Follows until `signal`. */
	async run(signal: AbortSignal): Promise<void> {
		await Promise.all([this.#follow(signal), this.#fetchManifests(signal), this.#findBlobIds(signal)]);
	}

	async #follow(signal: AbortSignal): Promise<void> {
		const { db, client, events: tell, crashPoint } = this.#modules;
		const contracts = [
			{ address: contractAddresses.ModelRegistry, abi: modelRegistryAbi },
			{ address: contractAddresses.UsageLedger, abi: usageLedgerAbi },
			{ address: contractAddresses.Royalties, abi: royaltiesAbi },
			{ address: contractAddresses.NodeRegistry, abi: nodeRegistryAbi },
		];
		await followEvents({
			client,
			contracts,
			cursor: readCursor(db),
			signal,
			onRetry: (error, waitMs) => {
				this.#atHead = false;
				tell.chainUnreachable(error, waitMs);
			},
			onBlock: (events, block) => {
				const place = { block: block.number, time: Number(block.timestamp) * 1000 };
				db.transaction(() => {
					for (const event of events) applyEvent(db, event, place);
					writeMeta(db, CURSOR, JSON.stringify({ number: block.cursor.number.toString(), hash: block.cursor.hash }));
				})();
				crashPoint("hub.block.indexed");
				this.#height = block.number;
				this.#tookAt = this.#modules.ticks();
				this.#atHead = block.atHead;
				tell.indexed(block.number, events.length);
			},
		});
	}

	async #fetchManifests(signal: AbortSignal): Promise<void> {
		const { db, clock } = this.#modules;
		while (!signal.aborted) {
			const now = clock.now();
			const waiting = db
				.prepare("SELECT id, model, manifest, tries FROM release WHERE content IS NULL AND nextTryAt <= ? ORDER BY nextTryAt LIMIT 16")
				.all(now) as Waiting[];
			for (const release of waiting) if (!signal.aborted) await this.#fetchOne(release, signal);
			if (waiting.length === 0) await pause(IDLE_MS, signal);
		}
	}

	/** The names under which the files stand on Walrus. The storage computes them in its own time, and a file is served without them. */
	async #findBlobIds(signal: AbortSignal): Promise<void> {
		const { db, clock, findBlobId } = this.#modules;
		while (!signal.aborted) {
			const waiting = db.prepare("SELECT sha256, tries FROM blob WHERE blobId IS NULL AND nextTryAt <= ? ORDER BY nextTryAt LIMIT 16").all(clock.now()) as {
				sha256: Hex;
				tries: number;
			}[];
			for (const { sha256, tries } of waiting) {
				const blobId = await findBlobId(sha256, signal).catch(() => undefined);
				if (signal.aborted) return;
				if (blobId === undefined) db.prepare("UPDATE blob SET tries = tries + 1, nextTryAt = ? WHERE sha256 = ?").run(clock.now() + retryAfter(tries), sha256);
				else db.prepare("UPDATE blob SET blobId = ? WHERE sha256 = ?").run(blobId, sha256);
			}
			if (waiting.length === 0) await pause(IDLE_MS, signal);
		}
	}

	async #fetchOne(waiting: Waiting, signal: AbortSignal): Promise<void> {
		const { db, fetchBlob, clock, events, crashPoint } = this.#modules;
		try {
			const bytes = await fetchBlob(waiting.manifest, limits.manifestBytes, signal);
			if (bytes === undefined) throw new FreeholdError("blob.notFound", { id: waiting.manifest });
			requireDigest(bytes, waiting.manifest);
			const manifest = parseManifest(fromUtf8(bytes));
			const cardFile = manifest.files.find((file) => file.path === "card.md" && file.bytes <= limits.cardBytes);
			const cardBytes = cardFile === undefined ? undefined : await fetchBlob(cardFile.sha256, limits.cardBytes, signal);
			if (cardFile !== undefined && cardBytes !== undefined) requireDigest(cardBytes, cardFile.sha256);
			crashPoint("hub.manifest.fetched");
			store(db, waiting, manifest, cardBytes === undefined ? undefined : new TextDecoder().decode(cardBytes));
			crashPoint("hub.manifest.indexed");
		} catch (error) {
			if (signal.aborted) return;
			events.manifestRefused(waiting.id, error);
			const waitMs = retryAfter(waiting.tries);
			db.prepare("UPDATE release SET tries = tries + 1, nextTryAt = ? WHERE id = ?").run(clock.now() + waitMs, waiting.id);
		}
	}
}

/** Grows with each try, up to ten minutes. */
function retryAfter(tries: number): number {
	return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(tries, 20));
}

interface Waiting {
	readonly id: Hex;
	readonly model: Hex;
	readonly manifest: Hex;
	readonly tries: number;
}

function store(db: Connection, release: Waiting, manifest: Manifest, card: string | undefined): void {
	const { title, task, tags, files, inputs, outputs, text } = manifest;
	const content: ReleaseContent = {
		...(title === undefined ? {} : { title }),
		...(task === undefined ? {} : { task }),
		...(tags === undefined ? {} : { tags }),
		files,
		inputs,
		outputs,
		...(text === undefined ? {} : { text }),
	};
	db.transaction(() => {
		db.prepare("UPDATE release SET content = ?, card = ? WHERE id = ?").run(JSON.stringify(content), card ?? null, release.id);
		for (const { sha256 } of files) db.prepare("INSERT INTO blob (sha256) VALUES (?) ON CONFLICT DO NOTHING").run(sha256);
		refreshShown(db, release.model);
	})();
}

function readCursor(db: Connection): Cursor | undefined {
	const text = readMeta(db, CURSOR);
	if (text === undefined) return undefined;
	const { number, hash } = JSON.parse(text) as { number: string; hash: Hex };
	return { number: BigInt(number), hash };
}

function requireDigest(bytes: Uint8Array, expected: Hex): void {
	const actual = toHex(defaultHashes.sha256(bytes));
	if (actual !== expected) throw new FreeholdError("blob.mismatch", { actual, expected });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		const done = (): void => {
			clearTimeout(timer);
			signal.removeEventListener("abort", done);
			resolve();
		};
		const timer = setTimeout(done, ms);
		signal.addEventListener("abort", done, { once: true });
	});
}
