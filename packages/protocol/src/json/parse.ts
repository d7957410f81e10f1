/**
 * JSON text from outside. Its shape is measured before anything is built of it: a text of brackets alone takes fifty times its size in memory, and thirty megabytes of
 * `{},{},…` keep a processor busy for ten seconds.
 */
import { limits } from "../limits.js";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** JSON that a program refuses to build. */
export class JsonLimitError extends SyntaxError {
	override readonly name = "JsonLimitError";
	readonly limit: number;

	constructor(reason: string, limit: number) {
		super(reason);
		this.limit = limit;
	}
}

/** Value of JSON text. Throws `JsonLimitError` beyond `limits.jsonDepth`, `limits.jsonMembers` and `limits.jsonValues`, and `SyntaxError` for what is no JSON. */
export function parseJson(text: string): unknown {
	measure(text);
	return JSON.parse(text);
}

/** Counts outside strings. What is no JSON may be counted wrongly: it is refused when it is parsed. */
function measure(text: string): void {
	let depth = 0;
	let members = 0;
	let values = 0;
	for (let index = 0; index < text.length; index++) {
		switch (text.charCodeAt(index)) {
			case QUOTE:
				index = endOfString(text, index + 1);
				if (index < 0) return;
				break;
			case OPEN_LIST:
			case OPEN_OBJECT:
				if (++depth > limits.jsonDepth) throw new JsonLimitError(`nested deeper than ${limits.jsonDepth} levels`, limits.jsonDepth);
				if (++members > limits.jsonMembers) throw tooManyMembers();
				break;
			case CLOSE_LIST:
			case CLOSE_OBJECT:
				depth--;
				break;
			case COLON:
				if (++members > limits.jsonMembers) throw tooManyMembers();
				break;
			case COMMA:
				if (++values > limits.jsonValues) throw new JsonLimitError(`more than ${limits.jsonValues} values; send large tensors as base64`, limits.jsonValues);
		}
	}
}

const tooManyMembers = (): JsonLimitError => new JsonLimitError(`more than ${limits.jsonMembers} lists, objects and names`, limits.jsonMembers);

/** Index of the closing quote; -1 when the string does not end. */
function endOfString(text: string, from: number): number {
	for (let index = text.indexOf('"', from); index >= 0; index = text.indexOf('"', index + 1)) {
		let escapes = 0;
		while (index - 1 - escapes >= from && text.charCodeAt(index - 1 - escapes) === BACKSLASH) escapes += 1;
		if (escapes % 2 === 0) return index;
	}
	return -1;
}
