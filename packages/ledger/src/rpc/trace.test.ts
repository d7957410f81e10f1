/** Tracing over JSON-RPC: blocks, state that is pretended, bounds. What traces contain is held against anvil and another engine in `tracing/`. */
import { type Abi, encodeDeployData, encodeFunctionData, type Hex } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileCounter } from "../../test/fixtures.js";
import { CHAIN_ID, developers, type LocalLedger, startLocalLedger } from "../../test/local-ledger.js";

const compiled = compileCounter();
const abi = compiled.abi as Abi;
const alice = developers[0] as (typeof developers)[number];
let ledger: LocalLedger;
let counter: Hex;
let block: Hex;
let nonce = 0;

interface ReceiptJson {
	readonly contractAddress: Hex;
	readonly blockNumber: Hex;
	readonly transactionHash: Hex;
	readonly blockHash: Hex;
}
const send = async (change: object): Promise<ReceiptJson> => {
	const fees = { maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 1n };
	const raw = await alice.signTransaction({ type: "eip1559", chainId: CHAIN_ID, nonce: nonce++, gas: 2_000_000n, ...fees, ...change });
	return ledger.rpc("eth_sendRawTransactionSync", raw, 30_000);
};
const data = (functionName: string, args: readonly unknown[] = []) => encodeFunctionData({ abi, functionName, args });
const refusal = (method: string, ...params: unknown[]) =>
	ledger.rpc(method, ...params).then(
		(result) => {
			throw new Error(`it gave ${JSON.stringify(result).slice(0, 200)}`);
		},
		(error: { readonly code: number; readonly message: string }) => error,
	);

beforeAll(async () => {
	ledger = await startLocalLedger();
	counter = (await send({ data: encodeDeployData({ abi, bytecode: compiled.bytecode, args: [4n] }) })).contractAddress;
	block = (await send({ to: counter, data: data("count", [3n, "x"]) })).blockNumber;
});
afterAll(async () => {
	await ledger.stop();
	expect(ledger.faults).toEqual([]);
});

test("a block's transactions are traced each on the effects of the one before", async () => {
	const later = await Promise.all([1n, 2n, 3n].map((by) => send({ to: counter, data: data("count", [by, "y"]) })));
	for (const { blockNumber, blockHash } of later) {
		const traces = await ledger.rpc<{ txHash: Hex; result: { output: Hex } }[]>("debug_traceBlockByHash", blockHash, { tracer: "callTracer" });
		const { transactions } = await ledger.rpc<{ transactions: Hex[] }>("eth_getBlockByNumber", blockNumber, false);
		expect(traces.map(({ txHash }) => txHash)).toEqual(transactions);
		for (const { txHash, result } of traces) expect(await ledger.rpc("debug_traceTransaction", txHash, { tracer: "callTracer" })).toEqual(result);
		expect(await ledger.rpc("debug_traceBlockByNumber", blockNumber, { tracer: "callTracer" })).toEqual(traces);
	}
});

test("calls see the state and the block that are pretended, and nothing of it stays", async () => {
	const slot = `0x${"0".repeat(64)}`;
	const word = (value: number) => `0x${value.toString(16).padStart(64, "0")}`;
	const call = { to: counter, data: data("value") };
	const before = await ledger.rpc<Hex>("eth_call", call, block);
	expect(await ledger.rpc("eth_call", call, block, { [counter]: { stateDiff: { [slot]: word(77) } } })).toBe(word(77));
	expect(await ledger.rpc("eth_call", call, block, { [counter]: { state: {} } })).toBe(word(0));
	expect(await ledger.rpc("eth_call", call, block)).toBe(before);
	// NUMBER PUSH0 MSTORE, TIMESTAMP PUSH1 20 MSTORE, PUSH1 40 PUSH0 RETURN
	const code = "0x435f524260205260405ff3";
	const pretended = await ledger.rpc<Hex>("eth_call", { to: counter }, "latest", { [counter]: { code } }, { number: "0x1234", time: "0x5678" });
	expect(pretended).toBe(`${word(0x1234)}${word(0x5678).slice(2)}`);
	const poor = { from: "0x00000000000000000000000000000000000000cc", to: alice.address, value: "0x5" };
	expect(await refusal("eth_estimateGas", poor)).toMatchObject({ code: -32000 });
	expect(await ledger.rpc("eth_estimateGas", poor, "latest", { [poor.from]: { balance: "0x5" } })).toBe("0x5208");
	const traced = await ledger.rpc("debug_traceCall", call, block, { tracer: "callTracer", stateOverrides: { [counter]: { stateDiff: { [slot]: word(9) } } } });
	expect(traced).toMatchObject({ output: word(9) });
	expect(await refusal("eth_call", call, block, { [counter]: { state: {}, stateDiff: {} } })).toMatchObject({ code: -32602 });
	expect(await refusal("eth_call", call, block, { [counter]: { colour: "0x1" } })).toMatchObject({ code: -32602 });
	expect(await refusal("eth_call", call, block, { [counter]: { code: "0xef01" } })).toMatchObject({ code: -32602 });
});

test("a trace is bounded, and a call without end is told as such", async () => {
	const endless = { to: counter, data: data("forever") };
	expect(await refusal("debug_traceCall", endless, "latest", {})).toMatchObject({ code: -32005 });
	const short = { ...endless, gas: "0xffff" };
	expect(await ledger.rpc("debug_traceCall", short, "latest", { limit: 5, disableStack: true })).toMatchObject({ failed: true, structLogs: { length: 5 } });
	expect(await ledger.rpc("debug_traceCall", endless, "latest", { tracer: "callTracer" })).toMatchObject({ error: "out of gas" });
});

test("what makes no sense is refused", async () => {
	const call = { to: counter, data: data("value") };
	expect(await refusal("debug_traceCall", call, "latest", { tracer: "jsTracer" })).toMatchObject({ code: -32602 });
	expect(await refusal("debug_traceCall", call, "latest", { timeout: "soon" })).toMatchObject({ code: -32602 });
	expect(await refusal("debug_traceCall", call, "0xffffff", {})).toMatchObject({ code: -32000 });
	expect(await refusal("debug_traceTransaction", `0x${"12".repeat(32)}`)).toMatchObject({ message: "transaction not found" });
	expect(await refusal("debug_traceBlockByNumber", "0x0")).toMatchObject({ message: "genesis is not traceable" });
});

test("an access list names what a call touches, and makes it cheaper to foresee", async () => {
	const call = { from: alice.address, to: counter, data: data("count", [1n, "z"]) };
	const { accessList, gasUsed } = await ledger.rpc<{ accessList: { address: Hex; storageKeys: Hex[] }[]; gasUsed: Hex }>("eth_createAccessList", call);
	expect(accessList).toMatchObject([{ address: counter, storageKeys: { length: 2 } }]);
	expect(await ledger.rpc("debug_traceCall", { ...call, accessList }, "latest", { tracer: "callTracer" })).toMatchObject({ gasUsed });
	expect(await ledger.rpc("eth_createAccessList", { ...call, data: data("count", [13n, ""]) })).toMatchObject({ error: "execution reverted" });
});
