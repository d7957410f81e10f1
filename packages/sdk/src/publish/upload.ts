/** Uploading blobs to storage: only what it does not hold, so that an interrupted upload goes on where it stopped. */
import { FreeholdError, type Hex, storageRoutes } from "@freehold/protocol";
import type { Client } from "../client/client.js";
import { parseJson, refusalOf, urlOf } from "../client/http.js";
import type { Blob } from "./prepare.js";

export interface UploadProgress {
	/** File that is being sent. */
	readonly path: string;
	readonly doneBytes: number;
	readonly totalBytes: number;
}

export interface UploadOptions {
	readonly signal?: AbortSignal | undefined;
	readonly progress?: ((progress: UploadProgress) => void) | undefined;
}

const STORAGE = "The storage";
const ASK_TIMEOUT_MS = 15_000;
/** A slow line gets this long for a megabyte, and no upload less than a minute. */
const MS_PER_MEGABYTE = 20_000;
const LEAST_TIMEOUT_MS = 60_000;
const CHUNK_BYTES = 256 * 1024;

/** Gives the number of bytes that were sent; the rest was there. */
export async function uploadBlobs(client: Client, blobs: readonly Blob[], options: UploadOptions = {}): Promise<number> {
	const totalBytes = blobs.reduce((sum, blob) => sum + blob.bytes.length, 0);
	let doneBytes = 0;
	let sentBytes = 0;
	for (const blob of blobs) {
		const base = doneBytes;
		const report = (bytes: number): void => options.progress?.({ path: blob.path, doneBytes: base + bytes, totalBytes });
		report(0);
		if (!(await isStored(client, blob.sha256, blob.bytes.length, options.signal))) {
			await put(client, blob, report, options.signal);
			sentBytes += blob.bytes.length;
		}
		doneBytes += blob.bytes.length;
		report(blob.bytes.length);
	}
	return sentBytes;
}

async function isStored(client: Client, sha256: Hex, sizeBytes: number, signal: AbortSignal | undefined): Promise<boolean> {
	const url = urlOf(client.network.storageUrl, storageRoutes.headBySha256.path, { sha256 });
	const { status, header } = await client.http.request(url, { what: STORAGE, method: "HEAD", timeoutMs: ASK_TIMEOUT_MS, signal });
	if (status === 404) return false;
	if (status !== 200) throw new FreeholdError("upstream.failed", { what: STORAGE, reason: `HTTP ${status}` });
	const length = header("content-length");
	return length === null || Number(length) === sizeBytes;
}

async function put(client: Client, blob: Blob, report: (bytes: number) => void, signal: AbortSignal | undefined): Promise<void> {
	// Storage hashes what arrives and refuses bytes that are not these.
	const url = urlOf(client.network.storageUrl, storageRoutes.put.path, {}, { sha256: blob.sha256.slice(2), blob_id: "later" });
	const { status, body } = await client.http.request(url, {
		what: STORAGE,
		method: "PUT",
		headers: { "content-type": "application/octet-stream" },
		body: client.streamUploads ? streamOf(blob.bytes, report) : (blob.bytes as Uint8Array<ArrayBuffer>),
		timeoutMs: Math.max(LEAST_TIMEOUT_MS, (blob.bytes.length / 1024 ** 2) * MS_PER_MEGABYTE),
		signal,
	});
	if (status < 200 || status > 299) throw refusalOf(STORAGE, status, parseJson(body));
}

function streamOf(bytes: Uint8Array, report: (bytes: number) => void): ReadableStream<Uint8Array> {
	let offset = 0;
	return new ReadableStream({
		pull(controller) {
			if (offset >= bytes.length) {
				controller.close();
				return;
			}
			const end = Math.min(bytes.length, offset + CHUNK_BYTES);
			controller.enqueue(bytes.subarray(offset, end));
			offset = end;
			report(offset);
		},
	});
}
