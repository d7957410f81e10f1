import { tillAddress } from "@freehold/payments";
import { type CallBody, parseReceiptFile } from "@freehold/protocol";
import { contracts } from "@freehold/sdk/chain";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../journey/programs.js";
import { account, OPG, startNetwork, type TestNetwork } from "./network.js";
import { createTestPayer, type Payer } from "./payer.js";

let network: TestNetwork;
let payer: Payer;
beforeAll(async () => {
	network = await startNetwork();
	payer = createTestPayer(network);
});
afterAll(() => network.stop());

const get = async <T>(path: string): Promise<T> => (await (await fetch(`${network.gatewayUrl()}${path}`)).json()) as T;
const final = (callId: string): Promise<CallBody> =>
	eventually(async () => {
		const call = await get<CallBody>(`/v1/calls/${callId}`);
		return call.state === "final" ? call : undefined;
	}, "the call's proof");

describe("a paid call", () => {
	it("opens a channel, is answered, charged, anchored, proved, and pays everyone to the unit", async () => {
		const { client } = network;
		const before = await client.read(contracts.Royalties, "claimable", [account("owner").address]);
		const answer = await payer.ask();
		expect(answer.body).toMatchObject({ outputs: { x: { dtype: "float32", shape: [1, 3], data: [1, 2, 3] } } });
		expect(answer.status).toBe(200);
		expect(answer.charged).toBe((108n * OPG) / 100n);

		const call = await final(answer.body.callId);
		const file = parseReceiptFile(JSON.stringify(call.receiptFile));
		expect(file.anchor).toBeDefined();
		expect(await client.read(contracts.Royalties, "claimable", [account("owner").address])).toBe(before + (9n * OPG) / 10n);
		expect(await client.read(contracts.Royalties, "claimable", [account("parent").address])).toBe(OPG / 10n);
		expect(await client.read(contracts.UsageLedger, "credit", [account("node").address])).toBe((5n * OPG) / 100n);
		expect(await client.read(contracts.UsageLedger, "credit", [account("gateway").address])).toBe((192n * OPG) / 10_000n);
		expect(await client.balance(tillAddress(account("gateway").address))).toBe(0n);
	});
});
