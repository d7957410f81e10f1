/** Files of a release from storage, believed only when they hash to what the registry or the manifest says. */
import { FreeholdError, fromUtf8, type Hex, limits, type Manifest, parseManifest, storageRoutes, toHex } from "@freehold/protocol";
import type { Client } from "../client/client.js";
import { urlOf } from "../client/http.js";

const TIMEOUT_MS = 600_000;

/** Throws `blob.notFound`, `blob.mismatch` or what storage refused with. */
export async function readBlob(client: Client, sha256: Hex, maxBytes: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
	const url = urlOf(client.network.storageUrl, storageRoutes.getBySha256.path, { sha256 });
	const { status, body } = await client.http.request(url, { what: "The storage", maxBytes, signal, timeoutMs: TIMEOUT_MS });
	if (status === 404) throw new FreeholdError("blob.notFound", { id: sha256 });
	if (status !== 200) throw new FreeholdError("upstream.failed", { what: "The storage", reason: `HTTP ${status}` });
	const actual = toHex(client.crypto.sha256(body));
	if (actual !== sha256) throw new FreeholdError("blob.mismatch", { actual, expected: sha256 });
	return body;
}

export interface ReadManifest {
	readonly manifest: Manifest;
	/** Canonical text: what the digest is of. */
	readonly text: string;
	readonly digest: Hex;
}

/** The manifest of a release. */
export async function readManifest(client: Client, release: Hex, signal: AbortSignal | undefined): Promise<ReadManifest> {
	const { manifest: digest } = await client.registry.release(release, signal);
	const text = fromUtf8(await readBlob(client, digest, limits.manifestBytes, signal));
	return { manifest: parseManifest(text), text, digest };
}
