import { fromHex, type Hex, toHex } from "@freehold/protocol";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, it } from "vitest";
import { ScriptedNode } from "../../test/scripted-node.js";
import { createChainClient } from "./chain-client.js";
import { type IntentStore, memoryIntentStore, type StoredIntent } from "./intent-store.js";
import type { DigestSigner } from "./signer.js";
import { createTransactor, type Transactor } from "./transactor.js";

const KEY: Hex = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const account = privateKeyToAccount(KEY);
const FROM = account.address.toLowerCase() as Hex;
const TARGET: Hex = "0x00000000000000000000000000000000000000aa";

function transactorOn(node: ScriptedNode, store?: IntentStore): Transactor {
	const client = createChainClient({ rpcUrl: "http://node.invalid", fetch: node.fetch });
	return createTransactor({ client, signer: account, ...(store === undefined ? {} : { store }) });
}

/** All transactions of a chain in their order. */
function included(node: ScriptedNode): readonly { readonly nonce: number; readonly data: Hex }[] {
	return node.blocks.flatMap((block) => block.transactions);
}

describe("a transactor", () => {
	it("sends many at once, each with its own nonce", async () => {
		const node = new ScriptedNode();
		const transactor = transactorOn(node);
		const receipts = await Promise.all(
			Array.from({ length: 40 }, (_, index) => transactor.send({ key: `k${index}`, to: TARGET, data: toHex(Uint8Array.of(index)) })),
		);
		expect(new Set(receipts.map((receipt) => receipt.hash)).size).toBe(40);
		expect(included(node).map(({ nonce }) => nonce)).toEqual(Array.from({ length: 40 }, (_, index) => index));
	});

	it("sends a key once, whoever asks and how often", async () => {
		const node = new ScriptedNode();
		const transactor = transactorOn(node);
		const send = () => transactor.send({ key: "same", to: TARGET });
		const [first, second] = await Promise.all([send(), send()]);
		const third = await send();
		expect(second.hash).toBe(first.hash);
		expect(third.hash).toBe(first.hash);
		expect(included(node)).toHaveLength(1);
	});

	it("stores the signed bytes before it sends them, and resends the same bytes after a restart", async () => {
		const node = new ScriptedNode();
		const store = memoryIntentStore();
		const kept: StoredIntent[] = [];
		let died = false;
		node.override = (method) => {
			if (method !== "eth_sendRawTransaction" || died) return undefined;
			died = true;
			expect(kept).toHaveLength(1);
			return "down";
		};
		const put = (intent: StoredIntent): Promise<void> => {
			kept.push(intent);
			return store.put(intent);
		};
		const recording: IntentStore = { ...store, put };
		const stop = new AbortController();
		const attempt = transactorOn(node, recording).send({ key: "anchor:1", to: TARGET }, { signal: stop.signal });
		await expect.poll(() => died).toBe(true);
		stop.abort();
		await expect(attempt).rejects.toMatchObject({ code: "request.aborted" });
		expect(included(node)).toHaveLength(0);

		expect(await transactorOn(node, store).resume()).toEqual([]);
		expect(included(node)).toHaveLength(1);
		const receipt = await transactorOn(node, store).send({ key: "anchor:1", to: TARGET });
		expect(receipt.hash).toBe(kept[0]?.hash);
		expect(included(node)).toHaveLength(1);
	});

	it("counts a transaction as sent when only the answer was lost", async () => {
		const node = new ScriptedNode();
		const accept = node.fetch;
		let lost = 0;
		const client = createChainClient({
			rpcUrl: "http://node.invalid",
			fetch: async (url, init) => {
				const answer = await accept(url, init);
				if (!String(init.body).includes("eth_sendRawTransaction") || lost++ > 0) return answer;
				throw new TypeError("connection reset");
			},
		});
		await createTransactor({ client, signer: account }).send({ key: "k", to: TARGET });
		expect(included(node)).toHaveLength(1);
	});

	it("sends again what a restarted node has forgotten", async () => {
		const node = new ScriptedNode();
		node.instant = false;
		const receipt = transactorOn(node).send({ key: "k", to: TARGET });
		await expect.poll(() => node.mempool.size).toBe(1);
		node.mempool.clear();
		await expect.poll(() => node.mempool.size, { timeout: 10_000 }).toBe(1);
		node.mine();
		await expect(receipt).resolves.toMatchObject({ succeeded: true });
	});

	it("takes another nonce only when the first is proved dead, and never for a key of an earlier process", async () => {
		const node = new ScriptedNode();
		const store = memoryIntentStore();
		// Another wallet with the same key is faster: it takes nonce 0 between the question and the sending.
		node.override = (method) => {
			if (method === "eth_sendRawTransaction" && node.nonceOf(FROM) === 0) node.nonces.set(FROM, 1);
			return undefined;
		};
		const receipt = await transactorOn(node, store).send({ key: "k", to: TARGET });
		expect(receipt.succeeded).toBe(true);
		expect(included(node).map(({ nonce }) => nonce)).toEqual([1]);

		node.override = undefined;
		const old = (await store.get("k")) as StoredIntent;
		const earlier: StoredIntent = { ...old, key: "earlier", nonce: 0, hash: `0x${"11".repeat(32)}`, state: "signed" };
		node.override = (method) => (method === "eth_sendRawTransaction" ? { error: { code: -32000, message: "nonce too low" } } : undefined);
		await store.put(earlier);
		await expect(transactorOn(node, store).send({ key: "earlier", to: TARGET })).rejects.toMatchObject({ code: "chain.nonceTaken" });
	});

	it("uses no nonce for what the node foresees to fail or refuses", async () => {
		const node = new ScriptedNode();
		const transactor = transactorOn(node);
		const reason = `0x08c379a0${"20".padStart(64, "0")}${"3".padStart(64, "0")}${"6e6f21".padEnd(64, "0")}` as Hex;
		node.override = (method) => (method === "eth_estimateGas" ? { error: { code: 3, message: "execution reverted: no!", data: reason } } : undefined);
		await expect(transactor.send({ key: "a", to: TARGET })).rejects.toMatchObject({
			code: "chain.reverted",
			message: "The chain refused the transaction: no!",
		});
		node.override = (method) =>
			method === "eth_sendRawTransaction" ? { error: { code: -32000, message: "insufficient funds for gas * price + value" } } : undefined;
		await expect(transactor.send({ key: "b", to: TARGET })).rejects.toMatchObject({ code: "chain.reverted" });
		node.override = undefined;
		await transactor.send({ key: "c", to: TARGET });
		expect(included(node).map(({ nonce }) => nonce)).toEqual([0]);
	});

	it("says that a transaction failed in its block, each time it is asked", async () => {
		const node = new ScriptedNode();
		node.failing.add(TARGET);
		const transactor = transactorOn(node);
		await expect(transactor.send({ key: "k", to: TARGET })).rejects.toMatchObject({ code: "chain.reverted" });
		await expect(transactor.send({ key: "k", to: TARGET })).rejects.toMatchObject({ code: "chain.reverted" });
		expect(included(node)).toHaveLength(1);
	});

	it("gives up waiting at the deadline and goes on with the same key later", async () => {
		const node = new ScriptedNode();
		node.instant = false;
		const transactor = transactorOn(node);
		await expect(transactor.send({ key: "k", to: TARGET }, { timeoutMs: 50 })).rejects.toMatchObject({ code: "chain.timeout" });
		const second = transactor.send({ key: "k", to: TARGET });
		await expect.poll(() => node.asked.filter((method) => method === "eth_sendRawTransaction").length).toBe(2);
		node.mine();
		await second;
		expect(included(node)).toHaveLength(1);
	});

	it("signs with a key behind a function as with an account of viem", async () => {
		const node = new ScriptedNode();
		const signer: DigestSigner = {
			address: FROM,
			signDigest: (digest) => {
				const signature = secp256k1.sign(digest, fromHex(KEY), { prehash: false, format: "recovered" });
				return Uint8Array.of(...signature.subarray(1), 27 + (signature[0] as number));
			},
		};
		const client = createChainClient({ rpcUrl: "http://node.invalid", fetch: node.fetch });
		const receipt = await createTransactor({ client, signer }).send({ key: "k", to: TARGET, data: "0x1234" });
		expect(receipt.from).toBe(FROM);
	});
});
