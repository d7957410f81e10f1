import { charge, type Hex, parseOpg } from "@freehold/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { flowOrder, type LineageRelease, type SplitLine, splitOf } from "./split.js";

const id = (index: number): Hex => `0x${index.toString(16).padStart(64, "0")}`;
const account = (index: number): Hex => `0x${index.toString(16).padStart(40, "0")}`;
const options = { treasury: account(0xffff), protocolFeeBps: 100 };
const opg = (text: string): bigint => {
	const amount = parseOpg(text);
	if (amount === undefined) throw new RangeError(text);
	return amount;
};
const line = (release: Hex, nodeFee = 0n, gatewayFee = 0n): SplitLine => ({
	release,
	node: account(0xaaaa),
	gateway: account(0xbbbb),
	calls: 1n,
	inputUnits: 0n,
	outputUnits: 0n,
	nodeFee,
	gatewayFee,
});
const flat = (perCall: bigint) => ({ perCall, perInputUnit: 0n, perOutputUnit: 0n });

describe("the split of one call", () => {
	it("is the one that the demo shows", () => {
		const lineage = new Map<Hex, LineageRelease>([
			[id(1), { release: id(1), owner: account(1), parents: [] }],
			[id(2), { release: id(2), owner: account(2), parents: [{ release: id(1), bps: 1_000 }] }],
		]);
		const split = splitOf(line(id(2), opg("0.05"), opg("0.03")), flat(opg("1")), lineage, options);
		expect(split.charge).toBe(opg("1.08"));
		expect(split.parts.map(({ role, to, amount }) => [role, to, amount])).toEqual([
			["owner", account(2), opg("0.9")],
			["ancestor", account(1), opg("0.1")],
			["node", account(0xaaaa), opg("0.05")],
			["gateway", account(0xbbbb), opg("0.0192")],
			["protocol", account(0xffff), opg("0.0108")],
		]);
	});

	it("passes shares up through ancestors: C 20, A 80, B 50, child 850", () => {
		const lineage = new Map<Hex, LineageRelease>([
			[id(1), { release: id(1), owner: account(0xc), parents: [] }],
			[id(2), { release: id(2), owner: account(0xa), parents: [{ release: id(1), bps: 2_000 }] }],
			[id(3), { release: id(3), owner: account(0xb), parents: [] }],
			[
				id(4),
				{
					release: id(4),
					owner: account(0xd),
					parents: [
						{ release: id(2), bps: 1_000 },
						{ release: id(3), bps: 500 },
					],
				},
			],
		]);
		const amounts = new Map(splitOf(line(id(4)), flat(1000n), lineage, options).parts.map((part) => [part.to, part.amount]));
		expect(amounts).toEqual(
			new Map([
				[account(0xd), 850n],
				[account(0xa), 80n],
				[account(0xb), 50n],
				[account(0xc), 20n],
			]),
		);
	});

	it("never takes more for the protocol than the gateway asks", () => {
		const lineage = new Map<Hex, LineageRelease>([[id(1), { release: id(1), owner: account(1), parents: [] }]]);
		const roles = splitOf(line(id(1), 0n, 3n), flat(10_000n), lineage, options).parts.map(({ role, amount }) => [role, amount]);
		expect(roles).toEqual([
			["owner", 10_000n],
			["protocol", 3n],
		]);
	});

	it("is exact to the unit on any graph, whatever arrived before", () => {
		const graph = fc.array(
			fc.record({
				picks: fc.array(fc.record({ back: fc.nat(20), bps: fc.nat(1_250) }), { maxLength: 8 }),
				received: fc.bigInt(0n, 10n ** 20n),
				owner: fc.nat(5),
			}),
			{ minLength: 1, maxLength: 25 },
		);
		fc.assert(
			fc.property(graph, fc.bigInt(0n, 10n ** 24n), fc.bigInt(0n, 10n ** 20n), fc.bigInt(0n, 10n ** 20n), (releases, price, nodeFee, gatewayFee) => {
				const lineage = new Map<Hex, LineageRelease>();
				releases.forEach(({ picks, received, owner }, index) => {
					const parents = new Map<Hex, number>();
					if (index > 0) for (const { back, bps } of picks) parents.set(id(back % index), bps);
					lineage.set(id(index), { release: id(index), owner: account(owner), received, parents: [...parents].map(([release, bps]) => ({ release, bps })) });
				});
				const top = line(id(releases.length - 1), nodeFee, gatewayFee);
				const split = splitOf(top, flat(price), lineage, options);
				expect(split.charge).toBe(charge(flat(price), top, top));
				expect(split.parts.reduce((sum, part) => sum + part.amount, 0n)).toBe(split.charge);
				expect(split.parts.every((part) => part.role === "remainder" || part.amount > 0n)).toBe(true);
			}),
			{ numRuns: 200 },
		);
	});
});

describe("the order of flow", () => {
	it("puts every child before its parents, also in a diamond and a thousand deep", () => {
		const lineage = new Map<Hex, LineageRelease>();
		for (let index = 0; index < 1_000; index++) {
			const parents = index === 0 ? [] : [{ release: id(index - 1), bps: 1 }, ...(index < 2 ? [] : [{ release: id(index - 2), bps: 1 }])];
			lineage.set(id(index), { release: id(index), owner: account(1), parents });
		}
		const order = flowOrder(id(999), lineage);
		const position = new Map(order.map((release, index) => [release, index]));
		expect(order).toHaveLength(1_000);
		for (const { release, parents } of lineage.values())
			for (const parent of parents) expect(position.get(release) as number).toBeLessThan(position.get(parent.release) as number);
	});
});
