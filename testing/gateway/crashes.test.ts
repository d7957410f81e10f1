/**
 * A gateway that is killed at each step of a call, a payment and a batch: nothing is lost and nothing happens twice.
 * After each kill the gateway starts again on the same data; the client asks again as clients do, with its idempotency key.
 */
import { tillAddress } from "@freehold/payments";
import type { CallBody } from "@freehold/protocol";
import { contracts } from "@freehold/sdk/chain";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../journey/programs.js";
import { account, OPG, startNetwork, type TestNetwork } from "./network.js";
import { createTestPayer, type Payer, question } from "./payer.js";

const CHARGE = (108n * OPG) / 100n;
const till = tillAddress(account("gateway").address);

let network: TestNetwork;
let payer: Payer;
/** Calls that were answered to a client, over all tests. */
let answered = 0n;
beforeAll(async () => {
	network = await startNetwork();
	payer = createTestPayer(network);
	await payer.ask();
	answered++;
});
afterAll(() => network.stop());

/** Runs a gateway that dies at a step, does something with it, and brings a healthy one back. */
async function dyingAt(step: string, work: () => Promise<unknown>): Promise<void> {
	await network.gateway().stop();
	const dying = await network.startGateway({ FREEHOLD_CRASH_AT: step });
	await Promise.all([work().catch(() => undefined), dying.ended]);
	await network.startGateway();
}

/** Every answered call is in a batch, everyone has been paid for it, and the till holds nothing that is not somebody's. */
async function everythingIsPaid(): Promise<void> {
	const { client, release } = network;
	await eventually(
		async () => {
			const usage = await client.read(contracts.UsageLedger, "usageOf", [release]);
			const [owner, parent] = await Promise.all(
				(["owner", "parent"] as const).map((name) => client.read(contracts.Royalties, "claimable", [account(name).address])),
			);
			const done =
				usage.calls === answered &&
				usage.gross === answered * CHARGE &&
				owner === (answered * 9n * OPG) / 10n &&
				parent === (answered * OPG) / 10n &&
				(await client.balance(till)) === 0n;
			return done ? true : undefined;
		},
		() => `all to be paid: ${answered} calls\n${network.gateway().output().split("\n").slice(-30).join("\n")}`,
	);
}

const isFinal = (callId: string): Promise<CallBody> =>
	eventually(async () => {
		const call = (await (await fetch(`${network.gatewayUrl()}/v1/calls/${callId}`)).json()) as CallBody;
		return call.state === "final" ? call : undefined;
	}, "the call's proof");

describe.each(["order-answered", "call-recording", "call-recorded"])("killed at %s", (step) => {
	it("answers the repeated request once, and charges it once", async () => {
		const required = await payer.offer();
		const payment = await payer.payer.pay(required, account("gateway").address);
		const key = `key-${step}`;
		const ran = network.node.ran.length;
		await dyingAt(step, () => payer.send(payment, { idempotencyKey: key }));
		const response = await eventually(async () => {
			const again = await payer.send(payment, { idempotencyKey: key });
			return again.status === 503 ? undefined : again;
		}, "the gateway");
		expect(response.status).toBe(200);
		const outcome = await payment.settle({ status: response.status, header: (name) => response.headers.get(name) });
		expect(outcome).toMatchObject({ result: "paid", charged: CHARGE });
		answered++;
		expect(network.node.ran.length).toBe(ran + 1);
		const { callId } = (await response.json()) as { callId: string };
		await isFinal(callId);
		await everythingIsPaid();
		// The lane goes on from where both sides are.
		expect((await payer.ask()).status).toBe(200);
		answered++;
	});
});

describe("killed while a caller waits who gave no key", () => {
	it("charges nothing, since nobody can collect the answer", async () => {
		const required = await payer.offer();
		const payment = await payer.payer.pay(required, account("gateway").address);
		await dyingAt("order-answered", () => payer.send(payment));
		payment.release();
		// The same voucher pays for the next call.
		expect((await payer.ask()).status).toBe(200);
		answered++;
		await everythingIsPaid();
	});
});

describe("killed while it gives up an order", () => {
	it("that its node refused: the order is gone, nothing is charged, and the voucher is good for the next call", async () => {
		network.node.behave = () => ({ status: 422, code: "engine.failed" });
		const payment = await payer.payer.pay(await payer.offer(), account("gateway").address);
		await dyingAt("order-forgotten", () => payer.send(payment, { idempotencyKey: "refused-by-its-node" }));
		network.node.behave = undefined;
		payment.release();
		expect((await payer.ask()).status).toBe(200);
		answered++;
		await everythingIsPaid();
	});

	it("from before a restart, whose caller cannot ask again: the same", async () => {
		const payment = await payer.payer.pay(await payer.offer(), account("gateway").address);
		await network.gateway().stop();
		const first = await network.startGateway({ FREEHOLD_CRASH_AT: "order-answered" });
		await Promise.all([payer.send(payment).catch(() => undefined), first.ended]);
		await network.startGateway();
		payment.release();
		expect((await payer.ask()).status).toBe(200);
		answered++;
		await everythingIsPaid();
	});
});

describe("killed while it gives up an order from before a restart", () => {
	it("that its node will not answer any more: nothing is charged, and the same request is a new call", async () => {
		const payment = await payer.payer.pay(await payer.offer(), account("gateway").address);
		const again = (): Promise<Response> => payer.send(payment, { idempotencyKey: "given-up-after-a-restart" });
		await network.gateway().stop();
		const first = await network.startGateway({ FREEHOLD_CRASH_AT: "order-answered" });
		await Promise.all([again().catch(() => undefined), first.ended]);
		network.node.behave = () => ({ status: 422, code: "engine.failed" });
		// It may die before it says that it runs.
		const second = await network.startGateway({ FREEHOLD_CRASH_AT: "order-abandoned" }).catch(() => undefined);
		await second?.ended;
		network.node.behave = undefined;
		await network.startGateway();
		const response = await again();
		expect(response.status).toBe(200);
		const outcome = await payment.settle({ status: response.status, header: (name) => response.headers.get(name) });
		expect(outcome).toMatchObject({ result: "paid", charged: CHARGE });
		answered++;
		await everythingIsPaid();
	});
});

describe.each(["batch-sealed", "batch-data-stored", "batch-anchored", "royalties-flowed", "batch-proved"])("killed at %s", (step) => {
	it("anchors the batch once and proves it", async () => {
		let callId = "";
		await dyingAt(step, async () => {
			const answer = await payer.ask();
			if (answer.status === 200) {
				callId = answer.body.callId;
				answered++;
			}
		});
		expect(callId).not.toBe("");
		await isFinal(callId);
		await everythingIsPaid();
	});
});

describe.each(["exact-intended", "exact-settled"])("killed at %s", (step) => {
	it("gives back a payment that bought nothing, once", async () => {
		const { client } = network;
		const { account: wallet, address } = account("stranger");
		const before = await client.balance(address);
		const credit = await client.read(contracts.UsageLedger, "credit", [address]);
		const scheme = new ExactEvmScheme({
			address: wallet.address,
			signTypedData: (data) => wallet.signTypedData(data as Parameters<typeof wallet.signTypedData>[0]),
		});
		const paying = wrapFetchWithPayment(fetch, new x402Client().register("eip155:*", scheme).setSpendControls(false));
		await dyingAt(step, () =>
			paying(`${network.gatewayUrl()}/v1/inference`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(question) }),
		);
		await eventually(async () => {
			const paid = before - (await client.balance(address));
			const back = (await client.read(contracts.UsageLedger, "credit", [address])) - credit;
			// Before the settlement nothing was paid; after it everything is credited.
			return paid === back && (step === "exact-intended" || back === CHARGE) ? true : undefined;
		}, "the refund");
		await everythingIsPaid();
	});
});

describe("killed at deposit-settled", () => {
	it("serves on the deposit that is in the channel", async () => {
		const other = createTestPayer(network, "stranger", 1);
		const required = await other.offer();
		const payment = await other.payer.pay(required, account("gateway").address);
		await dyingAt("deposit-settled", () => other.send(payment));
		payment.release();
		const response = await other.send(payment);
		expect(response.status).toBe(200);
		answered++;
		await everythingIsPaid();
		const [balance] = await network.client.read(contracts.Channels, "channels", [payment.channelId]);
		expect(balance).toBe(payment.deposit);
	});
});

it("a killed ledger holds the batch up and loses nothing", async () => {
	await network.ledger().kill();
	const answer = await payer.ask();
	expect(answer.status).toBe(200);
	answered++;
	await network.startLedger();
	await isFinal(answer.body.callId);
	await everythingIsPaid();
});
