/** Contracts that call models, on a real ledger, storage and node: what is asked in a transaction is in its receipt. */
import type { Hex } from "@freehold/protocol";
import { contracts } from "@freehold/sdk/chain";
import { decodeEventLog } from "viem";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { account, type Market, NODE_FEE, OPG, openMarket, untilReady } from "../inference/market.js";
import { repositoryModel } from "../journey/network.js";
import { eventually } from "../journey/programs.js";

const PREPAID = 100n * OPG;
const PER_CALL = 2n * OPG;

let market: Market;

beforeAll(async () => {
	market = await openMarket({ prepaid: PREPAID });
	const node = await market.startNode();
	await untilReady(node.url);
	const { model } = await repositoryModel("base-digits");
	await market.publish("base/digits", model, { perCall: PER_CALL, perInputUnit: 0n, perOutputUnit: 0n });
	await eventually(
		async () => ((await market.client.read(contracts.Inference, "isEnrolled", [account("node").address])) ? true : undefined),
		() => "the node is not enrolled",
	);
}, 60_000);
afterAll(() => market?.stop());

const prepaidOf = async (address: Hex): Promise<bigint> => (await market.client.read(contracts.UsageLedger, "prepaidOf", [address]))[0];

describe("a transaction that asks a model", () => {
	it("finds the answer in its own receipt", async () => {
		const { example } = await repositoryModel("base-digits");
		const [[name, rows]] = Object.entries(await example("seven")) as [[string, number[][]]];
		const input = { numbers: [{ name, values: rows.flat().map(decimal), shape: [rows.length, rows[0]?.length ?? 0] }], strings: [] };
		const receipt = await market.transact("payer", contracts.InferenceHub, "run", ["base/digits", 0, input]);
		expect(receipt.succeeded).toBe(true);
		const [asked, told] = receipt.logs;
		expect(asked?.address).toBe(contracts.Inference.address);
		const { args } = decodeEventLog({ abi: contracts.InferenceHub.abi, topics: told?.topics as never, data: told?.data ?? "0x" }) as unknown as {
			args: { output: { numbers: { values: { value: bigint; decimals: bigint }[] }[]; is_simulation_result: boolean } };
		};
		const scores = args.output.numbers[1]?.values.map(({ value, decimals }) => Number(value) / 10 ** Number(decimals)) ?? [];
		expect(scores.indexOf(Math.max(...scores))).toBe(7);
		expect(args.output.is_simulation_result).toBe(false);
		const total = ((PER_CALL + NODE_FEE) * 101n) / 100n;
		expect(await prepaidOf(account("payer").address)).toBe(PREPAID - total);
	});
});

function decimal(value: number): { readonly value: bigint; readonly decimals: bigint } {
	const scaled = BigInt(Math.round(value * 1e9));
	return { value: scaled, decimals: 9n };
}
