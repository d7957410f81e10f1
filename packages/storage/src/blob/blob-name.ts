/** The two names of a blob: the SHA-256 of its bytes, and its Walrus blob id, which commits to the erasure-coded form. */
import { type Hex, isHex } from "@freehold/protocol";

/** 43 characters of URL-safe base64 without padding: 32 bytes. */
export type WalrusBlobId = string & { readonly walrusBlobId: never };

export type BlobName = { readonly sha256: Hex } | { readonly blobId: WalrusBlobId };

/** 64 hex digits, with or without 0x; undefined when it is not that. */
export function parseSha256(text: string): Hex | undefined {
	const hex = text.startsWith("0x") ? text : `0x${text}`;
	return isHex(hex, 32) ? hex : undefined;
}

/** The one spelling of a blob id; undefined for any other text. */
export function parseBlobId(text: string): WalrusBlobId | undefined {
	if (!/^[A-Za-z0-9_-]{43}$/.test(text)) return undefined;
	const bytes = Buffer.from(text, "base64url");
	return bytes.length === 32 && bytes.toString("base64url") === text ? (text as WalrusBlobId) : undefined;
}

export function blobIdOf(bytes: Uint8Array): WalrusBlobId {
	return Buffer.from(bytes).toString("base64url") as WalrusBlobId;
}

/** The name as errors and logs print it. */
export function formatBlobName(name: BlobName): string {
	return "sha256" in name ? name.sha256 : name.blobId;
}
