/** What is kept about a blob beside its bytes: its size and the digest of each part, so that any range can be checked before it is sent. */
import { createHash } from "node:crypto";
import type { Hex } from "@freehold/protocol";

/** Bytes of a part; the last one may be shorter. */
export const partBytes = 1024 * 1024;

export interface BlobRecord {
	readonly sizeBytes: number;
	/** SHA-256 of each part, 32 bytes each, one after the other. */
	readonly parts: Buffer;
}

/** Digest of a blob and of its parts, taken in one pass. */
export class PartHasher {
	#size = 0;
	#filled = 0;
	#part = createHash("sha256");
	readonly #whole = createHash("sha256");
	readonly #digests: Buffer[] = [];

	get sizeBytes(): number {
		return this.#size;
	}

	update(chunk: Uint8Array): void {
		this.#whole.update(chunk);
		this.#size += chunk.length;
		let rest = chunk;
		while (rest.length > 0) {
			const take = rest.subarray(0, partBytes - this.#filled);
			this.#part.update(take);
			this.#filled += take.length;
			rest = rest.subarray(take.length);
			if (this.#filled === partBytes) this.#finishPart();
		}
	}

	finish(): { readonly sha256: Hex; readonly record: BlobRecord } {
		if (this.#filled > 0) this.#finishPart();
		return { sha256: `0x${this.#whole.digest("hex")}`, record: { sizeBytes: this.#size, parts: Buffer.concat(this.#digests) } };
	}

	#finishPart(): void {
		this.#digests.push(this.#part.digest());
		this.#part = createHash("sha256");
		this.#filled = 0;
	}
}

export function partDigest(bytes: Uint8Array): Buffer {
	return createHash("sha256").update(bytes).digest();
}

const MAGIC = Buffer.from("FHB1");

/** `FHB1`, size (u64), digests, and a SHA-256 over all of it. */
export function encodeRecord(record: BlobRecord): Buffer {
	const head = Buffer.alloc(12);
	MAGIC.copy(head);
	head.writeBigUInt64LE(BigInt(record.sizeBytes), 4);
	const body = Buffer.concat([head, record.parts]);
	return Buffer.concat([body, partDigest(body)]);
}

/** Undefined when the bytes are no record, or a damaged one. */
export function decodeRecord(bytes: Buffer): BlobRecord | undefined {
	if (bytes.length < 44 || !bytes.subarray(0, 4).equals(MAGIC)) return undefined;
	const body = bytes.subarray(0, -32);
	if (!partDigest(body).equals(bytes.subarray(-32))) return undefined;
	const sizeBytes = Number(body.readBigUInt64LE(4));
	const parts = body.subarray(12);
	return parts.length === 32 * Math.ceil(sizeBytes / partBytes) ? { sizeBytes, parts } : undefined;
}
