import type { Hex } from "@freehold/protocol";
import { encodeEventTopics, parseAbi } from "viem";
import { describe, expect, it } from "vitest";
import { type ScriptedLog, ScriptedNode } from "../../test/scripted-node.js";
import { createChainClient } from "./chain-client.js";
import { type Cursor, type FollowOptions, followEvents } from "./follow-events.js";

const abi = parseAbi(["event Counted(uint256 indexed number)"]);
const CONTRACT: Hex = "0x00000000000000000000000000000000000000c0";
const contracts = [{ address: CONTRACT, abi }];

function counted(number: number): ScriptedLog {
	return { address: CONTRACT, topics: encodeEventTopics({ abi, args: { number: BigInt(number) } }) as Hex[], data: "0x" };
}

interface Following {
	readonly seen: number[];
	readonly cursor: () => Cursor | undefined;
	readonly stop: () => Promise<void>;
	readonly ended: Promise<void>;
}

function follow(node: ScriptedNode, cursor: Cursor | undefined, more: Partial<FollowOptions> = {}): Following {
	const seen: number[] = [];
	const controller = new AbortController();
	let kept = cursor;
	const ended = followEvents({
		client: createChainClient({ rpcUrl: "http://node.invalid", fetch: node.fetch }),
		contracts,
		cursor,
		signal: controller.signal,
		pollMs: 5,
		random: () => 0,
		onBlock: (events, block) => {
			kept = block.cursor;
			for (const event of events) seen.push(Number(event.args["number"]));
		},
		...more,
	});
	ended.catch(() => undefined);
	return {
		seen,
		cursor: () => kept,
		ended,
		stop: () => {
			controller.abort();
			return ended;
		},
	};
}

describe("following events", () => {
	it("delivers each event once and in order, across restarts", async () => {
		const node = new ScriptedNode();
		for (let number = 0; number < 25; number++) node.mine(number % 3 === 0 ? [counted(number), counted(number + 100)] : []);
		const first = follow(node, undefined);
		await expect.poll(() => first.cursor()?.number).toBe(25n);
		await first.stop();
		for (let number = 25; number < 30; number++) node.mine([counted(number)]);
		const second = follow(node, first.cursor());
		await expect.poll(() => second.seen).toEqual([25, 26, 27, 28, 29]);
		node.mine([counted(30)]);
		await expect.poll(() => second.seen.at(-1)).toBe(30);
		await second.stop();
		expect(first.seen).toEqual([0, 100, 3, 103, 6, 106, 9, 109, 12, 112, 15, 115, 18, 118, 21, 121, 24, 124]);
		expect(node.asked).toContain("freehold_waitForBlock");
	});

	it("tells a caller that missed nothing so at once, without a new block", async () => {
		const node = new ScriptedNode();
		node.mine([counted(1)]);
		const first = follow(node, undefined);
		await expect.poll(() => first.seen).toEqual([1]);
		await first.stop();
		const told: string[] = [];
		const second = follow(node, first.cursor(), {
			onBlock: (events, block) => void told.push(`block ${block.number}, ${events.length} events, newest: ${block.atHead}`),
		});
		await expect.poll(() => told).toEqual(["block 1, 0 events, newest: true"]);
		node.mine([counted(2)]);
		await expect.poll(() => told.at(-1)).toBe("block 2, 1 events, newest: true");
		expect(told).toHaveLength(2);
		await second.stop();
	});

	it("polls a node that cannot wait for a block", async () => {
		const node = new ScriptedNode();
		node.longPoll = false;
		const following = follow(node, undefined);
		await expect.poll(() => following.cursor()?.number).toBe(0n);
		node.mine([counted(7)]);
		await expect.poll(() => following.seen).toEqual([7]);
		await following.stop();
	});

	it("asks for less when the node refuses a large range, and waits a failing node out", async () => {
		const node = new ScriptedNode();
		for (let number = 0; number < 40; number++) node.mine([counted(number)]);
		let failures = 3;
		const widths: number[] = [];
		node.override = (method, params) => {
			if (method === "eth_blockNumber" && failures-- > 0) return "down";
			if (method !== "eth_getLogs") return undefined;
			const { fromBlock, toBlock } = params[0] as { fromBlock: Hex; toBlock: Hex };
			const width = Number(toBlock) - Number(fromBlock) + 1;
			widths.push(width);
			return width > 8 ? { error: { code: -32005, message: "query returned more than 10000 results" } } : undefined;
		};
		const following = follow(node, undefined, { maxRange: 64n });
		await expect.poll(() => following.seen.length, { timeout: 10_000 }).toBe(40);
		expect(following.seen).toEqual(Array.from({ length: 40 }, (_, number) => number));
		expect(widths[0]).toBeGreaterThan(8);
		await following.stop();
	});

	it("refuses to go on upon another chain", async () => {
		const node = new ScriptedNode();
		node.mine();
		const other = new ScriptedNode("other");
		other.mine();
		other.mine();
		const cursor: Cursor = { number: 1n, hash: node.blocks[1]?.hash as Hex };
		await expect(follow(other, cursor).ended).rejects.toMatchObject({ code: "chain.forked" });
	});

	it("ends with what the handler threw, its cursor unmoved", async () => {
		const node = new ScriptedNode();
		node.mine([counted(1)]);
		const failure = new Error("disk full");
		const following = follow(node, undefined, {
			onBlock: () => {
				throw failure;
			},
		});
		await expect(following.ended).rejects.toBe(failure);
		expect(following.cursor()).toBeUndefined();
	});
});

describe("the chain client", () => {
	it("sends what is asked in one turn as one batch", async () => {
		const node = new ScriptedNode();
		const client = createChainClient({ rpcUrl: "http://node.invalid", fetch: node.fetch });
		await Promise.all([client.chainId(), client.blockNumber(), client.block("latest")]);
		expect(node.requests.bodies).toBe(1);
	});

	it("names a node that is not there, a deadline, and a caller who went away", async () => {
		const down = createChainClient({ rpcUrl: "http://127.0.0.1:1" });
		await expect(down.blockNumber()).rejects.toMatchObject({ code: "network.down" });
		const silent = createChainClient({
			rpcUrl: "http://node.invalid",
			fetch: (_, init) => new Promise((_resolve, reject) => init.signal?.addEventListener("abort", () => reject(init.signal?.reason))),
		});
		await expect(silent.blockNumber({ timeoutMs: 10 })).rejects.toMatchObject({ code: "upstream.timeout" });
		await expect(silent.blockNumber({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "request.aborted" });
	});
});
