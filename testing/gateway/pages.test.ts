/** What a gateway shows beside calls, and that it leaves in order. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tillAddress } from "@freehold/payments";
import { contracts } from "@freehold/sdk/chain";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { account, OPG, startNetwork, type TestNetwork } from "./network.js";
import { createTestPayer } from "./payer.js";

let network: TestNetwork;
beforeAll(async () => {
	// A batch that would wait for long: only an orderly end brings it to the chain within the test.
	// Without the built page, the gateway shows its plain one.
	network = await startNetwork({ gatewayOptions: { "batch-age": "9s", "web-app": "/nonexistent" } });
});
afterAll(() => network.stop());

const get = (path: string): Promise<Response> => fetch(`${network.gatewayUrl()}${path}`);

it("the root page says what runs, the models and what to try, and asks for nothing else", async () => {
	const response = await get("/");
	const html = await response.text();
	expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
	for (const text of [
		"plus/identity@1.0",
		"base/identity@1.0",
		"1.08 OPG",
		"chain 10741",
		network.node.url,
		tillAddress(account("gateway").address),
		"npm run demo",
		"model publish",
	])
		expect(html).toContain(text);
	expect(html).not.toMatch(/<script|<link|<img|src=|href=/);
});

it("serves the network's description as soon as there is one", async () => {
	expect((await get("/network.json")).status).toBe(503);
	await writeFile(join(network.folder, "network.json"), JSON.stringify({ chainId: 10741 }));
	// Whoever asks here means to pay here.
	expect(await (await get("/network.json")).json()).toMatchObject({ chainId: 10741, gatewayUrl: expect.any(String), webUrl: expect.any(String) });
});

it("states the terms of its channels", async () => {
	const gateway = account("gateway").address;
	expect(await (await get("/v1/channels")).json()).toEqual({
		gateway,
		payTo: tillAddress(gateway),
		receiverAuthorizer: gateway,
		withdrawDelay: 3600,
		minDeposit: OPG.toString(),
		token: { address: contracts.OPG.address, name: "OpenGradient", version: "1" },
	});
});

describe("the faucet", () => {
	const ask = (body: unknown): Promise<Response> =>
		fetch(`${network.gatewayUrl()}/v1/faucet`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
	const address = "0x00000000000000000000000000000000000abcde";

	it("gives 100 OPG, or what is asked, up to its limit", async () => {
		expect((await ask({ address })).status).toBe(200);
		expect(await network.client.balance(address)).toBe(100n * OPG);
		expect((await ask({ address, amount: (900n * OPG).toString() })).status).toBe(200);
		expect(await network.client.balance(address)).toBe(1_000n * OPG);
		const more = await ask({ address, amount: "1" });
		expect([more.status, ((await more.json()) as { error: { code: string } }).error.code]).toEqual([429, "faucet.limit"]);
	});

	it("gives once, however often it was asked while the ledger was away", async () => {
		const other = "0x00000000000000000000000000000000000abcdf";
		await network.ledger().kill();
		for (let attempt = 0; attempt < 12; attempt++) expect((await ask({ address: other })).status).toBe(503);
		await network.startLedger();
		expect((await ask({ address: other })).status).toBe(200);
		expect(await network.client.balance(other)).toBe(100n * OPG);
		expect((await ask({ address: other })).status).toBe(200);
		expect(await network.client.balance(other)).toBe(200n * OPG);
	});

	it("refuses what is no address or amount", async () => {
		expect((await ask({ address: "me" })).status).toBe(400);
		expect((await ask({ address, amount: "-1" })).status).toBe(400);
	});
});

it("an orderly end brings the open batch to the chain", async () => {
	const payer = createTestPayer(network);
	expect((await payer.ask()).status).toBe(200);
	expect(await network.gateway().stop()).toBe(0);
	expect(await network.client.read(contracts.UsageLedger, "usageOf", [network.release])).toMatchObject({ calls: 1n });
	expect(network.gateway().output()).toContain("batch proved");
});
