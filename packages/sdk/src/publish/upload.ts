/**
 * Uploading blobs to storage: only what it does not hold, so that an interrupted upload goes on where it stopped. A large blob goes in parts, each kept as
 * soon as it is whole; the digests of the parts name the upload, so nothing has to be remembered to find it again.
 */
import { FreeholdError, type Hex, isHex, partRange, planUpload, storageRoutes, type UploadBody, type UploadPlan } from "@freehold/protocol";
import type { Client } from "../client/client.js";
import { parseJson, refusalOf, urlOf } from "../client/http.js";
import type { Blob } from "./prepare.js";
import { sizeOf } from "./source.js";

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
/** What a broken line costs at most. Smaller blobs go whole. */
const PART_BYTES = 4 * 1024 * 1024;

/** Gives the number of bytes that were sent; the rest was there. */
export async function uploadBlobs(client: Client, blobs: readonly Blob[], options: UploadOptions = {}): Promise<number> {
	const totalBytes = blobs.reduce((sum, blob) => sum + sizeOf(blob.bytes), 0);
	let doneBytes = 0;
	let sentBytes = 0;
	for (const blob of blobs) {
		const base = doneBytes;
		const report = (bytes: number): void => options.progress?.({ path: blob.path, doneBytes: base + bytes, totalBytes });
		report(0);
		const { sha256, bytes } = blob;
		const sizeBytes = sizeOf(bytes);
		if (!(await isStored(client, sha256, sizeBytes, options.signal))) {
			const whole = bytes instanceof Uint8Array && sizeBytes <= PART_BYTES;
			sentBytes += await (whole ? putWhole(client, { sha256, bytes }, report, options.signal) : putInParts(client, blob, report, options.signal));
		}
		report(sizeBytes);
		doneBytes += sizeBytes;
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

async function putWhole(
	client: Client,
	{ bytes, sha256 }: { readonly bytes: Uint8Array; readonly sha256: Hex },
	report: (bytes: number) => void,
	signal: AbortSignal | undefined,
): Promise<number> {
	// Storage hashes what arrives and refuses bytes that are not these.
	await send(client, urlOf(client.network.storageUrl, storageRoutes.put.path, {}, { sha256: sha256.slice(2), blob_id: "later" }), bytes, report, signal);
	return bytes.length;
}

async function putInParts(client: Client, { bytes, sha256 }: Blob, report: (bytes: number) => void, signal: AbortSignal | undefined): Promise<number> {
	const { storageUrl } = client.network;
	const plan: UploadPlan =
		bytes instanceof Uint8Array
			? planUpload(bytes, { partBytes: PART_BYTES, sha256, hashes: client.crypto })
			: { sha256, bytes: bytes.sizeBytes, partBytes: bytes.partBytes, parts: bytes.parts };
	const begun = (await client.http.json(urlOf(storageUrl, storageRoutes.beginUpload.path), {
		what: STORAGE,
		json: plan,
		timeoutMs: ASK_TIMEOUT_MS,
		signal,
	})) as UploadBody;
	const { upload, missing } = readUpload(begun);
	const rangeOf = (part: number) => partRange(plan, part) ?? { start: 0, end: 0 };
	const missingBytes = missing.reduce((sum, part) => sum + rangeOf(part).end - rangeOf(part).start, 0);
	let done = plan.bytes - missingBytes;
	report(done);
	for (const part of missing) {
		const url = urlOf(storageUrl, storageRoutes.putPart.path, { upload, part: String(part) });
		const before = done;
		const { start, end } = rangeOf(part);
		const piece = bytes instanceof Uint8Array ? bytes.subarray(start, end) : await bytes.read(start, end);
		await send(client, url, piece, (sent) => report(before + sent), signal);
		done += end - start;
		report(done);
	}
	const complete = urlOf(storageUrl, storageRoutes.completeUpload.path, { upload }, { blob_id: "later" });
	await client.http.json(complete, { what: STORAGE, method: "POST", timeoutMs: timeoutFor(plan.bytes), signal });
	return missingBytes;
}

function readUpload({ upload, missing }: UploadBody): UploadBody {
	if (!isHex(upload, 32) || !Array.isArray(missing)) throw new FreeholdError("upstream.failed", { what: STORAGE, reason: "no upload in its answer" });
	return { upload, missing };
}

async function send(client: Client, url: string, bytes: Uint8Array, report: (bytes: number) => void, signal: AbortSignal | undefined): Promise<void> {
	const { status, body } = await client.http.request(url, {
		what: STORAGE,
		method: "PUT",
		headers: { "content-type": "application/octet-stream" },
		body: client.streamUploads ? streamOf(bytes, report) : (bytes as Uint8Array<ArrayBuffer>),
		timeoutMs: timeoutFor(bytes.length),
		signal,
	});
	if (status < 200 || status > 299) throw refusalOf(STORAGE, status, parseJson(body));
}

function timeoutFor(sizeBytes: number): number {
	return Math.ceil(Math.max(LEAST_TIMEOUT_MS, (sizeBytes / 1024 ** 2) * MS_PER_MEGABYTE));
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
