import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
	batchRoot,
	canonicalJson,
	commit,
	commitTensors,
	type EngineDescription,
	engineDigest,
	fromHex,
	type HeartbeatBody,
	type Hex,
	leafNode,
	type Order,
	parseTensors,
	type Receipt,
	receiptDigest,
	receiptShape,
	type Tensors,
	tensorElements,
	tensorFromElements,
	toHex,
	utf8,
} from "@freehold/protocol";
import { contracts } from "@freehold/sdk/chain";
import { nativeCrypto } from "@freehold/service";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, type RunningProgram } from "../journey/programs.js";
import { allocationBomb, linear } from "../onnx/models.js";
import { account, ask, CHAIN_ID, type DraftedOrder, draftOrder, type Market, NODE_FEE, OPG, openMarket, SALT, untilReady } from "./market.js";

const PER_CALL = 2n * OPG;
const price = { perCall: PER_CALL, perInputUnit: 1_000n, perOutputUnit: 30n };
const X = (...values: number[]): Tensors => ({ X: tensorFromElements("float32", [values.length / 2, 2], values) });

interface Answer {
	readonly receipt: Receipt;
	readonly receiptSignature: Hex;
	readonly engine: EngineDescription;
	readonly outputs: Tensors;
}

function read(text: string): Answer {
	const { receipt, receiptSignature, engine, outputs } = JSON.parse(text) as {
		receipt: unknown;
		receiptSignature: Hex;
		engine: EngineDescription;
		outputs: unknown;
	};
	return { receipt: receiptShape.read(receipt, "receipt"), receiptSignature, engine, outputs: parseTensors(outputs) };
}

let market: Market;
let node: RunningProgram;
let release: Hex;
let hub: { readonly url: string; readonly beats: HeartbeatBody[]; readonly close: () => Promise<void> };

beforeAll(async () => {
	market = await openMarket();
	hub = await openHub();
	release = await market.publish("acme/linear", linear(), price);
	await market.bondGateway("gateway", 50_000n * OPG);
	await market.bondGateway("smallGateway", 100n * OPG);
	node = await market.startNode({ "hub-url": hub.url, heartbeat: "100ms" });
	await untilReady(node.url);
}, 120_000);

afterAll(async () => {
	await market?.stop();
	await hub?.close();
});

describe("a node", () => {
	it("joins by itself: bond, role, endpoint, key and fee are in the registry", async () => {
		const operator = account("node").address;
		const record = await market.client.read(contracts.NodeRegistry, "operatorOf", [operator]);
		expect(record).toMatchObject({ bond: 500n * OPG, roles: 1, endpoint: node.url, nodeFee: NODE_FEE });
		expect(await market.client.read(contracts.NodeRegistry, "isActive", [operator, 1])).toBe(true);
		expect((await market.client.read(contracts.NodeRegistry, "keyInterval", [operator, operator])).validFrom).toBeGreaterThan(0n);
	});

	it("tells hubs that it lives and what it has at hand, signed", async () => {
		const { heartbeat, signature } = await eventually(
			async () => hub.beats.find((beat) => beat.heartbeat.releases.includes(release)),
			"a heartbeat with the release",
		);
		expect(heartbeat).toMatchObject({ operator: account("node").address, role: "inference", endpoint: node.url });
		const message = utf8(canonicalJson(heartbeat));
		const digest = nativeCrypto.keccak256(Buffer.concat([utf8(`\u0019Ethereum Signed Message:\n${message.length}`), message]));
		expect(toHex(nativeCrypto.recover(digest, fromHex(signature)) ?? new Uint8Array())).toBe(account("node").address);
	});

	it.each(["fast", "bit-exact"] as const)("answers an order in mode %s with a receipt that holds in every field", async (mode) => {
		const inputs = X(1, 2, 3, 4, 5, 6);
		const drafted = draftOrder({ release, inputs, mode, reference: mode === "fast" ? 10 : 11 });
		const reply = await ask(node.url, drafted);
		expect(reply).toMatchObject({ status: 200 });
		const { receipt, receiptSignature, engine, outputs } = read(reply.text);
		expect(outputs["Y"] === undefined ? [] : tensorElements(outputs["Y"])).toEqual([7.5, 9.5, 15.5, 21.5, 23.5, 33.5]);
		const signer = nativeCrypto.recover(fromHex(receiptDigest(receipt, CHAIN_ID)), fromHex(receiptSignature));
		expect(toHex(signer ?? new Uint8Array())).toBe(account("node").address);
		expect(receipt).toMatchObject({
			order: drafted.digest,
			response: commit({ kind: "inference", version: 1, outputs: commitTensors(outputs) }, SALT),
			engine: engineDigest(engine),
			inputUnits: 6n,
			outputUnits: 6n,
			charge: PER_CALL + 6n * 1_000n + 6n * 30n + NODE_FEE + OPG / 100n,
		});
		expect(receipt.startedAt <= receipt.finishedAt && receipt.finishedAt <= drafted.order.deadline).toBe(true);
		expect(engine.name).toBe(mode === "fast" ? "onnxruntime-node" : "onnxruntime-web");
	});

	it("gives the same order the same answer, asked at once, later, and after kill -9", async () => {
		const drafted = draftOrder({ release, inputs: X(1, 1), reference: 20 });
		const replies = await Promise.all([ask(node.url, drafted), ask(node.url, drafted), ask(node.url, drafted)]);
		expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
		await node.kill();
		node = await market.startNode({ "hub-url": hub.url, heartbeat: "100ms", port: new URL(node.url).port });
		await untilReady(node.url);
		expect(await ask(node.url, drafted)).toEqual(replies[0]);
	});

	it("refuses another order under a call id that it has answered", async () => {
		const first = draftOrder({ release, inputs: X(1, 1), reference: 21 });
		expect((await ask(node.url, first)).status).toBe(200);
		const other = draftOrder({ release, inputs: X(1, 1), reference: 21, change: (order) => ({ ...order, callId: first.order.callId, gatewayFee: 0n }) });
		expect((await ask(node.url, other)).code).toBe("order.conflict");
	});

	const refusals: [what: string, code: string, draft: () => DraftedOrder, words: RegExp][] = [
		[
			"for another node",
			"order.invalid",
			() => draftOrder({ release, inputs: X(1, 1), change: (order) => ({ ...order, node: account("stranger").address }) }),
			/order\.node/,
		],
		["of a gateway without a bond", "order.invalid", () => draftOrder({ release, inputs: X(1, 1), by: "stranger" }), /no gateway with a bond/],
		["signed by another key", "order.invalid", () => draftOrder({ release, inputs: X(1, 1), signedBy: "stranger" }), /not by a valid key/],
		["whose deadline has passed", "order.expired", () => draftOrder({ release, inputs: X(1, 1), change: (order) => ({ ...order, deadline: 1n }) }), /deadline/],
		[
			"whose deadline is out of sight",
			"order.invalid",
			() => draftOrder({ release, inputs: X(1, 1), change: (order) => ({ ...order, deadline: order.deadline * 2n }) }),
			/hour/,
		],
		["for a release that does not exist", "model.notFound", () => draftOrder({ release: `0x${"77".repeat(32)}`, inputs: X(1, 1) }), /no model/],
		[
			"at a price that never was",
			"order.invalid",
			() => draftOrder({ release, inputs: X(1, 1), change: (order) => ({ ...order, priceVersion: 2 }) }),
			/not in force/,
		],
		[
			"below the node's fee",
			"order.invalid",
			() => draftOrder({ release, inputs: X(1, 1), change: (order) => ({ ...order, nodeFee: NODE_FEE - 1n }) }),
			/this node asks/,
		],
		[
			"with other inputs than it commits to",
			"order.invalid",
			() => ({
				...draftOrder({ release, inputs: X(1, 1) }),
				body: { ...draftOrder({ release, inputs: X(1, 1) }).body, inputs: draftOrder({ release, inputs: X(1, 2) }).body["inputs"] },
			}),
			/commitment/,
		],
		[
			"with more inputs than it pays for",
			"order.invalid",
			() => draftOrder({ release, inputs: X(1, 1), change: (order) => ({ ...order, maxInputUnits: 1n }) }),
			/maxInputUnits/,
		],
		[
			"with fewer outputs than the model gives",
			"order.invalid",
			() => draftOrder({ release, inputs: X(1, 1), change: (order) => ({ ...order, maxOutputUnits: 1n }) }),
			/maxOutputUnits/,
		],
		["that asks for proof", "require.unavailable", () => draftOrder({ release, inputs: X(1, 1), require: ["proved"] }), /proved/],
		["in a mode that nobody has", "engine.unsupported", () => draftOrder({ release, inputs: X(1, 1), change: (order) => ({ ...order, mode: 2 }) }), /attested/],
		[
			"whose inputs do not fit the model",
			"engine.inputInvalid",
			() => draftOrder({ release, inputs: { X: tensorFromElements("float32", [1, 3], [1, 2, 3]) } }),
			/expected float32 \[batch, 2\]/,
		],
		[
			"with a field that nobody knows",
			"order.invalid",
			() => ({ ...draftOrder({ release, inputs: X(1, 1) }), body: { ...draftOrder({ release, inputs: X(1, 1) }).body, extra: 1 } }),
			/extra/,
		],
	];
	it.each(refusals)("refuses an order %s", async (_, code, draft, words) => {
		const reply = await ask(node.url, draft());
		expect(reply.code).toBe(code);
		expect(reply.message).toMatch(words);
	});

	it("refuses a release from the moment it is retired, and what its owner does not offer", async () => {
		const retired = await market.publish("acme/short-lived", linear([1, 0, 0, 1]), price, { modes: 1 });
		const served = await eventually(async () => {
			const reply = await ask(node.url, draftOrder({ release: retired, inputs: X(3, 4), reference: 30 }));
			return reply.code === "model.notFound" ? undefined : reply;
		}, "the new release");
		expect(served.status).toBe(200);
		expect((await ask(node.url, draftOrder({ release: retired, inputs: X(3, 4), mode: "bit-exact", reference: 31 }))).code).toBe("engine.unsupported");
		await market.send("owner", contracts.ModelRegistry, "retire", [retired]);
		let reference = 32;
		await eventually(async () => {
			const reply = await ask(node.url, draftOrder({ release: retired, inputs: X(3, 4), reference: reference++ }));
			return reply.code === "model.retired" ? true : undefined;
		}, "the refusal");
	});

	it("charges nothing for a call that brings its engine down, and goes on", async () => {
		const bomb = await market.publish("acme/bomb", allocationBomb(), price);
		const huge: Tensors = { X: tensorFromElements("int64", [1], ["40000000000"]) };
		const failed = await eventually(async () => {
			const reply = await ask(node.url, draftOrder({ release: bomb, inputs: huge, reference: 40 }));
			return reply.code === "model.notFound" ? undefined : reply;
		}, "the bomb's release");
		expect(failed.status).not.toBe(200);
		expect(failed.code).toMatch(/^engine\./);
		expect((await ask(node.url, draftOrder({ release, inputs: X(2, 2), reference: 41 }))).status).toBe(200);
	});

	it("says that a release cannot be had while storage lacks its file, and serves it once it is there", async () => {
		const model = linear([9, 9, 9, 9]);
		const late = await market.publish("acme/late", model, price, { keepModel: false });
		const missing = await eventually(async () => {
			const reply = await ask(node.url, draftOrder({ release: late, inputs: X(1, 1), reference: 50 }));
			return reply.code === "model.notFound" ? undefined : reply;
		}, "the late release");
		expect(missing.code).toBe("blob.notFound");
		expect((await fetch(`${market.storageUrl}/v1/blobs?blob_id=later`, { method: "PUT", body: model as BodyInit })).ok).toBe(true);
		expect((await ask(node.url, draftOrder({ release: late, inputs: X(1, 1), reference: 50 }))).status).toBe(200);
	});

	it("stops serving a gateway whose unpaid calls exceed half of its bond, until a batch has paid them", async () => {
		const dear = await market.publish("acme/dear", linear(), { perCall: 20n * OPG, perInputUnit: 0n, perOutputUnit: 0n });
		const draft = (reference: number): DraftedOrder => draftOrder({ release: dear, inputs: X(1, 1), by: "smallGateway", reference });
		const first = await eventually(async () => {
			const reply = await ask(node.url, draft(60));
			return reply.code === "model.notFound" ? undefined : reply;
		}, "the dear release");
		const second = draft(61);
		const replies = [first, await ask(node.url, second)];
		expect(replies.map(({ status }) => status)).toEqual([200, 200]);
		const third = draft(62);
		expect(await ask(node.url, third)).toMatchObject({ code: "order.unbacked", status: 429 });
		expect((await ask(node.url, draftOrder({ release, inputs: X(1, 1), reference: 63 }))).status).toBe(200);

		await anchor(dear, second.order, read(replies[1]?.text ?? "").receipt);
		const served = await eventually(async () => {
			const reply = await ask(node.url, third);
			return reply.status === 200 ? reply : undefined;
		}, "service after the batch");
		expect(served.status).toBe(200);
	});

	it("lists its engines", async () => {
		const body = (await (await fetch(`${node.url}/v1/engines`)).json()) as {
			readonly engines: readonly { readonly mode: string; readonly formats: readonly string[]; readonly engine: EngineDescription; readonly digest: Hex }[];
		};
		expect(body.engines.map(({ mode, formats }) => `${formats}/${mode}`)).toEqual(["onnx/fast", "onnx/bit-exact", "gguf/fast"]);
		for (const { engine, digest } of body.engines) expect(digest).toBe(engineDigest(engine));
	});
});

describe("a kill between two steps", () => {
	it.each(["inference.run.finished", "inference.answer.stored"] as const)("at %s costs nobody an answer, and never makes two receipts", async (point) => {
		await node.stop();
		const options = { port: new URL(node.url).port };
		node = await market.startNode(options, { FREEHOLD_CRASH_AT: point });
		await untilReady(node.url);
		const drafted = draftOrder({ release, inputs: X(7, 8), reference: point === "inference.run.finished" ? 70 : 71 });
		await expect(ask(node.url, drafted)).rejects.toThrow();
		await node.ended;
		node = await market.startNode(options);
		await untilReady(node.url);
		const reply = await ask(node.url, drafted);
		expect(reply.status).toBe(200);
		expect((await ask(node.url, drafted)).text).toBe(reply.text);
	});

	it("while it joins ends in one registration", async () => {
		await node.stop();
		const options = { port: new URL(node.url).port, "node-fee": "0.07" };
		node = await market.startNode(options, { FREEHOLD_CRASH_AT: "inference.registry.changed" });
		await node.ended;
		node = await market.startNode(options);
		await untilReady(node.url);
		const record = await market.client.read(contracts.NodeRegistry, "operatorOf", [account("node").address]);
		expect(record).toMatchObject({ bond: 500n * OPG, nodeFee: (7n * OPG) / 100n });
	});
});

/** The small gateway pays for one call, as its batch would. */
async function anchor(paid: Hex, order: Order, receipt: Receipt): Promise<void> {
	const { address } = account("smallGateway");
	const sums = { calls: 1n, inputUnits: receipt.inputUnits, outputUnits: receipt.outputUnits, nodeFee: order.nodeFee, gatewayFee: order.gatewayFee };
	const { hash } = leafNode({ receipt: receiptDigest(receipt, CHAIN_ID), sums });
	const line = { release: paid, priceVersion: 1, node: order.node, ...sums, root: hash };
	const root = batchRoot([line], []);
	const till = await market.client.read(contracts.UsageLedger, "till", [address]);
	await market.send("smallGateway", contracts.OPG, "transfer", [till, receipt.charge]);
	await market.send("smallGateway", contracts.UsageLedger, "anchor", [1n, [line], [], "0x", root]);
}

/** Keeps what nodes tell it. */
async function openHub(): Promise<typeof hub> {
	const beats: HeartbeatBody[] = [];
	const server = createServer((request, response) => {
		let text = "";
		request.setEncoding("utf8").on("data", (chunk: string) => {
			text += chunk;
		});
		request.on("end", () => {
			beats.push(JSON.parse(text) as HeartbeatBody);
			response.writeHead(204).end();
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		beats,
		close: async () => {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}
