/**
 * The committed forms of a request to a language model and of its answer: canonical JSON in which attachments, answer texts and vectors stand as their SHA-256.
 * An answer's text can therefore be hashed as it comes, and a stream that was cut has its commitment at once.
 */
import { type Hex, toHex, utf8 } from "../bytes/bytes.js";
import type { Hashes } from "../crypto/crypto.js";
import type { EvidenceKind } from "../receipt/commitment.js";
import type { Mode } from "../receipt/types.js";
import { type TextAnswer, textAnswerShape } from "./answer.js";
import { type TextPart, type TextRequest, textRequestShape } from "./request.js";

interface Digest {
	readonly sha256: Hex;
	readonly bytes: number;
}

export interface TextRequestText {
	readonly kind: "text";
	readonly version: 1;
	readonly release: Hex;
	readonly mode: Mode;
	/** Sorted, without repetition. */
	readonly require: readonly EvidenceKind[];
	/** The request as its shape writes it, with `{type, mediaType, sha256, bytes}` for each attachment. */
	readonly request: unknown;
}

export interface TextResponseText {
	readonly kind: "text";
	readonly version: 1;
	/** The answer as its shape writes it, with `{sha256, bytes}` for each text of a choice and each vector. */
	readonly answer: unknown;
}

export function textRequestText(
	{ release, mode, require }: Pick<TextRequestText, "release" | "mode" | "require">,
	request: TextRequest,
	hashes: Hashes,
): TextRequestText {
	const written = textRequestShape.write(request) as Readonly<Record<string, unknown>>;
	const committed =
		request.task === "chat"
			? { ...written, messages: request.messages.map((message) => ({ ...message, content: message.content.map((part) => committedPart(part, hashes)) })) }
			: written;
	return { kind: "text", version: 1, release, mode, require, request: committed };
}

export function textResponseText(answer: TextAnswer, hashes: Hashes): TextResponseText {
	if (answer.task === "embedding")
		return { kind: "text", version: 1, answer: { task: answer.task, vectors: answer.vectors.map((vector) => digest(vector, hashes)) } };
	const { task, choices } = textAnswerShape.write(answer) as { readonly task: string; readonly choices: readonly Readonly<Record<string, unknown>>[] };
	return {
		kind: "text",
		version: 1,
		answer: { task, choices: choices.map((choice) => ({ ...choice, text: digest(utf8(choice["text"] as string), hashes) })) },
	};
}

function committedPart(part: TextPart, hashes: Hashes): unknown {
	return part.type === "image" ? { type: part.type, mediaType: part.mediaType, ...digest(part.data, hashes) } : part;
}

function digest(bytes: Uint8Array, hashes: Hashes): Digest {
	return { sha256: toHex(hashes.sha256(bytes)), bytes: bytes.length };
}
