/** OpenGradient's own Python package, unchanged, against this network: `og.Alpha` with constructor arguments only. */
import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { contractAddresses, type Hex } from "@freehold/protocol";
import { contracts } from "@freehold/sdk/chain";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { account, type Market, OPG, openMarket, untilReady } from "../inference/market.js";
import { keyText } from "../journey/accounts.js";
import { eventually } from "../journey/programs.js";
import { identity, linear } from "../onnx/models.js";
import { onnxType } from "../onnx/onnx-builder.js";

const run = promisify(execFile);
/** It pins versions of its own, so it has an environment of its own. */
const python = process.env["FREEHOLD_OPENGRADIENT_PYTHON"] ?? "python3";
const hasPeer = spawnSync(python, ["-c", "import opengradient"], { timeout: 60_000 }).status === 0;
const script = fileURLToPath(new URL("./alpha.py", import.meta.url));
const HOUR = 3_600;
const FREE = { perCall: 0n, perInputUnit: 0n, perOutputUnit: 0n };

describe.skipIf(!hasPeer)("the opengradient package's Alpha [opengradient]", () => {
	let market: Market;

	beforeAll(async () => {
		market = await openMarket({ prepaid: 100n * OPG });
		await untilReady((await market.startNode()).url);
		await market.publish("base/linear", linear(), { ...FREE, perCall: OPG });
		await market.publish("base/echo", identity(onnxType.string), FREE);
		await eventually(
			async () => ((await market.client.read(contracts.Inference, "isEnrolled", [account("node").address])) ? true : undefined),
			() => "the node is not enrolled",
		);
	}, 90_000);
	afterAll(() => market?.stop());

	async function ask<T>(step: string, ...rest: readonly string[]): Promise<T> {
		const { stdout } = await run(python, [script, step, market.client.rpcUrl, `0x${keyText(account("payer"))}`, ...rest], { timeout: 120_000 });
		return JSON.parse(/^ANSWER (.*)$/m.exec(stdout)?.[1] ?? "null") as T;
	}

	it("infers with numbers, strings and JSON, and tells the reason of a refusal", async () => {
		interface Inferred {
			readonly transaction: string;
			readonly output: Readonly<Record<string, unknown>>;
		}
		const answer = await ask<Readonly<Record<"numbers" | "strings" | "json", Inferred>> & { readonly refused: string }>("infer");
		expect(answer.refused).toContain("unknown model");
		expect(answer.numbers.output).toEqual({ Y: [[7.5, 9.5]] });
		expect(answer.strings.output).toEqual({ Y: ["a", "b"] });
		expect(answer.json.output).toEqual({ Y: { a: 1 } });
		expect(answer.numbers.transaction).toMatch(/^[0-9a-f]{64}$/);
	}, 120_000);

	it("deploys its own workflow contract, runs it on candles of an oracle, and reads result and history", async () => {
		await market.send("stranger", contracts.OPG, "approve", [contractAddresses.NodeRegistry, 500n * OPG]);
		await market.send("stranger", contracts.NodeRegistry, "register", [8, "http://127.0.0.1:1", account("stranger").address, 0n, 500n * OPG]);
		const slot = BigInt(Math.floor(Date.now() / 1000 / HOUR) - 3);
		const candle = (open: bigint, close: bigint) => ({ high: close + open, low: 1n, open: open * 10n ** 8n, close: close * 10n ** 8n, volume: 0n });
		const candles = [candle(1n, 2n), candle(2n, 3n), candle(3n, 4n)].map((item) => ({ ...item, high: 10n * 10n ** 8n }));
		await market.send("stranger", contracts.Historical, "publish", ["ETH", "USD", 60, slot, candles]);

		const { address } = await ask<{ readonly address: Hex }>("deploy");
		const tasks = await market.client.read(contracts.WorkflowScheduler, "getAllTasks", []);
		expect(tasks).toMatchObject([{ contractAddress: address, frequency: 60n }]);
		await market.send("payer", contracts.OPG, "approve", [contractAddresses.UsageLedger, 50n * OPG]);
		await market.send("payer", contracts.UsageLedger, "prepay", [address, 50n * OPG]);
		const expected = {
			numbers: {
				Y: [
					[7.5, 9.5],
					[11.5, 15.5],
					[15.5, 21.5],
				],
			},
			strings: {},
			jsons: {},
			simulation: false,
		};
		expect(await ask("run", address)).toEqual({ run: expected, read: expected, history: 2 });
	}, 180_000);
});
