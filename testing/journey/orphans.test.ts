/** An answer that nobody got: the gateway was killed while it was handed over. Its caller is charged nothing; owner and node are paid by the gateway, once. */
import { tillAddress } from "@freehold/payments";
import type { Hex } from "@freehold/protocol";
import { contracts, decodeEvent } from "@freehold/sdk/chain";
import { afterAll, beforeAll, expect, it } from "vitest";
import { tinyLlama } from "../gguf/tiny-llama.js";
import { type JourneyNetwork, OPG, startJourney } from "./network.js";
import { eventually } from "./programs.js";

const MODEL = "noise/long";
const PAID_DEADLINE_MS = 60_000;

let network: JourneyNetwork;
beforeAll(async () => {
	// Orders that end soon are decided soon.
	network = await startJourney({ gateway: { "call-timeout": "4s", "text-timeout": "6s" } });
	await network
		.person(0)
		.publish({ name: MODEL, model: tinyLlama({ contextTokens: 8_192 }), price: { perCall: OPG / 10n, perInputUnit: 0n, perOutputUnit: OPG / 1_000n } });
});
afterAll(() => network.stop());

it("is paid by a gateway that was killed in mid-stream, after its restart, out of its own pocket and once", async () => {
	const [owner, payer] = [network.person(0), network.person(1)];
	const { chain } = owner.client;
	const creditOf = (address: Hex): Promise<bigint> => chain.read(contracts.UsageLedger, "credit", [address]);
	const claimable = (): Promise<bigint> => chain.read(contracts.Royalties, "claimable", [owner.client.account().address]);
	const node = network.addressOf("inference");
	// A whole call first: there is a channel, and what it costs is known.
	const first = await payer.chat(MODEL, { messages: "Hello", maxTokens: 4 });
	await payer.receipts.wait(first.callId, { timeoutMs: PAID_DEADLINE_MS });
	const before = { credit: await creditOf(node), owned: await claimable() };
	let came = 0;
	const reading = (async () => {
		for await (const event of payer.stream(MODEL, { messages: "A long tale", maxTokens: 6_000, timeoutMs: 20_000 })) {
			void event;
			if (++came === 5) await network.role("gateway").kill();
		}
	})();
	await expect(reading).rejects.toThrow();
	// It dies again between the money and the books.
	await network.restart("gateway", { FREEHOLD_CRASH_AT: "orphan-covered" });
	await network.role("gateway").ended;
	await network.restart("gateway");
	const credit = await eventually(async () => ((await creditOf(node)) > before.credit ? creditOf(node) : undefined), "the node to be paid", PAID_DEADLINE_MS);
	expect(credit - before.credit).toBe(first.receiptFile.order.nodeFee);
	// For the call, and for each piece that the node had handed out: no fewer than came.
	const earned = (await claimable()) - before.owned;
	expect(earned >= OPG / 10n + (BigInt(came) * OPG) / 1_000n).toBe(true);
	const [lane] = (await payer.channels.show()).filter(({ charged }) => charged > 0n);
	expect(lane?.charged).toBe(first.charge);
	const metrics = await (await fetch(`${network.network.gatewayUrl}/metrics`)).text();
	expect(metrics).toMatch(/^freehold_gateway_orphans_paid_total 1$/m);
	const [gateway, till] = [network.addressOf("gateway"), tillAddress(network.addressOf("gateway"))];
	const transfers = (await chain.logs({ addresses: [contracts.OPG.address], fromBlock: 0n, toBlock: await chain.blockNumber() }))
		.flatMap((log) => decodeEvent(log, [contracts.OPG]) ?? [])
		.filter(({ name, args }) => name === "Transfer" && String(args["from"]).toLowerCase() === gateway && String(args["to"]).toLowerCase() === till);
	expect(transfers).toHaveLength(1);
	expect(await chain.balance(till)).toBe(0n);
	if (process.env["FREEHOLD_DEEP"] !== "1") return;
	// Another restart asks again, and pays nothing twice; the books go on.
	await network.role("gateway").kill();
	await network.restart("gateway");
	const again = await eventually(() => payer.chat(MODEL, { messages: "Hello", maxTokens: 4 }).catch(() => undefined), "an answer");
	await payer.receipts.wait(again.callId, { timeoutMs: PAID_DEADLINE_MS });
	expect(await creditOf(node)).toBe(credit + again.receiptFile.order.nodeFee);
}, 180_000);
