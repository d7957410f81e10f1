import type { Hex } from "@freehold/protocol";
import { describe, expect, it } from "vitest";
import type { OperatorRecord } from "../store/tables.js";
import { afterAnswer, afterFailure, afterLook, type Choice, freshHealth, inOrder, type NodeHealth, withinReach } from "./choice.js";

const node = (name: string, nodeFee: bigint): OperatorRecord => ({
	address: `0x${name}` as Hex,
	roles: 1,
	endpoint: "",
	nodeFee,
	bond: 1n,
	unbonding: 0n,
	keys: {},
});
const order = (nodes: readonly OperatorRecord[], health: Record<string, Partial<NodeHealth>> = {}, choice: Partial<Choice> = {}) =>
	inOrder(nodes, {
		healthOf: (address) => ({ ...freshHealth, measuredAt: 1_000, ...health[address.slice(2)] }),
		need: undefined,
		secondPrice: 0n,
		now: 1_000,
		...choice,
	}).map((item) => item.address.slice(2));

describe("the choice of a node", () => {
	it("takes the cheapest, and among equals the one that answers sooner", () => {
		expect(order([node("dear", 9n), node("slow", 5n), node("quick", 5n)], { slow: { latencyMs: 50 }, quick: { latencyMs: 20 } })).toEqual([
			"quick",
			"slow",
			"dear",
		]);
	});

	it("takes a dearer node where the time that it saves is worth more than the difference", () => {
		const slow = { slow: { latencyMs: 900 }, quick: { latencyMs: 100 } };
		expect(order([node("slow", 5n), node("quick", 8n)], slow, { secondPrice: 10n })).toEqual(["quick", "slow"]);
		expect(order([node("slow", 5n), node("quick", 8n)], slow, { secondPrice: 2n })).toEqual(["slow", "quick"]);
	});

	it("tries a node again that was slow once, and believes faster answers sooner than slower ones", () => {
		const nodes = [node("cold", 1n), node("warm", 5n)];
		const health = { cold: { latencyMs: 2_000, measuredAt: 1_000 }, warm: { latencyMs: 10, measuredAt: 60_000 } };
		expect(order(nodes, health, { secondPrice: 10n, now: 1_000 })).toEqual(["warm", "cold"]);
		expect(order(nodes, health, { secondPrice: 10n, now: 60_000 })).toEqual(["cold", "warm"]);
		expect(afterAnswer({ ...freshHealth, latencyMs: 1_000 }, 0, 0).latencyMs).toBe(500);
		expect(afterAnswer({ ...freshHealth, latencyMs: 1_000 }, 2_000, 0).latencyMs).toBe(1_200);
	});

	it("leaves out nodes that say they cannot run the call, and asks those of which nothing is known", () => {
		const runs = (...names: string[]) => afterLook(freshHealth, { runs: new Set(names) });
		const nodes = [node("onnx", 1n), node("gguf", 2n), node("new", 3n)];
		const health = { onnx: runs("onnx/fast", "onnx/bit-exact"), gguf: runs("gguf/fast") };
		expect(order(nodes, health, { need: { format: 1, mode: "fast" } })).toEqual(["onnx", "new"]);
		expect(order(nodes, health, { need: { format: 2, mode: "fast" } })).toEqual(["gguf", "new"]);
		expect(order(nodes, health, { need: { format: 2, mode: "bit-exact" } })).toEqual(["new"]);
	});

	it("spreads calls over equals", () => {
		expect(order([node("a", 5n), node("b", 5n)], { a: { latencyMs: 20, inFlight: 4 }, b: { latencyMs: 30 } })).toEqual(["b", "a"]);
	});

	it("reaches the next two nodes, as far as they cost at most a quarter more", () => {
		const nodes = [node("a", 100n), node("b", 125n), node("c", 90n), node("d", 100n)];
		const names = (price: bigint) => withinReach(nodes, ({ nodeFee }) => price + nodeFee).map(({ address }) => address.slice(2));
		expect(names(0n)).toEqual(["a", "b", "c"]);
		expect(withinReach([node("a", 100n), node("b", 126n)], ({ nodeFee }) => nodeFee)).toHaveLength(1);
		expect(withinReach([], () => 0n)).toEqual([]);
	});

	it("lets one that failed rest, and still has it when there is nothing better", () => {
		expect(order([node("cheap", 1n), node("dear", 9n)], { cheap: { restUntil: 2_000 } })).toEqual(["dear", "cheap"]);
		expect(order([node("a", 1n), node("b", 1n)], { a: { restUntil: 3_000 }, b: { restUntil: 2_000 } })).toEqual(["b", "a"]);
		expect(order([node("cheap", 1n), node("dear", 9n)], { cheap: { restUntil: 999 } })).toEqual(["cheap", "dear"]);
	});

	it("doubles the rest with each failure up to half a minute, and forgives with one answer", () => {
		let health = freshHealth;
		const rests: number[] = [];
		for (let failure = 0; failure < 10; failure++) {
			health = afterFailure(health, 0);
			rests.push(health.restUntil);
		}
		expect(rests.slice(0, 4)).toEqual([250, 500, 1_000, 2_000]);
		expect(rests.at(-1)).toBe(30_000);
		expect(afterAnswer(health, 10, 0)).toMatchObject({ failures: 0, restUntil: 0, latencyMs: 10 });
	});
});
