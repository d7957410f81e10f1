/** A gateway that was away for longer than a payer has to wait before leaving. */
import { tillAddress } from "@freehold/payments";
import { contractAddresses } from "@freehold/protocol";
import { contracts } from "@freehold/sdk/chain";
import { encodeFunctionData } from "viem";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually } from "../journey/programs.js";
import { account, OPG, startNetwork, type TestNetwork } from "./network.js";
import { createTestPayer } from "./payer.js";

const CHARGE = (108n * OPG) / 100n;
const TWO_HOURS_MS = 7_200_000;

let network: TestNetwork;
beforeAll(async () => {
	network = await startNetwork({ gatewayOptions: { "batch-age": "9s" } });
});
afterAll(() => network.stop());

it("pays owners and nodes out of its own pocket for what a payer has taken back meanwhile", async () => {
	const { client } = network;
	const leaving = createTestPayer(network, "payer", 1);
	const staying = createTestPayer(network, "stranger", 1);
	expect((await leaving.ask()).status).toBe(200);
	expect((await staying.ask()).status).toBe(200);
	await network.gateway().kill();

	const [lane] = await leaving.store.list();
	if (lane === undefined) throw new Error("no lane");
	const call = (functionName: "initiateWithdraw" | "finalizeWithdraw") =>
		network.send(
			"payer",
			contractAddresses.Channels,
			functionName === "initiateWithdraw"
				? encodeFunctionData({ abi: contracts.Channels.abi, functionName, args: [lane.config, lane.balance] })
				: encodeFunctionData({ abi: contracts.Channels.abi, functionName, args: [lane.config] }),
		);
	await call("initiateWithdraw");
	await network.ledger().stop();
	await network.startLedger(TWO_HOURS_MS);
	const later = BigInt(Math.floor((Date.now() + TWO_HOURS_MS / 2) / 1000));
	await eventually(async () => (((await client.block("latest"))?.timestamp ?? 0n) > later ? true : undefined), "a block of that time");
	await call("finalizeWithdraw");
	expect(await client.read(contracts.Channels, "channels", [lane.channelId])).toEqual([0n, 0n]);

	const before = await client.balance(account("gateway").address);
	// Killed between its payment and the note of it, it does not pay twice.
	const dying = await network.startGateway({ FREEHOLD_CRASH_AT: "batch-covered" });
	await dying.ended;
	await network.startGateway();
	await eventually(
		async () => ((await client.read(contracts.UsageLedger, "usageOf", [network.release])).calls === 2n ? true : undefined),
		() => `the batch to be anchored:\n${network.gateway().output()}`,
	);
	expect(await client.read(contracts.Royalties, "claimable", [account("owner").address])).toBe((18n * OPG) / 10n);
	expect(await client.read(contracts.UsageLedger, "credit", [account("node").address])).toBe(OPG / 10n);
	const paid = before - (await client.balance(account("gateway").address));
	expect(paid).toBeGreaterThanOrEqual(CHARGE);
	expect(paid).toBeLessThan(CHARGE + OPG / 10n);
	expect(await client.balance(tillAddress(account("gateway").address))).toBe(0n);
});
