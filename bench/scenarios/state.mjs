/**
 * What the state costs as it grows: the root and the commit of 2,000 changed accounts among 10⁴ to 10⁶, proofs of the newest state and of earlier ones, and the same
 * with 10³ to 10⁵ blocks of history. Beside them the trie of ethereumjs, in memory, on the same accounts.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openStateMachine } from "@freehold/ledger";
import { perCall, percentile } from "../lib/measure.mjs";
import { withFolder } from "../lib/processes.mjs";

const ACCOUNTS = [10_000, 100_000, 1_000_000];
const CHANGED = 2_000;
const ROUNDS = 12;
/** Accounts that one block makes while the state grows. */
const PER_BLOCK = 10_000;
const HISTORY = [1_000, 10_000, 100_000];
/** Accounts that a block of the history changes: a transfer's. */
const PER_SMALL_BLOCK = 2;
const BACK = 100n;
const PROOFS = 500;
/** Building its trie of a million takes minutes. */
const MOST_OF_RIVAL = 100_000;
const MAP_BYTES = 64 * 1024 ** 3;

export async function run() {
	const rows = [];
	await withFolder(async (folder) => {
		const chain = await openChain(join(folder, "accounts"), 128);
		try {
			for (const count of ACCOUNTS) {
				process.stderr.write(`  ${count.toLocaleString("en")} accounts …\n`);
				while (chain.accounts < count) await chain.block(Array.from({ length: Math.min(PER_BLOCK, count - chain.accounts) }, () => chain.accounts++));
				const last = count === ACCOUNTS.at(-1);
				const cost = await blocks(chain, ROUNDS, () => Array.from({ length: CHANGED }, () => random(count)));
				const label = `${CHANGED.toLocaleString("en")} changed accounts among ${count.toLocaleString("en")}`;
				const hasRival = count <= MOST_OF_RIVAL;
				const rival = hasRival ? { name: "@ethereumjs/mpt in memory", version: rivalVersion(), value: await rivalRoot(count) } : null;
				rows.push({
					name: `root of ${label}, processor time`,
					unit: "ms",
					value: cost.root,
					target: last ? 150 : null,
					better: "lower",
					cpuMs: cost.root,
					rival,
				});
				rows.push({ name: `root and durable commit of ${label}, processor time`, unit: "ms", value: cost.whole, better: "lower", cpuMs: cost.whole });
				for (const [what, at] of [
					["now", chain.head],
					["100 blocks back", chain.head > BACK ? chain.head - BACK : undefined],
				]) {
					if (at === undefined) continue;
					const { ms, cpuMs } = await proofs(chain, at, count);
					rows.push({
						name: `proof of one of ${count.toLocaleString("en")} accounts, ${what}`,
						unit: "ms",
						value: ms,
						target: last ? 1 : null,
						better: "lower",
						cpuMs,
					});
				}
			}
		} finally {
			await chain.close();
		}
	});
	await withFolder(async (folder) => {
		const chain = await openChain(join(folder, "history"), HISTORY.at(-1));
		try {
			await chain.block(Array.from({ length: ACCOUNTS[0] }, () => chain.accounts++));
			for (const length of HISTORY) {
				process.stderr.write(`  ${length.toLocaleString("en")} blocks …\n`);
				while (chain.head < BigInt(length)) await chain.block(Array.from({ length: PER_SMALL_BLOCK }, () => random(chain.accounts)));
				const label = `${length.toLocaleString("en")} blocks of history`;
				const cost = await blocks(chain, ROUNDS, () => Array.from({ length: PER_SMALL_BLOCK }, () => random(chain.accounts)));
				rows.push({ name: `block of one transfer with ${label}, processor time`, unit: "ms", value: cost.whole, better: "lower", cpuMs: cost.whole });
				for (const [what, back] of [
					["100 blocks back", BACK],
					["at its beginning", BigInt(length) - 2n],
				]) {
					const { ms, cpuMs } = await proofs(chain, chain.head - back, chain.accounts);
					rows.push({ name: `proof with ${label}, ${what}`, unit: "ms", value: ms, target: what === "100 blocks back" ? 1 : null, better: "lower", cpuMs });
				}
			}
		} finally {
			await chain.close();
		}
	});
	return rows;
}

async function openChain(dir, historyBlocks) {
	const machine = openStateMachine({ dir, historyBlocks, mapSizeBytes: MAP_BYTES });
	machine.initGenesis({ env: environment(0n), balances: [], deployments: [], calls: [] });
	const chain = {
		machine,
		accounts: 0,
		head: 0n,
		/** Credits these accounts in a block of their own; gives its processor time for the root, and for all of it. */
		async block(indexes) {
			machine.beginBlock(environment(chain.head + 1n));
			for (const index of indexes) machine.credit(addressOf(index), 1n);
			const started = process.cpuUsage();
			machine.finishBlock();
			const root = process.cpuUsage(started);
			await machine.commit([]);
			const whole = process.cpuUsage(started);
			chain.head += 1n;
			return { root: (root.user + root.system) / 1000, whole: (whole.user + whole.system) / 1000 };
		},
		close: () => machine.close(),
	};
	return chain;
}

/** Medians over some blocks. */
async function blocks(chain, rounds, indexes) {
	const costs = [];
	for (let round = 0; round < rounds; round++) costs.push(await chain.block(indexes()));
	const median = (name) =>
		percentile(
			costs.map((cost) => cost[name]).sort((a, b) => a - b),
			0.5,
		);
	return { root: median("root"), whole: median("whole") };
}

function proofs({ machine }, at, count) {
	return perCall(() => machine.prove(addressOf(random(count)), [], at), { times: PROOFS, rounds: 3 });
}

async function rivalRoot(count) {
	const { createMPT } = await import("@ethereumjs/mpt");
	const { Account } = await import("@ethereumjs/util");
	const trie = await createMPT({ useKeyHashing: true, cacheSize: 100_000 });
	const put = (index, balance) => trie.put(addressOf(index), new Account(0n, balance).serialize());
	for (let index = 0; index < count; index++) await put(index, 1n);
	const costs = [];
	for (let round = 0; round < 3; round++) {
		const started = process.cpuUsage();
		for (let changed = 0; changed < CHANGED; changed++) await put(random(count), BigInt(2 + round));
		trie.root();
		const { user, system } = process.cpuUsage(started);
		costs.push((user + system) / 1000);
	}
	return costs.sort((a, b) => a - b)[1];
}

const rivalVersion = () => JSON.parse(readFileSync(new URL("../../node_modules/@ethereumjs/mpt/package.json", import.meta.url), "utf8")).version;
let state = 0x2545f491;
function random(below) {
	state ^= state << 13;
	state ^= state >>> 17;
	state ^= state << 5;
	return (state >>> 0) % below;
}

function addressOf(index) {
	const address = new Uint8Array(20);
	new DataView(address.buffer).setUint32(0, Math.imul(index + 1, 0x9e3779b1) >>> 0);
	new DataView(address.buffer).setUint32(16, index);
	return address;
}

function environment(number) {
	return {
		chainId: 10741n,
		number,
		timestamp: 1_800_000_000n + number,
		gasLimit: 100_000_000n,
		baseFeePerGas: 875_000n,
		coinbase: new Uint8Array(20),
		prevRandao: new Uint8Array(32),
		parentHash: new Uint8Array(32),
	};
}
