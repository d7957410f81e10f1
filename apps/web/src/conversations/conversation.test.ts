import { describe, expect, it } from "vitest";
import {
	type AnswerTurn,
	branchesAfter,
	type Conversation,
	leaveOutMore,
	messagesOf,
	newConversation,
	pathTo,
	plainSettings,
	showBranch,
	shownPath,
	titleOf,
	tokenLimit,
	type UserTurn,
	withAnswer,
	withTurn,
} from "./conversation.js";
import { conversationFileName, readConversationFile, writeConversationFile } from "./conversation-file.js";

const user = (id: string, text: string, parent?: string): UserTurn => ({ role: "user", id, at: 1, text, ...(parent === undefined ? {} : { parent }) });
const answer = (id: string, text: string, parent: string): AnswerTurn => ({
	role: "answer",
	id,
	parent,
	at: 2,
	model: "a/b",
	temperature: 0,
	seed: 1,
	text,
	toolCalls: [],
	end: "stop",
	leftOut: 0,
});

const empty = newConversation("c", "a/b", plainSettings, 0);
const talk = [user("u1", "Hello"), answer("a1", "Hi", "u1"), user("u2", "And?", "a1"), answer("a2", "So.", "u2")].reduce(withTurn, empty as Conversation);
const texts = (conversation: Conversation) => shownPath(conversation).map(({ text }) => text);

describe("a conversation", () => {
	it("is named after what was said first", () => {
		expect(talk.title).toBe("Hello");
		expect(titleOf(`  many\n words ${"x".repeat(80)}`)).toMatch(/^many words x+…$/);
	});

	it("shows another try in place of the old one, and the old one again", () => {
		const retried = withTurn(talk, answer("a3", "Otherwise.", "u2"));
		expect(texts(retried)).toEqual(["Hello", "Hi", "And?", "Otherwise."]);
		const [, , , shown] = shownPath(retried);
		const back = shown === undefined ? retried : showBranch(retried, shown, -1);
		expect(texts(back)).toEqual(["Hello", "Hi", "And?", "So."]);
		expect(branchesAfter(back, "u2")).toHaveLength(2);
	});

	it("keeps what followed an edited message on its own branch", () => {
		const edited = withTurn(talk, user("u3", "Hello there"));
		expect(texts(edited)).toEqual(["Hello there"]);
		const [first] = shownPath(edited);
		expect(texts(first === undefined ? edited : showBranch(edited, first, -1))).toEqual(["Hello", "Hi", "And?", "So."]);
	});

	it("goes to a model without answers that failed or never began, and without what is left out", () => {
		const failed = withAnswer(talk, "a1", { end: "failed" });
		expect(messagesOf(pathTo(failed, "u2"), "Be brief.").map(({ role }) => role)).toEqual(["system", "user", "user"]);
		expect(messagesOf(pathTo(withAnswer(talk, "a1", { end: "cancelled", text: "" }), "u2"), "").map(({ role }) => role)).toEqual(["user", "user"]);
		expect(messagesOf(pathTo(talk, "u2"), "", 2).map(({ role }) => role)).toEqual(["user"]);
	});

	it("leaves out its beginning up to a message of the person, until there is nothing to leave out", () => {
		const path = pathTo(talk, "u2");
		expect(leaveOutMore(path, 0)).toBe(2);
		expect(leaveOutMore(path, 2)).toBeUndefined();
	});

	it("asks for a quarter of a small window, and never for more than the window", () => {
		expect([tokenLimit(plainSettings, 1_024), tokenLimit(plainSettings, 128_000), tokenLimit({ ...plainSettings, maxTokens: 9_000 }, 4_096)]).toEqual([
			256, 512, 4_096,
		]);
	});
});

describe("the file of a conversation", () => {
	it("comes back as it was, under another id, with nothing on its way", () => {
		const running = withAnswer(talk, "a2", { end: "running" });
		expect(readConversationFile(writeConversationFile(running), "new")).toEqual({ ...withAnswer(talk, "a2", { end: "cancelled" }), id: "new" });
		expect(conversationFileName({ title: "What is a till? …" })).toBe("what-is-a-till.conversation.json");
	});

	const file = JSON.parse(writeConversationFile(talk)) as { turns: Record<string, unknown>[] };
	it.each([
		["something else", "{}", "format"],
		["no JSON", "hello", "no conversation"],
		["a turn twice", JSON.stringify({ ...file, turns: [...file.turns, file.turns[0]] }), "stands twice"],
		["a turn in the air", JSON.stringify({ ...file, turns: file.turns.slice(1) }), "no turn before it"],
		["a member that nobody knows", JSON.stringify({ ...file, script: "x" }), "script is not known"],
		["a member of another type", JSON.stringify({ ...file, turns: [{ ...file.turns[0], text: 7 }] }), "text must be a text"],
	])("is refused when it is %s", (_, text, words) => expect(() => readConversationFile(text, "x")).toThrow(words));
});
