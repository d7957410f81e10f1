import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPublicClient, createWalletClient, http } from "viem";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CHAIN_ID, developers, eventually, type LocalLedger, OPG, startLocalLedger } from "../../test/local-ledger.js";

const chain = { id: CHAIN_ID, name: "test", nativeCurrency: { name: "OPG", symbol: "OPG", decimals: 18 }, rpcUrls: { default: { http: [] } } };
const stranger = `0x${"5a".repeat(20)}` as const;

interface Status {
	readonly consensusHeight: number;
	readonly evmNumber: number;
	readonly signer: string;
	readonly genesis: { readonly height: number; readonly hash: string };
}

let leader: LocalLedger;
let dir: string;
let checkpoint: string;
const open: LocalLedger[] = [];

beforeEach(async () => {
	leader = await startLocalLedger();
	dir = await mkdtemp(join(tmpdir(), "freehold-follower-"));
	checkpoint = join(dir, "checkpoint.json");
	const { signer, genesis } = await leader.rpc<Status>("freehold_status");
	await writeFile(checkpoint, JSON.stringify({ version: 1, chainId: CHAIN_ID, contracts: {}, checkpoint: { kind: "sequencer", signer, ...genesis } }));
});
afterEach(async () => {
	for (const ledger of open.splice(0)) await ledger.stop({ keep: true });
	await leader.stop();
	await rm(dir, { recursive: true, force: true });
});

async function follow(url = leader.url, file = checkpoint): Promise<LocalLedger> {
	const follower = await startLocalLedger({ dir, follow: { url, checkpoint: file } });
	open.push(follower);
	return follower;
}

async function pay(ledger: LocalLedger, amount: bigint): Promise<`0x${string}`> {
	const [account] = developers;
	if (account === undefined) throw new Error("no account");
	const hash = await createWalletClient({ account, chain, transport: http(ledger.url) }).sendTransaction({ to: stranger, value: amount });
	await createPublicClient({ chain, transport: http(ledger.url) }).waitForTransactionReceipt({ hash, pollingInterval: 10, timeout: 20_000 });
	return hash;
}

const head = (ledger: LocalLedger) =>
	ledger.rpc<{ readonly hash: string; readonly stateRoot: string; readonly number: string }>("eth_getBlockByNumber", "latest", false);

/** Resolves when both have the same newest block. */
const inStep = (follower: LocalLedger) =>
	eventually(async () => {
		const [there, here] = [await head(leader), await head(follower)];
		return there.hash === here.hash ? here : undefined;
	}, "the follower's head");

describe("a ledger that follows another", () => {
	it("executes every block again and has the same state, proofs included; what it is sent is handed on", async () => {
		for (const amount of [1n, 2n, 3n]) await pay(leader, amount);
		const follower = await follow();
		await inStep(follower);
		expect(await follower.rpc("eth_getBalance", stranger, "latest")).toBe("0x6");
		const hash = await pay(follower, OPG);
		const receipt = await follower.rpc<{ blockHash: string }>("eth_getTransactionReceipt", hash);
		expect(receipt).toEqual(await leader.rpc("eth_getTransactionReceipt", hash));
		const { number } = await inStep(follower);
		expect(await follower.rpc("eth_getProof", stranger, [], number)).toEqual(await leader.rpc("eth_getProof", stranger, [], number));
		const proofs = await eventually(async () => {
			const [there, here] = [await leader.rpc("freehold_getProofBlock", number), await follower.rpc("freehold_getProofBlock", number)];
			return there !== null && here !== null ? { there, here } : undefined;
		}, "the proof");
		expect(proofs.here).toEqual(proofs.there);
		expect(await follower.rpc("eth_syncing")).toBe(false);
		expect(await follower.ready()).toBe(true);
		expect(follower.faults).toEqual([]);
	});

	it("refuses what the ledger that is followed refuses, in its words", async () => {
		const follower = await follow();
		await expect(follower.rpc("eth_sendRawTransaction", "0x02c0")).rejects.toThrow();
		expect(follower.faults).toEqual([]);
	});

	it("goes on where it stopped, and can be followed itself", async () => {
		const first = await follow();
		await pay(leader, 5n);
		await inStep(first);
		await open.pop()?.stop({ keep: true });
		await pay(leader, 7n);
		const again = await follow();
		await inStep(again);
		expect(await again.rpc("eth_getBalance", stranger, "latest")).toBe("0xc");
		const elsewhere = await mkdtemp(join(tmpdir(), "freehold-follower-"));
		const second = await startLocalLedger({ dir: elsewhere, follow: { url: again.url, checkpoint } });
		try {
			await inStep(second);
			expect(await second.rpc("eth_getBalance", stranger, "latest")).toBe("0xc");
		} finally {
			await second.stop();
		}
	});

	it("waits for a ledger that is away, and says that it is behind", async () => {
		let away = false;
		const proxy = await proxyTo(leader.url, (answer) => (away ? undefined : answer));
		const follower = await follow(proxy.url);
		away = true;
		await pay(leader, 9n);
		expect(await follower.rpc("eth_getBalance", stranger, "latest")).toBe("0x0");
		away = false;
		await inStep(follower);
		expect(follower.faults).toEqual([]);
		proxy.server.close();
	});
});

describe("a ledger that is lied to", () => {
	const lies: readonly (readonly [string, (blocks: SentBlock[]) => SentBlock[]])[] = [
		["another transaction", (blocks) => blocks.map((sent) => ({ ...sent, block: replaceOnce(sent.block, stranger.slice(2), "6b".repeat(20)) }))],
		["another signature", (blocks) => blocks.map((sent) => ({ ...sent, commit: `${sent.commit.slice(0, -2)}${sent.commit.endsWith("00") ? "01" : "00"}` }))],
		["a block left out", (blocks) => blocks.slice(1)],
		["the same block twice", (blocks) => blocks.flatMap((sent) => [sent, sent])],
		["bytes that are no block", (blocks) => blocks.map((sent) => ({ ...sent, block: "0xffff" }))],
		["a longer spelling", (blocks) => blocks.map((sent) => ({ ...sent, block: `${sent.block}2a00` }))],
	];
	it.each(lies)("stops at %s and keeps what it had", async (_, lie) => {
		await pay(leader, 4n);
		let lying = false;
		const proxy = await proxyTo(leader.url, (answer, method) => (lying && method === "freehold_getBlocks" ? lie(answer as SentBlock[]) : answer));
		const follower = await follow(proxy.url);
		await inStep(follower);
		lying = true;
		await pay(leader, 8n);
		await eventually(async () => (follower.faults.length > 0 ? true : undefined), "the refusal");
		expect(follower.faults).toMatchObject([{ code: "chain.invalid" }]);
		// What was genuine before the lie stays.
		expect(["0x4", "0xc"]).toContain(await follower.rpc("eth_getBalance", stranger, "latest"));
		expect(await follower.ready()).toBe(false);
		proxy.server.close();
	});

	it("does not begin under another checkpoint, or with another genesis", async () => {
		const { signer, genesis } = await leader.rpc<Status>("freehold_status");
		const wrong = join(dir, "wrong.json");
		await writeFile(wrong, JSON.stringify({ checkpoint: { kind: "sequencer", signer, height: genesis.height, hash: `0x${"ab".repeat(32)}` } }));
		await expect(follow(leader.url, wrong)).rejects.toMatchObject({ code: "chain.invalid" });
		await rm(join(dir, "ledger"), { recursive: true });
		const richer = JSON.stringify({ chainId: CHAIN_ID, timestamp: 1_760_000_000, balances: [] });
		const proxy = await proxyTo(leader.url, (answer, method) => (method === "freehold_genesis" ? richer : answer));
		await expect(follow(proxy.url)).rejects.toMatchObject({ code: "chain.invalid" });
		proxy.server.close();
	});
});

interface SentBlock {
	readonly block: string;
	readonly commit: string;
}

function replaceOnce(text: string, from: string, to: string): string {
	return text.replace(from, to);
}

/** Passes calls on and changes their results; undefined breaks the connection. */
async function proxyTo(url: string, change: (result: unknown, method: string) => unknown): Promise<{ readonly url: string; readonly server: Server }> {
	const server = createServer((request, response) => {
		const chunks: Buffer[] = [];
		request.on("data", (chunk: Buffer) => chunks.push(chunk));
		request.on("end", () => {
			void (async () => {
				const call = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { readonly method: string };
				const answer = (await (await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(call) })).json()) as {
					result?: unknown;
				};
				const result = answer.result === undefined ? undefined : change(answer.result, call.method);
				if (answer.result !== undefined && result === undefined) response.destroy();
				else response.end(JSON.stringify(answer.result === undefined ? answer : { ...answer, result }));
			})().catch(() => response.destroy());
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}
