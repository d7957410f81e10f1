/**
 * The plan of an upload in parts: what the whole hashes to, and what each part does. The digest of the plan names the upload, so whoever has the same file
 * finds the same upload again, also after a closed tab or on another machine, with nothing remembered.
 */
import { type Hex, toHex, utf8 } from "../bytes/bytes.js";
import { hex, integer, list, object } from "../codec/shape.js";
import { defaultHashes, type Hashes } from "../crypto/crypto.js";
import { FreeholdError } from "../errors/freehold-error.js";
import { canonicalJson } from "../json/canonical.js";
import { limits } from "../limits.js";

export interface UploadPlan {
	/** SHA-256 of the whole. */
	readonly sha256: Hex;
	/** Size of the whole. */
	readonly bytes: number;
	/** Size of each part but the last, which has the rest. */
	readonly partBytes: number;
	/** SHA-256 of each part, in order. */
	readonly parts: readonly Hex[];
}

/** What storage says of an upload. */
export interface UploadBody {
	readonly upload: Hex;
	/** Parts that are not here yet, counted from 0, ascending. */
	readonly missing: readonly number[];
}

const planShape = object({
	sha256: hex(32),
	bytes: integer(1, limits.blobBytes),
	partBytes: integer(limits.uploadPartLeastBytes, limits.uploadPartBytes),
	parts: list(hex(32), limits.blobBytes / limits.uploadPartLeastBytes),
});

/** Plan of bytes that are at hand; `sha256` of the whole where it is known already. `partBytes` lies between `limits.uploadPartLeastBytes` and `limits.uploadPartBytes`. */
export function planUpload(bytes: Uint8Array, { partBytes, sha256, hashes = defaultHashes }: { partBytes: number; sha256?: Hex; hashes?: Hashes }): UploadPlan {
	const parts = Array.from({ length: Math.ceil(bytes.length / partBytes) }, (_, part) =>
		toHex(hashes.sha256(bytes.subarray(part * partBytes, (part + 1) * partBytes))),
	);
	return { sha256: sha256 ?? toHex(hashes.sha256(bytes)), bytes: bytes.length, partBytes, parts };
}

/** Throws `request.invalid` naming the field. */
export function parseUploadPlan(value: unknown): UploadPlan {
	let plan: UploadPlan;
	try {
		plan = planShape.read(value, "plan");
	} catch (error) {
		throw new FreeholdError("request.invalid", { field: "plan", reason: error instanceof Error ? error.message : "unreadable" }, { cause: error });
	}
	const expected = Math.ceil(plan.bytes / plan.partBytes);
	if (plan.parts.length !== expected)
		throw new FreeholdError("request.invalid", { field: "parts", reason: `must be ${expected} digests, for ${plan.bytes} bytes` });
	return plan;
}

/** Name of the upload: SHA-256 of the plan's canonical text. */
export function uploadId(plan: UploadPlan, hashes: Hashes = defaultHashes): Hex {
	return toHex(hashes.sha256(utf8(canonicalJson(plan))));
}

/** Bytes of a part, from `start` up to, not including, `end`. Undefined when the plan has no such part. */
export function partRange({ bytes, partBytes, parts }: UploadPlan, part: number): { readonly start: number; readonly end: number } | undefined {
	if (!Number.isInteger(part) || part < 0 || part >= parts.length) return undefined;
	return { start: part * partBytes, end: Math.min(bytes, (part + 1) * partBytes) };
}
