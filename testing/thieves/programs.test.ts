/** Thefts from real programs: a gateway and a node as processes, a ledger beneath them. Each title says the theft and who loses what today. */
import { batchReasons, decodePaymentRequired, encodeHeader, tillAddress, x402Headers } from "@freehold/payments";
import { contractAddresses, type Hex, type InferenceResponseBody, tensorFromElements, toHex } from "@freehold/protocol";
import { contracts } from "@freehold/sdk/chain";
import { type Abi, encodeFunctionData, maxUint256 } from "viem";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { account, CHAIN_ID, OPG, startNetwork, type TestNetwork } from "../gateway/network.js";
import { createTestPayer, type Payer, question } from "../gateway/payer.js";
import { ask, draftOrder, type Market, account as nodeAccount, openMarket, untilReady } from "../inference/market.js";
import { eventually, type RunningProgram } from "../journey/programs.js";
import { linear } from "../onnx/models.js";

const CHARGE = (108n * OPG) / 100n;
const till = tillAddress(account("gateway").address);

describe("at a gateway", () => {
	let network: TestNetwork;
	let payer: Payer;
	beforeAll(async () => {
		// A node that answers badly is given up within the test.
		network = await startNetwork({ gatewayOptions: { "call-timeout": "4s" } });
		payer = createTestPayer(network, "payer", 1);
		expect((await payer.ask()).status).toBe(200);
	});
	afterAll(() => network.stop());
	afterEach(() => {
		network.node.behave = undefined;
	});

	const post = (headers: Readonly<Record<string, string>>): Promise<Response> =>
		fetch(`${network.gatewayUrl()}/v1/inference`, {
			method: "POST",
			headers: { "content-type": "application/json", ...headers },
			body: JSON.stringify(question),
		});
	const send = (name: "payer" | "stranger", contract: { readonly address: Hex; readonly abi: Abi }, functionName: string, args: readonly unknown[]) =>
		network.send(name, contract.address, encodeFunctionData({ abi: contract.abi, functionName, args }));
	const creditOf = (name: "payer" | "stranger") => network.client.read(contracts.UsageLedger, "credit", [account(name).address]);
	const usage = () => network.client.read(contracts.UsageLedger, "usageOf", [network.release]);
	/** Everything under way is anchored; gives the calls that were paid so far. */
	const quiet = () =>
		eventually(
			async () => {
				const { detail } = (await (await fetch(`${network.gatewayUrl()}/ready`)).json()) as {
					readonly detail: { readonly unanchoredCalls: number; readonly unanchoredAgeMs: number };
				};
				const waits = detail.unanchoredCalls > 0 || detail.unanchoredAgeMs > 0;
				return !waits && (await network.client.balance(till)) === 0n ? (await usage()).calls : undefined;
			},
			() => `everything to be anchored\n${network.gateway().output().split("\n").slice(-20).join("\n")}`,
		);
	const settled = (calls: bigint) =>
		eventually(async () => ((await usage()).calls === calls && (await network.client.balance(till)) === 0n ? true : undefined), `${calls} calls to be paid`);

	/** One exact payment, signed by the stranger's account; what it takes to send or void it. */
	async function exactPayment(seed: number) {
		const { account: wallet, address } = account("stranger");
		const message = {
			from: address,
			to: till,
			value: CHARGE,
			validAfter: 0n,
			validBefore: BigInt(Math.floor(Date.now() / 1000) + 300),
			nonce: toHex(new Uint8Array(32).fill(seed)),
		};
		const domain = { name: "OpenGradient", version: "1", chainId: CHAIN_ID, verifyingContract: contractAddresses.OPG } as const;
		const fields = ["address from", "address to", "uint256 value", "uint256 validAfter", "uint256 validBefore", "bytes32 nonce"].map(field);
		const signature = await wallet.signTypedData({ domain, types: { TransferWithAuthorization: fields }, primaryType: "TransferWithAuthorization", message });
		const cancelTypes = { CancelAuthorization: ["address authorizer", "bytes32 nonce"].map(field) };
		const cancel = { domain, types: cancelTypes, primaryType: "CancelAuthorization", message: { authorizer: address, nonce: message.nonce } } as const;
		const cancelSignature = await wallet.signTypedData(cancel);
		const [accepted] = (await payer.offer()).accepts.filter(({ scheme }) => scheme === "exact");
		if (accepted === undefined) throw new Error("no exact payment is offered");
		const text = { ...message, value: CHARGE.toString(), validAfter: "0", validBefore: message.validBefore.toString() };
		const headers = { [x402Headers.signature]: encodeHeader({ x402Version: 2, accepted, payload: { signature, authorization: text } }) };
		const { from, to, value, validAfter, validBefore, nonce } = message;
		return {
			headers,
			byStranger: () => send("payer", contracts.OPG, "transferWithAuthorization", [from, to, value, validAfter, validBefore, nonce, signature]),
			cancel: () => send("payer", contracts.OPG, "cancelAuthorization", [from, nonce, cancelSignature]),
		};
	}

	/** Sends a payment to a gateway that dies once it has noted it; `meanwhile` happens while nobody is there. */
	async function interrupted(headers: Readonly<Record<string, string>>, meanwhile: () => Promise<unknown>): Promise<void> {
		await network.gateway().stop();
		const dying = await network.startGateway({ FREEHOLD_CRASH_AT: "exact-intended" });
		await Promise.all([post(headers).catch(() => undefined), dying.ended]);
		await meanwhile();
		await network.startGateway();
	}

	/** A payment by Permit2 with nonce 77, signed by the stranger's account. */
	async function permit2Payment() {
		const { account: wallet, address } = account("stranger");
		await send("stranger", contracts.OPG, "approve", [contractAddresses.Permit2, maxUint256]);
		const accepted = (await payer.offer()).accepts.find((item) => item.extra?.["assetTransferMethod"] === "permit2");
		if (accepted === undefined) throw new Error("Permit2 is not offered");
		const permit = {
			permitted: { token: contractAddresses.OPG, amount: CHARGE },
			spender: contractAddresses.ExactPermit2Proxy,
			nonce: 77n,
			deadline: BigInt(Math.floor(Date.now() / 1000) + 300),
			witness: { to: till, validAfter: 0n },
		};
		const types = {
			PermitWitnessTransferFrom: ["TokenPermissions permitted", "address spender", "uint256 nonce", "uint256 deadline", "Witness witness"].map(field),
			TokenPermissions: ["address token", "uint256 amount"].map(field),
			Witness: ["address to", "uint256 validAfter"].map(field),
		};
		const domain = { name: "Permit2", chainId: CHAIN_ID, verifyingContract: contractAddresses.Permit2 } as const;
		const signature = await wallet.signTypedData({ domain, types, primaryType: "PermitWitnessTransferFrom", message: permit });
		const text = JSON.parse(JSON.stringify({ from: address, ...permit }, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value)));
		const headers = { [x402Headers.signature]: encodeHeader({ x402Version: 2, accepted, payload: { signature, permit2Authorization: text } }) };
		return { headers, void: () => send("stranger", contracts.Permit2, "invalidateUnorderedNonces", [0n, 1n << 77n]) };
	}

	test("payment cancelled, or its Permit2 nonce voided, while its gateway was away: nobody loses anything, what never came is not refunded; a payment that a stranger sent first is", async () => {
		const [cancelled, voided, overtaken] = [await exactPayment(1), await permit2Payment(), await exactPayment(2)];
		const before = await creditOf("stranger");
		await interrupted(cancelled.headers, cancelled.cancel);
		await interrupted(voided.headers, voided.void);
		await interrupted(overtaken.headers, overtaken.byStranger);
		// The gateway looks at them in the order in which they came: the last one's refund shows that it has decided all.
		await eventually(async () => ((await creditOf("stranger")) > before ? true : undefined), "the refund");
		await quiet();
		expect((await creditOf("stranger")) - before).toBe(CHARGE);
	});

	test("payment replayed for another call: nobody loses anything, it buys one call", async () => {
		const calls = await quiet();
		const payment = await payer.payer.pay(await payer.offer(), account("gateway").address);
		const first = await payer.send(payment);
		expect(first.status).toBe(200);
		const again = await payer.send(payment);
		expect([again.status, decodePaymentRequired(again.headers.get(x402Headers.required) ?? "")?.error]).toEqual([402, expect.stringContaining("cumulative")]);
		await payment.settle({ status: 200, header: (name) => first.headers.get(name) });
		await settled(calls + 1n);
		const exact = await exactPayment(5);
		expect((await post(exact.headers)).status).toBe(200);
		const second = await post(exact.headers);
		expect([second.status, ((await second.json()) as { error: { code: string } }).error.code]).toEqual([409, "payment.replayed"]);
		await settled(calls + 2n);
	});

	test("answer read by somebody else with the payer's idempotency key: nobody loses anything, keys are a payer's own", async () => {
		const mine = await payer.ask({ idempotencyKey: "mine" });
		const stranger = createTestPayer(network, "stranger", 1);
		const theirs = await stranger.ask({ idempotencyKey: "mine" });
		expect([mine.status, theirs.status]).toEqual([200, 200]);
		expect(theirs.body.callId).not.toBe(mine.body.callId);
	});

	test("dust deposit: the gateway loses no gas to it, less than the least deposit is refused", async () => {
		let pretended: bigint | undefined;
		const dust = createTestPayer(network, "stranger", 1, () => pretended);
		expect((await dust.ask()).status).toBe(200);
		// A payer that says its channel lacks one unit, and brings no more than that.
		const [lane] = await dust.store.list();
		if (lane === undefined) throw new Error("no lane");
		pretended = lane.charged + CHARGE - 1n;
		await dust.store.put({ ...lane, balance: pretended });
		const { accepts, ...offer } = await dust.offer();
		const cheap = accepts.map((item) => ({ ...item, extra: { ...item.extra, leastDeposit: "1", minDeposit: "1" } }));
		const payment = await dust.payer.pay({ ...offer, accepts: cheap }, account("gateway").address);
		const before = await network.client.read(contracts.Channels, "channels", [lane.channelId]);
		const response = await dust.send(payment);
		payment.release();
		const reason = decodePaymentRequired(response.headers.get(x402Headers.required) ?? "")?.error;
		expect([response.status, payment.deposit, reason]).toEqual([402, 1n, batchReasons.minDeposit]);
		expect((await network.client.read(contracts.Channels, "channels", [lane.channelId]))[0]).toBe(before[0]);
	});

	test("receipt for another's order, or two receipts for one: the payer loses nothing, none but the first good one is paid", async () => {
		const calls = await quiet();
		// Asked again after a restart, the node gives another receipt for the same order: one of them is paid, once.
		const payment = await payer.payer.pay(await payer.offer(), account("gateway").address);
		await network.gateway().stop();
		const dying = await network.startGateway({ FREEHOLD_CRASH_AT: "order-answered" });
		await Promise.all([payer.send(payment, { idempotencyKey: "two-receipts" }).catch(() => undefined), dying.ended]);
		network.node.behave = ({ receipt, outputs }) => ({ receipt: { ...receipt, finishedAt: receipt.finishedAt + 1n }, outputs });
		await network.startGateway();
		const response = await payer.send(payment, { idempotencyKey: "two-receipts" });
		expect(response.status).toBe(200);
		const { callId } = (await response.json()) as InferenceResponseBody;
		await payment.settle({ status: 200, header: (name) => response.headers.get(name) });
		await settled(calls + 1n);
		expect(network.node.ran.filter((order) => order.callId === callId)).toHaveLength(2);
		network.node.behave = ({ receipt, outputs }) => ({ receipt: { ...receipt, order: `0x${"55".repeat(32)}` }, outputs });
		const refused = await payer.ask();
		expect(refused.status).toBeGreaterThanOrEqual(500);
		expect(refused.charged).toBe(0n);
	});
});

describe("at a node", () => {
	let market: Market;
	let node: RunningProgram;
	let release: Hex;
	const X = { X: tensorFromElements("float32", [1, 2], [1, 2]) };
	beforeAll(async () => {
		market = await openMarket();
		await market.bondGateway("gateway", 10_000n * OPG);
		release = await market.publish("thief/model", linear(), { perCall: OPG, perInputUnit: 0n, perOutputUnit: 0n });
		node = await market.startNode();
		await untilReady(node.url);
	});
	afterAll(() => market.stop());

	test("order re-sent to two nodes: nobody loses anything, an order names its node and no other takes it", async () => {
		const elsewhere = draftOrder({ release, inputs: X, change: (order) => ({ ...order, node: nodeAccount("stranger").address }) });
		expect(await ask(node.url, elsewhere)).toMatchObject({ status: 400, code: "order.invalid" });
	});

	test("two receipts for one order: nobody loses anything, a node signs one and gives it again, also after kill -9", async () => {
		const order = draftOrder({ release, inputs: X, reference: 2 });
		const [first, second] = await Promise.all([ask(node.url, order), ask(node.url, order)]);
		expect([first?.status, second?.text]).toEqual([200, first?.text]);
		await node.kill();
		node = await market.startNode();
		await untilReady(node.url);
		expect((await ask(node.url, order)).text).toBe(first?.text);
		const other = draftOrder({
			release,
			inputs: { X: tensorFromElements("float32", [1, 2], [3, 4]) },
			reference: 2,
			change: (changed) => ({ ...changed, callId: order.order.callId }),
		});
		expect(await ask(node.url, other)).toMatchObject({ status: 409, code: "order.conflict" });
	});

	test("order signed by a stranger in a gateway's name: nobody loses anything, the node runs nothing", async () => {
		const forged = draftOrder({ release, inputs: X, signedBy: "stranger", reference: 3 });
		expect(await ask(node.url, forged)).toMatchObject({ status: 400, code: "order.invalid" });
	});

	test("order below the node's fee, or by a gateway without a bond: nobody loses anything", async () => {
		const cheap = draftOrder({ release, inputs: X, reference: 4, change: (order) => ({ ...order, nodeFee: 0n }) });
		expect(await ask(node.url, cheap)).toMatchObject({ status: 400, code: "order.invalid" });
		const unbonded = draftOrder({ release, inputs: X, by: "smallGateway", reference: 5 });
		expect(await ask(node.url, unbonded)).toMatchObject({ status: 400, code: "order.invalid" });
	});
});

function field(text: string): { readonly type: string; readonly name: string } {
	const [type = "", name = ""] = text.split(" ");
	return { type, name };
}
