/** Blobs from storage into files and back, as streams: a model need not fit into memory. What arrives is believed when it hashes to its name. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { FreeholdError, type Hex, limits, storageRoutes } from "@freehold/protocol";
import { fetchBytes, fetchStream, refusal } from "@freehold/service";

const TRANSFER_MS = 3_600_000;
const ASK_MS = 30_000;
const WHAT = "The storage";

/** Writes a blob to `path` unless it is there already. Gives its size. */
export async function downloadBlob(storageUrl: string, sha256: Hex, path: string, signal: AbortSignal): Promise<number> {
	if ((await digestOf(path)) === sha256) return (await stat(path)).size;
	await mkdir(dirname(path), { recursive: true });
	const draft = `${path}.part`;
	const url = `${storageUrl}${storageRoutes.getBySha256.path.replace(":sha256", sha256)}`;
	const { status, body } = await fetchStream(url, { what: WHAT, deadlineMs: TRANSFER_MS, maxBytes: limits.blobBytes, signal });
	if (status !== 200) {
		body.destroy();
		throw status === 404 ? new FreeholdError("blob.notFound", { id: sha256 }) : refusal(WHAT, status, undefined);
	}
	try {
		await pipeline(body, createWriteStream(draft));
		const actual = await digestOf(draft);
		if (actual !== sha256) throw new FreeholdError("blob.mismatch", { actual: actual ?? "nothing", expected: sha256 });
		await rename(draft, path);
	} finally {
		await rm(draft, { force: true });
	}
	return (await stat(path)).size;
}

/** Brings a file into storage under its digest, unless it is there. True when it was sent. */
export async function uploadBlob(storageUrl: string, sha256: Hex, path: string, signal: AbortSignal): Promise<boolean> {
	const actual = await digestOf(path);
	if (actual !== sha256) throw new FreeholdError("blob.mismatch", { actual: actual ?? "nothing", expected: sha256 });
	const head = `${storageUrl}${storageRoutes.headBySha256.path.replace(":sha256", sha256)}`;
	if ((await fetchBytes(head, { what: WHAT, method: "HEAD", deadlineMs: ASK_MS, signal })).status === 200) return false;
	// Its other name takes storage a second or more to work out, which nobody has to wait for.
	const response = await fetch(`${storageUrl}${storageRoutes.put.path}?sha256=${sha256.slice(2)}&blob_id=later`, {
		method: "PUT",
		headers: { "content-type": "application/octet-stream", "content-length": String((await stat(path)).size) },
		body: createReadStream(path),
		duplex: "half",
		signal: AbortSignal.any([signal, AbortSignal.timeout(TRANSFER_MS)]),
	} as unknown as RequestInit);
	if (!response.ok) throw refusal(WHAT, response.status, await response.json().catch(() => undefined));
	await response.arrayBuffer();
	return true;
}

/** SHA-256 of a file; undefined when it is not there. */
async function digestOf(path: string): Promise<Hex | undefined> {
	if ((await stat(path).catch(() => undefined))?.isFile() !== true) return undefined;
	const hash = createHash("sha256");
	await pipeline(createReadStream(path), hash);
	return `0x${hash.digest("hex")}`;
}
