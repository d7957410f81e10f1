/** Messages on an ABCI socket: an unsigned varint length, then that many bytes, both ways (CometBFT 0.38). Bounded in every direction. */

/** Largest message that the engine has reason to send: a chunk of a snapshot is 16 MiB at most, a block 4 MiB. */
export const MAX_FRAME_BYTES = 17 * 1024 * 1024;
/** Of the length: enough for `MAX_FRAME_BYTES`. */
const MAX_LENGTH_BYTES = 4;

export class FrameError extends Error {
	override readonly name = "FrameError";
}

/** Cuts a stream into messages, however its bytes arrive. */
export class FrameReader {
	readonly #maxBytes: number;
	#chunks: Uint8Array[] = [];
	#held = 0;
	/** Length of the message that is awaited; undefined while its length is. */
	#awaited: number | undefined;

	constructor(maxBytes = MAX_FRAME_BYTES) {
		this.#maxBytes = maxBytes;
	}

	/** Bytes that wait for the rest of their message. */
	get held(): number {
		return this.#held;
	}

	push(chunk: Uint8Array): void {
		if (chunk.length === 0) return;
		this.#chunks.push(chunk);
		this.#held += chunk.length;
	}

	/** The next whole message; undefined until it is there. Throws `FrameError` for a length that no engine sends: the stream is lost then. */
	next(): Uint8Array | undefined {
		this.#awaited ??= this.#readLength();
		if (this.#awaited === undefined || this.#held < this.#awaited) return undefined;
		const message = this.#take(this.#awaited);
		this.#awaited = undefined;
		return message;
	}

	#readLength(): number | undefined {
		let length = 0;
		let read = 0;
		for (const chunk of this.#chunks) {
			for (const byte of chunk) {
				length += (byte & 0x7f) * 2 ** (7 * read);
				read++;
				if (length > this.#maxBytes) throw new FrameError(`a message of more than ${this.#maxBytes} bytes`);
				if (byte < 0x80) {
					this.#take(read);
					return length;
				}
				if (read === MAX_LENGTH_BYTES) throw new FrameError("a length that does not end");
			}
		}
		return undefined;
	}

	#take(length: number): Uint8Array {
		this.#held -= length;
		const taken: Uint8Array[] = [];
		let missing = length;
		let used = 0;
		for (const chunk of this.#chunks) {
			if (missing === 0) break;
			if (chunk.length > missing) {
				taken.push(chunk.subarray(0, missing));
				this.#chunks[used] = chunk.subarray(missing);
				missing = 0;
			} else {
				taken.push(chunk);
				missing -= chunk.length;
				used++;
			}
		}
		this.#chunks.splice(0, used);
		return taken.length === 1 ? (taken[0] as Uint8Array) : Buffer.concat(taken, length);
	}
}

/** A message with its length before it. */
export function frame(message: Uint8Array): Uint8Array {
	const length: number[] = [];
	let rest = message.length;
	while (rest >= 0x80) {
		length.push((rest & 0x7f) | 0x80);
		rest >>>= 7;
	}
	length.push(rest);
	return Buffer.concat([Uint8Array.from(length), message], length.length + message.length);
}
