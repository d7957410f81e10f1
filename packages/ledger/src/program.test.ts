import { randomInt } from "node:crypto";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { faultOf, type LightBlockJson } from "../test/independent-light-client.js";
import { type LedgerChild, spawnLedger, startLedgerChild } from "../test/ledger-child.js";
import { CHAIN_ID, developers, eventually, type LocalLedger, ledgerFolder, OPG, startLocalLedger } from "../test/local-ledger.js";
import { ledgerProgram } from "./program.js";

const START_MS = 60_000;
let dir: string;
beforeEach(async () => {
	dir = await ledgerFolder();
});
afterEach(() => rm(dir, { recursive: true }));

interface BlockJson {
	readonly number: string;
	readonly hash: string;
	readonly parentHash: string;
	readonly transactions: readonly { readonly hash: string; readonly from: string; readonly nonce: string }[];
}

/** Nothing lost, repeated or half: the consensus chain links, proves every EVM block, and every sender's nonces are all there once. */
async function checkChain(rpc: LocalLedger["rpc"], seen: ReadonlySet<string>): Promise<bigint> {
	const { evmNumber } = await rpc<{ readonly evmNumber: number }>("freehold_status");
	await eventually(() => rpc("freehold_getProofBlock", `0x${evmNumber.toString(16)}`), "the proof of the head");
	const { consensusHeight } = await rpc<{ readonly consensusHeight: number }>("freehold_status");
	const lights: LightBlockJson[] = [];
	for (let height = 1; height <= consensusHeight; height++) lights.push(await rpc<LightBlockJson>("freehold_getLightBlock", String(height)));
	for (const [index, light] of lights.entries()) expect(faultOf(light, lights[index - 1])).toBeUndefined();
	const proved = [...new Set(lights.map(({ header }) => header.appHash))];
	const nonces = new Map<string, bigint>();
	const included = new Set<string>();
	let parent: BlockJson | undefined;
	for (let number = 0; number <= evmNumber; number++) {
		const block = await rpc<BlockJson>("eth_getBlockByNumber", `0x${number.toString(16)}`, true);
		expect(block.hash).toBe(proved[number]);
		if (parent !== undefined) expect(block.parentHash).toBe(parent.hash);
		for (const { hash, from, nonce } of block.transactions) {
			expect(BigInt(nonce)).toBe(nonces.get(from) ?? 0n);
			nonces.set(from, BigInt(nonce) + 1n);
			included.add(hash);
		}
		parent = block;
	}
	for (const { address } of developers)
		expect(BigInt(await rpc<string>("eth_getTransactionCount", address, "latest"))).toBe(nonces.get(address.toLowerCase()) ?? 0n);
	for (const hash of seen) expect(included.has(hash), hash).toBe(true);
	const received = BigInt(await rpc<string>("eth_getBalance", RECIPIENT, "latest"));
	expect(received).toBe(BigInt(included.size));
	return received;
}

const RECIPIENT = "0x00000000000000000000000000000000000000aa";

/** Sends until the process dies; gives the hashes whose receipts were seen. */
async function load({ rpc, ended }: LedgerChild, seen: Set<string>): Promise<void> {
	let dead = false;
	void ended.then(() => {
		dead = true;
	});
	const work = developers.map(async (developer) => {
		while (!dead) {
			const nonce = Number(await rpc<string>("eth_getTransactionCount", developer.address, "pending"));
			const raw = await developer.signTransaction({
				type: "eip1559",
				chainId: CHAIN_ID,
				nonce,
				gas: 21_000n,
				maxFeePerGas: 10n ** 9n,
				maxPriorityFeePerGas: 1n,
				to: RECIPIENT,
				value: 1n,
			});
			const hash = await rpc<string>("eth_sendRawTransaction", raw);
			if (await rpc("eth_getTransactionReceipt", hash)) seen.add(hash);
			await eventually(async () => (dead ? true : rpc("eth_getTransactionReceipt", hash)), "the receipt");
			if (!dead) seen.add(hash);
		}
	});
	// A call that was cut off by the kill fails; that is the point.
	await Promise.allSettled(work);
}

describe("a kill between any two durable effects loses nothing, repeats nothing", () => {
	test(
		"at every crash point, under load, on one folder",
		async () => {
			const seen = new Set<string>();
			// A sequencer follows nobody and has no engine; those points are tested beside their drivers.
			const points = ledgerProgram.crashPoints.filter((point) => !/^ledger\.(followed|abci)\./.test(point));
			for (const [index, point] of points.entries()) {
				const child = await startLedgerChild(dir, { FREEHOLD_CRASH_AT: `${point}:${index === 0 ? 1 : 3}` });
				if (child === undefined) continue;
				await checkChain(child.rpc, seen).catch((error: unknown) => {
					// The crash may come while the check is still reading.
					if (child.process.signalCode === null) throw error;
				});
				await load(child, seen);
				expect(await child.ended).toEqual([null, "SIGKILL"]);
			}
			const last = await startLedgerChild(dir);
			if (last === undefined) throw new Error("the ledger did not start again");
			expect(await checkChain(last.rpc, seen)).toBeGreaterThan(0n);
			last.process.kill("SIGTERM");
			expect(await last.ended).toEqual([0, null]);
		},
		2 * START_MS,
	);

	test(
		"at moments of chance",
		async () => {
			const seen = new Set<string>();
			for (let round = 0; round < 3; round++) {
				const child = await startLedgerChild(dir);
				if (child === undefined) throw new Error("the ledger did not start");
				const victim = child.process;
				const target = randomInt(3, 25);
				const before = seen.size;
				const loading = load(child, seen);
				await eventually(async () => (seen.size >= before + target ? true : undefined), "the load", 20_000);
				victim.kill("SIGKILL");
				await loading;
			}
			const last = await startLedgerChild(dir);
			if (last === undefined) throw new Error("the ledger did not start again");
			await checkChain(last.rpc, seen);
			last.process.kill("SIGKILL");
			await last.ended;
		},
		START_MS,
	);
});

describe("its folder and keys", () => {
	test(
		"a second process is refused, naming the first",
		async () => {
			const first = await startLedgerChild(dir);
			if (first === undefined) throw new Error("the ledger did not start");
			const second = spawnLedger(dir);
			expect(await second.ended).toEqual([1, null]);
			expect(second.output()).toContain(`is in use by process ${first.process.pid}`);
			first.process.kill("SIGTERM");
			expect(await first.ended).toEqual([0, null]);
			expect((await readdir(join(dir, "ledger"))).filter((name) => name.startsWith("lock"))).toEqual([]);
		},
		START_MS,
	);

	test("the key is made with mode 0600, and another key is refused", async () => {
		const ledger = await startLocalLedger({ dir });
		await ledger.stop({ keep: true });
		const file = join(dir, "sequencer.key");
		expect((await stat(file)).mode & 0o777).toBe(0o600);
		const key = (await readFile(file, "utf8")).trim();
		await rm(file);
		await expect(startLocalLedger({ dir })).rejects.toThrow(/this chain is signed by 0x/);
		await writeFile(file, key, { mode: 0o600 });
		await (await startLocalLedger({ dir })).stop({ keep: true });
	});

	test("another genesis for the same folder is refused", async () => {
		await (await startLocalLedger({ dir })).stop({ keep: true });
		await writeFile(join(dir, "genesis.json"), JSON.stringify({ chainId: CHAIN_ID, timestamp: 5, balances: [] }));
		await expect(startLocalLedger({ dir })).rejects.toThrow(/another genesis/);
	});

	test("a genesis that names another sequencer is refused", async () => {
		await writeFile(join(dir, "genesis.json"), JSON.stringify({ chainId: CHAIN_ID, timestamp: 5, balances: [], sequencer: `0x${"11".repeat(32)}` }));
		await expect(startLocalLedger({ dir })).rejects.toThrow(/the genesis names the sequencer/);
	});

	test("after a drain the same chain goes on", async () => {
		const first = await startLocalLedger({ dir });
		const raw = await (developers[0] as (typeof developers)[number]).signTransaction({
			type: "eip1559",
			chainId: CHAIN_ID,
			nonce: 0,
			gas: 21_000n,
			maxFeePerGas: 10n ** 9n,
			to: RECIPIENT,
			value: OPG,
		});
		const hash = await first.rpc<string>("eth_sendRawTransaction", raw);
		const receipt = await eventually(() => first.rpc("eth_getTransactionReceipt", hash), "the receipt");
		const status = await first.rpc<{ readonly genesis: unknown }>("freehold_status");
		await first.stop({ keep: true });
		const second = await startLocalLedger({ dir });
		expect(await second.rpc("eth_getTransactionReceipt", hash)).toEqual(receipt);
		expect((await second.rpc<{ readonly genesis: unknown }>("freehold_status")).genesis).toEqual(status.genesis);
		expect(await second.rpc("eth_getBalance", RECIPIENT, "latest")).toBe(`0x${OPG.toString(16)}`);
		await second.stop({ keep: true });
	});
});
