/**
 * The ownership loop on real parts: someone publishes a model that they own, someone else pays for an answer and checks it without trusting anyone, and the
 * owner and the owner's ancestors are paid.
 */
import { type LineageRelease, splitOf } from "@freehold/payments";
import { type ReceiptVerdict, verifyReceipt, verifyReceiptText } from "@freehold/proofs";
import { FreeholdError, formatReceiptFile, type Hex, systemAddresses } from "@freehold/protocol";
import { contracts } from "@freehold/sdk/chain";
import { BatchSettlementEvmScheme } from "@x402/evm/batch-settlement/client";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testAccount } from "./accounts.js";
import { type JourneyNetwork, OPG, repositoryModel, startJourney } from "./network.js";
import { eventually } from "./programs.js";

const CHARGE = (108n * OPG) / 100n;

let net: JourneyNetwork;
let release: Hex;
let parent: Hex;
let question: Record<string, number[][]>;
/** Calls that were paid, over all tests. */
let calls = 0n;

beforeAll(async () => {
	net = await startJourney();
	question = await (await repositoryModel("plus-digits")).example("seven");
});
afterAll(() => net.stop());

const chain = () => net.person(0).client.chain;
const claimable = (person: number): Promise<bigint> => chain().read(contracts.Royalties, "claimable", [testAccount(4 + person).address]);
const credit = (account: Hex): Promise<bigint> => chain().read(contracts.UsageLedger, "credit", [account]);

describe("the ownership loop", () => {
	it("two people publish: a base, and a child that owes it a tenth", async () => {
		const base = await repositoryModel("base-digits");
		const plus = await repositoryModel("plus-digits");
		const published = await net.person(0).publish({ name: "base/digits", model: base.model, price: { perCall: OPG } });
		const child = await net
			.person(1)
			.publish({ name: "plus/digits", model: plus.model, price: { perCall: OPG }, parents: [{ release: published.release, bps: 1_000 }] });
		parent = published.release;
		release = child.release;
		expect(child.quote).toMatchObject({ model: "plus/digits@1.0", charge: CHARGE.toString(), gateway: net.addressOf("gateway") });
	});

	it("a buyer asks, pays, and checks the answer with the network out of the loop", async () => {
		const buyer = net.person(2);
		const answer = await buyer.infer("plus/digits", { inputs: question });
		calls++;
		expect(answer.outputs["label"]?.data).toEqual(["7"]);
		expect(answer.charge).toBe(CHARGE);
		const { file, state } = await buyer.receipts.wait(answer.callId);
		expect(state).toBe("final");

		const verdict: ReceiptVerdict = verifyReceipt(file, { checkpoint: net.network.checkpoint });
		expect(verdict.checks.filter((check) => check.result !== "holds")).toEqual([]);
		expect(verdict).toMatchObject({ outcome: "meets", kinds: ["signed"] });

		const text = formatReceiptFile(file);
		for (const [what, cheat] of [
			["another charge", text.replaceAll(CHARGE.toString(), (2n * CHARGE).toString())],
			["another label", text.replace(file.receipt.response, `0x${"ab".repeat(32)}`)],
			["another batch", text.replace(/"seq": "\d+"/, '"seq": "99"')],
		] as const) {
			expect(cheat, what).not.toBe(text);
			expect(verifyReceiptText(cheat, { checkpoint: net.network.checkpoint }).outcome, what).toBe("forged");
		}
	});

	it("pays the owner, the ancestor, the node, the gateway and the protocol to the unit", async () => {
		const lineage = new Map<Hex, LineageRelease>([
			[parent, { release: parent, owner: testAccount(4).address, parents: [] }],
			[release, { release, owner: testAccount(5).address, parents: [{ release: parent, bps: 1_000 }] }],
		]);
		const gateway = net.addressOf("gateway");
		const node = net.addressOf("inference");
		const line = { release, node, gateway, calls: 1n, inputUnits: 64n, outputUnits: 11n, nodeFee: OPG / 20n, gatewayFee: (3n * OPG) / 100n };
		const split = splitOf(line, { perCall: OPG, perInputUnit: 0n, perOutputUnit: 0n }, lineage, { treasury: systemAddresses.treasury, protocolFeeBps: 100 });
		const parts = new Map(split.parts.map((part) => [part.role, part.amount]));
		await eventually(async () => ((await claimable(0)) > 0n ? true : undefined), "royalties to flow");
		expect(await claimable(1)).toBe(parts.get("owner"));
		expect(await claimable(0)).toBe(parts.get("ancestor"));
		expect(await credit(node)).toBe(parts.get("node"));
		expect(await credit(gateway)).toBe(parts.get("gateway"));
		expect(await credit(systemAddresses.treasury)).toBe(parts.get("protocol"));
		expect([...parts.values()].reduce((sum, amount) => sum + amount, 0n)).toBe(CHARGE);
	});

	it("the owner takes the income out", async () => {
		const owner = net.person(1);
		const { address } = testAccount(5);
		const before = await chain().balance(address);
		const due = await claimable(1);
		await owner.earnings.claim();
		expect(await claimable(1)).toBe(0n);
		// The transaction's own fee comes out of the same balance.
		expect((await chain().balance(address)) - before).toBeGreaterThan(due - OPG / 1_000n);
	});
});

describe("the unchanged x402 client", () => {
	const wallet = testAccount(7).account;
	const signer = {
		address: wallet.address,
		signTypedData: (message: Record<string, unknown>) => wallet.signTypedData(message as Parameters<typeof wallet.signTypedData>[0]),
	} as unknown as ConstructorParameters<typeof BatchSettlementEvmScheme>[0];
	const asset = { network: "eip155:10741", asset: contracts.OPG.address, maxAmountPerPayment: (2n * OPG).toString() } as const;

	it.each([
		["a channel", new BatchSettlementEvmScheme(signer)],
		["one exact payment", new ExactEvmScheme(signer)],
	])("pays by %s, and its call is proved like any other", async (_, scheme) => {
		const paying = wrapFetchWithPayment(fetch, new x402Client().register("eip155:*", scheme).setSpendControls({ allowedAssets: [asset] }));
		const response = await paying(`${net.network.gatewayUrl}/v1/inference`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ model: "plus/digits", inputs: question }),
		});
		expect(response.status).toBe(200);
		calls++;
		const { callId } = (await response.json()) as { callId: Hex };
		const { file } = await net.person(2).receipts.wait(callId);
		expect(verifyReceipt(file, { checkpoint: net.network.checkpoint }).outcome).toBe("meets");
	});
});

/** Asks again while a part of the network is away, as people do. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
	return eventually(
		async () => {
			try {
				return await work();
			} catch (error) {
				if (error instanceof FreeholdError && error.entry.retryable) return undefined;
				throw error;
			}
		},
		"an answer",
		30_000,
	);
}

describe("killed while a call is under way", () => {
	it.each(["inference", "gateway", "storage", "ledger"] as const)("the %s comes back, the call is answered, anchored and paid once", async (role) => {
		const buyer = net.person(3);
		const asked = patiently(() => buyer.infer("plus/digits", { inputs: question }));
		await net.role(role).kill();
		await net.restart(role);
		const { callId } = await asked;
		calls++;
		const { file } = await buyer.receipts.wait(callId);
		expect(verifyReceipt(file, { checkpoint: net.network.checkpoint }).outcome).toBe("meets");
		expect(await chain().read(contracts.UsageLedger, "usageOf", [release])).toMatchObject({ calls, gross: calls * CHARGE });
	});
});
