/** A question to a language model: held against what the model can do, counted by the most tokens that it can have. */
import {
	type ChatRequest,
	commit,
	type EvidenceKind,
	FreeholdError,
	type Manifest,
	type Mode,
	maxInputTokens,
	maxOutputTokens,
	type TextRequest,
	textRequestText,
} from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import type { Measured } from "./plan.js";

export interface TextAsked {
	readonly request: TextRequest;
	readonly mode: Mode;
	readonly require: readonly EvidenceKind[];
	/** The caller did not say how long the answer may be: it is cut to what the model can hold. */
	readonly openEnded: boolean;
}

const BEGINNING = 256;

const verbs = { chat: "chat", completion: "complete text", embedding: "make embeddings" } as const;

/** What the turns of one conversation share: its first words and its tools. */
function beginningOf({ messages, tools }: ChatRequest): string {
	const [first] = messages;
	const text = first?.content.find((part) => part.type === "text");
	return `${tools.length} ${text?.type === "text" ? text.text.slice(0, BEGINNING) : ""}`;
}

/** Throws `request.invalid` for what the model cannot do. */
export function measureText({ request: asked, mode, require, openEnded }: TextAsked, { text, release: name }: Manifest): Measured {
	if (text === undefined)
		throw new FreeholdError("request.invalid", { field: "model", reason: `${name} is not a language model; ask it with POST /v1/inference` });
	if (!text.tasks.includes(asked.task)) throw new FreeholdError("request.invalid", { field: "model", reason: `${name} does not ${verbs[asked.task]}` });
	if (asked.task === "chat" && asked.tools.length > 0 && !text.tools)
		throw new FreeholdError("request.invalid", { field: "tools", reason: `${name} was not made to call tools` });
	const { contextTokens } = text;
	if (asked.task !== "embedding" && !openEnded && asked.maxOutputTokens > contextTokens)
		throw new FreeholdError("request.invalid", { field: "max_tokens", reason: `${name} holds ${contextTokens} tokens in all`, limit: contextTokens });
	const request = asked.task !== "embedding" && openEnded ? { ...asked, maxOutputTokens: Math.min(asked.maxOutputTokens, contextTokens) } : asked;
	// More than the model can hold is never counted: such a request is refused by the node.
	const most = maxInputTokens(request);
	const inputs = request.task === "embedding" ? BigInt(request.inputs.length) : 1n;
	const held = BigInt(contextTokens) * inputs;
	return {
		question: { textRequest: request },
		inputUnits: most < held ? most : held,
		maxOutputUnits: maxOutputTokens(request),
		exact: false,
		...(request.task === "chat" ? { beginning: `${name}\n${beginningOf(request)}` } : {}),
		commit: (release, salt) => commit(textRequestText({ release, mode, require }, request, nativeCrypto), salt, nativeCrypto),
	};
}
