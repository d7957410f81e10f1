/** Royalties are conserved to the unit and do not depend on who calls `flow`, when, or in which order. */
import fc from "fast-check";
import { type Address, encodeAbiParameters, encodeFunctionData, type Hex, keccak256, toHex, zeroHash } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { account, accounts, type Chain, OPG_UNIT, openChain } from "./chain.js";
import { anchor, claimableOf, line, opg, publication, publish, ROLE, register, registry, royalties, tillOf, upstreamOf } from "./market.js";

const deep = process.env["FREEHOLD_DEEP"] === "1";
const [gateway, node, payer, stranger] = [account(0), account(1), account(2), account(3)];
let chain: Chain;
let serial = 0;
beforeAll(async () => {
	chain = await openChain();
	await register(chain, gateway, ROLE.gateway);
	await chain.send(payer, { ...opg, functionName: "transfer", args: [tillOf(chain, gateway.address), 500_000n * OPG_UNIT] });
});
afterAll(() => chain.close());

/** Pays `amount` for a release: its price is one unit an input unit and one an output unit of 10^9. */
async function pay(release: Hex, amount: bigint): Promise<void> {
	await anchor(chain, gateway, [line({ release, node: node.address, inputUnits: amount % 10n ** 9n, outputUnits: amount / 10n ** 9n })]);
}
const price = { perInputUnit: 1n, perOutputUnit: 10n ** 9n };
const flow = (releases: readonly Hex[], who = stranger) => chain.send(who, { ...royalties, functionName: "flow", args: [[...releases]] });
const owed = (release: Hex) => chain.read({ ...royalties, functionName: "owed", args: [release] });

interface Graph {
	readonly releases: readonly { readonly owner: Address; readonly parents: readonly { readonly index: number; readonly bps: number }[] }[];
	readonly payments: readonly { readonly index: number; readonly amount: bigint }[];
	readonly flows: readonly (readonly number[])[];
}

/** Each release names earlier ones, so that every drawn graph can be published in order; diamonds are frequent. */
const graphs: fc.Arbitrary<Graph> = fc.integer({ min: 2, max: 9 }).chain((count) =>
	fc.record({
		releases: fc.tuple(
			...Array.from({ length: count }, (_, index) =>
				fc.record({
					owner: fc.integer({ min: 4, max: 9 }).map((who) => account(who).address),
					parents: fc
						.uniqueArray(fc.record({ index: fc.integer({ min: 0, max: Math.max(0, index - 1) }), weight: fc.integer({ min: 0, max: 10_000 }) }), {
							maxLength: Math.min(index, 4),
							selector: (parent) => parent.index,
						})
						.map((parents) => parents.map(({ index: at, weight }) => ({ index: at, bps: Math.floor(weight / Math.max(1, parents.length)) }))),
				}),
			),
		),
		payments: fc.array(fc.record({ index: fc.integer({ min: 0, max: count - 1 }), amount: fc.bigInt({ min: 1n, max: 10n ** 18n }) }), {
			minLength: 1,
			maxLength: 6,
		}),
		flows: fc.array(fc.array(fc.integer({ min: 0, max: count - 1 }), { maxLength: 12 }), { maxLength: 6 }),
	}),
);

async function publishGraph(graph: Graph): Promise<Hex[]> {
	const ids: Hex[] = [];
	for (const { owner, parents } of graph.releases) {
		const named = parents.map(({ index, bps }) => ({ release: ids[index] ?? zeroHash, bps }));
		const { release } = await publish(chain, { address: owner }, { name: `${owner.slice(2).toLowerCase()}/g${serial++}`, price, parents: named });
		ids.push(release);
	}
	return ids;
}

/** What everyone must have in the end: each release divides the total that ever reached it, all parts rounded down. */
function expected(graph: Graph): { readonly owners: Map<Address, bigint>; readonly rest: readonly bigint[] } {
	const total = graph.releases.map(() => 0n);
	const rest: bigint[] = graph.releases.map(() => 0n);
	const owners = new Map<Address, bigint>();
	for (const { index, amount } of graph.payments) total[index] = (total[index] ?? 0n) + amount;
	for (let index = graph.releases.length - 1; index >= 0; index--) {
		const { owner, parents } = graph.releases[index] ?? { owner: stranger.address, parents: [] };
		const reached = total[index] ?? 0n;
		let ownerBps = 10_000n;
		let given = 0n;
		for (const parent of parents) {
			const share = (reached * BigInt(parent.bps)) / 10_000n;
			ownerBps -= BigInt(parent.bps);
			given += share;
			total[parent.index] = (total[parent.index] ?? 0n) + share;
		}
		const own = (reached * ownerBps) / 10_000n;
		owners.set(owner, (owners.get(owner) ?? 0n) + own);
		rest[index] = reached - given - own;
	}
	return { owners, rest };
}

describe("random release graphs", () => {
	test("whatever the order of payments and flows, each owner gets the same, and nothing is lost or made", async () => {
		await fc.assert(
			fc.asyncProperty(graphs, async (graph) => {
				const ids = await publishGraph(graph);
				const before = new Map(accounts.map(({ address }) => [address, claimableOf(chain, address)]));
				const balance = chain.balance(royalties.address);
				const paid = graph.payments.reduce((sum, { amount }) => sum + amount, 0n);
				for (const [step, { index, amount }] of graph.payments.entries()) {
					await pay(ids[index] ?? zeroHash, amount);
					const some = graph.flows[step];
					if (some !== undefined) await flow(some.map((at) => ids[at] ?? zeroHash));
					const gained = accounts.reduce((sum, { address }) => sum + claimableOf(chain, address) - (before.get(address) ?? 0n), 0n);
					const waiting = ids.reduce((sum, id) => sum + owed(id), 0n);
					expect(gained + waiting).toBe(chain.balance(royalties.address) - balance);
				}
				for (const id of [...ids].reverse()) await flow([id]);
				const { owners, rest } = expected(graph);
				for (const { address } of accounts) expect(claimableOf(chain, address) - (before.get(address) ?? 0n)).toBe(owners.get(address) ?? 0n);
				for (const [index, id] of ids.entries()) {
					expect(upstreamOf(chain, id)).toBe(0n);
					expect(owed(id)).toBe(rest[index]);
					expect(owed(id)).toBeLessThan(BigInt((graph.releases[index]?.parents.length ?? 0) + 1));
				}
				expect(chain.balance(royalties.address) - balance).toBe(paid);
			}),
			// A red run is reported before the test's own deadline, however far it has shrunk.
			{ numRuns: deep ? 400 : 25, interruptAfterTimeLimit: deep ? 500_000 : 30_000 },
		);
	});
});

describe("depth", () => {
	test("a chain of 1,000 releases pays its root, 256 steps a transaction", async () => {
		const depth = 1_000;
		const owners = [4, 5, 6].map((index) => account(index));
		const name = (index: number) => `deep${index % 3}/m${index}`;
		const ids = Array.from({ length: depth }, (_, index) =>
			keccak256(encodeAbiParameters([{ type: "uint256" }, { type: "uint16" }, { type: "uint16" }], [BigInt(keccak256(toHex(name(index)))), 1, 0])),
		);
		const publications = ids.map((_, index) => {
			const parent = ids[index - 1];
			const call = publication({ name: name(index), price, ...(parent === undefined ? {} : { parents: [{ release: parent, bps: 9_990 }] }) });
			return { from: (owners[index % 3] ?? stranger).address, to: registry.address, data: encodeFunctionData(call) };
		});
		for (let start = 0; start < depth; start += 100) await chain.block(publications.slice(start, start + 100));
		const before = owners.map(({ address }) => claimableOf(chain, address));
		const amount = 10n ** 18n;
		await pay(ids.at(-1) ?? zeroHash, amount);
		const order = [...ids].reverse().slice(1);
		for (let start = 0; start < order.length; start += 256) await flow(order.slice(start, start + 256));
		const gained = owners.map(({ address }, index) => claimableOf(chain, address) - (before[index] ?? 0n));
		let reaching = amount;
		const due = [0n, 0n, 0n];
		let lost = 0n;
		for (let index = depth - 1; index >= 0; index--) {
			const up = index === 0 ? 0n : (reaching * 9_990n) / 10_000n;
			const own = index === 0 ? reaching : (reaching * 10n) / 10_000n;
			due[index % 3] = (due[index % 3] ?? 0n) + own;
			lost += reaching - up - own;
			reaching = up;
		}
		expect(gained).toEqual(due);
		expect(gained.reduce((sum, each) => sum + each, 0n)).toBe(amount - lost);
		expect(lost).toBeLessThan(BigInt(depth));
	});
});

describe("attacks and edges", () => {
	test("nobody but UsageLedger books income", async () => {
		const { release } = await publish(chain, account(4), { name: "edge/a", price });
		await expect(chain.send(stranger, { ...royalties, functionName: "book", args: [release, 1n] })).rejects.toThrow("NotUsageLedger");
	});
	test("flow of unknown or empty releases changes nothing; too many at once are refused", async () => {
		expect((await flow([zeroHash, zeroHash])).events).toEqual([]);
		await expect(flow(Array.from({ length: 257 }, () => zeroHash))).rejects.toThrow("TooManyReleases");
	});
	test("repeating a release in one flow pays it once", async () => {
		const base = await publish(chain, account(4), { name: "edge/base", price });
		const child = await publish(chain, account(5), { name: "edge-kid/child", price, parents: [{ release: base.release, bps: 5_000 }] });
		await pay(child.release, 1_000n);
		const sent = await flow([base.release, base.release, base.release]);
		expect(sent.event("OwnerCredited")).toMatchObject({ release: base.release, amount: 500n });
	});
	test("many tiny payments give an ancestor its whole share: rounding cannot be farmed", async () => {
		const base = await publish(chain, account(4), { name: "edge/farm", price });
		const child = await publish(chain, account(5), { name: "edge-kid/farm", price, parents: [{ release: base.release, bps: 1_000 }] });
		for (let index = 0; index < 20; index++) await pay(child.release, 1n);
		expect(upstreamOf(chain, base.release)).toBe(2n);
	});
	test("a diamond's top is paid by both sides", async () => {
		const top = await publish(chain, account(4), { name: "edge/top", price });
		const left = await publish(chain, account(5), { name: "edge-kid/left", price, parents: [{ release: top.release, bps: 5_000 }] });
		const right = await publish(chain, account(6), { name: "edge-right/right", price, parents: [{ release: top.release, bps: 2_000 }] });
		const child = await publish(chain, account(7), {
			name: "edge-child/child",
			price,
			parents: [
				{ release: left.release, bps: 4_000 },
				{ release: right.release, bps: 6_000 },
			],
		});
		const before = [4, 5, 6, 7].map((index) => claimableOf(chain, account(index).address));
		await pay(child.release, 1_000n);
		await flow([left.release, right.release, top.release]);
		expect([4, 5, 6, 7].map((index, at) => claimableOf(chain, account(index).address) - (before[at] ?? 0n))).toEqual([320n, 200n, 480n, 0n]);
	});
	test("income that reaches a sold model is the buyer's, income that reached it before is the seller's", async () => {
		const [seller, buyer] = [account(10), account(11)];
		const base = await publish(chain, seller, { name: "sold/base", price });
		const child = await publish(chain, account(5), { name: "edge-kid/of-sold", price, parents: [{ release: base.release, bps: 10_000 }] });
		await pay(child.release, 100n);
		await flow([base.release]);
		await pay(child.release, 30n);
		await chain.send(seller, { ...registry, functionName: "transferFrom", args: [seller.address, buyer.address, base.modelId] });
		await pay(child.release, 7n);
		await flow([base.release]);
		expect([claimableOf(chain, seller.address), claimableOf(chain, buyer.address)]).toEqual([100n, 37n]);
	});
	test("claims go to the owner or where the owner says, once", async () => {
		const owner = account(10);
		const amount = claimableOf(chain, owner.address);
		const before = chain.balance(stranger.address);
		const sent = await chain.send(owner, { ...royalties, functionName: "claim", args: [stranger.address] });
		expect(sent.event("Claimed")).toEqual({ owner: owner.address, to: stranger.address, amount });
		expect(chain.balance(stranger.address) - before).toBe(amount);
		await expect(chain.send(owner, { ...royalties, functionName: "claim", args: [owner.address] })).rejects.toThrow("NothingToClaim");
		const other = account(11);
		const held = chain.balance(other.address);
		await chain.send(stranger, { ...royalties, functionName: "claimFor", args: [other.address] });
		expect(chain.balance(other.address) - held).toBe(37n);
	});
});
