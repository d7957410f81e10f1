/** A conversation as a tree: an edited message or another try is a branch beside the old one, and nothing said is lost. Pure. */
import { limits, shape, type TextMessage, toolCallShape } from "@freehold/protocol";

const { hex, integer, json, list, literal, map, number, object, optional, text, truth, variant } = shape;

const BOUNDS = { turns: 10_000, idCharacters: 64, receiptCharacters: 4 * 1024 * 1024, latestTime: 8.64e15 } as const;

const id = text(BOUNDS.idCharacters);
const words = text(limits.textChars);
/** Unix milliseconds. */
const time = integer(0, BOUNDS.latestTime);
const name = text(200);

const settingsShape = object({
	temperature: number(0, 2),
	/** Absent: a quarter of the model's window, at most 512. */
	maxTokens: optional(integer(1, limits.textOutputTokens)),
	/** Absent: drawn for each answer. */
	seed: optional(integer(0, 2 ** 32 - 1)),
	/** What the model is told before the first message. */
	instructions: words,
	/** It may call the tools of this page. */
	tools: truth,
});

/** What was paid for an answer, with the receipt as its file has it: judged where it is shown, not here. */
const paidShape = object({
	/** Smallest unit. */
	charge: shape.decimal(256),
	inputTokens: integer(0, Number.MAX_SAFE_INTEGER),
	outputTokens: integer(0, Number.MAX_SAFE_INTEGER),
	state: literal("signed", "anchored", "final"),
	receipt: json(BOUNDS.receiptCharacters),
});

const failureShape = object({ title: words, detail: words, code: optional(name), retryable: truth });

/** `parent`: the turn that it follows; absent for a first one. */
const place = { id, parent: optional(id), at: time } as const;

const turnShape = variant("role", {
	user: object({ role: literal("user"), ...place, text: words }),
	answer: object({
		role: literal("answer"),
		...place,
		model: name,
		/** As it was drawn with. */
		temperature: number(0, 2),
		seed: integer(0, 2 ** 32 - 1),
		text: words,
		reasoning: optional(words),
		toolCalls: list(toolCallShape, limits.textTools),
		/** `running`: on its way, or cut off with the page; `failed`: see `failure`. */
		end: literal("running", "stop", "length", "tools", "filter", "cancelled", "failed"),
		/** Known once the model has begun. */
		callId: optional(hex(32)),
		paid: optional(paidShape),
		failure: optional(failureShape),
		/** Turns at the beginning that it was not shown, since they no longer fit. */
		leftOut: integer(0, BOUNDS.turns),
	}),
	tool: object({ role: literal("tool"), ...place, toolCallId: name, name, text: words }),
});

export const conversationShape = object({
	version: literal(1),
	id,
	title: name,
	createdAt: time,
	updatedAt: time,
	model: name,
	settings: settingsShape,
	/** In the order in which they were made. */
	turns: list(turnShape, BOUNDS.turns),
	/** Which branch is shown after a turn (`""`: at the beginning), where it is not the newest. */
	chosen: map(id, BOUNDS.turns + 1),
});

export type Settings = shape.ShapeOf<typeof settingsShape>;
export type Paid = shape.ShapeOf<typeof paidShape>;
export type Conversation = shape.ShapeOf<typeof conversationShape>;
export type Turn = Conversation["turns"][number];
export type UserTurn = Extract<Turn, { role: "user" }>;
export type AnswerTurn = Extract<Turn, { role: "answer" }>;
export type ToolTurn = Extract<Turn, { role: "tool" }>;

export const plainSettings: Settings = { temperature: 0.3, instructions: "", tools: false };

const MOST_TOKENS = 512;
const TITLE_CHARACTERS = 60;
const ROOT = "";

export function newConversation(id: string, model: string, settings: Settings, now: number): Conversation {
	return { version: 1, id, title: "", createdAt: now, updatedAt: now, model, settings, turns: [], chosen: {} };
}

/** Most tokens of an answer, of a model with such a window. */
export function tokenLimit({ maxTokens }: Pick<Settings, "maxTokens">, contextTokens: number): number {
	return Math.max(1, Math.min(maxTokens ?? plainTokenLimit(contextTokens), contextTokens));
}

/** Where the person sets none. */
export function plainTokenLimit(contextTokens: number): number {
	return Math.max(1, Math.min(MOST_TOKENS, Math.floor(contextTokens / 4)));
}

/** What stands after a turn, oldest first: its branches. */
export function branchesAfter({ turns }: Conversation, parent: string | undefined): readonly Turn[] {
	return turns.filter((turn) => turn.parent === parent);
}

/** The branch that is shown, from the first turn to the last. */
export function shownPath(conversation: Conversation): readonly Turn[] {
	const path: Turn[] = [];
	for (let parent: string | undefined; ; ) {
		const branches = branchesAfter(conversation, parent);
		const chosen = conversation.chosen[parent ?? ROOT];
		const next = branches.find(({ id }) => id === chosen) ?? branches.at(-1);
		if (next === undefined) return path;
		path.push(next);
		parent = next.id;
	}
}

/** From the first turn to this one. */
export function pathTo({ turns }: Conversation, id: string | undefined): readonly Turn[] {
	const known = new Map(turns.map((turn) => [turn.id, turn]));
	const path: Turn[] = [];
	for (let turn = id === undefined ? undefined : known.get(id); turn !== undefined; turn = turn.parent === undefined ? undefined : known.get(turn.parent))
		path.unshift(turn);
	return path;
}

/** With one turn more, which is shown from now on. */
export function withTurn(conversation: Conversation, turn: Turn): Conversation {
	const title = conversation.title === "" && turn.role === "user" ? titleOf(turn.text) : conversation.title;
	const chosen = { ...conversation.chosen, [turn.parent ?? ROOT]: turn.id };
	return { ...conversation, title, chosen, turns: [...conversation.turns, turn], updatedAt: turn.at };
}

export function withAnswer(conversation: Conversation, id: string, change: Partial<Omit<AnswerTurn, "role" | "id" | "parent">>): Conversation {
	return { ...conversation, turns: conversation.turns.map((turn) => (turn.id === id && turn.role === "answer" ? { ...turn, ...change } : turn)) };
}

/** Shows the branch before or after the one that a turn stands on. */
export function showBranch(conversation: Conversation, turn: Turn, step: 1 | -1): Conversation {
	const branches = branchesAfter(conversation, turn.parent);
	const next = branches[branches.findIndex(({ id }) => id === turn.id) + step];
	return next === undefined ? conversation : { ...conversation, chosen: { ...conversation.chosen, [turn.parent ?? ROOT]: next.id } };
}

/** The beginning of what was said first, on one line. */
export function titleOf(text: string): string {
	const line = text.trim().replace(/\s+/g, " ");
	return line.length <= TITLE_CHARACTERS ? line : `${line.slice(0, TITLE_CHARACTERS - 1).trimEnd()}…`;
}

/** What a path of turns is to a model. An answer that failed or never began, and what is left out, is not shown to it. */
export function messagesOf(path: readonly Turn[], instructions: string, leftOut = 0): readonly TextMessage[] {
	const system: readonly TextMessage[] = instructions.trim() === "" ? [] : [{ role: "system", content: [{ type: "text", text: instructions.trim() }] }];
	return [...system, ...path.slice(leftOut).flatMap(messageOf)];
}

function messageOf(turn: Turn): readonly TextMessage[] {
	const content = turn.text === "" ? [] : [{ type: "text" as const, text: turn.text }];
	switch (turn.role) {
		case "user":
			return [{ role: "user", content }];
		case "tool":
			return [{ role: "tool", toolCallId: turn.toolCallId, content }];
		case "answer":
			return turn.end === "failed" || (content.length === 0 && turn.toolCalls.length === 0) ? [] : [{ role: "assistant", content, toolCalls: turn.toolCalls }];
	}
}

/** How many turns at the beginning are left out next, when what is sent now is too long: half of it, up to a message of the person. Undefined: there is nothing to leave out. */
export function leaveOutMore(path: readonly Turn[], leftOut: number): number | undefined {
	const from = leftOut + Math.max(1, Math.floor((path.length - leftOut) / 2));
	const next = path.findIndex((turn, index) => index >= from && turn.role === "user");
	return next === -1 ? undefined : next;
}
