/** The unchanged reference client of x402 pays here, with its spend controls set as its documentation says. */
import { tillAddress } from "@freehold/payments";
import { contractAddresses, type Hex, type InferenceResponseBody } from "@freehold/protocol";
import { contracts } from "@freehold/sdk/chain";
import { BatchSettlementEvmScheme } from "@x402/evm/batch-settlement/client";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { decodePaymentResponseHeader, wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { createPublicClient, encodeFunctionData, http, maxUint256 } from "viem";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../journey/programs.js";
import { account, CHAIN_ID, OPG, startNetwork, type TestNetwork } from "./network.js";
import { question } from "./payer.js";

const CHARGE = (108n * OPG) / 100n;

let network: TestNetwork;
beforeAll(async () => {
	network = await startNetwork();
});
afterAll(() => network.stop());

const spendControls: Parameters<x402Client["setSpendControls"]>[0] = {
	allowedAssets: [{ network: `eip155:${CHAIN_ID}`, asset: contractAddresses.OPG, maxAmountPerPayment: (2n * OPG).toString() }],
};

function signer(withChain: boolean) {
	const { account: wallet } = account("payer");
	const chain = createPublicClient({ transport: http(network.ledger().url) });
	return {
		address: wallet.address,
		signTypedData: (message: Record<string, unknown>) => wallet.signTypedData(message as Parameters<typeof wallet.signTypedData>[0]),
		...(withChain ? { readContract: (args: Record<string, unknown>) => chain.readContract(args as Parameters<typeof chain.readContract>[0]) } : {}),
	} as unknown as ConstructorParameters<typeof BatchSettlementEvmScheme>[0];
}

async function ask(
	fetchWithPayment: typeof fetch,
): Promise<{ body: InferenceResponseBody; settled: ReturnType<typeof decodePaymentResponseHeader>; status: number }> {
	const response = await fetchWithPayment(`${network.gatewayUrl()}/v1/inference`, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify(question),
	});
	const header = response.headers.get("PAYMENT-RESPONSE");
	if (header === null) throw new Error(`${response.status}: ${await response.text()}`);
	return { status: response.status, body: (await response.json()) as InferenceResponseBody, settled: decodePaymentResponseHeader(header) };
}

const channelOf = async (scheme: BatchSettlementEvmScheme): Promise<Hex> => {
	const probe = await fetch(`${network.gatewayUrl()}/v1/inference`);
	const required = JSON.parse(atob(probe.headers.get("PAYMENT-REQUIRED") ?? "")) as {
		accepts: Parameters<BatchSettlementEvmScheme["buildChannelConfig"]>[0][];
	};
	const { computeChannelId } = await import("@x402/evm/batch-settlement/client");
	const [first] = required.accepts;
	if (first === undefined) throw new Error("nothing is offered");
	return computeChannelId(scheme.buildChannelConfig(first), CHAIN_ID);
};

describe("@x402/fetch", () => {
	it("opens a channel without gas and pays calls by vouchers", async () => {
		const scheme = new BatchSettlementEvmScheme(signer(false));
		const client = new x402Client().register("eip155:*", scheme).setSpendControls(spendControls);
		const paying = wrapFetchWithPayment(fetch, client);
		const first = await ask(paying);
		expect(first.status).toBe(200);
		expect(first.settled).toMatchObject({ success: true, extra: { chargedAmount: CHARGE.toString() } });
		expect(first.settled.transaction).toMatch(/^0x/);
		for (let call = 2; call <= 4; call++) {
			const next = await ask(paying);
			expect(next.settled).toMatchObject({ transaction: "", extra: { channelState: { chargedCumulativeAmount: (CHARGE * BigInt(call)).toString() } } });
		}
		expect(network.node.ran).toHaveLength(4);
	});

	it("finds its channel again after it forgot everything", async () => {
		const scheme = new BatchSettlementEvmScheme(signer(true));
		const client = new x402Client().register("eip155:*", scheme).setSpendControls(spendControls);
		const answer = await ask(wrapFetchWithPayment(fetch, client));
		expect(answer.status).toBe(200);
		expect(answer.settled).toMatchObject({ success: true, extra: { channelState: { chargedCumulativeAmount: (CHARGE * 5n).toString() } } });
	});

	it("gets the rest of its channel back when it asks", async () => {
		const scheme = new BatchSettlementEvmScheme(signer(true));
		const client = new x402Client().register("eip155:*", scheme).setSpendControls(spendControls);
		await ask(wrapFetchWithPayment(fetch, client));
		const id = await channelOf(scheme);
		const before = await network.client.balance(account("payer").address);
		const [deposited] = await network.client.read(contracts.Channels, "channels", [id]);
		const settled = await scheme.refund(`${network.gatewayUrl()}/v1/inference`);
		expect(settled.success).toBe(true);
		expect((await network.client.balance(account("payer").address)) - before).toBe(deposited - CHARGE * 6n);
		// What was charged stays until the batch claims it, and the channel then is empty.
		await eventually(async () => {
			const [balance, claimed] = await network.client.read(contracts.Channels, "channels", [id]);
			return balance === claimed && claimed === CHARGE * 6n ? true : undefined;
		}, "the claim");
	});

	it("pays one call exactly, by EIP-3009", async () => {
		const client = new x402Client().register("eip155:*", new ExactEvmScheme(signer(false))).setSpendControls(spendControls);
		const before = await network.client.balance(account("payer").address);
		const answer = await ask(wrapFetchWithPayment(fetch, client));
		expect(answer.status).toBe(200);
		expect(answer.settled).toMatchObject({ success: true, amount: CHARGE.toString() });
		expect(before - (await network.client.balance(account("payer").address))).toBe(CHARGE);
	});

	it("pays one call exactly, by Permit2", async () => {
		const approve = encodeFunctionData({ abi: contracts.OPG.abi, functionName: "approve", args: [contractAddresses.Permit2, maxUint256] });
		await network.send("payer", contracts.OPG.address, approve);
		const client = new x402Client(
			(_, accepts) => accepts.find((item) => item.extra?.["assetTransferMethod"] === "permit2") ?? (accepts[0] as (typeof accepts)[number]),
		)
			.register("eip155:*", new ExactEvmScheme(signer(false)))
			.setSpendControls(spendControls);
		const before = await network.client.balance(account("payer").address);
		const answer = await ask(wrapFetchWithPayment(fetch, client));
		expect(answer.status).toBe(200);
		expect(before - (await network.client.balance(account("payer").address))).toBe(CHARGE);
	});

	it("leaves nothing behind in the till", async () => {
		await eventually(async () => ((await network.client.balance(tillAddress(account("gateway").address))) === 0n ? true : undefined), "an empty till");
		expect(await network.client.read(contracts.UsageLedger, "usageOf", [network.release])).toMatchObject({ calls: 8n, gross: CHARGE * 8n, net: 8n * OPG });
	});
});
