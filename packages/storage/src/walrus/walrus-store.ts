/** Walrus itself behind the same interface: everything written goes to a publisher too, what is not here is fetched from an aggregator and checked. */
import type { Readable } from "node:stream";
import { FreeholdError, type Hex } from "@freehold/protocol";
import { type BlobName, formatBlobName, type WalrusBlobId } from "../blob/blob-name.js";
import type { BlobInfo, BlobStore, BlobStoreStats, ByteRange, PutOptions, StoredBlob } from "../blob/blob-store.js";
import { parsePublisherAnswer } from "./walrus-api.js";

export interface WalrusStoreOptions {
	readonly publisherUrl: string;
	readonly aggregatorUrl: string;
	/** Storage epochs bought for each blob. */
	readonly epochs: number;
	/** For one upload or download, whole. */
	readonly transferTimeoutMs: number;
	readonly fetch?: typeof fetch;
}

const MAX_ANSWER_BYTES = 64 * 1024;

export class WalrusStore implements BlobStore {
	readonly #options: WalrusStoreOptions;
	readonly #local: BlobStore;
	readonly #fetch: typeof fetch;
	/** Downloads in progress, so that many readers of one blob cause one. */
	readonly #pulls = new Map<WalrusBlobId, Promise<BlobInfo | undefined>>();

	/** `local` keeps what passes through. */
	constructor(options: WalrusStoreOptions, local: BlobStore) {
		this.#options = options;
		this.#local = local;
		this.#fetch = options.fetch ?? fetch;
	}

	async put(content: AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<StoredBlob> {
		const { info } = await this.#local.put(content, options);
		const [published, expected] = await Promise.all([this.#publish(info, options.signal), this.#local.walrusId(info.sha256, options.signal)]);
		if (expected !== undefined && published.blobId !== expected) {
			throw new FreeholdError("upstream.failed", { what: "The Walrus publisher", reason: `it named the blob ${published.blobId}, not ${expected}` });
		}
		return { info: { ...info, blobId: published.blobId }, created: published.created };
	}

	async find(name: BlobName, signal?: AbortSignal): Promise<BlobInfo | undefined> {
		const here = await this.#local.find(name, signal);
		if (here !== undefined || "sha256" in name) return here;
		let pull = this.#pulls.get(name.blobId);
		if (pull === undefined) {
			pull = this.#pull(name.blobId).finally(() => this.#pulls.delete(name.blobId));
			this.#pulls.set(name.blobId, pull);
		}
		return pull;
	}

	read(sha256: Hex, range?: ByteRange): Promise<Readable> {
		return this.#local.read(sha256, range);
	}

	walrusId(sha256: Hex, signal?: AbortSignal): Promise<WalrusBlobId | undefined> {
		return this.#local.walrusId(sha256, signal);
	}

	stats(): BlobStoreStats {
		return this.#local.stats();
	}

	close(): Promise<void> {
		return this.#local.close();
	}

	async #publish(info: BlobInfo, signal: AbortSignal | undefined): Promise<{ blobId: WalrusBlobId; created: boolean }> {
		const url = new URL("/v1/blobs", this.#options.publisherUrl);
		url.searchParams.set("epochs", String(this.#options.epochs));
		url.searchParams.set("permanent", "true");
		const response = await this.#request("The Walrus publisher", url, signal, {
			method: "PUT",
			headers: { "content-type": "application/octet-stream", "content-length": String(info.sizeBytes) },
			body: (await this.#local.read(info.sha256)) as unknown as ReadableStream,
			duplex: "half",
		});
		const text = response.ok ? await boundedText(response) : "";
		const answer = parsePublisherAnswer(parseJson(text));
		if (answer === undefined) throw new FreeholdError("upstream.failed", { what: "The Walrus publisher", reason: `status ${response.status}` });
		return answer;
	}

	/** Fetches a blob by its id, keeps it, and gives it out only if it has that id. */
	async #pull(blobId: WalrusBlobId): Promise<BlobInfo | undefined> {
		const response = await this.#request("The Walrus aggregator", new URL(`/v1/blobs/${blobId}`, this.#options.aggregatorUrl), undefined, {});
		if (response.status === 404) {
			await response.body?.cancel();
			return undefined;
		}
		if (!response.ok || response.body === null)
			throw new FreeholdError("upstream.failed", { what: "The Walrus aggregator", reason: `status ${response.status}` });
		const { info } = await this.#local.put(response.body as unknown as AsyncIterable<Uint8Array>);
		const actual = await this.#local.walrusId(info.sha256);
		if (actual !== blobId) {
			throw new FreeholdError("upstream.failed", { what: "The Walrus aggregator", reason: `the bytes it sent are not blob ${formatBlobName({ blobId })}` });
		}
		return { ...info, blobId };
	}

	async #request(what: string, url: URL, signal: AbortSignal | undefined, init: RequestInit & { readonly duplex?: "half" }): Promise<Response> {
		const deadline = AbortSignal.timeout(this.#options.transferTimeoutMs);
		try {
			return await this.#fetch(url, { ...init, signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]) });
		} catch (error) {
			signal?.throwIfAborted();
			if (deadline.aborted) throw new FreeholdError("upstream.timeout", { what, seconds: this.#options.transferTimeoutMs / 1000 }, { cause: error });
			throw new FreeholdError("upstream.failed", { what, reason: error instanceof Error ? error.message : "no answer" }, { cause: error });
		}
	}
}

async function boundedText(response: Response): Promise<string> {
	const chunks: Uint8Array[] = [];
	let size = 0;
	for await (const chunk of (response.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
		size += chunk.length;
		if (size > MAX_ANSWER_BYTES) return "";
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
