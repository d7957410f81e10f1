/** A model's tokens: their bytes, their marks, and text turned into tokens in a way that never lets text become a mark. */
import { utf8 } from "@freehold/protocol";
import type { AddonModel } from "./addon.js";

/** Attributes of a token, as llama.cpp numbers them. */
const UNKNOWN = 1;
const UNUSED = 2;
const CONTROL = 8;
const USER_DEFINED = 16;

/** A token that stands for a mark of the format (end of a message, start of a tool call), not for text. */
export interface Mark {
	readonly id: number;
	readonly text: string;
}

/** A stretch of a prompt. */
export type Stretch = { readonly text: string } | { readonly mark: Mark };

const NOTHING = new Uint8Array(0);
const BYTE_TOKEN = /^<0x([0-9A-F]{2})>$/;
/** What SentencePiece writes for a space. */
const SPIECE_SPACE = "\u2581";
/** Longest run of text that is handed to the tokenizer at once: some split in time that grows faster than its length. */
const PIECE_CHARS = 16_384;

export class Vocabulary {
	readonly size: number;
	/** Longest first, so that of two that begin alike the longer one is found. */
	readonly marks: readonly Mark[];
	readonly #model: AddonModel;
	readonly #byteLevel: boolean;
	readonly #bytes: (Uint8Array | undefined)[] = [];
	readonly #byFirst = new Map<string, Mark[]>();

	/** `tokenizer` and `size` as the file's head has them. */
	constructor(model: AddonModel, tokenizer: string, size: number) {
		this.#model = model;
		this.#byteLevel = tokenizer === "gpt2";
		this.size = size;
		const marks: Mark[] = [];
		for (let id = 0; id < size; id++) {
			if ((model.getTokenAttributes(id) & (CONTROL | USER_DEFINED)) === 0) continue;
			const text = model.getTokenString(id) ?? "";
			// Tokens that their makers added for long runs of white space, say, are text.
			if (text.length > 1 && ((model.getTokenAttributes(id) & CONTROL) !== 0 || /^[<[]/.test(text))) marks.push({ id, text });
		}
		this.marks = marks.sort((a, b) => b.text.length - a.text.length);
		for (const mark of this.marks) {
			const first = mark.text.charAt(0);
			this.#byFirst.set(first, [...(this.#byFirst.get(first) ?? []), mark]);
		}
	}

	isControl(token: number): boolean {
		return (this.#model.getTokenAttributes(token) & (CONTROL | UNKNOWN | UNUSED)) !== 0;
	}

	isEnd(token: number): boolean {
		return this.#model.isEogToken(token);
	}

	/** Bytes that a token writes: none for a control token. */
	bytes(token: number): Uint8Array {
		const known = this.#bytes[token];
		if (known !== undefined) return known;
		const bytes = this.#read(token);
		this.#bytes[token] = bytes;
		return bytes;
	}

	mayBeginMark(character: string): boolean {
		return this.#byFirst.has(character);
	}

	/** True when a mark begins in the text, or could begin right before it and go on in it. */
	touchesMark(text: string): boolean {
		if ([...text].some((character) => this.#byFirst.has(character))) return true;
		return this.marks.some((mark) => mark.text.startsWith(text, 1) || text.startsWith(mark.text.slice(1)));
	}

	/** The mark that begins at an index of the text, if one does. */
	markAt(text: string, index: number): Mark | undefined {
		return this.#byFirst.get(text.charAt(index))?.find((mark) => text.startsWith(mark.text, index));
	}

	/** Tokens of plain text: what spells a mark is cut behind its first character, so that it stays text. */
	encodeText(text: string): number[] {
		const tokens: number[] = [];
		let start = 0;
		for (let index = 0; index < text.length; index++) {
			if (this.#byFirst.has(text.charAt(index)) && this.markAt(text, index) !== undefined) {
				this.#append(tokens, text.slice(start, index + 1));
				start = index + 1;
			}
		}
		this.#append(tokens, text.slice(start));
		return tokens;
	}

	encode(stretches: readonly Stretch[]): number[] {
		return stretches.flatMap((stretch) => ("mark" in stretch ? [stretch.mark.id] : this.encodeText(stretch.text)));
	}

	/** Text split at the marks that it spells. For text of a template only, never for a user's. */
	split(text: string): Stretch[] {
		const stretches: Stretch[] = [];
		let start = 0;
		for (let index = 0; index < text.length; ) {
			const mark = this.#byFirst.has(text.charAt(index)) ? this.markAt(text, index) : undefined;
			if (mark === undefined) {
				index++;
				continue;
			}
			if (index > start) stretches.push({ text: text.slice(start, index) });
			stretches.push({ mark });
			index += mark.text.length;
			start = index;
		}
		if (start < text.length) stretches.push({ text: text.slice(start) });
		return stretches;
	}

	#append(tokens: number[], text: string): void {
		for (let start = 0; start < text.length; ) {
			let end = Math.min(text.length, start + PIECE_CHARS);
			// Not between the halves of one character.
			if (end < text.length && isLowSurrogate(text, end)) end--;
			for (const token of this.#model.tokenize(text.slice(start, end), false)) tokens.push(token);
			start = end;
		}
	}

	#read(token: number): Uint8Array {
		const attributes = this.#model.getTokenAttributes(token);
		const text = this.#model.getTokenString(token) ?? "";
		if ((attributes & (CONTROL | UNKNOWN | UNUSED)) !== 0) return NOTHING;
		if ((attributes & USER_DEFINED) !== 0) return utf8(text);
		if (this.#byteLevel) return Uint8Array.from([...text].flatMap(byteOf));
		const byte = BYTE_TOKEN.exec(text);
		if (byte !== null) return Uint8Array.of(Number.parseInt(byte[1] as string, 16));
		return utf8(text.replaceAll(SPIECE_SPACE, " "));
	}
}

function isLowSurrogate(text: string, index: number): boolean {
	const code = text.charCodeAt(index);
	return code >= 0xdc00 && code < 0xe000;
}

/** Byte-level vocabularies write each byte as one printable character (the table of GPT-2). */
const byteOfCharacter = new Map<string, number>();
for (let byte = 0, shifted = 0; byte < 256; byte++) {
	const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
	byteOfCharacter.set(String.fromCodePoint(printable ? byte : 256 + shifted++), byte);
}

function byteOf(character: string): readonly number[] {
	const byte = byteOfCharacter.get(character);
	return byte === undefined ? [...utf8(character)] : [byte];
}
