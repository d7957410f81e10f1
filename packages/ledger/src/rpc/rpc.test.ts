import { Agent, request } from "node:http";
import { createMPT, verifyMerkleProof } from "@ethereumjs/mpt";
import { RLP } from "@ethereumjs/rlp";
import { fromHex, limits, rlpInteger, toHex } from "@freehold/protocol";
import { type Abi, encodeDeployData, encodeFunctionData, getContractAddress, type Hex, keccak256, toEventSelector } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileCounter } from "../../test/fixtures.js";
import { faultOf, type LightBlockJson } from "../../test/independent-light-client.js";
import { CHAIN_ID, developers, eventually, type LocalLedger, OPG, startLocalLedger } from "../../test/local-ledger.js";

const compiled = compileCounter();
const abi = compiled.abi as Abi;
const COUNTED = toEventSelector("Counted(address,uint256,string)");
const NOBODY = "0x00000000000000000000000000000000000000bb";
let ledger: LocalLedger;
let counter: Hex;

interface ReceiptJson {
	readonly status: Hex;
	readonly blockNumber: Hex;
	readonly blockHash: Hex;
	readonly gasUsed: Hex;
	readonly contractAddress: Hex | null;
	readonly logs: readonly { readonly address: Hex; readonly topics: readonly Hex[]; readonly data: Hex; readonly logIndex: Hex }[];
}

const developer = (index: number) => developers[index] as (typeof developers)[number];
const sign = async (index: number, change: object = {}) =>
	developer(index).signTransaction({
		type: "eip1559",
		chainId: CHAIN_ID,
		nonce: Number(await ledger.rpc<Hex>("eth_getTransactionCount", developer(index).address, "pending")),
		gas: 200_000n,
		maxFeePerGas: 10n ** 9n,
		maxPriorityFeePerGas: 1n,
		to: NOBODY,
		...change,
	});
const send = async (index: number, change: object = {}): Promise<ReceiptJson> => {
	const hash = await ledger.rpc<Hex>("eth_sendRawTransaction", await sign(index, change));
	return eventually(() => ledger.rpc<ReceiptJson | null>("eth_getTransactionReceipt", hash), "the receipt");
};
const count = (by: bigint) => ({ to: counter, data: encodeFunctionData({ abi, functionName: "count", args: [by, "n"] }) });
const refusal = (method: string, ...params: unknown[]) =>
	ledger.rpc(method, ...params).then(
		(result) => {
			throw new Error(`it gave ${JSON.stringify(result)}`);
		},
		(error: { readonly code: number; readonly message: string; readonly data?: string }) => error,
	);
const post = (body: string, type = "application/json") => fetch(ledger.url, { method: "POST", headers: { "content-type": type }, body });
const call = (id: unknown, method: string, ...params: unknown[]) => ({ jsonrpc: "2.0", id, method, params });

beforeAll(async () => {
	ledger = await startLocalLedger();
	const { contractAddress } = await send(0, { to: undefined, gas: 2_000_000n, data: encodeDeployData({ abi, bytecode: compiled.bytecode, args: [0n] }) });
	counter = contractAddress as Hex;
	expect(counter).toBe(getContractAddress({ from: developer(0).address, nonce: 0n }).toLowerCase());
});
afterAll(async () => {
	await ledger.stop();
	expect(ledger.faults).toEqual([]);
});

describe("the envelope", () => {
	test("a batch is answered in order, each call for itself", async () => {
		const answers = await (
			await post(JSON.stringify([call(1, "eth_chainId"), call("b", "eth_nothing"), { jsonrpc: "2.0", method: "eth_chainId" }, call(null, "net_version"), 5]))
		).json();
		expect(answers).toEqual([
			{ jsonrpc: "2.0", id: 1, result: "0x29f5" },
			{ jsonrpc: "2.0", id: "b", error: { code: -32601, message: "the method eth_nothing does not exist/is not available" } },
			{ jsonrpc: "2.0", id: null, result: "10741" },
			{ jsonrpc: "2.0", id: null, error: { code: -32600, message: "invalid request" } },
		]);
	});
	test.each([
		["no JSON", "{", -32700],
		["deeper than anyone needs", "[".repeat(100_000), -32700],
		["an empty batch", "[]", -32600],
		["too large a batch", JSON.stringify(Array.from({ length: limits.rpcBatch + 1 }, () => 1)), -32600],
		["a method that is no text", `{"id":1,"method":5}`, -32600],
		["parameters by name", `{"id":1,"method":"eth_chainId","params":{}}`, -32602],
	])("%s", async (_, body, code) => expect(await (await post(body)).json()).toMatchObject({ error: { code } }));
	test("a notification has no answer", async () => expect((await post(`{"jsonrpc":"2.0","method":"eth_chainId"}`)).status).toBe(204));
	test("names from the prototype are no methods", async () => expect(await refusal("constructor")).toMatchObject({ code: -32601 }));
	test("too large a body", async () => expect((await post(" ".repeat(limits.rpcBodyBytes + 1))).status).toBe(413));
});

describe("sending", () => {
	test("refusals in geth's words", async () => {
		await send(1);
		const send1 = async (change: object) => (await refusal("eth_sendRawTransaction", await sign(1, change))).message;
		expect(await send1({ nonce: 0 })).toBe("nonce too low: next nonce 1, tx nonce 0");
		expect(await send1({ gas: 20_000n })).toBe("intrinsic gas too low: gas 20000, minimum needed 21000");
		expect(await send1({ value: 10n ** 30n })).toMatch(/^insufficient funds for gas \* price \+ value: balance \d+, tx cost \d+, overshot \d+$/);
		expect(await send1({ chainId: 5 })).toBe("invalid sender: invalid chain id for signer: have 5 want 10741");
		expect(await send1({ nonce: 65 })).toBe("nonce too high: next nonce 1, tx nonce 65");
		const queued = await sign(1, { nonce: 9 });
		await ledger.rpc("eth_sendRawTransaction", queued);
		expect((await refusal("eth_sendRawTransaction", queued)).message).toBe("already known");
		expect(await send1({ nonce: 9, value: 1n })).toBe("replacement transaction underpriced");
		expect(await ledger.rpc("eth_getTransactionByHash", keccak256(queued))).toMatchObject({ blockHash: null, nonce: "0x9" });
		expect(
			(await refusal("eth_sendRawTransaction", await developer(1).signTransaction({ type: "legacy", nonce: 1, gas: 21_000n, gasPrice: 10n ** 9n, to: NOBODY })))
				.message,
		).toMatch(/replay-protected/);
		expect(await refusal("eth_sendRawTransaction", "0xzz")).toMatchObject({ code: -32602 });
	});

	test("the pending nonce counts what waits without a gap", async () => {
		const { address } = developer(2);
		const nonces = async () => [
			await ledger.rpc("eth_getTransactionCount", address, "latest"),
			await ledger.rpc("eth_getTransactionCount", address, "pending"),
		];
		expect(await nonces()).toEqual(["0x0", "0x0"]);
		for (const nonce of [1, 2, 5]) await ledger.rpc("eth_sendRawTransaction", await sign(2, { nonce }));
		expect(await nonces()).toEqual(["0x0", "0x0"]);
		await ledger.rpc("eth_sendRawTransaction", await sign(2, { nonce: 0 }));
		expect(await ledger.rpc("eth_getTransactionCount", address, "pending")).toBe("0x3");
		await eventually(async () => ((await ledger.rpc("eth_getTransactionCount", address, "latest")) === "0x3" ? true : undefined), "nonce 3");
		expect(await ledger.rpc("eth_getTransactionCount", address, "pending")).toBe("0x3");
	});

	test("the pending block shows what waits", async () => {
		const slow = await startLocalLedger({ blockIntervalMs: 600_000 });
		const raw = (nonce: number) =>
			developer(0).signTransaction({ type: "eip1559", chainId: CHAIN_ID, nonce, gas: 21_000n, maxFeePerGas: 10n ** 9n, to: NOBODY });
		const first = await slow.rpc<Hex>("eth_sendRawTransaction", await raw(0));
		await eventually(() => slow.rpc("eth_getTransactionReceipt", first), "the receipt");
		const waiting = [await slow.rpc("eth_sendRawTransaction", await raw(1)), await slow.rpc("eth_sendRawTransaction", await raw(2))];
		expect(await slow.rpc("eth_getBlockByNumber", "pending", false)).toMatchObject({ hash: null, miner: null, transactions: waiting });
		expect(await slow.rpc("eth_getBlockByNumber", "pending", true)).toMatchObject({ transactions: [{ nonce: "0x1", blockHash: null }, { nonce: "0x2" }] });
		expect(await slow.rpc("eth_getTransactionCount", developer(0).address, "latest")).toBe("0x1");
		await slow.stop();
	});

	test("sixty-four from one batch are all included, in order of nonce", async () => {
		const first = Number(await ledger.rpc<Hex>("eth_getTransactionCount", developer(3).address, "pending"));
		const raws = await Promise.all(Array.from({ length: 64 }, (_, index) => sign(3, { nonce: first + index, gas: 21_000n })));
		await post(JSON.stringify(raws.reverse().map((raw, id) => call(id, "eth_sendRawTransaction", raw))));
		await eventually(
			async () => (BigInt(await ledger.rpc<Hex>("eth_getTransactionCount", developer(3).address, "latest")) === BigInt(first + 64) ? true : undefined),
			"all of them",
		);
	});
});

describe("calls", () => {
	const data = (functionName: string, args: readonly unknown[] = []) => encodeFunctionData({ abi, functionName, args });

	test("a revert is code 3 with its data", async () => {
		const error = await refusal("eth_call", { to: counter, data: data("count", [13n, ""]) }, "latest");
		expect(error).toMatchObject({ code: 3, message: "execution reverted: unlucky" });
		expect(error.data).toMatch(/^0x08c379a0/);
		expect(await refusal("eth_call", { to: counter, data: data("overflow") }, "latest")).toMatchObject({
			code: 3,
			message: "execution reverted: arithmetic underflow or overflow",
		});
		expect(await refusal("eth_estimateGas", { to: counter, data: data("count", [999n, ""]) })).toMatchObject({ code: 3, message: "execution reverted" });
	});
	test("endless work ends with its gas", async () =>
		expect(await refusal("eth_call", { to: counter, data: data("forever"), gas: "0xf4240" }, "latest")).toMatchObject({ code: -32000, message: "out of gas" }));
	test("an estimate suffices, and is near what is used", async () => {
		expect(await ledger.rpc("eth_estimateGas", { from: developer(0).address, to: NOBODY, value: "0x1" })).toBe("0x5208");
		for (const rounds of [1n, 40n]) {
			const request = { from: developer(0).address, to: counter, data: data("burn", [rounds]) };
			const estimate = BigInt(await ledger.rpc<Hex>("eth_estimateGas", request));
			const { status, gasUsed } = await send(0, { to: counter, data: request.data, gas: estimate });
			expect(status).toBe("0x1");
			expect(Number(estimate)).toBeLessThan(Number(gasUsed) * 1.05);
		}
	});
	test("funds are looked at in estimates", async () => {
		expect(await refusal("eth_estimateGas", { from: NOBODY, to: developer(0).address, value: `0x${(10n ** 30n).toString(16)}` })).toMatchObject({
			message: "insufficient funds for transfer",
		});
		const poor = "0x00000000000000000000000000000000000000cc";
		expect(await refusal("eth_estimateGas", { from: poor, to: counter, data: data("burn", [1n]), gasPrice: "0x1" })).toMatchObject({
			message: "gas required exceeds allowance (0)",
		});
	});
	test("blockhash, and parameters that make no sense", async () => {
		const { number, hash } = await ledger.rpc<{ readonly number: Hex; readonly hash: Hex }>("eth_getBlockByNumber", "latest", false);
		expect(await ledger.rpc("eth_call", { to: counter, data: data("hashOf", [BigInt(number)]) }, "pending")).toBe(hash);
		expect(await refusal("eth_call", { to: "0x12" }, "latest")).toMatchObject({ code: -32602 });
		expect(await refusal("eth_call", { to: counter }, "0xffffff")).toMatchObject({ code: -32000, message: "header not found" });
	});
});

test("endless calls of strangers hold back neither blocks nor others who ask", async () => {
	const quick = connection(ledger.url);
	const read = { to: counter, data: encodeFunctionData({ abi, functionName: "value", args: [] }) };
	await quick.ask("eth_call", read, "latest");
	const endless = { to: counter, data: encodeFunctionData({ abi, functionName: "forever", args: [] }), gas: "0x1c9c380" };
	const ended: string[] = [];
	const calls = Array.from({ length: 12 }, () =>
		refusal("eth_call", endless, "latest").then((error) => {
			ended.push("endless");
			expect(error.message).toBe("out of gas");
		}),
	);
	await Promise.race(calls);
	await send(0);
	ended.push("block");
	await quick.ask("eth_call", read, "latest");
	ended.push("read");
	await Promise.all(calls);
	// Both came in before the queue of endless ones was worked off.
	expect(ended.indexOf("block")).toBeLessThan(ended.length - 3);
	expect(ended.indexOf("read")).toBeLessThan(ended.length - 2);
	quick.close();
});

/** A client that keeps to one connection. */
function connection(url: string) {
	const agent = new Agent({ keepAlive: true, maxSockets: 1 });
	const ask = (method: string, ...params: readonly unknown[]): Promise<unknown> =>
		new Promise((resolve, reject) => {
			const call = request(url, { method: "POST", agent, headers: { "content-type": "application/json" } }, (answer) => {
				let text = "";
				answer.setEncoding("utf8");
				answer.on("data", (chunk: string) => {
					text += chunk;
				});
				answer.once("end", () => resolve((JSON.parse(text) as { readonly result: unknown }).result));
			});
			call.once("error", reject);
			call.end(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
		});
	return { ask, close: () => agent.destroy() };
}

describe("logs", () => {
	let receipts: ReceiptJson[];
	beforeAll(async () => {
		receipts = [await send(0, count(1n)), await send(1, count(2n)), await send(0, count(3n))];
	});
	const word = (address: string) => `0x${address.slice(2).toLowerCase().padStart(64, "0")}`;
	const range = { fromBlock: "earliest", toBlock: "latest" };

	test.each([
		["by address", () => ({ ...range, address: counter }), 3],
		["by several addresses", () => ({ ...range, address: [NOBODY, counter] }), 3],
		["by event", () => ({ ...range, topics: [COUNTED] }), 3],
		["by alternatives and a later topic", () => ({ ...range, topics: [[COUNTED, `0x${"00".repeat(32)}`], word(developer(0).address)] }), 2],
		["by a later topic alone", () => ({ ...range, topics: [null, word(developer(1).address)] }), 1],
		["by block hash", () => ({ blockHash: receipts[1]?.blockHash }), 1],
		["of nobody", () => ({ ...range, address: NOBODY }), 0],
		["beyond the head", () => ({ fromBlock: "0xfffff0", toBlock: "0xffffff" }), 0],
		["with more topics than there are", () => ({ ...range, address: counter, topics: [COUNTED, null, null, null] }), 0],
	])("%s", async (_, filter, length) => expect(await ledger.rpc("eth_getLogs", filter())).toHaveLength(length as number));

	test("carry their place", async () => {
		const [log] = await ledger.rpc<readonly Record<string, unknown>[]>("eth_getLogs", { blockHash: receipts[0]?.blockHash });
		expect(log).toMatchObject({
			address: counter,
			blockNumber: receipts[0]?.blockNumber,
			blockHash: receipts[0]?.blockHash,
			logIndex: "0x0",
			transactionIndex: "0x0",
			removed: false,
		});
	});
	test("ranges are bounded", async () => {
		expect(await refusal("eth_getLogs", { fromBlock: "0x5", toBlock: "0x1" })).toMatchObject({ code: -32602 });
		expect(await refusal("eth_getLogs", { ...range, topics: [1, 2, 3, 4, 5] })).toMatchObject({ code: -32602 });
		expect(await refusal("eth_getLogs", { ...range, blockHash: receipts[0]?.blockHash })).toMatchObject({ code: -32602 });
	});
	test("a filter gives each log once", async () => {
		const filter = await ledger.rpc("eth_newFilter", { address: counter });
		const blocks = await ledger.rpc("eth_newBlockFilter");
		expect(await ledger.rpc("eth_getFilterChanges", filter)).toEqual([]);
		const { blockHash } = await send(0, count(4n));
		expect(await ledger.rpc("eth_getFilterChanges", filter)).toHaveLength(1);
		expect(await ledger.rpc("eth_getFilterChanges", filter)).toEqual([]);
		expect(await ledger.rpc("eth_getFilterChanges", blocks)).toContain(blockHash);
		expect(await ledger.rpc("eth_uninstallFilter", filter)).toBe(true);
		expect(await refusal("eth_getFilterChanges", filter)).toMatchObject({ message: "filter not found" });
	});
});

describe("proofs", () => {
	interface ProofJson {
		readonly accountProof: readonly Hex[];
		readonly balance: Hex;
		readonly nonce: Hex;
		readonly codeHash: Hex;
		readonly storageHash: Hex;
		readonly storageProof: readonly { readonly key: Hex; readonly value: Hex; readonly proof: readonly Hex[] }[];
	}
	const verify = async (address: string, proof: ProofJson, stateRoot: Hex) => {
		expect(keccak256(proof.accountProof[0] ?? "0x")).toBe(stateRoot);
		const leaf = await verifyMerkleProof(fromHex(keccak256(address as Hex)), proof.accountProof.map(fromHex));
		return leaf === null ? null : (RLP.decode(leaf) as Uint8Array[]).map((field) => toHex(field));
	};

	test("of an account and a slot, at the head and in history, checked by other code", async () => {
		const { blockNumber } = await send(0, count(5n));
		await send(0, count(6n));
		for (const at of [blockNumber, "latest"]) {
			const block = await ledger.rpc<{ readonly number: Hex; readonly stateRoot: Hex }>("eth_getBlockByNumber", at, false);
			const proof = await ledger.rpc<ProofJson>("eth_getProof", counter, ["0x0", `0x${"00".repeat(31)}07`], block.number);
			expect(await verify(counter, proof, block.stateRoot)).toEqual([
				toHex(rlpInteger(BigInt(proof.nonce))),
				toHex(rlpInteger(BigInt(proof.balance))),
				proof.storageHash,
				proof.codeHash,
			]);
			const [slot, empty] = proof.storageProof;
			expect(keccak256(slot?.proof[0] ?? "0x")).toBe(proof.storageHash);
			const value = await verifyMerkleProof(fromHex(keccak256(`0x${"00".repeat(32)}`)), (slot?.proof ?? []).map(fromHex));
			expect(BigInt(toHex(RLP.decode(value ?? new Uint8Array(0)) as Uint8Array))).toBe(BigInt(slot?.value ?? 0));
			expect(BigInt(slot?.value ?? 0)).toBe(BigInt(await ledger.rpc<Hex>("eth_getStorageAt", counter, "0x0", block.number)));
			expect(empty).toMatchObject({ key: `0x${"00".repeat(31)}07`, value: "0x0" });
		}
	});
	test("of absence", async () => {
		const block = await ledger.rpc<{ readonly number: Hex; readonly stateRoot: Hex }>("eth_getBlockByNumber", "latest", false);
		const absent = "0x00000000000000000000000000000000000000ee";
		const proof = await ledger.rpc<ProofJson>("eth_getProof", absent, [], block.number);
		expect(await verify(absent, proof, block.stateRoot)).toBeNull();
		expect(proof).toMatchObject({ balance: "0x0", nonce: "0x0" });
	});
	test("a proof block carries the EVM header and the consensus block that proves it", async () => {
		const { blockNumber, blockHash } = await send(0);
		const proof = await eventually(
			() => ledger.rpc<{ readonly evmHeader: Hex; readonly lightBlock: LightBlockJson } | null>("freehold_getProofBlock", blockNumber),
			"the proof",
		);
		expect(keccak256(proof.evmHeader)).toBe(blockHash);
		expect(proof.lightBlock.header.appHash).toBe(blockHash);
		expect(faultOf(proof.lightBlock)).toBeUndefined();
		const { height } = proof.lightBlock.header;
		const before = await ledger.rpc<LightBlockJson>("freehold_getLightBlock", String(BigInt(height) - 1n));
		expect(before.header.appHash).not.toBe(blockHash);
		expect(await ledger.rpc("freehold_getLightBlock", height)).toEqual(proof.lightBlock);
		expect(faultOf(proof.lightBlock, before)).toBeUndefined();
		expect(await ledger.rpc("freehold_getProofBlock", "0xfffff")).toBeNull();
		expect(await ledger.rpc("freehold_getLightBlock", "999999")).toBeNull();
		expect(await refusal("freehold_getLightBlock", "0x1")).toMatchObject({ code: -32602 });
	});
	test("genesis is proved by consensus block 1, which the status names", async () => {
		const status = await ledger.rpc<{ readonly genesis: { readonly height: number; readonly hash: Hex }; readonly signer: Hex; readonly chainId: number }>(
			"freehold_status",
		);
		const proof = await ledger.rpc<{ readonly lightBlock: LightBlockJson }>("freehold_getProofBlock", "0x0");
		expect(status).toMatchObject({
			chainId: CHAIN_ID,
			signer: proof.lightBlock.validators[0]?.publicKey,
			genesis: { height: 1, hash: proof.lightBlock.commit.blockId.hash },
		});
		expect(proof.lightBlock.header.height).toBe("1");
	});
});

describe("waiting for a block", () => {
	test("ends as soon as it is there", async () => {
		const now = await ledger.rpc<Hex>("eth_blockNumber");
		const waiting = ledger.rpc<Hex>("freehold_waitForBlock", now, 30_000);
		const { blockNumber } = await send(0);
		expect(BigInt(await waiting)).toBeLessThanOrEqual(BigInt(blockNumber));
		expect(BigInt(await waiting)).toBeGreaterThan(BigInt(now));
	});
	test("ends at its time", async () => {
		const far = "0xffffff";
		expect(await ledger.rpc("freehold_waitForBlock", far, 1)).toBe(await ledger.rpc("eth_blockNumber"));
		expect(await refusal("freehold_waitForBlock", far, 30_001)).toMatchObject({ code: -32602 });
	});
});

describe("history and blocks", () => {
	test("what is not there is null, what is malformed is refused", async () => {
		const nothing = `0x${"12".repeat(32)}`;
		for (const method of ["eth_getTransactionByHash", "eth_getTransactionReceipt", "eth_getBlockByHash"])
			expect(await ledger.rpc(method, nothing, false)).toBeNull();
		expect(await ledger.rpc("eth_getBlockByNumber", "0xffffff", false)).toBeNull();
		expect(await refusal("eth_getBalance", "0x12", "latest")).toMatchObject({ code: -32602 });
		expect(await refusal("eth_getBalance", NOBODY, "yesterday")).toMatchObject({ code: -32602 });
		expect(await refusal("eth_getBalance", NOBODY, "0xffffff")).toMatchObject({ code: -32000 });
	});
	test("balances of earlier blocks, by number and by hash (EIP-1898)", async () => {
		const { blockNumber, blockHash } = await send(0, { value: OPG });
		await send(0, { value: OPG });
		const [now, then, byHash] = await Promise.all([
			ledger.rpc<Hex>("eth_getBalance", NOBODY, "latest"),
			ledger.rpc<Hex>("eth_getBalance", NOBODY, blockNumber),
			ledger.rpc<Hex>("eth_getBalance", NOBODY, { blockHash }),
		]);
		expect(BigInt(now) - BigInt(then)).toBe(OPG);
		expect(byHash).toBe(then);
	});
	test("a block's receipts are those of its transactions", async () => {
		const { blockNumber, blockHash } = await send(0, count(7n));
		const receipts = await ledger.rpc<readonly ReceiptJson[]>("eth_getBlockReceipts", blockNumber);
		expect(receipts).toHaveLength(1);
		expect(receipts[0]).toMatchObject({ blockHash, logs: [{ address: counter }] });
		expect(await ledger.rpc("eth_getBlockTransactionCountByHash", blockHash)).toBe("0x1");
	});
	test("roots in the header are those of transactions and receipts, computed by other code", async () => {
		const { blockNumber } = await send(0, count(8n));
		const block = await ledger.rpc<{
			readonly transactions: readonly Hex[];
			readonly transactionsRoot: Hex;
			readonly receiptsRoot: Hex;
			readonly logsBloom: Hex;
		}>("eth_getBlockByNumber", blockNumber, false);
		const [receipt] = await ledger.rpc<
			readonly (ReceiptJson & { readonly cumulativeGasUsed: Hex; readonly logsBloom: Hex; readonly logs: readonly { readonly data: Hex }[] })[]
		>("eth_getBlockReceipts", blockNumber);
		if (receipt === undefined) throw new Error("no receipt");
		const [hash] = block.transactions;
		const transactions = await createMPT();
		await transactions.put(RLP.encode(0), fromHex(await ledger.rpc<Hex>("eth_getRawTransactionByHash", hash)));
		expect(toHex(transactions.root())).toBe(block.transactionsRoot);
		const receipts = await createMPT();
		const logs = receipt.logs.map((log) => [log.address, log.topics, log.data] as const);
		await receipts.put(RLP.encode(0), Uint8Array.of(2, ...RLP.encode([1, receipt.cumulativeGasUsed, receipt.logsBloom, logs as never])));
		expect(toHex(receipts.root())).toBe(block.receiptsRoot);
		expect(receipt.logsBloom).toBe(block.logsBloom);
	});
	test("fees", async () => {
		const price = BigInt(await ledger.rpc<Hex>("eth_gasPrice"));
		expect(price).toBeGreaterThanOrEqual(BigInt(await ledger.rpc<Hex>("eth_maxPriorityFeePerGas")));
		expect(await refusal("eth_feeHistory", "0x1", "latest", [50, 10])).toMatchObject({ code: -32602 });
		expect(await ledger.rpc("eth_feeHistory", "0x2", "latest", [])).toMatchObject({ gasUsedRatio: [expect.any(Number), expect.any(Number)] });
	});
	test("small questions", async () => {
		expect(await ledger.rpc("eth_syncing")).toBe(false);
		expect(await ledger.rpc("eth_accounts")).toEqual([]);
		expect(await ledger.rpc("web3_clientVersion")).toMatch(/^freehold\//);
	});
});
