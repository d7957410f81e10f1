import type { Hex } from "@freehold/protocol";
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, it } from "vitest";
import { ScriptedNode } from "../../test/scripted-node.js";
import { createChainClient } from "./chain-client.js";
import type { SendingAccount } from "./signer.js";
import { createWalletTransactor } from "./wallet-transactor.js";

const key = privateKeyToAccount("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
const TARGET: Hex = "0x00000000000000000000000000000000000000aa";

/** A wallet that signs and sends by itself, as injected ones do. */
function walletOn(node: ScriptedNode) {
	const client = createChainClient({ rpcUrl: "http://node.invalid", fetch: node.fetch });
	const asked: Parameters<SendingAccount["sendTransaction"]>[0][] = [];
	const account: SendingAccount = {
		address: key.address,
		sendTransaction: async (transaction) => {
			asked.push(transaction);
			const nonce = node.nonceOf(key.address) + node.mempool.size;
			return (await client.request("eth_sendRawTransaction", [await key.signTransaction({ ...transaction, type: "eip1559", nonce })])) as Hex;
		},
	};
	return { account, asked, transactor: createWalletTransactor({ client, account }) };
}

describe("a wallet that sends by itself", () => {
	it("is given what to do with gas and fees, and waited for until the block", async () => {
		const node = new ScriptedNode();
		const { transactor, asked } = walletOn(node);
		const receipt = await transactor.send({ key: "a", to: TARGET, data: "0x01" });
		expect(receipt).toMatchObject({ succeeded: true, blockNumber: 1n });
		expect(asked).toMatchObject([{ to: TARGET, data: "0x01", value: 0n, gas: 25_200n }]);
	});

	it("is asked once for a key, whoever asks and how often", async () => {
		const node = new ScriptedNode();
		const { transactor, asked } = walletOn(node);
		const send = () => transactor.send({ key: "same", to: TARGET });
		const [first, second] = await Promise.all([send(), send()]);
		expect([second.hash, (await send()).hash]).toEqual([first.hash, first.hash]);
		expect(asked).toHaveLength(1);
	});

	it("may say no, and may be asked again", async () => {
		const node = new ScriptedNode();
		const { account, transactor } = walletOn(node);
		const { sendTransaction } = account;
		account.sendTransaction = () => Promise.reject(new Error("no"));
		await expect(transactor.send({ key: "a", to: TARGET })).rejects.toThrow("no");
		account.sendTransaction = sendTransaction;
		expect((await transactor.send({ key: "a", to: TARGET })).succeeded).toBe(true);
	});

	it("is not asked for what the contract refuses", async () => {
		const node = new ScriptedNode();
		node.override = (method) => (method === "eth_estimateGas" ? { error: { code: 3, message: "execution reverted: no" } } : undefined);
		const { transactor, asked } = walletOn(node);
		await expect(transactor.send({ key: "a", to: TARGET })).rejects.toMatchObject({ code: "chain.reverted" });
		expect(asked).toEqual([]);
	});

	it("says that a transaction failed in its block, and that it is not in one in time", async () => {
		const node = new ScriptedNode();
		node.failing.add(TARGET);
		await expect(walletOn(node).transactor.send({ key: "a", to: TARGET })).rejects.toMatchObject({ code: "chain.reverted" });
		const slow = new ScriptedNode();
		slow.instant = false;
		const { transactor } = walletOn(slow);
		await expect(transactor.send({ key: "a", to: TARGET }, { timeoutMs: 50 })).rejects.toMatchObject({ code: "chain.timeout" });
		const waiting = transactor.send({ key: "a", to: TARGET });
		slow.mine();
		expect((await waiting).succeeded).toBe(true);
	});

	it("may put another transaction in the place of the one it sent", async () => {
		const node = new ScriptedNode();
		node.instant = false;
		node.override = (method) => (method === "eth_getTransactionByHash" ? { result: { nonce: "0x0" } } : undefined);
		const { transactor } = walletOn(node);
		const waiting = transactor.send({ key: "a", to: TARGET });
		const refused = expect(waiting).rejects.toMatchObject({ code: "chain.nonceTaken" });
		while (node.mempool.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
		node.mempool.clear();
		node.nonces.set(key.address.toLowerCase() as Hex, 1);
		node.mine();
		await refused;
	});
});
