/** Contracts that call models, on a real ledger, storage and node: what is asked in a transaction is in its receipt. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { contractAddresses, type Hex } from "@freehold/protocol";
import { contracts, type TransactionReceipt } from "@freehold/sdk/chain";
import { type Abi, decodeEventLog, encodeDeployData, encodeFunctionData, toFunctionSelector } from "viem";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { account, type Market, NODE_FEE, OPG, openMarket, untilReady } from "../inference/market.js";
import { keyText } from "../journey/accounts.js";
import { repositoryModel } from "../journey/network.js";
import { eventually, type RunningProgram } from "../journey/programs.js";
import { linear } from "../onnx/models.js";
import { type Compiled, compiled } from "./solidity.js";

const PREPAID = 100n * OPG;
const PER_CALL = 2n * OPG;
/** Owner, node, and the protocol's hundredth of both. */
const COST = ((PER_CALL + NODE_FEE) * 101n) / 100n;
const PRICE = { perCall: PER_CALL, perInputUnit: 0n, perOutputUnit: 0n };
const HOUR = 3_600;
const UNIT = 10n ** 18n;

let market: Market;
let node: RunningProgram;
let examples: Readonly<Record<string, Compiled>>;

beforeAll(async () => {
	examples = compiled();
	const sponsorKey = join(await mkdtemp(join(tmpdir(), "freehold-sponsor-")), "live.key");
	await writeFile(sponsorKey, keyText(account("smallGateway")), { mode: 0o600 });
	market = await openMarket({ prepaid: PREPAID, ledger: { "live-calls": "600", "live-budget": "200", "live-key": sponsorKey } });
	await rm(dirname(sponsorKey), { recursive: true });
	node = await market.startNode({ "live-calls": "600" });
	await untilReady(node.url);
	const { model } = await repositoryModel("base-digits");
	await market.publish("base/digits", model, PRICE);
	// Y₀ = X₀ + 3 X₁ + 0.5
	await market.publish("base/linear", linear(), PRICE);
	// Y₀ = 0.5 X₀ + 0.25 X₁: what the examples take for volatility and for a score.
	await market.publish("base/blend", linear([0.5, 0, 0.25, 0], [0, 0]), PRICE);
	await eventually(
		async () => ((await market.client.read(contracts.Inference, "isEnrolled", [account("node").address])) ? true : undefined),
		() => "the node is not enrolled",
	);
}, 300_000);
afterAll(() => market?.stop());

const prepaidOf = async (address: Hex): Promise<bigint> => (await market.client.read(contracts.UsageLedger, "prepaidOf", [address]))[0];
const payer = account("payer").address;

interface Deployed {
	readonly address: Hex;
	readonly abi: Abi;
	readonly read: <T>(functionName: string, args?: readonly unknown[]) => Promise<T>;
	readonly send: (functionName: string, args?: readonly unknown[]) => Promise<TransactionReceipt>;
	/** Sends what is expected to revert, with gas given since an estimate would refuse it. Gives the reason. */
	readonly fail: (functionName: string, args?: readonly unknown[]) => Promise<string>;
}

/** Deploys a contract and fills its prepaid balance. */
async function deploy(name: string, args: readonly unknown[], prepaid = 20n * OPG): Promise<Deployed> {
	const found = examples[name];
	if (found === undefined) throw new Error(`there is no contract ${name}`);
	const { contractAddress } = await market.create("payer", encodeDeployData({ ...found, args }));
	if (contractAddress === undefined) throw new Error("nothing was created");
	const at = { address: contractAddress, abi: found.abi };
	await market.send("payer", contracts.OPG, "approve", [contractAddresses.UsageLedger, prepaid]);
	await market.send("payer", contracts.UsageLedger, "prepay", [contractAddress, prepaid]);
	return {
		...at,
		read: async (functionName, rest = []) => (await market.client.read(at as never, functionName as never, rest as never)) as never,
		send: (functionName, rest = []) => market.transact("payer", at, functionName, rest, GAS),
		fail: async (functionName, rest = []) =>
			market.transact("payer", at, functionName, rest, GAS).then(
				() => "it succeeded",
				async (error: unknown) => {
					// A call tells no reason that only a delivered result has; the transaction executed again does.
					const [, hash] = /transaction (0x[0-9a-f]{64}) failed/.exec(String(error)) ?? [];
					return hash === undefined ? String(error) : JSON.stringify(await market.client.request("debug_traceTransaction", [hash, { tracer: "callTracer" }]));
				},
			),
	};
}

/** As wallets send it: more than an estimate, which has no answer to count. */
const GAS = 8_000_000n;

describe("a transaction that asks a model", () => {
	it("finds the answer in its own receipt, the hub's event right after the model's", async () => {
		const { example } = await repositoryModel("base-digits");
		const [[name, rows]] = Object.entries(await example("seven")) as [[string, number[][]]];
		const input = { numbers: [{ name, values: rows.flat().map(decimal), shape: [rows.length, rows[0]?.length ?? 0] }], strings: [] };
		const receipt = await market.transact("payer", contracts.InferenceHub, "run", ["base/digits", 0, input]);
		const [asked, told] = receipt.logs;
		expect([asked?.address, told?.address]).toEqual([contracts.Inference.address, contracts.InferenceHub.address]);
		const { args } = decodeEventLog({ abi: contracts.InferenceHub.abi, topics: told?.topics as never, data: told?.data ?? "0x" }) as unknown as {
			args: { output: { numbers: { name: string; values: { value: bigint; decimals: bigint }[] }[]; is_simulation_result: boolean } };
		};
		const numbers = new Map(
			args.output.numbers.map((tensor) => [tensor.name, tensor.values.map(({ value, decimals }) => Number(value) / 10 ** Number(decimals))]),
		);
		expect(numbers.get("label")).toEqual([7]);
		expect(numbers.get("probabilities")?.[7]).toBeGreaterThan(0.9);
		expect(args.output.is_simulation_result).toBe(false);
		expect(await prepaidOf(payer)).toBe(PREPAID - COST);
	}, 60_000);

	it("is paid for by the contract that asks, never by who sent it, and owner and node get their parts", async () => {
		const before = await prepaidOf(payer);
		const earned = await market.client.read(contracts.Royalties, "claimable", [account("owner").address]);
		const prober = await deploy("Prober", ["base/linear"]);
		await prober.send("ask", [1n, 2n]);
		expect(await prober.read("value")).toBe(7_500n);
		expect(await prepaidOf(prober.address)).toBe(20n * OPG - COST);
		expect(await prepaidOf(payer)).toBe(before);
		await eventually(
			async () => ((await market.client.read(contracts.Royalties, "claimable", [account("owner").address])) >= earned + PER_CALL ? true : undefined),
			"the owner's part",
		);
	}, 60_000);

	it("can ask again with the answer, in bounded rounds", async () => {
		const prober = await deploy("Prober", ["base/linear"]);
		await prober.send("chain", [1n, 2n]);
		expect(await prober.read("value")).toBe(7_500_500n);
		expect(await prepaidOf(prober.address)).toBe(20n * OPG - 2n * COST);
	}, 60_000);

	it("is charged for what it reached also when it reverts, and a caught revert shifts no later answer", async () => {
		const prober = await deploy("Prober", ["base/linear"]);
		expect(await prober.fail("askAndRevert", [1n, 2n])).toContain("after the answer");
		expect(await prepaidOf(prober.address)).toBe(20n * OPG - COST);
		await prober.send("caught", [3n, 4n]);
		expect(await prober.read("value")).toBe(15_500n);
		expect(await prepaidOf(prober.address)).toBe(20n * OPG - 3n * COST);
	}, 60_000);

	it("is not needed for an answer where the ledger's operator pays: eth_call asks the model, and leaves nothing in the chain but the payment", async () => {
		const sponsor = account("smallGateway").address;
		const prober = await deploy("Prober", ["base/linear"]);
		// Nobody pays yet: the node does not work for nothing, and says why.
		await expect(prober.read("ask", [1n, 2n])).rejects.toThrow("inference failed: The payment allows 0");
		await market.send("smallGateway", contracts.OPG, "approve", [contractAddresses.UsageLedger, 50n * OPG]);
		await market.send("smallGateway", contracts.UsageLedger, "prepay", [sponsor, 50n * OPG]);
		const earned = await market.client.read(contracts.Royalties, "claimable", [account("owner").address]);
		const answer = await eventually(
			async () => prober.read<bigint>("ask", [1n, 2n]).catch(() => undefined),
			"an answer after the refusal is forgotten",
			20_000,
		);
		expect(answer).toBe(7_500n);
		expect(await prober.read("value")).toBe(0n);
		expect(await prepaidOf(prober.address)).toBe(20n * OPG);
		await eventually(async () => ((await prepaidOf(sponsor)) === 50n * OPG - COST ? true : undefined), "the operator's payment");
		expect(await market.client.read(contracts.Inference, "livePaid", [sponsor, account("node").address])).toBe(1n);
		expect(await market.client.read(contracts.Royalties, "claimable", [account("owner").address])).toBeGreaterThanOrEqual(earned + PER_CALL);
		// The next question has the first one's answer in it.
		const data = encodeFunctionData({ abi: prober.abi, functionName: "chain", args: [9n, 9n] });
		await market.client.request("eth_call", [{ to: prober.address, data }, "latest"]);
		await eventually(async () => ((await prepaidOf(sponsor)) === 50n * OPG - 3n * COST ? true : undefined), "the payment of two more");
	}, 60_000);

	it("asks eight times at most", async () => {
		const prober = await deploy("Prober", ["base/linear"]);
		expect(await prober.fail("many", [9n])).toContain("too many model calls in one transaction");
		await prober.send("many", [8n]);
		expect(await prepaidOf(prober.address)).toBe(20n * OPG - 8n * COST);
	}, 60_000);

	it("is told what a model refuses, for nothing", async () => {
		const hook = await deploy("VolatilityFeeHook", ["base/linear", payer]);
		expect(await hook.fail("beforeSwap", [[1n, 2n, 3n]])).toContain("inference failed");
		expect(await prepaidOf(hook.address)).toBe(20n * OPG);
	}, 60_000);

	it("waits without holding up others, and asks anew when the state has changed meanwhile", async () => {
		const prober = await deploy("Prober", ["base/linear"]);
		await Promise.all([prober.send("set", [5n]), prober.send("askState")]);
		// 5 + 3 + 0.5, whichever the order of arrival: what the state says when it runs is what is answered.
		expect([8_500n, 3_500n]).toContain(await prober.read("value"));
	}, 60_000);
});

describe("the library", () => {
	it("refuses what no tensor can be, and an answer without what was asked for", async () => {
		const prober = await deploy("Prober", ["base/linear"], 1n);
		await expect(prober.read("misshapen")).rejects.toThrow(toFunctionSelector("ShapeMismatch(uint256,uint256)"));
		await expect(prober.read("outOfRange")).rejects.toThrow(toFunctionSelector("NumberOutOfRange()"));
		await expect(prober.read("missing")).rejects.toThrow(toFunctionSelector("OutputMissing(string,uint256)"));
	}, 60_000);
});

/** The example's own event in a receipt. */
function told(contract: Deployed, { logs }: TransactionReceipt): { readonly eventName: string; readonly args: Readonly<Record<string, unknown>> } {
	const log = logs.find(({ address }) => address === contract.address);
	return decodeEventLog({ abi: contract.abi, topics: log?.topics as never, data: log?.data ?? "0x" }) as never;
}

describe("the examples", () => {
	it("a fee hook charges by volatility, and the most where there is no answer", async () => {
		const hook = await deploy("VolatilityFeeHook", ["base/blend", payer]);
		// 0.5 × 0.4 + 0.25 × 0.4 = 0.3 → 5 + 95 × 0.3 = 33 basis points
		const set = await hook.send("beforeSwap", [[(UNIT * 4n) / 10n, (UNIT * 4n) / 10n]]);
		expect(told(hook, set)).toMatchObject({ eventName: "FeeSet", args: { feeBps: 33n } });
		expect(await hook.read("lastFeeBps")).toBe(33n);
		await hook.send("beforeSwap", [[2n * UNIT, 2n * UNIT]]);
		expect(await hook.read("lastFeeBps")).toBe(100n);
		const elsewhere = await deploy("VolatilityFeeHook", ["base/blend", account("owner").address]);
		expect(await elsewhere.fail("beforeSwap", [[UNIT, UNIT]])).toContain(toFunctionSelector("NotThePool()"));
	}, 60_000);

	it("a credit limit follows the score", async () => {
		const book = await deploy("CreditLimit", ["base/blend", 1_000n]);
		expect(told(book, await book.send("score", [payer, [UNIT, UNIT]]))).toMatchObject({ eventName: "Scored", args: { limit: 750n } });
		const stranger = market.transact("owner", book, "score", [payer, [UNIT, UNIT]], GAS);
		await expect(stranger).rejects.toThrow(toFunctionSelector("NotTheLender()"));
		expect(await book.read("limitOf", [payer])).toBe(750n);
		expect(told(book, await book.send("draw", [700n]))).toMatchObject({ eventName: "Drawn", args: { amount: 700n } });
		expect(await book.fail("draw", [51n])).toContain(toFunctionSelector("AboveLimit(uint256,uint256)"));
	}, 60_000);

	it("a scheduled workflow forecasts from candles of a bonded oracle, once an interval", async () => {
		await market.send("stranger", contracts.OPG, "approve", [contractAddresses.NodeRegistry, 500n * OPG]);
		await market.send("stranger", contracts.NodeRegistry, "register", [8, "http://127.0.0.1:1", account("stranger").address, 0n, 500n * OPG]);
		const slot = BigInt(Math.floor(Date.now() / 1000 / HOUR) - 2);
		const price = (value: bigint): bigint => value * 10n ** 8n;
		const candle = (open: bigint, close: bigint) => ({ high: price(9n), low: price(1n), open: price(open), close: price(close), volume: 0n });
		await market.send("stranger", contracts.Historical, "publish", ["ETH", "USD", 60, slot, [candle(2n, 4n), candle(4n, 8n)]]);
		const query = { base: "ETH", quote: "USD", total_candles: 1, candle_duration_in_mins: 60, order: 1, candle_types: [2, 3] };
		const end = BigInt(Math.floor(Date.now() / 1000) + HOUR);
		const workflow = await deploy("ScheduledWorkflow", ["base/blend", query, 60n, end]);
		expect(await market.client.read(contracts.WorkflowScheduler, "getAllTasks", [])).toContainEqual({
			user: expect.stringMatching(new RegExp(workflow.address, "i")),
			contractAddress: expect.stringMatching(new RegExp(workflow.address, "i")),
			endTime: end,
			frequency: 60n,
		});
		expect(told(workflow, await workflow.send("run"))).toMatchObject({ eventName: "Forecasted", args: { run: 0n } });
		expect(await workflow.read("latest")).toMatchObject({ value: 4n * UNIT, by: expect.stringMatching(new RegExp(payer, "i")) });
		expect(await workflow.fail("run")).toContain("TooEarly");
	}, 60_000);
});

describe("a language model", () => {
	const hubEvent = ({ logs }: TransactionReceipt): { readonly eventName: string; readonly args: { readonly response: never } } => {
		const log = logs.find(({ address }) => address === contracts.InferenceHub.address);
		return decodeEventLog({ abi: contracts.InferenceHub.abi, topics: log?.topics as never, data: log?.data ?? "0x" }) as never;
	};
	const common = { mode: 0, modelCID: "base/chat", max_tokens: 48, stop_sequence: [], temperature: 0 };
	beforeAll(async () => {
		const model = new Uint8Array(await readFile(new URL("../../models/freehold-chat/model.gguf", import.meta.url)));
		await market.publish("base/chat", model, { perCall: 0n, perInputUnit: 0n, perOutputUnit: 1_000n });
	}, 60_000);

	it("answers a chat and a completion in the transaction's receipt, and is paid by the token", async () => {
		const message = { role: "user", content: "What is a receipt?", name: "", tool_call_id: "", tool_calls: [] };
		const chat = { ...common, messages: [message], tools: [], tool_choice: "none" };
		const before = await prepaidOf(payer);
		const said = hubEvent(await market.transact("payer", contracts.InferenceHub, "runLLMChat", [chat], GAS));
		expect(said.eventName).toBe("LLMChatResult");
		const answer = said.args.response as { readonly finish_reason: string; readonly message: { readonly role: string; readonly content: string } };
		expect(answer.message.role).toBe("assistant");
		expect(answer.message.content.toLowerCase()).toContain("receipt");
		expect(["stop", "length"]).toContain(answer.finish_reason);
		const charged = before - (await prepaidOf(payer));
		// Between one token and as many as were allowed, beside the node's fee; the protocol has a hundredth.
		expect(charged).toBeGreaterThan((NODE_FEE * 101n) / 100n);
		expect(charged).toBeLessThanOrEqual(((NODE_FEE + 48n * 1_000n) * 101n) / 100n);
		const again = hubEvent(await market.transact("payer", contracts.InferenceHub, "runLLMChat", [chat], GAS));
		expect(again.args.response).toEqual(answer);
		const completed = hubEvent(await market.transact("payer", contracts.InferenceHub, "runLLMCompletion", [{ ...common, prompt: "A receipt is" }], GAS));
		expect(completed.eventName).toBe("LLMCompletionResult");
		expect((completed.args.response as { readonly answer: string }).answer.length).toBeGreaterThan(0);
	}, 60_000);

	it("is not asked for tensors, nor a tensor model for text, and the reason is free", async () => {
		const before = await prepaidOf(payer);
		await expect(
			market.transact("payer", contracts.InferenceHub, "runLLMCompletion", [{ ...common, modelCID: "base/linear", prompt: "x" }], GAS),
		).rejects.toThrow("failed");
		expect(await prepaidOf(payer)).toBe(before);
	}, 60_000);
});

describe("a scheduled workflow", () => {
	it("is run once each time that it is due, by two nodes in turn, who are paid for it, and goes on when one is killed and when it is back", async () => {
		const key = join(market.folder, "second.key");
		await writeFile(key, keyText(account("stranger")), { mode: 0o600 });
		const second = await market.startNode({ "key-file": key, data: join(market.folder, "second") });
		await eventually(
			async () => ((await market.client.read(contracts.Inference, "isEnrolled", [account("stranger").address])) ? true : undefined),
			() => `the second node is not enrolled: ${second.output().slice(-2_000)}`,
			30_000,
		);
		const prober = await deploy("Prober", ["base/linear"]);
		const end = BigInt(Math.floor(Date.now() / 1000) + HOUR);
		const scheduler = contracts.WorkflowScheduler;
		await market.send("payer", scheduler, "registerTask", [prober.address, end, 1n]);
		const id = await market.client.read(scheduler, "idOf", [payer, prober.address]);
		await market.send("payer", contracts.OPG, "approve", [scheduler.address, OPG]);
		await market.send("payer", scheduler, "fund", [id, OPG]);
		const until = (count: bigint) =>
			eventually(
				async () => ((await prober.read<bigint>("runs")) >= count ? true : undefined),
				() => `run ${count}: ${node.output().slice(-2_000)} ${second.output().slice(-2_000)}`,
				60_000,
			);
		// Whose turn comes first is drawn by the task's id; the other's is the next.
		await until(4n);
		expect(new Set((await executions(id)).map(({ executor }) => executor)).size).toBe(2);
		await node.kill();
		// The other takes over turns that are not its own.
		await until((await prober.read<bigint>("runs")) + 2n);
		const stopped = await prober.read<bigint>("runs");
		node = await market.startNode();
		await until(stopped + 2n);
		await market.send("payer", scheduler, "stopTask", [prober.address]);
		const runs = await prober.read<bigint>("runs");
		const own = await executions(id);
		expect(BigInt(own.length)).toBe(runs);
		// Never twice within its interval.
		const times = await Promise.all(
			own.map(async ({ blockNumber }) => Number(((await market.client.request("eth_getBlockByNumber", [blockNumber, false])) as { timestamp: Hex }).timestamp)),
		);
		expect(new Set(times).size).toBe(times.length);
		// The accounts that the nodes' keys name, before and after the restart.
		expect(new Set(own.map(({ executor }) => executor)).size).toBe(2);
		expect(BigInt((await market.client.request("eth_getBalance", [own[0]?.executor, "latest"])) as Hex)).toBeGreaterThan(0n);
		for (const { ok, paid } of own) {
			expect(ok).toBe(true);
			expect(paid).toBeGreaterThan(0n);
		}
		// Each asked its model, which the workflow's own balance paid.
		expect(await prepaidOf(prober.address)).toBe(20n * OPG - runs * COST);
	}, 180_000);
});

async function executions(id: Hex) {
	const { address, abi } = contracts.WorkflowScheduler;
	const logs = await market.client.request("eth_getLogs", [{ address, fromBlock: "0x0" }]);
	return (logs as readonly (Pick<TransactionReceipt["logs"][number], "topics" | "data"> & { readonly blockNumber: Hex })[]).flatMap((log) => {
		const { eventName, args } = decodeEventLog({ abi, topics: log.topics as never, data: log.data });
		const told = args as unknown as { readonly id: Hex; readonly executor: Hex; readonly ok: boolean; readonly paid: bigint };
		return eventName === "TaskExecuted" && told.id === id ? [{ ...told, blockNumber: log.blockNumber }] : [];
	});
}

function decimal(value: number): { readonly value: bigint; readonly decimals: bigint } {
	return { value: BigInt(Math.round(value * 1e9)), decimals: 9n };
}
