/** Two tabs that go on with one conversation: nothing that either said is lost. Pure. */
import type { AnswerTurn, Conversation, Turn } from "./conversation.js";

const STATES = ["signed", "anchored", "final"] as const;

/**
 * What is here, with what another tab has kept meanwhile. `base`: what both began with. What only one of them changed is as that one has it; where both did, as it
 * is here. `running`: the answer that is on its way here.
 */
export function joined(base: Conversation | undefined, here: Conversation, there: Conversation, running?: string): Conversation {
	const theirs = new Map(there.turns.map((turn) => [turn.id, turn]));
	const known = new Set(here.turns.map(({ id }) => id));
	const turns = here.turns.map((turn) => (turn.id === running ? turn : further(turn, theirs.get(turn.id))));
	const more = there.turns.filter(({ id }) => !known.has(id));
	const pick = <K extends "title" | "model" | "settings">(name: K): Conversation[K] =>
		base !== undefined && JSON.stringify(here[name]) === JSON.stringify(base[name]) ? there[name] : here[name];
	const chosenHere = Object.entries(here.chosen).filter(([parent, id]) => base?.chosen[parent] !== id || there.chosen[parent] === undefined);
	return {
		...here,
		title: pick("title"),
		model: pick("model"),
		settings: pick("settings"),
		updatedAt: Math.max(here.updatedAt, there.updatedAt),
		// The newest branch is shown where none was chosen, so the order is that of their making.
		turns: more.length === 0 ? turns : [...turns, ...more].sort((a, b) => a.at - b.at),
		chosen: { ...there.chosen, ...Object.fromEntries(chosenHere) },
	};
}

/** Of two records of one turn the one that knows more. */
function further(here: Turn, there: Turn | undefined): Turn {
	if (here.role !== "answer" || there?.role !== "answer") return here;
	return rankOf(there) > rankOf(here) ? there : here;
}

function rankOf({ end, paid }: AnswerTurn): number {
	if (paid !== undefined) return 2 + STATES.indexOf(paid.state);
	return end === "running" ? 0 : 1;
}
