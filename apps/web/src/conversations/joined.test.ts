import { describe, expect, it } from "vitest";
import { type AnswerTurn, type Conversation, newConversation, plainSettings, shownPath, type UserTurn, withAnswer, withTurn } from "./conversation.js";
import { joined } from "./joined.js";

const user = (id: string, at: number, parent?: string): UserTurn => ({ role: "user", id, at, text: id, ...(parent === undefined ? {} : { parent }) });
const answer = (id: string, at: number, parent: string): AnswerTurn => ({
	role: "answer",
	id,
	at,
	parent,
	model: "a/b",
	temperature: 0,
	seed: 1,
	text: "",
	toolCalls: [],
	end: "running",
	leftOut: 0,
});
const base: Conversation = withTurn(newConversation("c", "a/b", plainSettings, 1), user("first", 1));
const idsOf = ({ turns }: Conversation): readonly string[] => turns.map(({ id }) => id);

describe("two tabs with one conversation", () => {
	it("lose nothing that either said", () => {
		const here = withTurn(base, user("here", 3, "first"));
		const there = withTurn(withTurn(base, user("there", 2, "first")), user("more", 4, "there"));
		const both = joined(base, here, there);
		expect(idsOf(both)).toEqual(["first", "there", "here", "more"]);
		// What is shown here stays shown here.
		expect(shownPath(both).map(({ id }) => id)).toEqual(["first", "here"]);
		expect(idsOf(joined(base, there, here))).toEqual(idsOf(both));
	});

	it("show what the other one said, where this one has said nothing since", () => {
		const there = withTurn(withTurn(base, answer("a", 2, "first")), user("next", 3, "a"));
		expect(shownPath(joined(base, base, there)).map(({ id }) => id)).toEqual(["first", "a", "next"]);
	});

	it("keep what is known best of an answer, and the one that is on its way here", () => {
		const begun = withTurn(base, answer("a", 2, "first"));
		const ended = withAnswer(begun, "a", { end: "stop", text: "done" });
		const lost = withAnswer(begun, "a", { end: "cancelled" });
		const paid = withAnswer(ended, "a", { paid: { charge: 1n, inputTokens: 1, outputTokens: 1, state: "signed", receipt: {} } });
		expect(joined(begun, begun, ended).turns[1]).toMatchObject({ end: "stop", text: "done" });
		expect(joined(begun, begun, lost, "a").turns[1]).toMatchObject({ end: "running" });
		for (const [one, other] of [
			[paid, lost],
			[lost, paid],
		] as const)
			expect(joined(begun, one, other).turns[1]).toMatchObject({ end: "stop", paid: { state: "signed" } });
	});

	it("take a title or a setting from the one that changed it", () => {
		const named = { ...base, title: "A name" };
		const warm = { ...base, settings: { ...plainSettings, temperature: 1 } };
		expect(joined(base, named, warm)).toMatchObject({ title: "A name", settings: { temperature: 1 } });
		expect(joined(base, warm, named)).toMatchObject({ title: "A name", settings: { temperature: 1 } });
	});
});
