/**
 * One object for equal bytes. A transaction comes several times over the socket (checked, proposed, judged, decided), each time as new bytes; the application
 * remembers what it decoded by the object, so that a signature is recovered once.
 */

/** Two blocks full of the smallest transactions, and what waits beside them. */
const MAX_ENTRIES = 65_536;
const MAX_BYTES = 64 * 1024 * 1024;
/** Up to here bytes are their own key: that is cheaper than a digest, and most transactions are short. Never those that are as long as one. */
const SHORT_BYTES = 512;
const DIGEST_BYTES = 32;

export class KnownBytes {
	readonly #digest: (bytes: Uint8Array) => Uint8Array;
	/** In order of use; the oldest first. */
	readonly #known = new Map<string, Uint8Array>();
	readonly #maxEntries: number;
	readonly #maxBytes: number;
	#bytes = 0;

	constructor(digest: (bytes: Uint8Array) => Uint8Array, maxEntries = MAX_ENTRIES, maxBytes = MAX_BYTES) {
		this.#digest = digest;
		this.#maxEntries = maxEntries;
		this.#maxBytes = maxBytes;
	}

	/** The first object that held these bytes, as long as it is remembered. `bytes` may lie in a larger buffer: what is kept is a copy. */
	same(bytes: Uint8Array): Uint8Array {
		const key = latin1(bytes.length <= SHORT_BYTES && bytes.length !== DIGEST_BYTES ? bytes : this.#digest(bytes));
		const known = this.#known.get(key);
		if (known !== undefined) {
			this.#known.delete(key);
			this.#known.set(key, known);
			return known;
		}
		const copy = Uint8Array.from(bytes);
		this.#known.set(key, copy);
		this.#bytes += copy.length;
		for (const [oldest, { length }] of this.#known) {
			if (this.#known.size <= this.#maxEntries && this.#bytes <= this.#maxBytes) break;
			this.#known.delete(oldest);
			this.#bytes -= length;
		}
		return copy;
	}
}

function latin1(bytes: Uint8Array): string {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
