/** Where a value stands in a JSON text: a small scanner that follows a path of keys and indices and gives the value's bytes. */

export interface Place {
	/** First byte and the one after the last, in UTF-8. */
	readonly from: number;
	readonly to: number;
	/** The same in characters of the text. */
	readonly textFrom: number;
	readonly textTo: number;
}

const MAX_DEPTH = 64;

/** `path`: `order.callId`, `anchor.leafProof[2].hash`. Undefined when the text has no such value or is no JSON up to it. */
export function locate(text: string, path: string): Place | undefined {
	const keys = path.split(/[.[\]]+/).filter((key) => key !== "");
	const scanner = new Scanner(text);
	const range = scanner.find(keys);
	if (range === undefined) return undefined;
	const encoder = new TextEncoder();
	const from = encoder.encode(text.slice(0, range.from)).length;
	return { from, to: from + encoder.encode(text.slice(range.from, range.to)).length, textFrom: range.from, textTo: range.to };
}

class Scanner {
	readonly #text: string;
	#at = 0;

	constructor(text: string) {
		this.#text = text;
	}

	find(keys: readonly string[]): { readonly from: number; readonly to: number } | undefined {
		try {
			for (const key of keys) if (!this.#enter(key)) return undefined;
			this.#space();
			const from = this.#at;
			this.#skipValue(0);
			return { from, to: this.#at };
		} catch {
			return undefined;
		}
	}

	/** Moves to the value under a key or index of the container that begins here. */
	#enter(key: string): boolean {
		this.#space();
		const open = this.#text[this.#at];
		if (open !== "{" && open !== "[") return false;
		this.#at++;
		for (let index = 0; ; index++) {
			this.#space();
			if (this.#text[this.#at] === "}" || this.#text[this.#at] === "]") return false;
			let name = String(index);
			if (open === "{") {
				const start = this.#at;
				this.#skipString();
				name = JSON.parse(this.#text.slice(start, this.#at)) as string;
				this.#space();
				this.#expect(":");
			}
			if (name === key) return true;
			this.#skipValue(0);
			this.#space();
			if (this.#text[this.#at] !== ",") return false;
			this.#at++;
		}
	}

	#skipValue(depth: number): void {
		if (depth > MAX_DEPTH) throw new SyntaxError("too deep");
		this.#space();
		const first = this.#text[this.#at];
		if (first === '"') {
			this.#skipString();
			return;
		}
		if (first !== "{" && first !== "[") {
			const rest = /[^\s,\]}]+/y;
			rest.lastIndex = this.#at;
			const match = rest.exec(this.#text);
			if (match === null) throw new SyntaxError("no value");
			this.#at = rest.lastIndex;
			return;
		}
		const close = first === "{" ? "}" : "]";
		this.#at++;
		this.#space();
		if (this.#text[this.#at] === close) {
			this.#at++;
			return;
		}
		for (;;) {
			this.#space();
			if (first === "{") {
				this.#skipString();
				this.#space();
				this.#expect(":");
			}
			this.#skipValue(depth + 1);
			this.#space();
			if (this.#text[this.#at] === ",") {
				this.#at++;
				continue;
			}
			this.#expect(close);
			return;
		}
	}

	#skipString(): void {
		const whole = /"(?:[^"\\]|\\.)*"/y;
		whole.lastIndex = this.#at;
		if (whole.exec(this.#text) === null) throw new SyntaxError("no string");
		this.#at = whole.lastIndex;
	}

	#expect(character: string): void {
		if (this.#text[this.#at] !== character) throw new SyntaxError(`no ${character}`);
		this.#at++;
	}

	#space(): void {
		while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
	}
}
