/** What does not become a paid call, and that it costs nothing. */
import { batchReasons, type ChannelConfig, channelId, decodePaymentRequired, encodeHeader, tillAddress, voucherDigest, x402Headers } from "@freehold/payments";
import { contractAddresses, type Hex, toHex } from "@freehold/protocol";
import { contracts } from "@freehold/sdk/chain";
import { encodeFunctionData } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../journey/programs.js";
import { account, CHAIN_ID, OPG, startNetwork, type TestNetwork } from "./network.js";
import { createTestPayer, type Payer, question } from "./payer.js";
import type { StandInNode } from "./stand-in-node.js";

const CHARGE = (108n * OPG) / 100n;

let network: TestNetwork;
let payer: Payer;
let second: StandInNode;
beforeAll(async () => {
	// One call's time is short, so that a silent node is given up within the test.
	network = await startNetwork({ gatewayOptions: { "call-timeout": "3s" } });
	payer = createTestPayer(network, "payer", 3);
	await payer.ask();
	second = await network.addNode("secondNode", OPG / 20n);
});
afterAll(() => network.stop());
beforeEach(() => {
	network.node.behave = undefined;
	second.behave = undefined;
});

const post = (body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
	fetch(`${network.gatewayUrl()}/v1/inference`, {
		method: "POST",
		headers: { "content-type": "application/json", ...headers },
		body: typeof body === "string" ? body : JSON.stringify(body),
	});
const codeOf = async (response: Response): Promise<string> => ((await response.json()) as { error: { code: string } }).error.code;
const charged = async (): Promise<bigint> => {
	const lanes = await payer.store.list();
	const bodies = await Promise.all(
		lanes.map(async (lane) => {
			const response = await fetch(`${network.gatewayUrl()}/v1/channels/${lane.channelId}`);
			return response.ok ? BigInt(((await response.json()) as { charged: string }).charged) : 0n;
		}),
	);
	return bodies.reduce((sum, amount) => sum + amount, 0n);
};

describe("before any payment", () => {
	it.each([
		["an unknown model", { model: "nobody/nothing", inputs: {} }, 404, "model.notFound"],
		["an unknown version", { model: "plus/identity@9.9", inputs: {} }, 404, "model.notFound"],
		["an input that the model does not take", { model: "plus/identity", inputs: { y: [[1]] } }, 400, "engine.inputInvalid"],
		["a shape that does not fit", { model: "plus/identity", inputs: { x: [1, 2] } }, 400, "engine.inputInvalid"],
		["a mode that the owner does not offer", { ...question, mode: "proved" }, 422, "engine.unsupported"],
		["evidence that nobody here gives", { ...question, require: ["attested"] }, 422, "require.unavailable"],
		["a maximum below the price", { ...question, maxCharge: "5" }, 402, "payment.insufficient"],
		["a field that is not one", { ...question, temperature: 1 }, 400, "request.invalid"],
		["no JSON", "{", 400, "request.invalid"],
	])("%s is refused", async (_, body, status, code) => {
		const response = await post(body);
		expect([response.status, await codeOf(response)]).toEqual([status, code]);
	});

	it("says what a call costs, itemised", async () => {
		const quote = (await (await fetch(`${network.gatewayUrl()}/v1/quotes/plus%2Fidentity`)).json()) as Record<string, unknown>;
		expect(quote).toMatchObject({
			model: "plus/identity@1.0",
			charge: CHARGE.toString(),
			chargeOpg: "1.08",
			payTo: tillAddress(account("gateway").address),
			unit: { input: "element" },
		});
		const required = await payer.offer();
		expect(required.accepts.map(({ scheme, amount, payTo }) => [scheme, amount, payTo])).toEqual([
			["batch-settlement", CHARGE.toString(), quote["payTo"]],
			["exact", CHARGE.toString(), quote["payTo"]],
			["exact", CHARGE.toString(), quote["payTo"]],
		]);
	});
});

describe("a voucher", () => {
	let config: ChannelConfig;
	let id: Hex;
	let base: bigint;
	beforeEach(async () => {
		const [lane] = await payer.store.list();
		if (lane === undefined) throw new Error("no lane");
		config = lane.config;
		id = channelId(config, CHAIN_ID);
		base = lane.charged;
	});

	const pay = async (change: { max?: bigint; amount?: string; signer?: "payer" | "stranger"; config?: Partial<ChannelConfig>; payTo?: Hex }) => {
		const required = await payer.offer();
		const [offered] = required.accepts;
		if (offered === undefined) throw new Error("no offer");
		const accepted = { ...offered, amount: change.amount ?? offered.amount, payTo: change.payTo ?? offered.payTo };
		const channel = { ...config, ...change.config };
		const named = change.config === undefined ? id : channelId(channel, CHAIN_ID);
		const max = change.max ?? base + CHARGE;
		const signature = toHex(account(change.signer ?? "payer").signer.signDigest(voucherDigest(named, max, CHAIN_ID)));
		const voucher = { channelId: named, maxClaimableAmount: max.toString(), signature };
		const response = await post(question, {
			[x402Headers.signature]: encodeHeader({ x402Version: 2, accepted, payload: { type: "voucher", channelConfig: channel, voucher } }),
		});
		const header = response.headers.get(x402Headers.required);
		return { status: response.status, required: header === null ? undefined : decodePaymentRequired(header) };
	};

	it.each([
		["that pays too little of what is asked", { amount: "1" }, "invalid_payment_requirements"],
		["that does not continue from the last charge", { max: CHARGE / 2n }, batchReasons.cumulative],
		["that signs more than was asked", { max: 10n ** 30n }, batchReasons.cumulative],
		["of another signer", { signer: "stranger" as const }, batchReasons.signature],
		["of a channel without a deposit", { config: { salt: `0x${"77".repeat(32)}` as Hex } }, batchReasons.missing],
		["of a channel that pays another till", { config: { receiver: account("stranger").address } }, batchReasons.receiver],
		["of a channel with another notice", { config: { withdrawDelay: 901 } }, batchReasons.withdrawDelay],
		["for another payee", { payTo: account("stranger").address }, batchReasons.receiver],
	])("%s is refused", async (_, change, reason) => {
		const before = await charged();
		const { status, required } = await pay(change);
		expect([status, required?.error]).toEqual([402, reason]);
		expect(await charged()).toBe(before);
	});

	it("that is stale is told where the channel stands, with the payer's own signature as proof", async () => {
		const { required } = await pay({ max: base });
		expect(required?.accepts[0]?.extra).toMatchObject({
			channelState: { chargedCumulativeAmount: base.toString() },
			voucherState: { signedMaxClaimable: base.toString() },
		});
	});
});

describe("a payer whose memory is wrong", () => {
	it("corrects itself from what the gateway can prove, and is answered", async () => {
		const [lane] = await payer.store.list();
		if (lane === undefined) throw new Error("no lane");
		await payer.store.put({ ...lane, charged: 0n });
		expect((await payer.ask()).status).toBe(200);
		await payer.store.put({ ...lane, charged: lane.charged + 5n });
		expect((await payer.ask()).status).toBe(200);
	});

	it("does not follow a gateway to another payee", async () => {
		const required = await payer.offer();
		const elsewhere = { ...required, accepts: required.accepts.map((item) => ({ ...item, payTo: account("stranger").address })) };
		await expect(payer.payer.pay(elsewhere, account("gateway").address)).rejects.toMatchObject({ code: "payment.invalid" });
	});
});

describe("a node", () => {
	it.each([
		["charges more than the price", (receipt: { charge: bigint }) => ({ ...receipt, charge: receipt.charge + 1n })],
		["counts other units", (receipt: { outputUnits: bigint }) => ({ ...receipt, outputUnits: receipt.outputUnits + 1n })],
		["answers another order", (receipt: object) => ({ ...receipt, order: `0x${"55".repeat(32)}` })],
		["commits to another answer", (receipt: object) => ({ ...receipt, response: `0x${"55".repeat(32)}` })],
		["names another engine", (receipt: object) => ({ ...receipt, engine: `0x${"55".repeat(32)}` })],
	])("that %s is not believed; another node answers", async (_, change) => {
		network.node.behave = ({ receipt, outputs }) => ({ receipt: change(receipt) as typeof receipt, outputs });
		const answer = await payer.ask();
		expect(answer.status).toBe(200);
		expect(answer.charged).toBe(CHARGE);
	});

	it("that fails on the input is not asked twice, and nothing is charged", async () => {
		const before = await charged();
		const refuse = () => ({ status: 422, code: "engine.failed" });
		network.node.behave = refuse;
		second.behave = refuse;
		const asked = network.node.asked + second.asked;
		const answer = await payer.ask();
		expect([answer.status, answer.body.error?.code]).toEqual([422, "engine.failed"]);
		expect(network.node.asked + second.asked).toBe(asked + 1);
		expect(await charged()).toBe(before);
		network.node.behave = undefined;
		second.behave = undefined;
		// The voucher of the failed call is the next call's.
		expect((await payer.ask()).status).toBe(200);
	});

	it("that stays silent is given up at the order's deadline; nothing is charged", async () => {
		const before = await charged();
		const silent = () => new Promise<never>(() => undefined);
		network.node.behave = silent;
		second.behave = silent;
		const answer = await payer.ask();
		expect(answer.status).toBeGreaterThanOrEqual(500);
		expect(await charged()).toBe(before);
	});
});

describe("requests at the same time", () => {
	it("travel in lanes, each charged once", async () => {
		const before = network.node.ran.length + second.ran.length;
		const answers = await Promise.all(Array.from({ length: 9 }, () => payer.ask()));
		expect(answers.map((answer) => answer.status)).toEqual(Array(9).fill(200));
		expect(network.node.ran.length + second.ran.length).toBe(before + 9);
		expect((await payer.store.list()).length).toBe(3);
	});

	it("with one key and one payment are one call", async () => {
		const required = await payer.offer();
		const payment = await payer.payer.pay(required, account("gateway").address);
		const ran = network.node.ran.length + second.ran.length;
		const responses = await Promise.all(Array.from({ length: 5 }, () => payer.send(payment, { idempotencyKey: "same" })));
		const bodies = await Promise.all(responses.map(async (response) => [response.status, ((await response.json()) as { callId: string }).callId]));
		expect(new Set(bodies.map(String)).size).toBe(1);
		expect(bodies[0]?.[0]).toBe(200);
		expect(network.node.ran.length + second.ran.length).toBe(ran + 1);
		const [first] = responses;
		await payment.settle({ status: 200, header: (name) => first?.headers.get(name) });
		const other = await payer.send(payment, { idempotencyKey: "same", body: { ...question, inputs: { x: [[9]] } } });
		expect([other.status, await codeOf(other)]).toEqual([409, "idempotency.conflict"]);
		// Another payer's same key is another call.
		const stranger = createTestPayer(network, "stranger", 1);
		expect((await stranger.ask({ idempotencyKey: "same" })).status).toBe(200);
	});

	it("on one channel without lanes: the second is told to open one", async () => {
		const required = await payer.offer();
		const payment = await payer.payer.pay(required, account("gateway").address);
		let go: () => void = () => undefined;
		const gate = new Promise<undefined>((resolve) => {
			go = () => resolve(undefined);
		});
		const wait = async (answer: Parameters<NonNullable<StandInNode["behave"]>>[0]) => {
			await gate;
			return answer;
		};
		network.node.behave = wait;
		second.behave = wait;
		const asked = network.node.asked + second.asked;
		const firstCall = payer.send(payment);
		await eventually(async () => (network.node.asked + second.asked > asked ? true : undefined), "the first call to reach a node");
		const busy = await payer.send(payment);
		expect(busy.status).toBe(402);
		expect(decodePaymentRequired(busy.headers.get(x402Headers.required) ?? "")?.error).toBe(batchReasons.busy);
		go();
		const done = await firstCall;
		expect(done.status).toBe(200);
		await payment.settle({ status: 200, header: (name) => done.headers.get(name) });
	});
});

describe("a payer who leaves", () => {
	it("is claimed at once, and served no further than stays safe", async () => {
		const { client } = network;
		const [lane] = await payer.store.list();
		if (lane === undefined) throw new Error("no lane");
		const [balance] = await client.read(contracts.Channels, "channels", [lane.channelId]);
		const leave = encodeFunctionData({ abi: contracts.Channels.abi, functionName: "initiateWithdraw", args: [lane.config, balance - lane.charged] });
		await network.send("payer", contractAddresses.Channels, leave).catch(async () => {
			// What is claimed on the chain bounds the exit.
			const [now, claimed] = await client.read(contracts.Channels, "channels", [lane.channelId]);
			const less = encodeFunctionData({ abi: contracts.Channels.abi, functionName: "initiateWithdraw", args: [lane.config, now - claimed] });
			await network.send("payer", contractAddresses.Channels, less);
		});
		await eventually(async () => {
			const body = (await (await fetch(`${network.gatewayUrl()}/v1/channels/${lane.channelId}`)).json()) as { spendable: string; withdrawing: string };
			return body.withdrawing !== "0" && body.spendable === "0" ? true : undefined;
		}, "the exit to be seen");
		await eventually(async () => {
			const [, claimed] = await client.read(contracts.Channels, "channels", [lane.channelId]);
			return claimed >= lane.charged ? true : undefined;
		}, "the claim");
		const only = createTestPayer(network, "payer", 1);
		await only.store.put({ ...lane, balance: lane.charged + 10n * CHARGE });
		const payment = await only.payer.pay(await only.offer(), account("gateway").address);
		const response = await only.send(payment);
		expect(response.status).toBe(402);
		expect(decodePaymentRequired(response.headers.get(x402Headers.required) ?? "")?.error).toBe(batchReasons.exceedsBalance);
	});
});

it("a retired model is not sold any more; what was bought is handed out again", async () => {
	const buyer = createTestPayer(network, "stranger", 1);
	expect((await buyer.ask()).status).toBe(200);
	const payment = await buyer.payer.pay(await buyer.offer(), account("gateway").address);
	const bought = await buyer.send(payment, { idempotencyKey: "kept" });
	expect(bought.status).toBe(200);
	const answer: unknown = await bought.json();
	await payment.settle({ status: 200, header: (name) => bought.headers.get(name) });
	const data = encodeFunctionData({ abi: contracts.ModelRegistry.abi, functionName: "retire", args: [network.release] });
	await network.send("owner", contracts.ModelRegistry.address, data);
	const response = await eventually(async () => {
		const answer = await post(question);
		return answer.status === 410 ? answer : undefined;
	}, "the release to be retired");
	expect(await codeOf(response)).toBe("model.retired");
	const again = await buyer.send(payment, { idempotencyKey: "kept" });
	expect(again.status).toBe(200);
	expect(await again.json()).toEqual(answer);
});
