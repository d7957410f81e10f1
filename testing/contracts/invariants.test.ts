/** The invariants of the design's last section, along random sequences of operations. */
import { channelsAbi } from "@freehold/contracts/abi";
import { genesisAddresses, genesisDeployments, supplyTable, TOTAL_SUPPLY } from "@freehold/contracts/bytecode";
import fc from "fast-check";
import { type Address, encodeAbiParameters, type Hex, hashTypedData, keccak256, toHex } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import { account, accounts, CHAIN_ID, type Chain, OPG_UNIT, openChain, Reverted } from "./chain.js";
import { fixture } from "./fixtures.js";
import {
	anchor,
	claimableOf,
	creditOf,
	ledger,
	line,
	lineOf,
	nodes,
	opg,
	type PaidCall,
	paidCall,
	priceOf,
	publish,
	ROLE,
	register,
	registry,
	royalties,
	TREASURY,
	tillOf,
} from "./market.js";

const deep = process.env["FREEHOLD_DEEP"] === "1";
const channels = { address: genesisAddresses.Channels, abi: channelsAbi } as const;
const gateways = [account(0), account(1)];
const [node, payer, stranger] = [account(2), account(3), account(4)];
const owners = [account(5), account(6), account(7)];
let chain: Chain;
beforeAll(async () => {
	chain = await openChain({ extraAbis: [fixture("Mortal").abi] });
});
afterAll(() => chain.close());

/** What the test remembers, to compare with what the contracts say. */
interface World {
	readonly releases: { readonly id: Hex; readonly modelId: bigint; readonly price: bigint }[];
	readonly configs: { readonly config: Config; readonly id: Hex; signed: bigint; deposited: bigint; back: bigint }[];
	readonly heldCalls: { readonly calls: readonly PaidCall[]; readonly gateway: (typeof gateways)[number]; readonly seq: bigint }[];
	readonly unanchored: PaidCall[];
	readonly debts: { readonly digest: Hex; readonly openedAt: number }[];
	readonly forced: Map<Address, bigint>;
	readonly extras: Set<Address>;
	charged: bigint;
	refunded: bigint;
	held: bigint;
	heldPaid: bigint;
}

interface Config {
	readonly payer: Address;
	readonly payerAuthorizer: Address;
	readonly receiver: Address;
	readonly receiverAuthorizer: Address;
	readonly token: Address;
	readonly withdrawDelay: number;
	readonly salt: Hex;
}

type Step = readonly [kind: number, a: number, b: number, amount: bigint];
let serial = 0;

const pick = <T>(items: readonly T[], index: number): T => {
	const item = items[index % items.length];
	if (item === undefined) throw new RangeError("nothing to pick from");
	return item;
};

const operations: readonly ((world: World, step: Step) => Promise<unknown>)[] = [
	async function publishRelease(world, [, a, b]) {
		const parents =
			world.releases.length === 0
				? []
				: [...new Set([pick(world.releases, a).id, pick(world.releases, b).id])].map((release) => ({ release, bps: 1_000 + (a % 4_000) }));
		const price = BigInt(1 + (a % 1_000)) * 1_000_003n;
		const owner = pick(owners, b);
		const published = await publish(chain, owner, { name: `${owner.address.slice(2).toLowerCase()}/i${serial++}`, price: { perCall: price }, parents });
		world.releases.push({ id: published.release, modelId: published.modelId, price });
	},
	async function payExact(_, [, a, , amount]) {
		await chain.send(payer, { ...opg, functionName: "transfer", args: [tillOf(chain, pick(gateways, a).address), amount] });
	},
	async function anchorLines(world, [, a, b, amount]) {
		const gateway = pick(gateways, a);
		const release = b % 7 === 0 ? keccak256(toHex(b)) : pick(world.releases, b).id;
		const lines = [
			line({ release, node: node.address, calls: BigInt(1 + (b % 5)), nodeFee: BigInt(a), gatewayFee: amount % 10_000n }),
			line({ release: pick(world.releases, a).id, node: node.address, calls: 1n, nodeFee: 3n, gatewayFee: 5n, priceVersion: 1 + (a % 3) }),
		];
		const refunds = b % 2 === 0 ? [{ payer: payer.address, amount: amount % 1_000n }] : [];
		const sent = await anchor(chain, gateway, lines, { refunds });
		const total = sent.event("Anchored")["total"] as bigint;
		const back = refunds.reduce((sum, refund) => sum + refund.amount, 0n);
		const kept = sent.all("LineHeld").reduce((sum, event) => sum + (event["amount"] as bigint), 0n);
		world.charged += total;
		world.refunded += back;
		world.held += kept;
		const split = sent
			.all("LinePaid")
			.reduce((sum, event) => sum + (event["ownerAmount"] as bigint) + (event["nodeFee"] as bigint) + (event["gatewayFee"] as bigint), 0n);
		expect(split + kept + back).toBe(total);
	},
	async function anchorHeldCalls(world, [, a, b]) {
		const gateway = pick(gateways, a);
		const release = pick(world.releases, b);
		const calls = [0, 1, 2].map((index) =>
			paidCall({
				gateway,
				node,
				payer: payer.address,
				release: release.id,
				priceVersion: 77,
				price: priceOf(),
				nodeFee: BigInt(1 + index),
				gatewayFee: 9n,
				at: chain.time,
				id: serial++,
			}),
		);
		const seq = chain.read({ ...ledger, functionName: "nextSeq", args: [gateway.address] });
		const sent = await anchor(chain, gateway, [lineOf(calls).line]);
		const total = sent.event("Anchored")["total"] as bigint;
		world.charged += total;
		world.held += total;
		world.heldCalls.push({ calls, gateway, seq });
	},
	async function claimHeldPart(world, [, a, b]) {
		const { calls, gateway, seq } = pick(world.heldCalls, a);
		const index = b % calls.length;
		const call = pick(calls, index);
		const { line: held, proofs } = lineOf(calls);
		const args = [gateway.address, seq, 0n, held, call.leaf.sums, [...pick(proofs, index)], call.order, call.receipt, payer.address, call.salt] as const;
		const sent = await chain.send(stranger, { ...ledger, functionName: "claimHeld", args });
		world.heldPaid += sent.event("HeldClaimed")["amount"] as bigint;
	},
	async function flow(world, [, a, b]) {
		const ids = [pick(world.releases, a).id, pick(world.releases, b).id, pick(world.releases, a + b).id];
		await chain.send(stranger, { ...royalties, functionName: "flow", args: [ids] });
	},
	async function claimIncome(_, [, a]) {
		await chain.send(pick(owners, a), { ...royalties, functionName: "claim", args: [stranger.address] });
	},
	async function withdrawCredit(_, [, a]) {
		const who = pick([node.address, payer.address, TREASURY, ...gateways.map(({ address }) => address)], a);
		await chain.send(stranger, { ...ledger, functionName: "withdrawFor", args: [who] });
	},
	async function sell(world, [, a, b]) {
		const { modelId } = pick(world.releases, a);
		const from = chain.read({ ...registry, functionName: "ownerOf", args: [modelId] });
		await chain.send(from, { ...registry, functionName: "transferFrom", args: [from, pick(owners, b).address, modelId] });
	},
	async function reprice(world, [, a, , amount]) {
		const { id } = pick(world.releases, a);
		const owner = chain.read({ ...registry, functionName: "releaseOwner", args: [id] });
		await chain.send(owner, { ...registry, functionName: "setPrice", args: [id, priceOf({ perCall: amount % 10n ** 9n })] });
	},
	async function retire(world, [, a, b]) {
		if (b % 5 !== 0) return;
		const { id } = pick(world.releases, a);
		const owner = chain.read({ ...registry, functionName: "releaseOwner", args: [id] });
		await chain.send(owner, { ...registry, functionName: "retire", args: [id] });
	},
	async function openChannel(world, [, a, b, amount]) {
		const gateway = pick(gateways, a);
		const value = 1n + (amount % OPG_UNIT);
		const existing = b % 2 === 0 && world.configs.length > 0 ? pick(world.configs, a) : undefined;
		const config = existing?.config ?? {
			payer: payer.address,
			payerAuthorizer: payer.address,
			receiver: tillOf(chain, gateway.address),
			receiverAuthorizer: gateway.address,
			token: opg.address,
			withdrawDelay: 900,
			salt: toHex(serial++, { size: 32 }),
		};
		const id = chain.read({ ...channels, functionName: "getChannelId", args: [config] });
		const salt = BigInt(serial++);
		const nonce = keccak256(encodeAbiParameters([{ type: "bytes32" }, { type: "uint256" }], [id, salt]));
		const validBefore = BigInt(chain.time + 100);
		const types = {
			ReceiveWithAuthorization: [
				{ name: "from", type: "address" },
				{ name: "to", type: "address" },
				{ name: "value", type: "uint256" },
				{ name: "validAfter", type: "uint256" },
				{ name: "validBefore", type: "uint256" },
				{ name: "nonce", type: "bytes32" },
			],
		} as const;
		const domain = { name: "OpenGradient", version: "1", chainId: CHAIN_ID, verifyingContract: opg.address } as const;
		const message = { from: payer.address, to: genesisAddresses.Erc3009DepositCollector, value, validAfter: 0n, validBefore, nonce };
		const signature = await payer.sign({ hash: hashTypedData({ domain, types, primaryType: "ReceiveWithAuthorization", message }) });
		const data = encodeAbiParameters([{ type: "uint256" }, { type: "uint256" }, { type: "uint256" }, { type: "bytes" }], [0n, validBefore, salt, signature]);
		await chain.send(stranger, { ...channels, functionName: "deposit", args: [config, value, genesisAddresses.Erc3009DepositCollector, data] });
		if (existing === undefined) world.configs.push({ config, id, signed: 0n, deposited: value, back: 0n });
		else existing.deposited += value;
	},
	async function claimVoucher(world, [, a, , amount]) {
		const entry = pick(world.configs, a);
		const total = amount % (2n * OPG_UNIT);
		const digest = chain.read({ ...channels, functionName: "getVoucherDigest", args: [entry.id, total] });
		const claim = { voucher: { channel: entry.config, maxClaimableAmount: total }, signature: await payer.sign({ hash: digest }), totalClaimed: total };
		if (total > entry.signed) entry.signed = total;
		await chain.send(entry.config.receiverAuthorizer, { ...channels, functionName: "claim", args: [[claim]] });
	},
	async function settle(_, [, a]) {
		await chain.send(stranger, { ...channels, functionName: "settle", args: [tillOf(chain, pick(gateways, a).address), opg.address] });
	},
	async function leaveChannel(world, [, a, b, amount]) {
		const entry = pick(world.configs, a);
		const before = chain.balance(payer.address);
		if (b % 3 === 0) await chain.send(payer, { ...channels, functionName: "initiateWithdraw", args: [entry.config, 1n + (amount % OPG_UNIT)] });
		else if (b % 3 === 1) await chain.send(payer, { ...channels, functionName: "finalizeWithdraw", args: [entry.config] });
		else await chain.send(entry.config.receiverAuthorizer, { ...channels, functionName: "refund", args: [entry.config, 1n + (amount % OPG_UNIT)] });
		entry.back += chain.balance(payer.address) - before;
	},
	async function passTime(_, [, a]) {
		chain.advance([1, 60, 1_000, 4_000, 90_000][a % 5] ?? 1);
	},
	async function keepCall(world, [, a, b]) {
		const release = pick(world.releases, b);
		const [price] = chain.read({ ...registry, functionName: "priceOf", args: [release.id, 1] });
		world.unanchored.push(
			paidCall({
				gateway: pick(gateways, a),
				node,
				payer: payer.address,
				release: release.id,
				price: priceOf({ perCall: price.perCall }),
				nodeFee: 1_000n,
				gatewayFee: 9n,
				at: chain.time,
				id: serial++,
			}),
		);
	},
	async function reportCall(world, [, a]) {
		const call = pick(world.unanchored, a);
		const signed = await call.sign();
		await chain.send(stranger, { ...ledger, functionName: "claimUnanchored", args: [call.order, signed.order, call.receipt, signed.receipt] });
		world.debts.push({ digest: call.orderDigest, openedAt: chain.time });
	},
	async function payDebt(world, [, a]) {
		const debt = pick(world.debts, a);
		await chain.send(stranger, { ...ledger, functionName: "payUnanchored", args: [debt.digest] });
	},
	async function bondMoves(_, [, a, b, amount]) {
		const gateway = pick(gateways, a);
		if (b % 3 === 0) await chain.send(gateway, { ...nodes, functionName: "unbond", args: [1n + (amount % (10n * OPG_UNIT))] });
		else if (b % 3 === 1) await chain.send(gateway, { ...nodes, functionName: "withdrawBond", args: [gateway.address] });
		else {
			await chain.send(gateway, { ...opg, functionName: "approve", args: [nodes.address, amount] });
			await chain.send(gateway, { ...nodes, functionName: "addBond", args: [gateway.address, amount] });
		}
	},
	async function forceMoney(world, [, a, , amount]) {
		const heir = pick([ledger.address, royalties.address, channels.address, nodes.address], a);
		const mortal = await chain.deploy(stranger, fixture("Mortal"));
		world.extras.add(mortal);
		await chain.transact(stranger.address, { to: stranger.address });
		const value = 1n + (amount % 1_000n);
		const made = await chain.transact(stranger.address, { to: undefined, data: fixture("Mortal").bytecode, value });
		if (made.created === undefined) throw new Error("nothing was created");
		world.extras.add(made.created);
		await chain.send(stranger, { address: made.created, abi: fixture("Mortal").abi, functionName: "die", args: [heir] });
		world.forced.set(heir, (world.forced.get(heir) ?? 0n) + value);
	},
];

async function check(world: World): Promise<void> {
	const sum = (items: readonly bigint[]) => items.reduce((total, item) => total + item, 0n);
	const contracts = genesisDeployments({ genesisTime: 1 }).map(({ address }) => address);
	const tills = gateways.map(({ address }) => tillOf(chain, address));
	const everyone = new Set(
		[...contracts, ...tills, ...accounts.map(({ address }) => address), TREASURY, ...supplyTable.map(({ wallet }) => wallet), ...world.extras].map(
			(address) => address.toLowerCase() as Address,
		),
	);
	expect(sum([...everyone].map((address) => chain.balance(address)))).toBe(TOTAL_SUPPLY);

	const forced = (address: Address) => world.forced.get(address) ?? 0n;
	const people = [...accounts.map(({ address }) => address), TREASURY];
	const credits = sum(people.map((address) => creditOf(chain, address)));
	expect(credits + world.held - world.heldPaid + forced(ledger.address)).toBe(chain.balance(ledger.address));
	const income = sum(people.map((address) => claimableOf(chain, address)));
	const waiting = sum(world.releases.map(({ id }) => chain.read({ ...royalties, functionName: "owed", args: [id] })));
	expect(income + waiting + forced(royalties.address)).toBe(chain.balance(royalties.address));
	const operators = [...gateways, node].map(({ address }) => chain.read({ ...nodes, functionName: "operatorOf", args: [address] }));
	expect(sum(operators.map(({ bond }) => bond)) + forced(nodes.address)).toBe(chain.balance(nodes.address));
	for (const { bond, locked, unbonding } of operators) {
		expect(locked).toBeLessThanOrEqual(bond);
		expect(unbonding).toBeLessThanOrEqual(bond);
	}
	const open = world.configs.map(({ id }) => chain.read({ ...channels, functionName: "channels", args: [id] }));
	const unsettled = tills
		.map((till) => chain.read({ ...channels, functionName: "receivers", args: [till, opg.address] }))
		.map(([claimed, settled]) => claimed - settled);
	expect(sum(open.map(([balance, claimed]) => balance - claimed)) + sum(unsettled) + forced(channels.address)).toBe(chain.balance(channels.address));
	for (const [index, { signed, deposited, back }] of world.configs.entries()) {
		const [balance, claimed] = open[index] ?? [0n, 0n];
		expect(claimed).toBeLessThanOrEqual(signed);
		expect(claimed).toBeLessThanOrEqual(balance);
		expect(balance).toBe(deposited - back);
	}
}

test("supply, liabilities, charges and signatures hold along random sequences of operations", async () => {
	for (const gateway of gateways) await register(chain, gateway, ROLE.gateway, gateway.address, 500n * OPG_UNIT);
	await register(chain, node, ROLE.inference);
	const world: World = {
		releases: [],
		configs: [],
		heldCalls: [],
		unanchored: [],
		debts: [],
		forced: new Map(),
		extras: new Set(),
		charged: 0n,
		refunded: 0n,
		held: 0n,
		heldPaid: 0n,
	};
	for (const gateway of gateways) await chain.send(payer, { ...opg, functionName: "transfer", args: [tillOf(chain, gateway.address), OPG_UNIT] });
	const done = new Map<string, number>();
	const steps = fc.array(
		fc.tuple(fc.nat({ max: operations.length - 1 }), fc.nat({ max: 10_000 }), fc.nat({ max: 10_000 }), fc.bigInt({ min: 0n, max: 3n * OPG_UNIT })),
		{
			minLength: 60,
			maxLength: 60,
		},
	);
	await fc.assert(
		fc.asyncProperty(steps, async (sequence) => {
			await operations[0]?.(world, [0, serial, serial + 1, 0n]);
			for (const [position, step] of sequence.entries()) {
				if (position % 15 === 14) await check(world);
				const operation = pick(operations, step[0]);
				try {
					await operation(world, step);
					done.set(operation.name, (done.get(operation.name) ?? 0) + 1);
				} catch (error) {
					// A refusal is an outcome; what matters is that the books still balance.
					if (!(error instanceof Reverted) && !(error instanceof RangeError && error.message === "nothing to pick from")) throw error;
				}
			}
			await check(world);
		}),
		// The world goes on from run to run, so a failure cannot be replayed on a smaller one.
		{ numRuns: deep ? 200 : 12, endOnFailure: true, ...(deep ? {} : { seed: 20_260_101 }) },
	);
	expect(world.charged).toBeGreaterThan(0n);
	// Every operation succeeded at least once, or the sequence proves less than it says.
	expect(operations.map(({ name }) => name).filter((name) => !done.has(name))).toEqual([]);
});
