import { describe, expect, it } from "vitest";
import { type Turn, Turns } from "./turns.js";

function desk(limits: { readonly maxWaiting?: number; readonly maxBytes?: number } = {}) {
	const clock = { ms: 0 };
	const turns = new Turns<string>({ now: () => clock.ms, maxWaiting: limits.maxWaiting ?? 100, maxBytes: limits.maxBytes ?? 1_000 });
	const ask = (caller: string, work = caller, bytes = 1): Turn<string> => {
		const turn = { caller, work, bytes };
		turns.add(turn);
		return turn;
	};
	const order = (onlyLight = false): string[] => {
		const taken: string[] = [];
		for (let turn = turns.take(onlyLight); turn !== undefined; turn = turns.take(onlyLight)) taken.push(turn.work);
		return taken;
	};
	return { clock, turns, ask, order };
}

describe("whose turn it is", () => {
	it("goes to whoever used the least time; strangers come after the quick and before the heavy; each caller's own work stays in order", () => {
		const { turns, ask, order } = desk();
		turns.charge("heavy", 900);
		turns.charge("quick", 2);
		for (const [caller, work] of [
			["heavy", "h1"],
			["stranger", "s1"],
			["heavy", "h2"],
			["quick", "q1"],
			["quick", "q2"],
		] as const)
			ask(caller, work);
		expect(order()).toEqual(["q1", "q2", "s1", "h1", "h2"]);
	});

	it("is never a heavy caller's on what is kept for the light", () => {
		const { turns, ask, order } = desk();
		turns.charge("heavy", 900);
		ask("heavy");
		expect(order(true)).toEqual([]);
		ask("light");
		expect(order(true)).toEqual(["light"]);
		expect(order()).toEqual(["heavy"]);
	});

	it("comes back to a heavy caller once their use is forgotten", () => {
		const { clock, turns } = desk();
		turns.charge("heavy", 900);
		expect(turns.isHeavy("heavy")).toBe(true);
		clock.ms = 20_000;
		expect(turns.isHeavy("heavy")).toBe(false);
	});
});

describe("room to wait", () => {
	it("is bounded in number and bytes, and refused with the limit's code", () => {
		const few = desk({ maxWaiting: 2 });
		few.ask("a");
		few.ask("a");
		expect(() => few.ask("a")).toThrow(expect.objectContaining({ code: -32005 }));
		const small = desk({ maxBytes: 10 });
		small.ask("a", "a", 8);
		expect(() => small.ask("b", "b", 3)).toThrow(expect.objectContaining({ code: -32005 }));
	});

	it("is taken from the heaviest for a lighter caller", () => {
		const { turns, ask, order } = desk({ maxWaiting: 3 });
		turns.charge("heavy", 900);
		for (const work of ["h1", "h2", "h3"]) ask("heavy", work);
		expect(turns.add({ caller: "light", work: "l", bytes: 1 }).map(({ work }) => work)).toEqual(["h3"]);
		expect(order()).toEqual(["l", "h1", "h2"]);
	});

	it("is given back by who leaves, and nothing stays behind", () => {
		const { turns, ask, order } = desk({ maxBytes: 10 });
		const turn = ask("a", "a", 10);
		expect(turns.remove(turn)).toBe(true);
		expect(turns.remove(turn)).toBe(false);
		ask("b", "b", 10);
		expect(order()).toEqual(["b"]);
		expect(turns.waiting).toBe(0);
	});
});
