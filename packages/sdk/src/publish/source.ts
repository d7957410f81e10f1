/** A file that is too large to be held: known by its digests, its bytes read a piece at a time. */
import { type Hex, isHex, limits } from "@freehold/protocol";

export interface FileSource {
	readonly sizeBytes: number;
	/** SHA-256 of the whole. Storage hashes what arrives, so a wrong one is refused there. */
	readonly sha256: Hex;
	/** Size of each part but the last. */
	readonly partBytes: number;
	/** SHA-256 of each part, in order. */
	readonly parts: readonly Hex[];
	/** Bytes from `start` up to, not including, `end`. */
	read(start: number, end: number): Promise<Uint8Array>;
}

/** A model in such a file: only its head is looked at. */
export interface ModelSource extends FileSource {
	/** The first bytes, as far as the head goes. */
	readonly head: Uint8Array;
}

export function sizeOf(bytes: Uint8Array | FileSource): number {
	return bytes instanceof Uint8Array ? bytes.length : bytes.sizeBytes;
}

/** What is wrong with a source, as a sentence; undefined: nothing. */
export function faultOfSource({ sizeBytes, sha256, partBytes, parts }: FileSource): string | undefined {
	if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 1 || sizeBytes > limits.blobBytes) return `must have from 1 to ${limits.blobBytes} bytes`;
	if (!Number.isSafeInteger(partBytes) || partBytes < limits.uploadPartLeastBytes || partBytes > limits.uploadPartBytes)
		return `must have parts of ${limits.uploadPartLeastBytes} to ${limits.uploadPartBytes} bytes`;
	if (!isHex(sha256, 32) || parts.length !== Math.ceil(sizeBytes / partBytes) || parts.some((part) => !isHex(part, 32)))
		return "must come with the SHA-256 of the whole and of each part";
	return undefined;
}
