import type { DepositPlan } from "@freehold/payments/client";
import { type Hex, type InferenceResponseBody, tensorElements, tensorFromElements } from "@freehold/protocol";
import { privateKeyToAccount } from "viem/accounts";
import { beforeEach, describe, expect, it } from "vitest";
import { linear } from "../../../../testing/onnx/models.ts";
import { gatewayAddress, OPG, ScriptedNetwork } from "../../test/scripted-network.js";
import { connect, type Freehold } from "../connect.js";

const ada = privateKeyToAccount("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
const buyer = privateKeyToAccount("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");
const inputs = { X: [[1, 2]] };
const PRICE = (108n * OPG) / 100n;

let network: ScriptedNetwork;
let freehold: Freehold;
beforeEach(async () => {
	network = new ScriptedNetwork();
	await connect({ network: network.file, account: ada, fetch: network.fetch }).publish({ name: "ada/thing", model: linear(), price: { perCall: OPG } });
	freehold = connect({ network: network.file, account: buyer, fetch: network.fetch });
	network.asked.length = 0;
});

const charged = (): bigint => [...network.channels.values()].reduce((sum, channel) => sum + channel.charged, 0n);

describe("asking a model", () => {
	it("opens a channel by itself, pays, and gives what was checked", async () => {
		const answer = await freehold.infer("ada/thing", { inputs });
		expect(answer.outputs["Y"]).toMatchObject({ dtype: "float32", shape: [1, 2] });
		expect(tensorElements(answer.tensors["Y"] ?? tensorFromElements("float32", [0], []))).toEqual([0.25, 0.75]);
		expect([answer.charge, answer.deposited, charged()]).toEqual([PRICE, 10n * PRICE, PRICE]);
		expect(answer.receiptFile.holder?.payer).toBe(buyer.address.toLowerCase());
	});

	it("pays the next call from the same channel", async () => {
		await freehold.infer("ada/thing", { inputs });
		const second = await freehold.infer("ada/thing", { inputs });
		expect([second.deposited, charged(), network.channels.size]).toEqual([0n, 2n * PRICE, 1]);
	});

	it("is one request when price and channel are known", async () => {
		await freehold.infer("ada/thing", { inputs });
		network.asked.length = 0;
		await freehold.infer("ada/thing", { inputs });
		expect(network.asked).toEqual(["POST /v1/inference"]);
	});

	it("asks again for a price that has changed, and keeps to what the caller allows", async () => {
		const { release } = await freehold.infer("ada/thing", { inputs });
		network.releases.get(release)?.prices.push({ perCall: 2n * OPG, perInputUnit: 0n, perOutputUnit: 0n });
		await expect(freehold.infer("ada/thing", { inputs, maxCharge: PRICE })).rejects.toMatchObject({ code: "payment.insufficient" });
		expect(charged()).toBe(PRICE);
		expect((await freehold.infer("ada/thing", { inputs })).charge).toBe(PRICE + OPG);
	});

	it("uses a lane of its own for each call in flight", async () => {
		const answers = await Promise.all(Array.from({ length: 3 }, () => freehold.infer("ada/thing", { inputs })));
		expect(new Set(answers.map(({ callId }) => callId)).size).toBe(3);
		expect([charged(), network.channels.size]).toEqual([3n * PRICE, 3]);
	});

	it("finds its channel again when it has forgotten everything", async () => {
		await freehold.infer("ada/thing", { inputs });
		const forgetful = connect({ network: network.file, account: buyer, fetch: network.fetch });
		const answer = await forgetful.infer("ada/thing", { inputs });
		expect([answer.deposited, charged()]).toEqual([0n, 2n * PRICE]);
	});

	it("survives a gateway that is started again, and pays once", async () => {
		let requests = 0;
		network.interrupt = (url) => (url.pathname === "/v1/inference" && ++requests % 2 === 1 ? "down" : undefined);
		await freehold.infer("ada/thing", { inputs });
		expect([requests, charged()]).toEqual([4, PRICE]);
	});

	it("survives a ledger that is started again while it pays and after it paid", async () => {
		let refusals = 0;
		const away = (): "down" => {
			refusals++;
			return "down";
		};
		// Before the payment the balance is read, after it the keys that signed: each is refused a few times.
		let before = 2;
		let after = 2;
		network.interrupt = (url) => {
			if (url.hostname !== "rpc.invalid" || !network.asked.some((request) => request.startsWith("POST /v1/inference"))) return undefined;
			if (charged() === 0n) return before-- > 0 ? away() : undefined;
			return after-- > 0 ? away() : undefined;
		};
		const answer = await freehold.infer("ada/thing", { inputs });
		expect([answer.charge, charged(), refusals]).toEqual([PRICE, PRICE, 4]);
	});

	it("keeps an answer that is paid when the ledger is too busy for a moment to say whose key signed it", async () => {
		let refusals = 0;
		const busy = { jsonrpc: "2.0", id: 0, error: { code: -32005, message: "too many calls wait already" } };
		const patient = connect({
			network: network.file,
			account: buyer,
			fetch: async (url, init) => {
				const isPaid = charged() > 0n && new URL(url).hostname === "rpc.invalid";
				return isPaid && refusals++ < 2 ? Response.json(busy) : network.fetch(url, init);
			},
		});
		const answer = await patient.infer("ada/thing", { inputs });
		expect([answer.charge, charged(), refusals > 2]).toEqual([PRICE, PRICE, true]);
	});

	it("waits for a network that answered before when the price is to be asked again, and not for one that never did", async () => {
		let refusals = 2;
		const away = (): "down" | undefined => (refusals-- > 0 ? "down" : undefined);
		network.interrupt = away;
		await expect(freehold.infer("ada/thing", { inputs })).rejects.toMatchObject({ code: "network.down" });
		network.interrupt = undefined;
		let later = 0;
		const patient = connect({ network: network.file, account: buyer, fetch: network.fetch, now: () => Date.now() + later });
		await patient.infer("ada/thing", { inputs });
		refusals = 2;
		network.interrupt = away;
		later = 3_600_000;
		expect((await patient.infer("ada/thing", { inputs })).charge).toBe(PRICE);
		expect(refusals).toBeLessThan(0);
	});

	it("puts in what it is told to, or nothing", async () => {
		const plans: DepositPlan[] = [];
		const careful = connect({ network: network.file, account: buyer, fetch: network.fetch, deposit: (plan) => plans.push(plan) < 0 });
		await expect(careful.infer("ada/thing", { inputs })).rejects.toMatchObject({ code: "payment.insufficient" });
		expect(plans).toMatchObject([{ gateway: gatewayAddress, call: PRICE, opens: true }]);
		expect(network.channels.size).toBe(0);
		const fixed = connect({ network: network.file, account: buyer, fetch: network.fetch, deposit: 2n * OPG });
		expect((await fixed.infer("ada/thing", { inputs })).deposited).toBe(2n * OPG);
	});

	it("needs an account that holds the money", async () => {
		network.balance = OPG;
		await expect(freehold.infer("ada/thing", { inputs })).rejects.toMatchObject({ code: "payment.insufficient" });
		await expect(connect({ network: network.file, fetch: network.fetch }).infer("ada/thing", { inputs })).rejects.toMatchObject({ code: "account.required" });
	});
});

describe("asking a model refuses, before it pays,", () => {
	const refused = async (ask: Promise<unknown>, code: string): Promise<void> => {
		await expect(ask).rejects.toMatchObject({ code });
		expect(network.channels.size).toBe(0);
	};

	it("inputs that the model does not take", () => refused(freehold.infer("ada/thing", { inputs: { X: [[1, 2, 3]] } }), "engine.inputInvalid"));
	it("a price above what is allowed", () => refused(freehold.infer("ada/thing", { inputs, maxCharge: OPG }), "payment.insufficient"));
	it("a model that is not there", () => refused(freehold.infer("ada/nothing", { inputs }), "model.notFound"));

	it("a payee that is not the gateway's till", async () => {
		network.dishonest = { payTo: ada.address.toLowerCase() as Hex };
		await refused(freehold.infer("ada/thing", { inputs }), "gateway.untrusted");
	});

	it("a gateway that asks for more than price and fees make", async () => {
		const honest = network.fetch;
		const greedy = connect({
			network: network.file,
			account: buyer,
			fetch: async (url, init) => {
				const answer = await honest(url, init);
				const header = answer.headers.get("payment-required");
				if (header === null) return answer;
				const offer = JSON.parse(atob(header)) as { accepts: { amount: string }[] };
				for (const item of offer.accepts) item.amount = (BigInt(item.amount) + 1n).toString();
				return new Response("{}", { status: 402, headers: { "payment-required": btoa(JSON.stringify(offer)) } });
			},
		});
		await refused(greedy.infer("ada/thing", { inputs }), "payment.insufficient");
	});

	it("an old price that its owner has lowered since", async () => {
		const { release } = await freehold.quote("ada/thing");
		network.releases.get(release)?.prices.push({ perCall: OPG / 2n, perInputUnit: 0n, perOutputUnit: 0n });
		network.quotedVersion = 1;
		await refused(freehold.infer("ada/thing", { inputs }), "gateway.untrusted");
		const late = freehold.infer("ada/thing", { inputs });
		network.quotedVersion = 2;
		expect((await late).charge).toBe(PRICE - OPG / 2n);
	});

	it("a quote that is not the owner's price, or another release's", async () => {
		const quoteWith = (change: object) => {
			network.interrupt = (url) => {
				if (!url.pathname.startsWith("/v1/quotes")) return undefined;
				network.interrupt = undefined;
				return Response.json({ ...base, ...change });
			};
			return freehold.infer("ada/thing", { inputs });
		};
		const base = await freehold.quote("ada/thing");
		await refused(quoteWith({ owner: { ...base.owner, perCall: "1" } }), "gateway.untrusted");
		await refused(quoteWith({ inputs: [] }), "gateway.untrusted");
		await connect({ network: network.file, account: ada, fetch: network.fetch }).publish({
			name: "ada/other",
			model: linear([1, 1, 1, 1]),
			price: { perCall: OPG },
		});
		const other = await freehold.quote("ada/other");
		await refused(quoteWith({ release: other.release }), "gateway.untrusted");
	});
});

describe("an answer is not believed", () => {
	const refusedBy = async (check: string): Promise<void> => {
		await expect(freehold.infer("ada/thing", { inputs })).rejects.toMatchObject({ code: "answer.refused", detail: { check } });
	};
	const changed = (change: (answer: InferenceResponseBody) => object): void => {
		network.tamper = (answer) => ({ ...answer, ...change(answer) }) as InferenceResponseBody;
	};

	it("with other outputs than were signed", async () => {
		changed(() => ({ outputs: { Y: { dtype: "float32", shape: [1, 2], data: [0.75, 0.25] } } }));
		await refusedBy("request");
	});

	it("with a file whose answer is another", async () => {
		changed(({ receiptFile }) => ({
			receiptFile: { ...(receiptFile as object), response: { outputs: { Y: { dtype: "float32", shape: [1, 2], data: "AAAAAAAAAAA=" } } } },
		}));
		await refusedBy("answer");
	});

	it("by a node whose key the chain does not know", async () => {
		network.keys.delete([...network.keys][1] as Hex);
		await refusedBy("signed");
	});

	it("under an order of a gateway whose key the chain does not know", async () => {
		network.keys.delete(gatewayAddress);
		await refusedBy("order");
	});

	it("that charges for another price than the owner's", async () => {
		network.dishonest = { receipt: { charge: PRICE - 1n } };
		await refusedBy("price");
	});

	it("for another release, mode or request", async () => {
		network.dishonest = { order: { mode: 1 } };
		await refusedBy("request");
		network.dishonest = { order: { request: `0x${"44".repeat(32)}` } };
		await refusedBy("request");
	});

	it("that names another payer", async () => {
		network.dishonest = { order: { payer: `0x${"44".repeat(32)}` } };
		await refusedBy("payer");
	});

	it("that counts units which were not used", async () => {
		network.dishonest = { order: { maxInputUnits: 99n }, receipt: { inputUnits: 99n } };
		await refusedBy("request");
	});

	it("without a receipt", async () => {
		changed(() => ({ receiptFile: {} }));
		await refusedBy("file");
	});
});
