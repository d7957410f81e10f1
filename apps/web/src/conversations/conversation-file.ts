/**
 * A conversation as a file of the person's own (`*.conversation.json`): plain JSON with the receipt of each answer, so that it can be read and checked anywhere.
 * Reading is strict: the file may come from a stranger.
 */
import { parseJson } from "@freehold/protocol";
import { type Conversation, conversationShape } from "./conversation.js";

const FORMAT = "freehold.conversation";
const MAX_CHARACTERS = 64 * 1024 * 1024;

export class ConversationFileError extends Error {
	override readonly name = "ConversationFileError";
}

export function writeConversationFile(conversation: Conversation): string {
	return `${JSON.stringify({ format: FORMAT, ...(conversationShape.write(conversation) as object) }, null, 1)}\n`;
}

/** As a new conversation under `id`. Throws `ConversationFileError` naming what is wrong. */
export function readConversationFile(text: string, id: string): Conversation {
	try {
		if (text.length > MAX_CHARACTERS) throw new SyntaxError("is longer than a conversation can be");
		const value = parseJson(text) as Readonly<Record<string, unknown>> | null;
		if (typeof value !== "object" || value === null || value["format"] !== FORMAT) throw new SyntaxError(`the member format must be "${FORMAT}"`);
		const { format: _, ...rest } = value;
		return { ...checkTree(conversationShape.read(rest, "file")), id };
	} catch (error) {
		throw new ConversationFileError(`This is no conversation as this page writes them: ${error instanceof Error ? error.message : "unreadable"}`, {
			cause: error,
		});
	}
}

/** Every turn stands once, after the one that it follows. An answer that was on its way when the file was written stays what had come of it. */
function checkTree(conversation: Conversation): Conversation {
	const seen = new Set<string>();
	for (const [index, { id, parent }] of conversation.turns.entries()) {
		if (seen.has(id)) throw new SyntaxError(`file.turns[${index}].id stands twice`);
		if (parent !== undefined && !seen.has(parent)) throw new SyntaxError(`file.turns[${index}].parent is no turn before it`);
		seen.add(id);
	}
	return {
		...conversation,
		turns: conversation.turns.map((turn) => (turn.role === "answer" && turn.end === "running" ? { ...turn, end: "cancelled" } : turn)),
	};
}

/** A name for the file, from the title. */
export function conversationFileName({ title }: Pick<Conversation, "title">): string {
	const plain = title
		.toLowerCase()
		.replace(/[^a-z0-9]+/g, "-")
		.replace(/^-+|-+$/g, "")
		.slice(0, 40);
	return `${plain === "" ? "conversation" : plain}.conversation.json`;
}
