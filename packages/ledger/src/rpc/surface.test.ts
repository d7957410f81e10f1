/** The whole of JSON-RPC: what the table promises is there, and the smaller groups of methods. */
import { createBlockFromRLP } from "@ethereumjs/block";
import { createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { toHex } from "@freehold/protocol";
import { createWalletClient, type Hex, http, keccak256, webSocket } from "viem";
import { sendTransactionSync } from "viem/actions";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHAIN_ID, developers, eventually, type LocalLedger, startLocalLedger } from "../../test/local-ledger.js";
import { rpcMethodTable } from "./method-table.js";

const NOBODY = "0x00000000000000000000000000000000000000bb";
const developer = (index: number) => developers[index] as (typeof developers)[number];
let ledger: LocalLedger;
beforeAll(async () => {
	ledger = await startLocalLedger();
});
afterAll(async () => {
	await ledger.stop();
	expect(ledger.faults).toEqual([]);
});

const sign = async (index: number, change: object = {}) =>
	developer(index).signTransaction({
		type: "eip1559",
		chainId: CHAIN_ID,
		nonce: Number(await ledger.rpc<Hex>("eth_getTransactionCount", developer(index).address, "pending")),
		gas: 50_000n,
		maxFeePerGas: 10n ** 9n,
		maxPriorityFeePerGas: 1n,
		to: NOBODY,
		...change,
	});
const refusal = (method: string, ...params: unknown[]) =>
	ledger.rpc(method, ...params).then(
		(result) => {
			throw new Error(`it gave ${JSON.stringify(result)}`);
		},
		(error: { readonly code: number; readonly message: string; readonly data?: string }) => error,
	);
interface ReceiptJson {
	readonly status: Hex;
	readonly transactionHash: Hex;
	readonly blockHash: Hex;
	readonly blockNumber: Hex;
}
const settled = (raw: Hex) => ledger.rpc<ReceiptJson>("eth_sendRawTransactionSync", raw, 20_000);

test("every method of the table is there, and no other", async () => {
	const missing: string[] = [];
	for (const [name, { transport }] of Object.entries(rpcMethodTable)) {
		if (transport === "WebSocket") continue;
		const known = await ledger.rpc(name).then(
			() => true,
			({ code }: { readonly code: number }) => code !== -32601,
		);
		if (!known) missing.push(name);
	}
	expect(missing).toEqual([]);
	expect(await ledger.rpc("rpc_modules")).toEqual({ debug: "1.0", eth: "1.0", freehold: "1.0", net: "1.0", rpc: "1.0", txpool: "1.0", web3: "1.0" });
});

describe("sending and waiting for the receipt (EIP-7966)", () => {
	test("gives the receipt, which is the one that others read", async () => {
		const receipt = await settled(await sign(0));
		expect(receipt).toMatchObject({ status: "0x1", type: "0x2" });
		expect(await ledger.rpc("eth_getTransactionReceipt", receipt.transactionHash)).toEqual(receipt);
	});

	test("viem's own action takes it, over HTTP and WebSocket", async () => {
		const url = ledger.url.replace("http", "ws");
		for (const transport of [http(ledger.url), webSocket(url)]) {
			const wallet = createWalletClient({ transport, account: developer(0) });
			expect(await sendTransactionSync(wallet, { to: NOBODY, value: 1n, chain: null })).toMatchObject({ status: "success" });
			if (transport !== undefined && wallet.transport.type === "webSocket")
				(await (wallet.transport as unknown as { getRpcClient: () => Promise<{ close: () => void }> }).getRpcClient()).close();
		}
	});

	test("at the timeout the caller learns the hash, and the transaction waits still", async () => {
		const raw = await sign(1, { maxFeePerGas: 8n });
		expect(await refusal("eth_sendRawTransactionSync", raw, 20)).toMatchObject({ code: 4, data: keccak256(raw) });
		expect(await ledger.rpc("eth_getTransactionByHash", keccak256(raw))).toMatchObject({ blockHash: null });
	});

	test("a missing nonce is told at once; nonsense is refused", async () => {
		const raw = await sign(2, { nonce: 3 });
		expect(await refusal("eth_sendRawTransactionSync", raw, 20_000)).toMatchObject({ code: 6, data: "0x0" });
		expect(await refusal("eth_sendRawTransactionSync", await sign(2), 0)).toMatchObject({ code: -32602 });
		expect(await refusal("eth_sendRawTransactionSync", "0x12", 5)).toMatchObject({ code: -32000 });
	});
});

describe("the pool", () => {
	test("shows what waits by sender and nonce, pending and queued", async () => {
		const cheap = await sign(3, { nonce: 0, maxFeePerGas: 8n });
		const gapped = await sign(3, { nonce: 5 });
		for (const raw of [cheap, gapped]) await ledger.rpc("eth_sendRawTransaction", raw);
		const from = developer(3).address.toLowerCase();
		const content = await ledger.rpc<Record<"pending" | "queued", Record<string, Record<string, { readonly hash: Hex }>>>>("txpool_content");
		expect(content.pending[from]?.["0"]).toMatchObject({ hash: keccak256(cheap), from, blockHash: null });
		expect(content.queued[from]?.["5"]).toMatchObject({ hash: keccak256(gapped), nonce: "0x5" });
		expect(await ledger.rpc("txpool_contentFrom", from)).toEqual({ pending: content.pending[from], queued: content.queued[from] });
		expect(await ledger.rpc("txpool_inspect")).toMatchObject({ pending: { [from]: { 0: `${NOBODY}: 0 wei + 50000 gas × 8 wei` } } });
		const count = (side: "pending" | "queued") => Object.values(content[side]).reduce((sum, own) => sum + Object.keys(own).length, 0);
		expect(await ledger.rpc("txpool_status")).toEqual({ pending: `0x${count("pending").toString(16)}`, queued: `0x${count("queued").toString(16)}` });
		expect(await ledger.rpc("txpool_contentFrom", NOBODY)).toEqual({ pending: {}, queued: {} });
	});
});

describe("filters", () => {
	test("of pending transactions give each hash once", async () => {
		const id = await ledger.rpc("eth_newPendingTransactionFilter");
		const raw = await sign(0);
		await settled(raw);
		expect(await ledger.rpc("eth_getFilterChanges", id)).toEqual([keccak256(raw)]);
		expect(await ledger.rpc("eth_getFilterChanges", id)).toEqual([]);
		expect(await refusal("eth_getFilterLogs", id)).toMatchObject({ code: -32000 });
		expect(await ledger.rpc("eth_uninstallFilter", id)).toBe(true);
		expect(await ledger.rpc("eth_uninstallFilter", id)).toBe(false);
		expect(await refusal("eth_getFilterChanges", id)).toMatchObject({ message: "filter not found" });
	});

	test("are forgotten when nobody asks, and bounded in number", async () => {
		let ms = Date.now();
		const other = await startLocalLedger({ now: () => ms });
		try {
			const first = await other.rpc("eth_newPendingTransactionFilter");
			const ids: unknown[] = [first];
			while (ids.length < 256) ids.push(await other.rpc("eth_newBlockFilter"));
			await expect(other.rpc("eth_newBlockFilter")).rejects.toMatchObject({ code: -32005 });
			ms += 6 * 60_000;
			await expect(other.rpc("eth_getFilterChanges", first)).rejects.toMatchObject({ message: "filter not found" });
			expect(await other.rpc("eth_newBlockFilter")).toMatch(/^0x/);
		} finally {
			await other.stop();
		}
	});
});

describe("raw bytes", () => {
	test("of a block are read by other code and have its hash", async () => {
		const raw = await sign(0);
		const { blockHash, blockNumber } = await settled(raw);
		const common = createCustomCommon({ chainId: CHAIN_ID }, Mainnet, { hardfork: Hardfork.Prague });
		const bytes = await ledger.rpc<Hex>("debug_getRawBlock", blockNumber);
		const block = createBlockFromRLP(Buffer.from(bytes.slice(2), "hex"), { common, skipConsensusFormatValidation: true });
		expect(toHex(block.hash())).toBe(blockHash);
		expect(block.transactions.map((tx) => toHex(tx.serialize()))).toContain(raw);
		expect(keccak256(await ledger.rpc<Hex>("debug_getRawHeader", blockHash))).toBe(blockHash);
		expect(await ledger.rpc("debug_getRawTransaction", keccak256(raw))).toBe(raw);
		const receipts = await ledger.rpc<Hex[]>("debug_getRawReceipts", blockNumber);
		expect(receipts).toHaveLength(block.transactions.length);
		expect(receipts[0]).toMatch(/^0x02f9/);
		expect(await refusal("debug_getRawBlock", "0xffffff")).toMatchObject({ code: -32000 });
	});

	test("of transactions by their place", async () => {
		const raw = await sign(0);
		const { blockHash, blockNumber } = await settled(raw);
		expect(await ledger.rpc("eth_getRawTransactionByBlockHashAndIndex", blockHash, "0x0")).toBe(raw);
		expect(await ledger.rpc("eth_getRawTransactionByBlockNumberAndIndex", blockNumber, "0x1")).toBe("0x");
	});
});

describe("tags and uncles", () => {
	test("every tag names a block wherever one is asked", async () => {
		for (const tag of ["latest", "safe", "finalized", "earliest", "pending"]) {
			expect(await ledger.rpc("eth_getBlockByNumber", tag, false), tag).toMatchObject({ number: expect.stringMatching(/^0x/) });
			expect(await ledger.rpc("eth_getHeaderByNumber", tag), tag).toMatchObject({ number: expect.stringMatching(/^0x/) });
			expect(await ledger.rpc("eth_getBalance", developer(0).address, tag), tag).toMatch(/^0x/);
			expect(await ledger.rpc("eth_call", { to: NOBODY }, tag), tag).toBe("0x");
			expect(await ledger.rpc("eth_feeHistory", "0x1", tag, []), tag).toMatchObject({ oldestBlock: expect.stringMatching(/^0x/) });
			expect(await ledger.rpc("debug_getRawHeader", tag), tag).toMatch(/^0xf9/);
			expect(await ledger.rpc("eth_getLogs", { fromBlock: tag, toBlock: "latest" }), tag).toEqual(expect.any(Array));
		}
		const { hash } = await ledger.rpc<{ hash: Hex }>("eth_getBlockByNumber", "finalized", false);
		expect(await eventually(() => ledger.rpc("eth_getHeaderByHash", hash), "the header")).toMatchObject({ hash });
	});

	test("there are no uncles", async () => {
		const { hash } = await ledger.rpc<{ hash: Hex }>("eth_getBlockByNumber", "earliest", false);
		expect(await ledger.rpc("eth_getUncleByBlockNumberAndIndex", "latest", "0x0")).toBe(null);
		expect(await ledger.rpc("eth_getUncleByBlockHashAndIndex", hash, "0x0")).toBe(null);
		expect(await ledger.rpc("eth_getUncleCountByBlockNumber", "latest")).toBe("0x0");
		expect(await refusal("eth_getUncleByBlockHashAndIndex", hash, "zero")).toMatchObject({ code: -32602 });
	});
});
