/** The JSON that a Walrus publisher answers. */
import type { Hex } from "@freehold/protocol";
import { parseBlobId, type WalrusBlobId } from "../blob/blob-name.js";
import { encodedLength } from "./encoded-length.js";

export interface PublishedBlob {
	readonly sha256: Hex;
	readonly sizeBytes: number;
	/** Undefined where it is computed later. */
	readonly blobId: WalrusBlobId | undefined;
	readonly created: boolean;
}

export interface PublishTerms {
	readonly shards: number;
	/** Storage epochs asked for. They do not pass here: a blob stays. */
	readonly epochs: number;
}

/**
 * Answer to `PUT /v1/blobs`. There is no Sui object behind a blob here, so its SHA-256 stands where the object's id would; nothing is paid, so the cost is 0.
 */
export function publisherAnswer({ sha256, sizeBytes, blobId, created }: PublishedBlob, { shards, epochs }: PublishTerms): object {
	if (!created) return { alreadyCertified: { blobId, object: sha256, endEpoch: epochs }, sha256 };
	const encoded = encodedLength(sizeBytes, shards);
	return {
		newlyCreated: {
			blobObject: {
				id: sha256,
				registeredEpoch: 0,
				blobId,
				size: sizeBytes,
				encodingType: "RS2",
				certifiedEpoch: 0,
				storage: { id: sha256, startEpoch: 0, endEpoch: epochs, storageSize: encoded },
				deletable: false,
			},
			resourceOperation: { registerFromScratch: { encodedLength: encoded, epochsAhead: epochs } },
			cost: 0,
		},
		sha256,
	};
}

/** What a publisher's answer says; undefined when it is no such answer. */
export function parsePublisherAnswer(answer: unknown): { readonly blobId: WalrusBlobId; readonly created: boolean } | undefined {
	const outer = record(answer);
	const fresh = record(record(outer?.newlyCreated)?.blobObject);
	const known = record(outer?.alreadyCertified);
	const text = fresh?.blobId ?? known?.blobId;
	const blobId = typeof text === "string" ? parseBlobId(text) : undefined;
	return blobId === undefined ? undefined : { blobId, created: fresh !== undefined };
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
	return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : undefined;
}
