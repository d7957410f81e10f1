/**
 * Messages between the pool and an engine's process: `u32 length of the rest | u32 length of the header | header (JSON) | payload`, little-endian.
 *
 * Small enough to bound exactly. The process on the other side runs strangers' files, so nothing it says is believed before it is measured.
 */

export interface Frame {
	readonly header: unknown;
	readonly payload: Uint8Array;
}

export const maxHeaderBytes = 1024 * 1024;

/** Parts to write one after the other. */
export function encodeFrame(header: object, payloads: readonly Uint8Array[] = []): Uint8Array[] {
	const text = Buffer.from(JSON.stringify(header));
	if (text.length > maxHeaderBytes) throw new RangeError(`a frame header is larger than ${maxHeaderBytes} bytes`);
	const size = payloads.reduce((sum, payload) => sum + payload.length, 4 + text.length);
	const head = Buffer.allocUnsafe(8 + text.length);
	head.writeUInt32LE(size, 0);
	head.writeUInt32LE(text.length, 4);
	text.copy(head, 8);
	// One small buffer is one write; joining large ones would only copy them.
	return size < 65_536 ? [Buffer.concat([head, ...payloads])] : [head, ...payloads];
}

export class FrameError extends Error {
	override readonly name = "FrameError";
}

/** Takes chunks as they arrive and gives whole frames. Throws `FrameError` on a frame larger than it accepts; the reader is then of no further use. */
export class FrameReader {
	readonly #maxBytes: number;
	#chunks: Uint8Array[] = [];
	#size = 0;
	#wanted = 4;

	constructor(maxBytes: number) {
		this.#maxBytes = maxBytes;
	}

	push(chunk: Uint8Array): Frame[] {
		this.#chunks.push(chunk);
		this.#size += chunk.length;
		if (this.#size < this.#wanted) return [];
		let buffer = Buffer.concat(this.#chunks);
		const frames: Frame[] = [];
		this.#wanted = 4;
		while (buffer.length >= 4) {
			const size = buffer.readUInt32LE(0);
			if (size > this.#maxBytes || size < 4) throw new FrameError(`a message of ${size} bytes is outside its bounds`);
			if (buffer.length < 4 + size) {
				this.#wanted = 4 + size;
				break;
			}
			frames.push(decode(buffer.subarray(4, 4 + size)));
			buffer = buffer.subarray(4 + size);
		}
		this.#chunks = buffer.length === 0 ? [] : [buffer];
		this.#size = buffer.length;
		return frames;
	}
}

function decode(body: Buffer): Frame {
	const length = body.readUInt32LE(0);
	if (length > maxHeaderBytes || length > body.length - 4) throw new FrameError("a message's header is longer than it");
	try {
		return { header: JSON.parse(body.toString("utf8", 4, 4 + length)), payload: body.subarray(4 + length) };
	} catch {
		throw new FrameError("a message's header is not JSON");
	}
}
