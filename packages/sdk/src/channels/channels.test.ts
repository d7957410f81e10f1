import { privateKeyToAccount } from "viem/accounts";
import { beforeEach, describe, expect, it } from "vitest";
import { linear } from "../../../../testing/onnx/models.ts";
import { OPG, ScriptedNetwork } from "../../test/scripted-network.js";
import { connect, type Freehold } from "../connect.js";

const ada = privateKeyToAccount("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
const buyer = privateKeyToAccount("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");
const inputs = { X: [[1, 2]] };
const PRICE = (108n * OPG) / 100n;
const NOTICE_MS = 900_000;

let network: ScriptedNetwork;
let freehold: Freehold;
let time: number;
beforeEach(async () => {
	time = 1_800_000_000_000;
	network = new ScriptedNetwork();
	network.now = () => time;
	await connect({ network: network.file, account: ada, fetch: network.fetch }).publish({ name: "ada/thing", model: linear(), price: { perCall: OPG } });
	freehold = connect({ network: network.file, account: buyer, fetch: network.fetch, now: () => time });
});

/** The same account on a machine that remembers nothing. */
const forgetful = (): Freehold => connect({ network: network.file, account: buyer, fetch: network.fetch, now: () => time });
/** The gateway answers everything but refunds and channels. */
const uncooperative = (): void => {
	network.interrupt = (url, init) => (url.pathname.startsWith("/v1/channels/") && init.method === "POST" ? "down" : undefined);
};

describe("a channel", () => {
	it("is opened with one transaction, and pays calls", async () => {
		expect(await freehold.channels.open({ amount: 5n * OPG })).toMatchObject({ deposited: 5n * OPG, balance: 5n * OPG });
		expect((await freehold.infer("ada/thing", { inputs })).deposited).toBe(0n);
		expect(await freehold.channels.show()).toMatchObject([{ balance: 5n * OPG, charged: PRICE, left: 5n * OPG - PRICE, exit: undefined }]);
	});

	it("takes no deposit that could not pay its own transaction", async () => {
		await expect(freehold.channels.open({ amount: 1n })).rejects.toMatchObject({ code: "payment.insufficient" });
	});

	it("is found again by an account that has forgotten it", async () => {
		await freehold.infer("ada/thing", { inputs });
		expect(await forgetful().channels.show()).toMatchObject([{ balance: 10n * PRICE }]);
	});

	it("is not opened at a gateway whose payee is not its till", async () => {
		network.dishonest = { payTo: ada.address.toLowerCase() as `0x${string}` };
		await expect(freehold.channels.open({ amount: OPG })).rejects.toMatchObject({ code: "gateway.untrusted" });
	});
});

describe("closing a channel", () => {
	it("gives back what is left at once, together with the gateway", async () => {
		await freehold.infer("ada/thing", { inputs });
		expect(await freehold.channels.close()).toMatchObject([{ result: "returned", amount: 9n * PRICE }]);
		expect(await freehold.channels.close()).toMatchObject([{ result: "empty" }]);
	});

	it("works when the account has forgotten what it signed, as soon as the chain tells", async () => {
		await freehold.infer("ada/thing", { inputs });
		const closing = forgetful().channels.close();
		// The gateway claims with its next batch.
		for (const channel of network.channels.values()) channel.claimed = channel.charged;
		network.node.mine();
		expect(await closing).toMatchObject([{ result: "returned", amount: 9n * PRICE }]);
	});

	it("begins alone when the gateway does not help, and ends after the notice", async () => {
		await freehold.infer("ada/thing", { inputs });
		uncooperative();
		const [leaving] = await freehold.channels.close();
		expect(leaving).toMatchObject({ result: "leaving", amount: 9n * PRICE, from: time + NOTICE_MS });
		expect(await freehold.channels.close()).toMatchObject([{ result: "leaving", amount: 9n * PRICE, from: time + NOTICE_MS }]);
		expect(await freehold.channels.show()).toMatchObject([{ exit: { amount: 9n * PRICE, from: time + NOTICE_MS } }]);
		time += NOTICE_MS + 1_000;
		expect(await freehold.channels.close()).toMatchObject([{ result: "returned", amount: 9n * PRICE }]);
	});

	it("says why the gateway refuses, where the account does not want to leave alone", async () => {
		await freehold.infer("ada/thing", { inputs });
		uncooperative();
		await expect(freehold.channels.close({ alone: false })).rejects.toMatchObject({ code: "network.down" });
		expect([...network.channels.values()].map(({ exit }) => exit.initiatedAt)).toEqual([0]);
	});
});
