/** The specification of a blob store. What is read is what was named, or an error: never other bytes. */
import type { Readable } from "node:stream";
import type { Hex } from "@freehold/protocol";
import type { BlobName, WalrusBlobId } from "./blob-name.js";

export interface BlobInfo {
	readonly sha256: Hex;
	readonly sizeBytes: number;
	/** Undefined while it is being computed, and for blobs too large to compute it here. */
	readonly blobId: WalrusBlobId | undefined;
}

export interface PutOptions {
	/** Refuse content that hashes to anything else. */
	readonly expectedSha256?: Hex;
	readonly signal?: AbortSignal;
}

export interface StoredBlob {
	readonly info: BlobInfo;
	/** False when these bytes were here before. */
	readonly created: boolean;
}

/** Bytes from `start` up to, not including, `end`. */
export interface ByteRange {
	readonly start: number;
	readonly end: number;
}

export interface BlobStoreStats {
	readonly blobs: number;
	readonly bytes: number;
	/** Blobs whose Walrus id is still to be computed. */
	readonly pendingIds: number;
}

export interface BlobStore {
	/** Keeps the content durably before it resolves. Throws `blob.tooLarge`, `blob.mismatch`, `store.full`. */
	put(content: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<StoredBlob>;
	find(name: BlobName, signal?: AbortSignal): Promise<BlobInfo | undefined>;
	/**
	 * Bytes of a blob, each part checked before it is given. Throws `blob.notFound`, or `blob.corrupt` when the first part is bad; a later bad part
	 * makes the stream fail.
	 */
	read(sha256: Hex, range?: ByteRange): Promise<Readable>;
	/** The Walrus id, computed now if it has not been. Undefined for a blob too large to compute it here. */
	walrusId(sha256: Hex, signal?: AbortSignal): Promise<WalrusBlobId | undefined>;
	stats(): BlobStoreStats;
	close(): Promise<void>;
}
