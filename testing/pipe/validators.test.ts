/** Contracts that call models on several validators: each ledger finds the calls by itself, and all agree on who answers, since the chain says it. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findEngine } from "@freehold/ledger";
import { contractAddresses, type Hex } from "@freehold/protocol";
import { contracts, createChainClient, createTransactor, type TransactionReceipt } from "@freehold/sdk/chain";
import { decodeEventLog, encodeFunctionData } from "viem";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { account, type Market, NODE_FEE, OPG, openMarket, untilReady } from "../inference/market.js";
import { keyText } from "../journey/accounts.js";
import { eventually, type RunningProgram } from "../journey/programs.js";
import { linear } from "../onnx/models.js";

const engine = await findEngine(process.env);
const COUNT = 4;
const PER_CALL = 2n * OPG;
const COST = ((PER_CALL + NODE_FEE) * 101n) / 100n;
const PREPAID = 500n * OPG;
const GAS = 8_000_000n;
/** A loaded machine may need long; no rule of the contract hangs on it but the turns of nodes. */
const PATIENCE_MS = 90_000;
/** After so long another node may answer in the drawn one's place. */
const TURN_SECONDS = 15;
const payer = account("payer").address;

describe.skipIf(engine === undefined)("four validators, two nodes [CometBFT, or Go to build it]", () => {
	let market: Market;
	let nodes: readonly RunningProgram[];

	beforeAll(async () => {
		market = await openMarket({ prepaid: PREPAID, validators: { count: COUNT, engine: engine ?? "" } });
		const key = join(market.folder, "second.key");
		await writeFile(key, keyText(account("stranger")), { mode: 0o600 });
		const [, second = "", third = ""] = market.rpcUrls;
		// Neither asks the ledger that transactions are sent to.
		nodes = await Promise.all([
			market.startNode({ "rpc-url": second }),
			market.startNode({ "rpc-url": third, "key-file": key, data: join(market.folder, "second") }),
		]);
		await Promise.all(nodes.map(({ url }) => untilReady(url)));
		await market.publish("base/linear", linear(), { perCall: PER_CALL, perInputUnit: 0n, perOutputUnit: 0n });
		await eventually(
			async () => ((await market.client.read(contracts.Inference, "nodes", [])).length === 2 ? true : undefined),
			"both nodes on the list",
			30_000,
		);
	}, 180_000);
	afterAll(() => market?.stop());

	const prepaid = async (): Promise<bigint> => (await market.client.read(contracts.UsageLedger, "prepaidOf", [payer]))[0];
	/** A ledger may be a block behind the one that told of a receipt. */
	const inStep = ({ blockNumber }: TransactionReceipt): Promise<unknown> =>
		Promise.all(
			market.rpcUrls.map((rpcUrl) =>
				eventually(
					async () => ((await createChainClient({ rpcUrl }).blockNumber()) >= BigInt(blockNumber) ? true : undefined),
					"every ledger at the block",
					PATIENCE_MS,
				),
			),
		);
	const eventsOf = async (name: "Opened" | "Delivered" | "Settled") => {
		const logs = await market.client.request("eth_getLogs", [{ address: contractAddresses.Inference, fromBlock: "0x0" }]);
		return (logs as readonly (Pick<TransactionReceipt["logs"][number], "topics" | "data"> & { readonly blockNumber: Hex })[]).flatMap((log) => {
			const { eventName, args } = decodeEventLog({ abi: contracts.Inference.abi, topics: log.topics as never, data: log.data });
			const told = args as unknown as { readonly id: Hex; readonly operator: Hex; readonly ok: boolean; readonly paid: boolean };
			return eventName === name ? [{ ...told, blockNumber: log.blockNumber }] : [];
		});
	};

	it("answer each call once, wherever it was sent, and have one chain", async () => {
		const calls = 8;
		const before = await prepaid();
		const data = (value: number): Hex => {
			const X = { name: "X", values: [value, 1].map((item) => ({ value: BigInt(item), decimals: 0n })), shape: [1, 2] };
			return encodeFunctionData({ ...contracts.InferenceHub, functionName: "run", args: ["base/linear", 0, { numbers: [X], strings: [] }] });
		};
		const transactors = market.rpcUrls.map((rpcUrl) => createTransactor({ client: createChainClient({ rpcUrl }), signer: account("payer").signer }));
		const answers: (readonly [number, TransactionReceipt])[] = [];
		for (let value = 0; value < calls; value++) {
			const asking = { key: `ask:${value}`, to: contracts.InferenceHub.address, data: data(value), gas: GAS };
			const sent = await transactors[value % COUNT]?.send(asking, { timeoutMs: PATIENCE_MS });
			answers.push([value, sent as TransactionReceipt]);
			await inStep(sent as TransactionReceipt);
		}
		for (const [value, { logs }] of answers) {
			const told = logs.find(({ address }) => address === contracts.InferenceHub.address);
			const { args } = decodeEventLog({ abi: contracts.InferenceHub.abi, topics: told?.topics as never, data: told?.data ?? "0x" }) as unknown as {
				readonly args: {
					readonly output: { readonly numbers: readonly { readonly values: readonly { readonly value: bigint; readonly decimals: bigint }[] }[] };
				};
			};
			const [first] = args.output.numbers[0]?.values ?? [];
			expect(Number(first?.value) / 10 ** Number(first?.decimals)).toBe(value + 3.5);
		}
		expect(before - (await prepaid())).toBe(BigInt(calls) * COST);

		const delivered = await eventsOf("Delivered");
		expect(delivered).toHaveLength(calls);
		expect(new Set(delivered.map(({ id }) => id)).size).toBe(calls);
		// Whoever delivered is who the opening drew, unless that one's time was over.
		const drawn = new Map((await eventsOf("Opened")).map((opened) => [opened.id, opened]));
		expect(drawn.size).toBe(calls);
		const timeOf = async (number: Hex): Promise<number> =>
			Number(((await market.client.request("eth_getBlockByNumber", [number, false])) as { readonly timestamp: Hex }).timestamp);
		for (const { id, operator, blockNumber } of delivered) {
			const opened = drawn.get(id);
			const waited = (await timeOf(blockNumber)) - (await timeOf(opened?.blockNumber ?? "0x0"));
			if (waited < TURN_SECONDS) expect(operator.toLowerCase()).toBe(opened?.operator.toLowerCase());
		}
		const paid = await eventually(
			async () => ((await eventsOf("Settled")).length === calls ? eventsOf("Settled") : undefined),
			"the settlement of all calls",
			PATIENCE_MS,
		);
		// No node delivered what another had: a word is said after the block, which the settlement comes behind.
		const said = nodes.reduce((sum, node) => sum + node.output().split("a contract's call was delivered").length - 1, 0);
		expect(said).toBeLessThanOrEqual(calls);
		expect(paid.every((settled) => settled.paid)).toBe(true);
		expect(new Set(paid.map(({ id }) => id)).size).toBe(calls);

		const number = await market.client.request("eth_blockNumber", []);
		const hashes = await Promise.all(
			market.rpcUrls.map((rpcUrl) =>
				eventually(async () => {
					const block = (await createChainClient({ rpcUrl }).request("eth_getBlockByNumber", [number, false])) as { readonly hash: Hex } | null;
					return block?.hash;
				}, "the block on every ledger"),
			),
		);
		expect(new Set(hashes).size).toBe(1);
	}, 300_000);
});
