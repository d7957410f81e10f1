/** The routes of uploads in parts. */
import { FreeholdError, type Hex, isHex, storageRoutes } from "@freehold/protocol";
import { type HttpRequest, type HttpResponse, jsonResponse, type RouteBinding } from "@freehold/service";
import type { StoredBlob } from "../blob/blob-store.js";
import type { Uploads } from "../uploads/uploads.js";
import { contentOf, goneWith } from "./upload-body.js";

export interface UploadHandlerModules {
	/** Counts a body that is being received; throws `blob.busy`. */
	receive<T>(work: () => Promise<T>): Promise<T>;
	answerStored(stored: StoredBlob, request: HttpRequest): Promise<HttpResponse>;
}

/** A plan of the most parts there can be is 4,096 digests of 69 characters. */
const MAX_PLAN_BYTES = 512 * 1024;

export function uploadBindings(uploads: Uploads, { receive, answerStored }: UploadHandlerModules): RouteBinding[] {
	return [
		{ route: storageRoutes.beginUpload, handler: async (request) => jsonResponse(await uploads.begin(await request.json(MAX_PLAN_BYTES))) },
		{ route: storageRoutes.upload, handler: async (request) => jsonResponse(uploads.show(idOf(request))) },
		{
			route: storageRoutes.putPart,
			deadlineMs: Number.POSITIVE_INFINITY,
			handler: (request) =>
				receive(async () => jsonResponse(await uploads.putPart(idOf(request), partOf(request), contentOf(request), request.signal).catch(goneWith(request)))),
		},
		{
			route: storageRoutes.completeUpload,
			deadlineMs: Number.POSITIVE_INFINITY,
			handler: (request) => receive(async () => answerStored(await uploads.complete(idOf(request), request.signal), request)),
		},
	];
}

function idOf({ params }: HttpRequest): Hex {
	const id = params["upload"] ?? "";
	if (!isHex(id, 32)) throw new FreeholdError("request.invalid", { field: "upload", reason: "must be 32 bytes of lower-case 0x hex" });
	return id;
}

function partOf({ params }: HttpRequest): number {
	const part = params["part"] ?? "";
	if (!/^\d{1,5}$/.test(part)) throw new FreeholdError("request.invalid", { field: "part", reason: "must be a number, counted from 0" });
	return Number(part);
}
