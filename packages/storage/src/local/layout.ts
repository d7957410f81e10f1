/**
 * Where a local store keeps things:
 *
 *     blobs/ab/<sha256>          the bytes
 *     blobs/ab/<sha256>.record   size and digests of the parts
 *     blobs/ab/<sha256>.walrus   the Walrus id, once computed
 *     ids/cd/<walrus id in hex>  the SHA-256 it belongs to
 *     tmp/                       uploads in progress; emptied at start
 *
 * Hex names, because some file systems do not tell upper from lower case.
 */
import { join } from "node:path";
import type { Hex } from "@freehold/protocol";
import type { WalrusBlobId } from "../blob/blob-name.js";

export interface Layout {
	readonly blobs: string;
	readonly drafts: string;
	readonly ids: string;
	blob(sha256: Hex): string;
	record(sha256: Hex): string;
	walrusId(sha256: Hex): string;
	owner(blobId: WalrusBlobId): string;
}

export function layoutOf(folder: string): Layout {
	const blobs = join(folder, "blobs");
	const ids = join(folder, "ids");
	const place = (sha256: Hex): string => join(blobs, sha256.slice(2, 4), sha256.slice(2));
	return {
		blobs,
		drafts: join(folder, "tmp"),
		ids,
		blob: place,
		record: (sha256) => `${place(sha256)}.record`,
		walrusId: (sha256) => `${place(sha256)}.walrus`,
		owner: (blobId) => {
			const hex = Buffer.from(blobId, "base64url").toString("hex");
			return join(ids, hex.slice(0, 2), hex);
		},
	};
}
