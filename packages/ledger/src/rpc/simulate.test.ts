/** `eth_simulateV1`: a simulated block is the block that the same transactions would make. */
import { type Abi, createPublicClient, encodeDeployData, encodeFunctionData, getContractAddress, type Hex, http } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHAIN_ID, developers, type LocalLedger, startLocalLedger } from "../../test/local-ledger.js";
import { compileParent } from "../../test/trace-fixture.js";

const { abi: untyped, bytecode } = compileParent();
const abi = untyped as Abi;
const alice = developers[0] as (typeof developers)[number];
const from = alice.address;
const parent = getContractAddress({ from, nonce: 0n }).toLowerCase() as Hex;
const data = (functionName: string, args: readonly unknown[] = []) => encodeFunctionData({ abi, functionName, args });
const POOR = "0x00000000000000000000000000000000000000cc";
let ledger: LocalLedger;

type Json = Record<string, string>;
interface Simulated {
	readonly number: Hex;
	readonly timestamp: Hex;
	readonly hash: Hex;
	readonly parentHash: Hex;
	readonly calls: readonly {
		readonly status: Hex;
		readonly returnData: Hex;
		readonly logs: readonly { readonly address: Hex; readonly data: Hex }[];
		readonly error?: Json;
	}[];
}
const simulate = (blockStateCalls: readonly object[], options: object = {}, block = "latest") =>
	ledger.rpc<Simulated[]>("eth_simulateV1", { blockStateCalls, ...options }, block);
const refusal = (blockStateCalls: readonly object[], options: object = {}) =>
	simulate(blockStateCalls, options).then(
		() => {
			throw new Error("it was not refused");
		},
		({ code }: { readonly code: number }) => code,
	);

const transactions = [
	{ value: 10n, data: encodeDeployData({ abi, bytecode }) },
	{ to: parent, value: 3n, data: data("all", [5n]) },
	{ to: parent, value: 0n, data: data("make", [9n]) },
	{ to: parent, value: 0n, data: data("fail") },
	{ to: parent, value: 0n, data: data("clear") },
];
const made: { readonly block: Json; readonly tx: Json }[] = [];

beforeAll(async () => {
	ledger = await startLocalLedger();
	for (const [nonce, tx] of transactions.entries()) {
		const fees = { maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 10n ** 6n };
		const raw = await alice.signTransaction({ type: "eip1559", chainId: CHAIN_ID, nonce, gas: 1_500_000n, ...fees, ...tx });
		const { blockHash, transactionHash } = await ledger.rpc<Json>("eth_sendRawTransactionSync", raw, 30_000);
		made.push({ block: await ledger.rpc("eth_getBlockByHash", blockHash, false), tx: await ledger.rpc("eth_getTransactionByHash", transactionHash) });
	}
}, 60_000);
afterAll(async () => {
	await ledger.stop();
	expect(ledger.faults).toEqual([]);
});

test("what was made is made again: roots of state and receipts, gas, bloom", async () => {
	for (const { block, tx } of made) {
		const { timestamp: time, mixHash: prevRandao, miner: feeRecipient, baseFeePerGas } = block;
		const { gas, nonce, value, input, to, maxFeePerGas, maxPriorityFeePerGas } = tx;
		const call = { from, gas, nonce, value, input, maxFeePerGas, maxPriorityFeePerGas, ...(to === null ? {} : { to }) };
		const before = `0x${(BigInt(block["number"] as Hex) - 1n).toString(16)}`;
		const blockOverrides = { time, prevRandao, feeRecipient, baseFeePerGas };
		const [again] = (await simulate([{ blockOverrides, calls: [call] }], { validation: true }, before)) as unknown as Json[];
		const same = ({ number, parentHash, stateRoot, receiptsRoot, gasUsed, logsBloom, miner }: Json) => [
			number,
			parentHash,
			stateRoot,
			receiptsRoot,
			gasUsed,
			logsBloom,
			miner,
		];
		expect(same(again as Json)).toEqual(same(block));
	}
});

test("calls build on each other, through blocks with gaps, and nothing stays", async () => {
	const head = await ledger.rpc<Hex>("eth_blockNumber");
	const blocks = await simulate(
		[
			{ stateOverrides: { [POOR]: { balance: "0x64" } }, calls: [{ from: POOR, to: parent, value: "0x5" }] },
			{
				blockOverrides: { number: `0x${(BigInt(head) + 4n).toString(16)}` },
				calls: [
					{ from, to: parent, data: data("all", [6n]), value: "0x1" },
					{ from, to: parent, data: data("value") },
				],
			},
		],
		{},
		head,
	);
	expect(blocks).toHaveLength(4);
	expect(blocks.slice(1).map(({ parentHash }) => parentHash)).toEqual(blocks.slice(0, -1).map(({ hash }) => hash));
	const [, returned] = blocks[3]?.calls ?? [];
	expect(BigInt(returned?.returnData ?? "0x0")).toBeGreaterThan(6n);
	expect(await ledger.rpc("eth_getBalance", POOR, "latest")).toBe("0x0");
});

test("transfers of native value show as logs, undone ones do not", async () => {
	const calls = [
		{ from: POOR, to: parent, value: "0x5" },
		{ from, to: parent, data: data("fail") },
	];
	const [block] = await simulate([{ stateOverrides: { [POOR]: { balance: "0x64" } }, calls }], { traceTransfers: true });
	expect(block?.calls[0]?.logs).toMatchObject([{ address: `0x${"ee".repeat(20)}`, data: `0x${"5".padStart(64, "0")}` }]);
	expect(block?.calls[1]).toMatchObject({ status: "0x0", logs: [], error: { code: 3, message: "execution reverted: refused" } });
});

describe("refusals have the specification's codes", () => {
	const call = { from: POOR, to: parent, value: "0x5" };
	test.each([
		["no funds", [{ calls: [call] }], {}, -38014],
		["a nonce that is past", [{ calls: [{ from, to: POOR, nonce: "0x0", maxFeePerGas: "0x3b9aca00" }] }], { validation: true }, -38010],
		["a fee below the base fee", [{ calls: [{ from, to: POOR, maxFeePerGas: "0x1" }] }], { validation: true }, -38012],
		["more gas than a block has", [{ blockOverrides: { gasLimit: "0x5300" }, calls: [{ from, to: POOR, gas: "0x5301" }] }], {}, -38015],
		["a number that does not rise", [{ blockOverrides: { number: "0x1" } }], {}, -38020],
		["a time that falls", [{ blockOverrides: { time: "0x1" } }], {}, -38021],
		["too many blocks", [{ blockOverrides: { number: "0xffff" } }], {}, -38026],
		["nothing", [], {}, -32602],
	] as const)("%s", async (_, blocks, options, code) => expect(await refusal(blocks, options)).toBe(code));
});

test("viem's own action takes it", async () => {
	const client = createPublicClient({ transport: http(ledger.url) });
	const [block] = await client.simulateBlocks({ blocks: [{ calls: [{ account: from, to: parent, abi, functionName: "value" }] }] });
	expect(block?.calls[0]).toMatchObject({ status: "success" });
});
