/** From the bytes that a model writes to text that may be sent: never half a character, never the beginning of a stop text that may be completed. */

export interface Passed {
	readonly text: string;
	/** Tokens, counted from the first, whose bytes are out. */
	readonly tokens: number;
}

/** One token whose bytes were taken. */
interface Taken {
	/** Characters of the decoded text behind which this token's bytes end. */
	readonly end: number;
}

export class TextGate {
	/** A stop text was written; what came before it has passed. */
	stopped = false;
	readonly #stops: readonly string[];
	readonly #longestStop: number;
	readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
	readonly #taken: Taken[] = [];
	/** Decoded and held back. */
	#held = "";
	/** Characters decoded and characters passed. */
	#decoded = 0;
	#passed = 0;
	#tokensOut = 0;

	/** Empty stop texts stop nothing. */
	constructor(stops: readonly string[]) {
		this.#stops = stops.filter((stop) => stop !== "");
		this.#longestStop = Math.max(0, ...this.#stops.map((stop) => stop.length));
	}

	/** Takes the bytes of one token; gives what may be sent now. */
	push(bytes: Uint8Array): Passed {
		const text = this.#decoder.decode(bytes, { stream: true });
		this.#decoded += text.length;
		this.#taken.push({ end: this.#decoded });
		const from = Math.max(0, this.#held.length - this.#longestStop + 1);
		this.#held += text;
		const stop = this.#firstStop(from);
		if (stop >= 0) {
			this.stopped = true;
			return this.#pass(stop);
		}
		return this.#pass(this.#held.length - this.#suspicious());
	}

	/** The answer has ended: what was held back is text after all. */
	end(): Passed {
		if (this.stopped) return { text: "", tokens: this.#tokensOut };
		this.#held += this.#decoder.decode();
		return { ...this.#pass(this.#held.length), tokens: this.#taken.length };
	}

	#pass(count: number): Passed {
		const text = this.#held.slice(0, count);
		this.#held = this.#held.slice(count);
		this.#passed += count;
		while (this.#tokensOut < this.#taken.length && (this.#taken[this.#tokensOut] as Taken).end <= this.#passed) this.#tokensOut++;
		return { text, tokens: this.#tokensOut };
	}

	#firstStop(from: number): number {
		let first = -1;
		for (const stop of this.#stops) {
			const index = this.#held.indexOf(stop, from);
			if (index >= 0 && (first < 0 || index < first)) first = index;
		}
		return first;
	}

	/** Length of the longest end of what is held that is the beginning of a stop text. */
	#suspicious(): number {
		for (let length = Math.min(this.#held.length, this.#longestStop - 1); length > 0; length--) {
			const end = this.#held.slice(-length);
			if (this.#stops.some((stop) => stop.startsWith(end))) return length;
		}
		return 0;
	}
}
