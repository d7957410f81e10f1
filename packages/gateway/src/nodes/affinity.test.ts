import type { Hex } from "@freehold/protocol";
import { describe, expect, it } from "vitest";
import type { OperatorRecord } from "../store/tables.js";
import { preferring } from "./affinity.js";
import { freshHealth, type NodeHealth } from "./choice.js";

const node = (name: string, nodeFee = 5n): OperatorRecord => ({
	address: `0x${name}` as Hex,
	roles: 1,
	endpoint: "",
	nodeFee,
	bond: 1n,
	unbonding: 0n,
	keys: {},
});
const nodes = ["a", "b", "c", "d"].map((name) => node(name));
const first = (beginning: string, ranked = nodes, health: Record<string, Partial<NodeHealth>> = {}): string =>
	preferring(ranked, beginning, (address) => ({ ...freshHealth, ...health[address] }), 1_000)[0]?.address ?? "";

describe("conversations", () => {
	it("that begin alike go to one node, others elsewhere", () => {
		const chosen = Array.from({ length: 200 }, (_, index) => first(`conversation ${index}`));
		expect(chosen).toEqual(Array.from({ length: 200 }, (_, index) => first(`conversation ${index}`, [...nodes].reverse())));
		for (const { address } of nodes) expect(chosen.filter((name) => name === address).length).toBeGreaterThan(25);
	});

	it("move only where their node goes", () => {
		for (let index = 0; index < 50; index++) {
			const before = first(`conversation ${index}`);
			const without = nodes.filter(({ address }) => address !== "0xd");
			if (before !== "0xd") expect(first(`conversation ${index}`, without)).toBe(before);
		}
	});

	it("leave a node that is busier than its equals, rests, or is dearer than the cheapest", () => {
		const usual = first("x");
		expect(first("x", nodes, { [usual]: { inFlight: 2 } })).toBe(usual);
		expect(first("x", nodes, { [usual]: { inFlight: 3 } })).not.toBe(usual);
		expect(first("x", nodes, { [usual]: { restUntil: 2_000 } })).not.toBe(usual);
		const dearer = nodes.map((item) => (item.address === usual ? node(usual.slice(2), 6n) : item)).sort((a, b) => Number(a.nodeFee - b.nodeFee));
		expect(first("x", dearer)).not.toBe(usual);
	});
});
