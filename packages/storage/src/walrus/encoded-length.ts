/** How much a blob takes on Walrus after erasure coding (the RS2 encoding of the Walrus protocol). */

const DIGEST_BYTES = 32;
const BLOB_ID_BYTES = 32;

/** Bytes over all shards, their metadata included. */
export function encodedLength(sizeBytes: number, shards: number): number {
	const faulty = Math.floor((shards - 1) / 3);
	const primary = shards - 2 * faulty;
	const secondary = shards - faulty;
	const needed = Math.max(1, Math.ceil(sizeBytes / (primary * secondary)));
	const symbolBytes = needed + (needed % 2);
	const sliverBytes = (primary + secondary) * symbolBytes;
	return shards * (sliverBytes + shards * DIGEST_BYTES * 2 + BLOB_ID_BYTES);
}
