/** A gateway under more load than it bears: slow clients and slow nodes cost only their own, refusals are told apart from losses, and a stop loses no call. */
import { connect, type Socket } from "node:net";
import type { Hex } from "@freehold/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startNetwork, type TestNetwork } from "../gateway/network.js";
import { createTestPayer, type Payer, question } from "../gateway/payer.js";
import { eventually } from "../journey/programs.js";

const MAX_CALLS = 8;
const OVERLOAD = 5 * MAX_CALLS;
/** 402: the cheaper node is full, the next one costs more, and the payer is asked again. */
const EXPECTED = new Set([200, 402, 429, 503]);

let network: TestNetwork;
let payer: Payer;

beforeAll(async () => {
	network = await startNetwork({ gatewayOptions: { "max-calls": String(MAX_CALLS) } });
	payer = createTestPayer(network, "payer", OVERLOAD);
	// Opens the channels, a few at a time: that is no part of a call.
	for (let opened = 0; opened < OVERLOAD; opened += 4) await Promise.all([1, 2, 3, 4].map(() => untilAnswered(payer)));
});
afterAll(() => network?.stop());

async function untilAnswered(by: Payer): Promise<Hex> {
	return eventually(async () => {
		const { status, body } = await by.ask();
		return status === 200 ? (body.callId as Hex) : undefined;
	}, "an answer");
}

/** Sum of what the gateway has charged all channels of the payer, by what it tells each lane. */
async function charged(by: Payer): Promise<bigint> {
	let total = 0n;
	for (const lane of await by.store.list()) {
		const answer = await fetch(`${network.gatewayUrl()}/v1/channels/${lane.channelId}`);
		// A lane whose first call was refused has no channel yet.
		if (answer.status !== 404) total += BigInt(((await answer.json()) as { readonly charged: string }).charged);
	}
	return total;
}

describe("five times as many calls as the gateway takes", () => {
	it("are answered or refused with 429 and the time to come back; only answers are charged, and each of them is", async () => {
		const before = await charged(payer);
		let waiting = 0;
		let letGo = (): void => undefined;
		const gate = new Promise<void>((resolve) => {
			letGo = resolve;
		});
		// Every place is taken until all the others have been refused.
		network.node.behave = async (answer) => {
			waiting++;
			await gate;
			return answer;
		};
		const offer = await payer.offer();
		const gateway = offer.accepts[0]?.extra?.["gateway"] as Hex;
		const refusals: { readonly status: number; readonly retryAfter: string | null; readonly code: string }[] = [];
		let answers = 0n;
		let paid = 0n;
		const calls = Array.from({ length: OVERLOAD }, async () => {
			const payment = await payer.payer.pay(offer, gateway);
			const response = await payer.send(payment);
			const body = (await response.json()) as { readonly error?: { readonly code: string } };
			const outcome = await payment.settle({ status: response.status, header: (name) => response.headers.get(name) });
			if (response.status === 200) {
				answers++;
				if (outcome.result === "paid") paid += outcome.charged;
				return;
			}
			refusals.push({ status: response.status, retryAfter: response.headers.get("retry-after"), code: body.error?.code ?? "" });
			expect(outcome.result).toBe("unpaid");
		});
		await eventually(
			async () => (refusals.length >= OVERLOAD - MAX_CALLS ? true : undefined),
			() => `${refusals.length} refusals, ${waiting} at the node`,
		);
		letGo();
		await Promise.all(calls);
		network.node.behave = undefined;
		expect(refusals.length + Number(answers)).toBe(OVERLOAD);
		expect(answers).toBeGreaterThan(0n);
		for (const refusal of refusals) expect(refusal).toEqual({ status: 429, retryAfter: "1", code: "gateway.overloaded" });
		expect((await charged(payer)) - before).toBe(paid);
		// And it goes on.
		await untilAnswered(payer);
	});
});

describe("a request that finds every place taken", () => {
	/** What a server says to a head whose body never comes. */
	async function answerToHead(path: string, headers: string): Promise<string> {
		const { hostname, port } = new URL(network.gatewayUrl());
		const socket = connect(Number(port), hostname);
		let text = "";
		socket.setEncoding("utf8").on("data", (chunk: string) => {
			text += chunk;
		});
		socket.on("error", () => undefined);
		socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n${headers}\r\n`);
		return eventually(
			async () => (/\r\n\r\n.*\}\}?$/s.test(text) ? text : undefined),
			() => `an answer to ${path}, came: ${text}`,
		).finally(() => socket.destroy());
	}

	it("is turned away by its head alone: no byte of its body, no signature and no key is looked at, and the store is not asked", async () => {
		let letGo = (): void => undefined;
		const gate = new Promise<void>((resolve) => {
			letGo = resolve;
		});
		network.node.behave = async (answer) => {
			await gate;
			return answer;
		};
		// One lane is one call at a time, so these take all places.
		const offer = await payer.offer();
		const gateway = offer.accepts[0]?.extra?.["gateway"] as Hex;
		const before = network.node.asked;
		const held = Array.from({ length: MAX_CALLS }, async () => {
			const payment = await payer.payer.pay(offer, gateway);
			const response = await payer.send(payment);
			await response.arrayBuffer();
			await payment.settle({ status: response.status, header: (name) => response.headers.get(name) });
			return response.status;
		});
		await eventually(async () => (network.node.asked - before >= MAX_CALLS ? true : undefined), "every place to be taken");
		// With a place free, the first would wait for its body, the second be refused as a forgery and the third as no key.
		const native = await answerToHead("/v1/inference", "payment-signature: e30=\r\n");
		expect(native).toMatch(/^HTTP\/1.1 429 [\s\S]*retry-after: 1\r\n[\s\S]*"code":"gateway.overloaded"/);
		const openai = await answerToHead("/v1/chat/completions", "authorization: Bearer no-key-of-ours\r\n");
		expect(openai).toMatch(/^HTTP\/1.1 429 [\s\S]*retry-after: 1\r\n[\s\S]*x-should-retry: true\r\n[\s\S]*"error":\{[\s\S]*gateway.overloaded/);
		const anthropic = await answerToHead("/v1/messages", "x-api-key: no-key-of-ours\r\n");
		expect(anthropic).toMatch(/^HTTP\/1.1 429 [\s\S]*retry-after: 1\r\n[\s\S]*"type":"error"/);
		letGo();
		expect(await Promise.all(held)).toEqual(Array.from({ length: MAX_CALLS }, () => 200));
		network.node.behave = undefined;
		await untilAnswered(payer);
	});
});

describe("a slow client", () => {
	it("that sends its question letter by letter takes no place among the calls", async () => {
		const { hostname, port } = new URL(network.gatewayUrl());
		const body = JSON.stringify(question);
		const slow: Socket[] = [];
		for (let left = 4 * MAX_CALLS; left > 0; left--) {
			const socket = connect(Number(port), hostname);
			socket.on("error", () => undefined);
			socket.write(`POST /v1/inference HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 5)}`);
			slow.push(socket);
			await new Promise((resolve) => socket.once("connect", resolve));
		}
		expect((await payer.ask()).status).toBe(200);
		for (const socket of slow) socket.destroy();
	});

	it("that does not take its answer holds nobody up", async () => {
		const { hostname, port } = new URL(network.gatewayUrl());
		const deaf: Socket[] = [];
		for (let left = 4 * MAX_CALLS; left > 0; left--) {
			const socket = connect(Number(port), hostname);
			socket.pause();
			socket.on("error", () => undefined);
			for (let asked = 0; asked < 20; asked++) socket.write("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
			deaf.push(socket);
		}
		for (let left = 10; left > 0; left--) expect((await payer.ask()).status).toBe(200);
		for (const socket of deaf) socket.destroy();
	});
});

describe("a slow node", () => {
	it("fills its own share of the places, and calls to another node are answered meanwhile", async () => {
		// The dearer node is asked only when the first has no place left.
		const other = await network.addNode("secondNode", 10n ** 17n);
		await eventually(async () => ((await (await fetch(`${network.gatewayUrl()}/ready`)).text()).includes('"nodes":2') ? true : undefined), "the second node");
		let letGo = (): void => undefined;
		const gate = new Promise<void>((resolve) => {
			letGo = resolve;
		});
		network.node.behave = async (answer) => {
			await gate;
			return answer;
		};
		const stuck = Array.from({ length: MAX_CALLS / 2 }, () => payer.ask());
		await eventually(async () => (network.node.asked > 0 ? true : undefined), "the slow node to be asked");
		await untilAnswered(payer);
		expect(other.ran.length).toBeGreaterThan(0);
		letGo();
		for (const { status } of await Promise.all(stuck)) expect(status).toBe(200);
		network.node.behave = undefined;
	});
});

describe("a stop under load", () => {
	it("answers what it has taken, refuses the rest, and loses no call", async () => {
		const before = await charged(payer);
		let answered = 0;
		let paid = 0n;
		let running = true;
		const statuses = new Set<number>();
		const odd: string[] = [];
		const clients = Array.from({ length: MAX_CALLS }, async () => {
			while (running) {
				const answer = await payer.ask().catch(() => undefined);
				if (answer === undefined) return;
				statuses.add(answer.status);
				if (!EXPECTED.has(answer.status)) odd.push(JSON.stringify(answer.body.error ?? answer.body).slice(0, 300));
				if (answer.status !== 200) continue;
				answered++;
				paid += answer.charged;
			}
		});
		await eventually(async () => (answered >= 3 * MAX_CALLS ? true : undefined), "some answers");
		expect(await network.gateway().stop()).toBe(0);
		running = false;
		await Promise.all(clients);
		expect(
			[...statuses].filter((status) => !EXPECTED.has(status)),
			odd.join("\n"),
		).toEqual([]);
		await network.startGateway();
		expect((await charged(payer)) - before).toBe(paid);
		await untilAnswered(payer);
	});
});
