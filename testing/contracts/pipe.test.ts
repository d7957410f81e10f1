/** The rules of contracts that call models, one by one, on the contracts and the engine alone. `docs/concepts/contracts-that-call-models.md` says them in words. */
import { constants, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { historicalAbi, inferenceAbi, inferenceHubAbi, nodeRegistryAbi, preprocessingAbi, teeVerifierAbi, workflowSchedulerAbi } from "@freehold/contracts/abi";
import { creationCode } from "@freehold/contracts/bytecode";
import { contractAddresses } from "@freehold/protocol";
import { type Address, encodeAbiParameters, encodeFunctionData, type Hex, keccak256, toHex } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attest, type DocumentChange, enclave, REGISTERS } from "../../packages/ledger/test/attestation.js";
import { account, type Chain, OPG_UNIT, openChain, type Sent } from "./chain.js";
import { fixture } from "./fixtures.js";
import { claimableOf, creditOf, ledger, opg, publish, ROLE, register, TREASURY } from "./market.js";

const [node, other, owner, payer, pauper, oracle] = [1, 2, 3, 4, 5, 6].map(account) as [Payer, Payer, Payer, Payer, Payer, Payer];
type Payer = ReturnType<typeof account>;
const inference = { address: contractAddresses.Inference, abi: inferenceAbi } as const;
const PRICE = OPG_UNIT;
/** Owner's amount and the protocol's hundredth of it; this node asks nothing. */
const COST = (PRICE * 101n) / 100n;
const MODEL = "rules/model";

let chain: Chain;
let release: Hex;
let counter = 0;
beforeAll(async () => {
	chain = await openChain();
	for (const operator of [node, other]) {
		await register(chain, operator, ROLE.inference);
		await chain.send(operator, { ...inference, functionName: "enroll", args: [operator.address] });
	}
	({ release } = await publish(chain, owner, { name: MODEL, price: { perCall: PRICE } }));
	await prepay(payer, 1_000n * OPG_UNIT);
});
afterAll(() => chain.close());

async function prepay(who: Payer, amount: bigint): Promise<void> {
	await chain.send(who, { ...opg, functionName: "approve", args: [ledger.address, amount] });
	await chain.send(who, { ...ledger, functionName: "prepay", args: [who.address, amount] });
}
const prepaid = (who: { readonly address: Address }): bigint => chain.read({ ...ledger, functionName: "prepaidOf", args: [who.address] })[0];
const ZERO: Address = "0x0000000000000000000000000000000000000000";
const ZERO_ID: Hex = `0x${"00".repeat(32)}`;
const freshHash = (): Hex => keccak256(toHex(`transaction ${counter++}`));

interface Asked {
	readonly model?: string;
	readonly mode?: number;
	readonly value?: bigint;
}
const requestOf = ({ model = MODEL, mode = 0, value = 5n }: Asked) => ({
	mode,
	modelCID: model,
	input: { numbers: [{ name: "X", values: [{ value, decimals: 0n }], shape: [1] }], strings: [] },
});
function typesOf(side: "inputs" | "outputs") {
	const item = inferenceAbi.find((entry) => entry.type === "function" && entry.name === "runModelInference");
	if (item?.type !== "function") throw new Error("the ABI has no runModelInference");
	return item[side];
}
const OUTPUT = { numbers: [{ name: "Y", values: [{ value: 42n, decimals: 1n }], shape: [1] }], strings: [], jsons: [], is_simulation_result: false };
const encodedOutput = encodeAbiParameters(typesOf("outputs"), [OUTPUT] as never);

/** What its node would deliver. */
function delivery(transaction: Hex, asked: Asked = {}, change: object = {}) {
	const fields = {
		transaction,
		index: 0n,
		kind: 0,
		payer: payer.address,
		request: keccak256(encodeAbiParameters(typesOf("inputs"), [requestOf(asked)] as never)),
		attempt: 0,
		release,
		priceVersion: 1,
		inputUnits: 1n,
		outputUnits: 1n,
		ok: true,
		output: encodedOutput,
		operator: node.address as Address,
		...change,
	};
	return fields;
}
const operatorOf = (address: Address): Payer => (address.toLowerCase() === node.address.toLowerCase() ? node : other);

/** The call's id, as everybody computes it. */
const idOf = (whole: ReturnType<typeof delivery>): Hex => chain.read({ ...inference, functionName: "idOf", args: [whole as never] });
const open = (ids: readonly Hex[], by: Payer = node): Promise<Sent> => chain.send(by, { ...inference, functionName: "open", args: [ids, by.address] });
const drawnFor = (id: Hex, attempt = 0): Address => chain.read({ ...inference, functionName: "assigned", args: [id, attempt] });

/** One node opens the call, the drawn one delivers. Gives the id. */
async function deliver(transaction: Hex, asked: Asked = {}, change: object = {}): Promise<Hex> {
	const id = idOf(delivery(transaction, asked, change));
	await open([id]);
	const operator = operatorOf(drawnFor(id));
	const whole = delivery(transaction, asked, { operator: operator.address, ...change });
	const sent = await chain.send(operator, { ...inference, functionName: "deliver", args: [whole as never] });
	return sent.event("Delivered")["id"] as Hex;
}
const ask = async (hash: Hex, asked: Asked = {}, who: Payer = payer): Promise<Sent> => {
	const data = encodeFunctionData({ abi: inferenceAbi, functionName: "runModelInference", args: [requestOf(asked)] as never });
	const [sent] = await chain.block([{ from: who.address, to: inference.address, data, hash }]);
	return sent as Sent;
};
const passBlocks = async (count: number): Promise<void> => {
	for (let index = 0; index < count; index++) await chain.block([]);
};

describe("a result", () => {
	test("is found by the call that it was delivered for, which is charged and tells it", async () => {
		const hash = freshHash();
		const id = await deliver(hash);
		const before = prepaid(payer);
		const sent = await ask(hash);
		expect(sent.event("ModelInferenceEvent")).toMatchObject({ inferenceID: id, response: OUTPUT });
		expect(before - prepaid(payer)).toBe(COST);
		expect(chain.read({ ...inference, functionName: "resultOf", args: [id] })).toMatchObject({ state: 2 });
	});
	test("serves no other transaction, index, payer or request", async () => {
		const hash = freshHash();
		await deliver(hash);
		await expect(ask(freshHash())).rejects.toThrow("inference unavailable");
		await expect(ask(hash, { value: 6n })).rejects.toThrow("inference unavailable");
		await prepay(pauper, COST);
		await expect(ask(hash, {}, pauper)).rejects.toThrow("inference unavailable");
		const second = freshHash();
		await deliver(second, {}, { index: 1n });
		await expect(ask(second)).rejects.toThrow("inference unavailable");
	});
	test("is taken from the drawn operator only, and once", async () => {
		const hash = freshHash();
		const id = await deliver(hash);
		const assigned = chain.read({ ...inference, functionName: "resultOf", args: [id] }).call.node;
		const whole = delivery(hash, {}, { operator: assigned });
		await expect(chain.send(oracle, { ...inference, functionName: "deliver", args: [whole as never] })).rejects.toThrow("NotTheOperator");
		await open([id]);
		await expect(chain.send(operatorOf(assigned), { ...inference, functionName: "deliver", args: [whole as never] })).rejects.toThrow("AlreadyDelivered");
		const forged = { ...delivery(freshHash()), operator: oracle.address };
		await open([idOf(forged)]);
		await expect(chain.send(oracle, { ...inference, functionName: "deliver", args: [forged as never] })).rejects.toThrow("NotAssigned");
	});
	test("is taken of opened calls only, and not in the block that opens them", async () => {
		const hash = freshHash();
		const whole = delivery(hash);
		const id = idOf(whole);
		await expect(chain.send(node, { ...inference, functionName: "deliver", args: [whole as never] })).rejects.toThrow("NotOpen");
		const calldata = (functionName: "open" | "deliver", args: readonly unknown[]): Hex =>
			encodeFunctionData({ abi: inferenceAbi, functionName, args } as never);
		const opening = { from: node.address, to: inference.address, data: calldata("open", [[id], node.address]) };
		const both = [node, other].map((operator) => ({
			from: operator.address,
			to: inference.address,
			data: calldata("deliver", [{ ...whole, operator: operator.address }]),
		}));
		await expect(chain.block([opening, ...both])).rejects.toThrow("TooEarly");
	});
	test("has one draw: who opens a call again changes nothing, and the others may answer only when the drawn one had its time", async () => {
		const hash = freshHash();
		const id = idOf(delivery(hash));
		const opened = await open([id], other);
		const drawn = drawnFor(id);
		expect(opened.event("Opened")).toEqual({ id, operator: drawn });
		for (const by of [node, other]) expect((await open([id, id], by)).all("Opened")).toEqual([]);
		expect(drawnFor(id)).toBe(drawn);
		const second = operatorOf(drawnFor(id, 1));
		expect(second.address.toLowerCase()).not.toBe(drawn.toLowerCase());
		const whole = delivery(hash, {}, { operator: second.address, attempt: 1 });
		const late = () => chain.send(second, { ...inference, functionName: "deliver", args: [whole as never] });
		await expect(late()).rejects.toThrow("TooEarly");
		chain.advance(14);
		await expect(late()).rejects.toThrow("TooEarly");
		chain.advance(1);
		expect((await late()).event("Delivered")).toMatchObject({ id });
	});
	test("is drawn by what its opening's block brings, which nobody knows before", async () => {
		const drawn = new Set<string>();
		for (let index = 0; index < 24 && drawn.size < 2; index++) {
			const id = idOf(delivery(freshHash()));
			await open([id]);
			drawn.add(drawnFor(id).toLowerCase());
		}
		expect([...drawn].sort()).toEqual([node, other].map(({ address }) => address.toLowerCase()).sort());
		// The same call, opened in two blocks that differ in nothing but their randomness.
		const id = freshHash();
		const found = new Set<string>();
		for (let index = 0; index < 24 && found.size < 2; index++) {
			chain.randomness(index);
			await open([id]);
			found.add(drawnFor(id).toLowerCase());
			chain.advance(121);
			expect(drawnFor(id)).toBe(ZERO);
		}
		expect(found.size).toBe(2);
		chain.randomness(0);
	});
	test("of an opening that is void, or of a fourth attempt, is refused; what is void can be opened again, and is forgotten", async () => {
		const hash = freshHash();
		const whole = delivery(hash, {}, { attempt: 3 });
		const id = idOf(whole);
		await open([id]);
		chain.advance(60);
		await expect(chain.send(node, { ...inference, functionName: "deliver", args: [whole as never] })).rejects.toThrow("NotAssigned");
		chain.advance(61);
		await expect(chain.send(node, { ...inference, functionName: "deliver", args: [{ ...whole, attempt: 0 } as never] })).rejects.toThrow("NotOpen");
		await chain.send(payer, { ...inference, functionName: "settle", args: [[id]] });
		expect((await open([id])).all("Opened")).toHaveLength(1);
	});
	test("is opened by enrolled operators, and the turns to open pass through the list", async () => {
		const id = freshHash();
		await expect(open([id], oracle)).rejects.toThrow("NotEnrolled");
		await expect(chain.send(payer, { ...inference, functionName: "open", args: [[id], node.address] })).rejects.toThrow("NotTheOperator");
		await expect(open(Array.from({ length: 65 }, freshHash))).rejects.toThrow("TooManyOpened");
		const turns = [0n, 1n].map((turn) => chain.read({ ...inference, functionName: "opener", args: [id, turn] }).toLowerCase());
		expect(turns.sort()).toEqual([node, other].map(({ address }) => address.toLowerCase()).sort());
		expect(chain.read({ ...inference, functionName: "openingOf", args: [id] })).toMatchObject({ operator: ZERO, openedAt: 0 });
	});
	test("that is too long, that is none, or that calls itself a simulation is refused", async () => {
		await expect(deliver(freshHash(), {}, { output: `0x${"00".repeat(8_193)}` })).rejects.toThrow("ResultTooLarge");
		await expect(deliver(freshHash(), {}, { output: "0x1234" })).rejects.toThrow();
		const simulated = encodeAbiParameters(typesOf("outputs"), [{ ...OUTPUT, is_simulation_result: true }] as never);
		await expect(deliver(freshHash(), {}, { output: simulated })).rejects.toThrow("SimulationResult");
	});
	test("of another release than the one that was asked is of no use", async () => {
		const { release: foreign } = await publish(chain, owner, { name: "rules/foreign", price: { perCall: 1n } });
		const hash = freshHash();
		await deliver(hash, {}, { release: foreign });
		await expect(ask(hash)).rejects.toThrow("inference unavailable");
		const named = freshHash();
		await deliver(named, { model: `${MODEL}@1.0` });
		expect((await ask(named, { model: `${MODEL}@1.0` })).all("ModelInferenceEvent")).toHaveLength(1);
		const byId = freshHash();
		await deliver(byId, { model: release });
		expect((await ask(byId, { model: release })).all("ModelInferenceEvent")).toHaveLength(1);
	});
	test("at a price that is not in force is refused", async () => {
		await expect(deliver(freshHash(), {}, { priceVersion: 2 })).rejects.toThrow("PriceNotInForce");
	});
	test("expires after 128 blocks, and its storage is freed without a charge", async () => {
		const hash = freshHash();
		const id = await deliver(hash);
		await chain.send(other, { ...inference, functionName: "settle", args: [[id]] });
		expect(chain.read({ ...inference, functionName: "resultOf", args: [id] })).toMatchObject({ state: 1 });
		await passBlocks(129);
		const before = prepaid(payer);
		await expect(ask(hash)).rejects.toThrow("inference unavailable");
		const sent = await chain.send(other, { ...inference, functionName: "settle", args: [[id]] });
		expect(sent.event("Settled")).toEqual({ id, paid: false });
		expect(chain.read({ ...inference, functionName: "resultOf", args: [id] })).toMatchObject({ state: 0, output: "0x" });
		expect(prepaid(payer)).toBe(before);
	});
	test("that is a refusal reverts with its reason, and is free", async () => {
		const hash = freshHash();
		await deliver(hash, {}, { ok: false, output: toHex("the input has the wrong shape") });
		const before = prepaid(payer);
		await expect(ask(hash)).rejects.toThrow("inference failed: the input has the wrong shape");
		expect(prepaid(payer)).toBe(before);
	});
});

describe("money", () => {
	test("is divided like any call's when it is settled", async () => {
		const hash = freshHash();
		const id = await deliver(hash);
		await ask(hash);
		const before = [claimableOf(chain, owner.address), creditOf(chain, TREASURY)];
		const sent = await chain.send(other, { ...inference, functionName: "settle", args: [[id]] });
		expect(sent.event("LinePaid")).toMatchObject({ gateway: expect.stringMatching(/f4$/i), release, calls: 1n, ownerAmount: PRICE, protocolFee: PRICE / 100n });
		expect(claimableOf(chain, owner.address) - (before[0] ?? 0n)).toBe(PRICE);
		expect(creditOf(chain, TREASURY) - (before[1] ?? 0n)).toBe(PRICE / 100n);
		await chain.send(other, { ...inference, functionName: "settle", args: [[id]] });
		expect(claimableOf(chain, owner.address) - (before[0] ?? 0n)).toBe(PRICE);
	});
	test("is settled for a bounded number of results at a time", async () => {
		const ids = Array.from({ length: 65 }, freshHash);
		await expect(chain.send(other, { ...inference, functionName: "settle", args: [ids] })).rejects.toThrow("TooManySettled");
	});
	test("is never more for a call than the cap of who asks", async () => {
		const hash = freshHash();
		await deliver(hash);
		const capped = await chain.send(payer, { ...ledger, functionName: "setCap", args: [COST - 1n] });
		expect(capped.event("CapSet")).toEqual({ account: payer.address, cap: COST - 1n });
		await expect(ask(hash)).rejects.toThrow("inference costs more than the caller's cap");
		await chain.send(payer, { ...ledger, functionName: "setCap", args: [COST] });
		expect((await ask(hash)).all("ModelInferenceEvent")).toHaveLength(1);
	});
	test("is taken back only after a notice, and what was charged meanwhile is gone", async () => {
		await chain.send(payer, { ...opg, functionName: "approve", args: [ledger.address, COST] });
		const filled = await chain.send(payer, { ...ledger, functionName: "prepay", args: [oracle.address, COST] });
		expect(filled.event("PrepaidAdded")).toEqual({ account: oracle.address, from: payer.address, amount: COST });
		await expect(chain.send(oracle, { ...ledger, functionName: "withdrawPrepaid", args: [oracle.address] })).rejects.toThrow("NoNotice");
		const noticed = await chain.send(oracle, { ...ledger, functionName: "noticePrepaid", args: [COST * 9n] });
		expect(noticed.event("PrepaidNotice")).toMatchObject({ account: oracle.address, amount: COST * 9n });
		await expect(chain.send(oracle, { ...ledger, functionName: "withdrawPrepaid", args: [oracle.address] })).rejects.toThrow("NoticeTooEarly");
		chain.advance(601);
		const before = chain.balance(oracle.address);
		const taken = await chain.send(oracle, { ...ledger, functionName: "withdrawPrepaid", args: [oracle.address] });
		expect(taken.event("PrepaidWithdrawn")).toEqual({ account: oracle.address, to: oracle.address, amount: COST });
		expect(chain.balance(oracle.address) - before).toBe(COST);
		expect(prepaid(oracle)).toBe(0n);
	});
	test("is charged by the protocol alone", async () => {
		await expect(chain.send(payer, { ...ledger, functionName: "chargePrepaid", args: [payer.address, 1n] })).rejects.toThrow("NotInference");
		await expect(chain.send(payer, { ...inference, functionName: "afterTransaction", args: [[]] })).rejects.toThrow("NotTheProtocol");
		const request = requestOf({}) as never;
		await expect(chain.send(pauper, { ...inference, functionName: "runModelInferenceFor", args: [payer.address, request] })).rejects.toThrow(
			"NotAProtocolContract",
		);
	});
});

describe("language models", () => {
	const hub = { address: contractAddresses.InferenceHub, abi: inferenceHubAbi } as const;
	const common = { mode: 0, modelCID: MODEL, max_tokens: 8, stop_sequence: [], temperature: 0 };
	const completion = { ...common, prompt: "Once" };
	const message = { role: "user", content: "Hello", name: "", tool_call_id: "", tool_calls: [] };
	const chat = { ...common, messages: [message], tools: [], tool_choice: "none" };
	const said = { finish_reason: "stop", message: { ...message, role: "assistant", content: "Good day" } };
	const kinds = [
		["runLLMCompletion", 1, completion, { answer: "upon a time" }, "LLMCompletionEvent", "LLMCompletionResult"],
		["runLLMChat", 2, chat, said, "LLMChat", "LLMChatResult"],
	] as const;
	const sidesOf = (name: string) => {
		const item = inferenceAbi.find((entry) => entry.type === "function" && entry.name === name);
		if (item?.type !== "function") throw new Error(`the ABI has no ${name}`);
		return item;
	};
	test.each(kinds)("are asked by %s, directly and by the hub, which tells the answer too", async (name, kind, request, answer, asked, told) => {
		const { inputs, outputs } = sidesOf(name);
		const change = { kind, request: keccak256(encodeAbiParameters(inputs, [request] as never)), output: encodeAbiParameters(outputs, [answer] as never) };
		for (const [target, abi] of [[inference.address, inferenceAbi] as const, [hub.address, inferenceHubAbi] as const]) {
			const hash = freshHash();
			await deliver(hash, {}, change);
			const before = prepaid(payer);
			const data = encodeFunctionData({ abi, functionName: name, args: [request] as never } as never);
			const [sent] = (await chain.block([{ from: payer.address, to: target, data, hash }])) as [Sent];
			expect(sent.event(asked)).toMatchObject({ request, response: answer });
			expect(sent.all(told).map(Object.values)).toMatchObject(target === hub.address ? [[answer]] : []);
			expect(before - prepaid(payer)).toBe(COST);
		}
	});
	test("models of the other kind are told by the hub's own event", async () => {
		const hash = freshHash();
		await deliver(hash);
		const { mode, modelCID, input } = requestOf({});
		const data = encodeFunctionData({ abi: inferenceHubAbi, functionName: "run", args: [modelCID, mode, input] as never });
		const [sent] = (await chain.block([{ from: payer.address, to: hub.address, data, hash }])) as [Sent];
		expect(sent.event("InferenceResult")).toMatchObject({ output: OUTPUT });
	});
	test("cannot be given what is no answer of theirs", async () => {
		const [, , request] = kinds[0];
		const change = { kind: 1, request: keccak256(encodeAbiParameters(sidesOf("runLLMCompletion").inputs, [request] as never)), output: "0x1234" };
		await expect(deliver(freshHash(), {}, change)).rejects.toThrow();
	});
});

describe("candles", () => {
	const historical = { address: contractAddresses.Historical, abi: historicalAbi } as const;
	const candle = (close: bigint) => ({ high: 9n, low: 1n, open: 2n, close, volume: 0n });
	test("are taken from a bonded oracle, for intervals that have ended, and stand as they were published first", async () => {
		const slot = BigInt(Math.floor(chain.time / 60) - 2);
		const publishing = (candles: readonly object[], first = slot) =>
			chain.send(oracle, { ...historical, functionName: "publish", args: ["ETH", "USD", 1, first, candles] as never });
		await expect(publishing([candle(4n)])).rejects.toThrow("not an active oracle");
		await register(chain, oracle, ROLE.oracle);
		await expect(publishing([candle(4n)], slot + 5n)).rejects.toThrow("interval has not ended");
		await expect(publishing([{ ...candle(4n), high: 3n }])).rejects.toThrow("candle");
		expect((await publishing([candle(4n)])).event("CandlesPublished")).toMatchObject({ oracle: oracle.address, base: "ETH", firstSlot: slot });
		await publishing([candle(5n)]);
		const query = { base: "ETH", quote: "USD", total_candles: 1, candle_duration_in_mins: 1, order: 0, candle_types: [3] };
		expect(chain.read({ ...historical, functionName: "queryHistoricalCandles", args: [query] })).toEqual([{ value: 4n, decimals: 8n }]);
	});
});

describe("a call that changes nothing", () => {
	test("gets an empty answer that says so", () => {
		const answer = chain.read({ ...inference, functionName: "runModelInference", args: [requestOf({}) as never], from: payer.address });
		expect(answer).toEqual({ numbers: [], strings: [], jsons: [], is_simulation_result: true });
	});
	test("fails with the reason where a transaction surely would", async () => {
		const attempt = (asked: Asked, from: Address) => () =>
			chain.read({ ...inference, functionName: "runModelInference", args: [requestOf(asked) as never], from });
		expect(attempt({ model: "no/model" }, payer.address)).toThrow("unknown model");
		expect(attempt({ model: "rules/model@7.0" }, payer.address)).toThrow("unknown model");
		expect(attempt({ mode: 1 }, payer.address)).toThrow("inference mode is not offered");
		expect(attempt({}, account(9).address)).toThrow("prepaid balance is too small");
	});
});

describe("the list of nodes", () => {
	test("takes bonded operators of the role, each once, and lets anyone strike those without a bond", async () => {
		await expect(chain.send(oracle, { ...inference, functionName: "enroll", args: [oracle.address] })).rejects.toThrow("NotActive");
		await expect(chain.send(node, { ...inference, functionName: "enroll", args: [node.address] })).rejects.toThrow("AlreadyEnrolled");
		await expect(chain.send(payer, { ...inference, functionName: "evict", args: [node.address] })).rejects.toThrow("StillActive");
		await expect(chain.send(payer, { ...inference, functionName: "withdraw", args: [node.address] })).rejects.toThrow("NotTheOperator");
		const left = await chain.send(other, { ...inference, functionName: "withdraw", args: [other.address] });
		expect(left.event("Left")).toEqual({ operator: other.address });
		expect(chain.read({ ...inference, functionName: "nodes" })).toEqual([node.address]);
		await expect(chain.send(other, { ...inference, functionName: "withdraw", args: [other.address] })).rejects.toThrow("NotEnrolled");
		const back = await chain.send(other, { ...inference, functionName: "enroll", args: [other.address] });
		expect(back.event("Enrolled")).toEqual({ operator: other.address });
	});
});

test("the list of nodes has an end, and nothing is opened when nobody in it is active", async () => {
	const small = await openChain();
	try {
		const registry = { address: contractAddresses.NodeRegistry, abi: nodeRegistryAbi } as const;
		await register(small, node, ROLE.inference);
		await small.send(node, { ...inference, functionName: "enroll", args: [node.address] });
		await small.send(node, { ...registry, functionName: "setRoles", args: [ROLE.storage] });
		await expect(small.send(node, { ...inference, functionName: "open", args: [[freshHash()], node.address] })).rejects.toThrow("NobodyActive");
		expect((await small.send(payer, { ...inference, functionName: "evict", args: [node.address] })).event("Left")).toEqual({ operator: node.address });
		for (let index = 0; index <= 256; index++) {
			const operator = { address: toHex(0xabc000 + index, { size: 20 }) };
			await small.send(payer, { ...opg, functionName: "transfer", args: [operator.address, 1_000n * OPG_UNIT] });
			await register(small, operator, ROLE.inference);
			const enrolling = small.send(operator, { ...inference, functionName: "enroll", args: [operator.address] });
			if (index < 256) expect((await enrolling).all("Enrolled")).toHaveLength(1);
			else await expect(enrolling).rejects.toThrow("TooManyNodes");
		}
	} finally {
		small.close();
	}
});

describe("preprocessing", () => {
	const preprocessing = { address: contractAddresses.Preprocessing, abi: preprocessingAbi } as const;
	const list = (...values: number[]) => values.map((value) => ({ value: BigInt(Math.round(value * 100)), decimals: 2n }));
	const value = ({ value: digits, decimals }: { readonly value: bigint; readonly decimals: bigint }) => Number(digits) / 10 ** Number(decimals);
	test("computes what its names say", () => {
		const x = list(1, 2, 3, 4.5, -1);
		for (const [name, expected] of [
			["min", -1],
			["max", 4.5],
			["mean", 1.9],
			["median", 2],
			["variance", 3.44],
			["stdDev", Math.sqrt(3.44)],
		] as const)
			expect(value(chain.read({ ...preprocessing, functionName: name, args: [x] })), name).toBeCloseTo(expected, 12);
		expect(chain.read({ ...preprocessing, functionName: "normalize", args: [x] }).map(value)[3]).toBe(1);
		expect(chain.read({ ...preprocessing, functionName: "standardize", args: [x] }).map(value)[0]).toBeCloseTo((1 - 1.9) / Math.sqrt(3.44), 12);
		expect(value(chain.read({ ...preprocessing, functionName: "correlation", args: [list(1, 2, 3), list(2, 4, 6)] }))).toBeCloseTo(1, 12);
		expect(value(chain.read({ ...preprocessing, functionName: "correlation", args: [list(1, 2, 3), list(3, 2, 1)] }))).toBeCloseTo(-1, 12);
	});
	test("refuses what has no result", () => {
		expect(() => chain.read({ ...preprocessing, functionName: "mean", args: [[]] })).toThrow("number of values");
		expect(() => chain.read({ ...preprocessing, functionName: "standardize", args: [list(2, 2)] })).toThrow("values are all equal");
		expect(() => chain.read({ ...preprocessing, functionName: "correlation", args: [list(1), list(1, 2)] })).toThrow("lists differ in length");
		expect(() => chain.read({ ...preprocessing, functionName: "mean", args: [[{ value: 2n ** 126n, decimals: 0n }]] })).toThrow("number is too large");
	});
});

describe("the scheduler", () => {
	const scheduler = { address: contractAddresses.WorkflowScheduler, abi: workflowSchedulerAbi } as const;
	const target: Address = "0x00000000000000000000000000000000000000ab";
	const end = (): bigint => BigInt(chain.time + 1_000);
	test("keeps a task for each user and contract, in OpenGradient's words", async () => {
		const send = (who: Payer, functionName: "registerTask" | "updateTask" | "stopTask", args: readonly unknown[]) =>
			chain.send(who, { ...scheduler, functionName, args: args as never });
		await expect(send(payer, "registerTask", [target, BigInt(chain.time), 60n])).rejects.toThrow("End time must be in the future");
		await expect(send(payer, "registerTask", [target, end(), 0n])).rejects.toThrow("Frequency must be greater than 0");
		const task = { user: payer.address, contractAddress: expect.stringMatching(/ab$/i) };
		expect((await send(payer, "registerTask", [target, end(), 60n])).event("TaskRegistered")).toMatchObject({ ...task, frequency: 60n });
		await expect(send(payer, "registerTask", [target, end(), 60n])).rejects.toThrow("Task already exists");
		await send(other, "registerTask", [target, end(), 90n]);
		await expect(send(node, "stopTask", [target])).rejects.toThrow("Task does not exist or unauthorized");
		expect((await send(payer, "updateTask", [target, end(), 30n])).event("TaskUpdated")).toMatchObject({ ...task, frequency: 30n });
		expect((await send(other, "stopTask", [target])).event("TaskStopped")).toMatchObject({ ...task, user: other.address });
		expect(chain.read({ ...scheduler, functionName: "getAllTasks" })).toEqual([
			{ user: payer.address, contractAddress: expect.stringMatching(/ab$/i), endTime: end(), frequency: 30n },
		]);
	});
	test("pays whoever calls what is due, from what the task was funded with, and gives the rest back", async () => {
		const runner = await chain.deploy(payer, fixture("Runner"), [0]);
		await chain.send(payer, { ...scheduler, functionName: "registerTask", args: [runner, BigInt(chain.time + 500), 60n] });
		const id = chain.read({ ...scheduler, functionName: "idOf", args: [payer.address, runner] });
		await chain.send(other, { ...opg, functionName: "approve", args: [scheduler.address, OPG_UNIT] });
		await expect(chain.send(other, { ...scheduler, functionName: "fund", args: [ZERO_ID, 1n] })).rejects.toThrow("Task does not exist");
		expect((await chain.send(other, { ...scheduler, functionName: "fund", args: [id, OPG_UNIT] })).event("TaskFunded")).toMatchObject({ id, amount: OPG_UNIT });
		const due = () => chain.read({ ...scheduler, functionName: "dueTasks", args: [0n, 100n] });
		const execute = (fee = 7n) => chain.send(oracle, { ...scheduler, functionName: "execute", args: [id], fee, baseFee: 5n });
		expect(due()).toContain(id);
		const before = chain.balance(oracle.address);
		const ran = await execute();
		const { paid } = ran.event("TaskExecuted") as { readonly paid: bigint };
		expect(ran.event("TaskExecuted")).toMatchObject({ id, executor: oracle.address, ok: true });
		expect(chain.balance(oracle.address) - before).toBe(paid - ran.gasUsed * 7n);
		expect(paid).toBeGreaterThan((ran.gasUsed * 7n * 12n) / 10n);
		expect(paid).toBeLessThan((ran.gasUsed * 7n * 3n) / 1n);
		expect(chain.storage(runner, ZERO_ID)).toBe(1n);
		expect(due()).not.toContain(id);
		await expect(execute()).rejects.toThrow("NotDue");
		chain.advance(60);
		// A price above two base fees is paid as two base fees.
		const dear = (await execute(1_000n)).event("TaskExecuted") as { readonly paid: bigint };
		expect(dear.paid).toBeLessThan(paid * 2n);
		expect(chain.read({ ...scheduler, functionName: "executionOf", args: [id] })).toMatchObject({ runs: 2n, purse: OPG_UNIT - paid - dear.paid });
		await expect(chain.send(oracle, { ...scheduler, functionName: "removeEnded", args: [id] })).rejects.toThrow("NotEnded");
		chain.advance(441);
		await expect(execute()).rejects.toThrow("NotDue");
		const had = chain.balance(payer.address);
		await chain.send(oracle, { ...scheduler, functionName: "removeEnded", args: [id] });
		expect(chain.balance(payer.address) - had).toBe(OPG_UNIT - paid - dear.paid);
	});
	test("counts a run that fails, pays no premium for it, and nothing for too little gas; a run cannot stop itself", async () => {
		const fails = await chain.deploy(payer, fixture("Runner"), [1]);
		const burns = await chain.deploy(payer, fixture("Runner"), [2]);
		const idOfTask = (target: Address): Hex => chain.read({ ...scheduler, functionName: "idOf", args: [payer.address, target] });
		for (const target of [fails, burns]) {
			await chain.send(payer, { ...scheduler, functionName: "registerTask", args: [target, end(), 60n] });
			await chain.send(payer, { ...opg, functionName: "approve", args: [scheduler.address, OPG_UNIT] });
			await chain.send(payer, { ...scheduler, functionName: "fund", args: [idOfTask(target), OPG_UNIT] });
		}
		const failed = await chain.send(oracle, { ...scheduler, functionName: "execute", args: [idOfTask(fails)], fee: 5n, baseFee: 5n });
		const { ok, paid } = failed.event("TaskExecuted") as { readonly ok: boolean; readonly paid: bigint };
		expect(ok).toBe(false);
		expect(paid).toBeLessThan(failed.gasUsed * 5n + 70_000n * 5n);
		await expect(chain.send(oracle, { ...scheduler, functionName: "execute", args: [idOfTask(burns)] })).rejects.toThrow("TooLittleGas");
		expect(chain.read({ ...scheduler, functionName: "executionOf", args: [idOfTask(burns)] })).toMatchObject({ runs: 0n, purse: OPG_UNIT });
		// A task whose contract is the scheduler's own user, and whose run stops it.
		const quits = await chain.deploy(payer, fixture("Runner"), [3]);
		await chain.transact(payer.address, { to: quits, data: "0x01" });
		const own = chain.read({ ...scheduler, functionName: "idOf", args: [quits, quits] });
		const ended = await chain.send(oracle, { ...scheduler, functionName: "execute", args: [own] });
		expect(ended.event("TaskExecuted")).toMatchObject({ ok: false });
		expect(chain.read({ ...scheduler, functionName: "isDue", args: [own] })).toBe(false);
		expect(chain.read({ ...scheduler, functionName: "executionOf", args: [own] })).toMatchObject({ runs: 1n });
	});
});

describe("answers without a transaction", () => {
	const answer = { operator: node.address, release: "0x" as Hex, priceVersion: 1, inputUnits: 1n, outputUnits: 1n };
	const pay = (who: Payer, count = 1, change: object = {}): Promise<Sent> =>
		chain.send(who, { ...inference, functionName: "payLive", args: [Array.from({ length: count }, () => ({ ...answer, release, ...change }))] as never });
	const paidBy = (who: Payer): bigint => chain.read({ ...inference, functionName: "livePaid", args: [who.address, node.address] });

	test("are paid by who says so, at the price of the moment, to owner, node and treasury", async () => {
		const [before, earned, protocol] = [prepaid(payer), claimableOf(chain, owner.address), creditOf(chain, TREASURY)];
		const sent = await pay(payer, 3);
		const told = { payer: payer.address, operator: node.address, release, price: COST };
		expect(sent.all("LivePaid")).toMatchObject([told, told, told]);
		expect(before - prepaid(payer)).toBe(3n * COST);
		expect(claimableOf(chain, owner.address) - earned).toBe(3n * PRICE);
		expect(creditOf(chain, TREASURY) - protocol).toBe(3n * (COST - PRICE));
		expect([paidBy(payer), paidBy(other)]).toEqual([3n, 0n]);
		expect(sent.all("LinePaid")).toHaveLength(3);
	});
	test("cost nobody anything who has no balance for them, and are bounded by the payer's cap", async () => {
		await expect(pay(oracle)).rejects.toThrow("prepaid balance is too small");
		await prepay(oracle, 2n * COST);
		await expect(pay(oracle, 3)).rejects.toThrow("prepaid balance is too small");
		expect(prepaid(oracle)).toBe(2n * COST);
		await chain.send(oracle, { ...ledger, functionName: "setCap", args: [COST - 1n] });
		await expect(pay(oracle)).rejects.toThrow("inference costs more than the caller's cap");
		await expect(pay(payer, 1, { priceVersion: 2 })).rejects.toThrow("PriceNotInForce");
		await expect(pay(payer, 65)).rejects.toThrow("TooManyLive");
	});
	test("are presumed by the protocol alone", async () => {
		const args = [freshHash(), delivery(freshHash())] as never;
		for (const who of [node, payer]) await expect(chain.send(who, { ...inference, functionName: "presume", args })).rejects.toThrow("NotTheProtocol");
	});
});

describe("signatures of machines", () => {
	const verifier = { address: contractAddresses.TeeVerifier, abi: teeVerifierAbi } as const;
	const message = Buffer.alloc(32, 7);
	const verify = (key: Buffer, signature: Buffer, hash = message): boolean =>
		chain.read({ ...verifier, functionName: "verifyRSAPSS", args: [toHex(key), toHex(hash), toHex(signature)] });
	const keysOf = (bits: number) => {
		const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: bits });
		return { spki: publicKey.export({ type: "spki", format: "der" }), privateKey };
	};
	const pss = (privateKey: KeyObject, saltLength: number, hash = "sha256"): Buffer =>
		sign(hash, message, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
	test.each([2_048, 2_049, 3_072, 4_096])("of %d bits are verified with a salt of 32 bytes, and with no other", (bits) => {
		const { spki, privateKey } = keysOf(bits);
		const signature = pss(privateKey, 32);
		expect(verify(spki, signature)).toBe(true);
		expect(verify(spki, signature, Buffer.alloc(32, 8))).toBe(false);
		expect(verify(spki, pss(privateKey, 20))).toBe(false);
		expect(verify(spki, pss(privateKey, 32, "sha384"))).toBe(false);
		expect(verify(spki, sign("sha256", message, privateKey))).toBe(false);
	});
	test("that were changed anywhere, or whose key is none, are false and never a revert", () => {
		const { spki, privateKey } = keysOf(2_048);
		const signature = pss(privateKey, 32);
		for (let at = 0; at < signature.length; at += 37) {
			const changed = Buffer.from(signature);
			changed[at] = (changed[at] ?? 0) ^ 1;
			expect(verify(spki, changed), `byte ${at}`).toBe(false);
		}
		for (let at = 0; at < 36; at++) {
			const changed = Buffer.from(spki);
			changed[at] = (changed[at] ?? 0) ^ 1;
			expect(verify(changed, signature), `key byte ${at}`).toBe(false);
		}
		const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
		for (const key of [Buffer.alloc(0), spki.subarray(0, 100), Buffer.concat([spki, Buffer.alloc(1)]), publicKey.export({ type: "spki", format: "der" })])
			expect(verify(key, signature)).toBe(false);
		expect(verify(spki, signature.subarray(1))).toBe(false);
		expect(verify(keysOf(1_024).spki, signature.subarray(128))).toBe(false);
	});
	test("stand beside attestation documents, which the core judges at the block's time and under the root that is given", () => {
		const machine = enclave(chain.time);
		const read = (change: DocumentChange = {}) =>
			chain.read({ ...verifier, functionName: "verifyAttestation", args: attest(machine, change).map((bytes) => toHex(bytes)) as never });
		expect(read()).toEqual([true, keccak256(Buffer.concat(REGISTERS))]);
		expect(read({ fields: { timestamp: (chain.time - 400) * 1_000 } })).toEqual([false, `0x${"00".repeat(32)}`]);
		expect(read({ root: () => Buffer.alloc(0) })).toEqual([false, `0x${"00".repeat(32)}`]);
	});
	test("are not judged by the contract's own code, which says so where it stands elsewhere", async () => {
		const address = await chain.deploy(payer, { abi: teeVerifierAbi, bytecode: creationCode.TeeVerifier });
		const judge = () => chain.read({ address, abi: teeVerifierAbi, functionName: "verifyAttestation", args: ["0x", "0x", "0x", "0x"] });
		expect(judge).toThrow("AttestationNeedsTheCore");
	});
});
