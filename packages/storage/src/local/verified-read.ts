/** Reading a blob part by part, each checked against its digest before any byte of it is given. */
import type { FileHandle } from "node:fs/promises";
import type { ByteRange } from "../blob/blob-store.js";
import { type BlobRecord, partBytes, partDigest } from "./record.js";

export class CorruptBlobError extends Error {
	override readonly name = "CorruptBlobError";
}

/** The bytes of a range. Closes the file at its end, however that comes. Throws `CorruptBlobError`. */
export async function* readVerified(file: FileHandle, record: BlobRecord, range: ByteRange): AsyncGenerator<Buffer, void, undefined> {
	try {
		for (let index = Math.floor(range.start / partBytes); index * partBytes < range.end; index++) {
			const offset = index * partBytes;
			const part = await readPart(file, record, index);
			yield part.subarray(Math.max(0, range.start - offset), Math.min(part.length, range.end - offset));
		}
	} finally {
		await file.close();
	}
}

async function readPart(file: FileHandle, record: BlobRecord, index: number): Promise<Buffer> {
	const offset = index * partBytes;
	const part = Buffer.allocUnsafe(Math.min(partBytes, record.sizeBytes - offset));
	let filled = 0;
	while (filled < part.length) {
		const { bytesRead } = await file.read(part, filled, part.length - filled, offset + filled);
		if (bytesRead === 0) throw new CorruptBlobError(`part ${index} is cut off`);
		filled += bytesRead;
	}
	if (!partDigest(part).equals(record.parts.subarray(32 * index, 32 * index + 32))) throw new CorruptBlobError(`part ${index} has changed`);
	return part;
}
