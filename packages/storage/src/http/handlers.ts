/** The routes of storage: a Walrus publisher and aggregator, and the same blobs by their SHA-256. */
import { FreeholdError, storageRoutes } from "@freehold/protocol";
import { type HttpRequest, type HttpResponse, jsonResponse, type RouteBinding } from "@freehold/service";
import { type BlobName, formatBlobName, parseBlobId, parseSha256 } from "../blob/blob-name.js";
import type { BlobInfo, BlobStore, PutOptions, StoredBlob } from "../blob/blob-store.js";
import type { Uploads } from "../uploads/uploads.js";
import { publisherAnswer } from "../walrus/walrus-api.js";
import { parseRange } from "./range.js";
import { contentOf, goneWith } from "./upload-body.js";
import { uploadBindings } from "./upload-handlers.js";

export interface StorageHandlerOptions {
	readonly maxBlobBytes: number;
	readonly shards: number;
	/** Uploads at one time. */
	readonly maxUploads: number;
}

export interface StorageEvents {
	stored(info: BlobInfo, created: boolean): void;
	served(info: BlobInfo, bytes: number): void;
}

const MAX_EPOCHS = 1000;
/** Tells the blob's name on Walrus, where it has been computed. */
const walrusIdHeader = "x-walrus-blob-id";

export function storageBindings(store: BlobStore, uploads: Uploads, options: StorageHandlerOptions, events: StorageEvents): RouteBinding[] {
	let receiving = 0;

	/** Bodies that are being received at one time are counted, whole blobs and parts alike. */
	async function receive<T>(work: () => Promise<T>): Promise<T> {
		if (receiving >= options.maxUploads) throw new FreeholdError("blob.busy", { waiting: receiving });
		receiving++;
		try {
			return await work();
		} finally {
			receiving--;
		}
	}

	async function put(request: HttpRequest): Promise<HttpResponse> {
		if (Number(request.headers["content-length"] ?? 0) > options.maxBlobBytes) throw new FreeholdError("blob.tooLarge", { limit: options.maxBlobBytes });
		const epochs = parseEpochs(request.query.get("epochs"));
		const expected = request.query.get("sha256");
		const expectedSha256 = expected === null ? undefined : parseSha256(expected);
		if (expected !== null && expectedSha256 === undefined) throw new FreeholdError("request.invalid", { field: "sha256", reason: "must be 64 hex digits" });
		return receive(async () => {
			const putOptions: PutOptions = { signal: request.signal, ...(expectedSha256 === undefined ? {} : { expectedSha256 }) };
			return answerStored(await store.put(contentOf(request), putOptions).catch(goneWith(request)), request, epochs);
		});
	}

	async function answerStored({ info, created }: StoredBlob, request: HttpRequest, epochs: number): Promise<HttpResponse> {
		const blobId = request.query.get("blob_id") === "later" ? info.blobId : await store.walrusId(info.sha256, request.signal);
		events.stored(info, created);
		return jsonResponse(publisherAnswer({ ...info, blobId, created }, { shards: options.shards, epochs }));
	}

	async function find(name: BlobName, signal: AbortSignal): Promise<BlobInfo> {
		const info = await store.find(name, signal);
		if (info === undefined) throw new FreeholdError("blob.notFound", { id: formatBlobName(name) });
		return info;
	}

	async function get(request: HttpRequest, name: BlobName): Promise<HttpResponse> {
		const info = await find(name, request.signal);
		const headers = headersOf(info);
		if (matches(request.headers["if-none-match"], headers.etag)) return { status: 304, headers };
		const ranged = request.headers["if-range"] === undefined || request.headers["if-range"] === headers.etag;
		const answer = parseRange(ranged ? request.headers.range : undefined, info.sizeBytes);
		if (answer.kind === "unsatisfiable") return { status: 416, headers: { "content-range": `bytes */${info.sizeBytes}`, "accept-ranges": "bytes" } };
		const { start, end } = answer.kind === "part" ? answer.range : { start: 0, end: info.sizeBytes };
		const body = await store.read(info.sha256, { start, end });
		events.served(info, end - start);
		const length = { "content-length": String(end - start) };
		if (answer.kind === "whole") return { status: 200, headers: { ...headers, ...length }, body };
		return { status: 206, headers: { ...headers, ...length, "content-range": `bytes ${start}-${end - 1}/${info.sizeBytes}` }, body };
	}

	async function head(request: HttpRequest, name: BlobName): Promise<HttpResponse> {
		const info = await find(name, request.signal);
		// Who asks about a blob may want its name on Walrus, and finds it when asking again; a failure stands in the store's own log.
		if (info.blobId === undefined) store.walrusId(info.sha256).catch(() => {});
		return { status: 200, headers: { ...headersOf(info), "content-length": String(info.sizeBytes) } };
	}

	return [
		{ route: storageRoutes.put, handler: put, deadlineMs: Number.POSITIVE_INFINITY },
		{ route: storageRoutes.get, handler: (request) => get(request, byBlobId(request)) },
		{ route: storageRoutes.head, handler: (request) => head(request, byBlobId(request)) },
		{ route: storageRoutes.getBySha256, handler: (request) => get(request, bySha256(request)) },
		{ route: storageRoutes.headBySha256, handler: (request) => head(request, bySha256(request)) },
		...uploadBindings(uploads, { receive, answerStored: (stored, request) => answerStored(stored, request, parseEpochs(request.query.get("epochs"))) }),
	];
}

/** A blob never changes, so a copy of it is good for ever. */
function headersOf(info: BlobInfo) {
	return {
		"content-type": "application/octet-stream",
		"accept-ranges": "bytes",
		"cache-control": "public, max-age=31536000, immutable",
		etag: `"${info.sha256}"`,
		...(info.blobId === undefined ? {} : { [walrusIdHeader]: info.blobId }),
	};
}

function byBlobId(request: HttpRequest): BlobName {
	const text = request.params.blobId ?? "";
	const blobId = parseBlobId(text);
	if (blobId === undefined) throw new FreeholdError("request.invalid", { field: "blobId", reason: "must be 43 characters of URL-safe base64" });
	return { blobId };
}

function bySha256(request: HttpRequest): BlobName {
	const sha256 = parseSha256(request.params.sha256 ?? "");
	if (sha256 === undefined) throw new FreeholdError("request.invalid", { field: "sha256", reason: "must be 64 hex digits" });
	return { sha256 };
}

function parseEpochs(text: string | null): number {
	if (text === null || text === "max") return text === null ? 1 : MAX_EPOCHS;
	const epochs = Number(text);
	if (!/^\d{1,4}$/.test(text) || epochs < 1 || epochs > MAX_EPOCHS)
		throw new FreeholdError("request.invalid", { field: "epochs", reason: `must be 1 to ${MAX_EPOCHS}`, limit: MAX_EPOCHS });
	return epochs;
}

function matches(header: string | undefined, etag: string): boolean {
	if (header === undefined) return false;
	return header.split(",").some((item) => item.trim() === "*" || item.trim().replace(/^W\//, "") === etag);
}
