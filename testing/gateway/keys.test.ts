/** API keys: what their owners allow is what they can spend, whoever holds them; and the SDK that makes them and asks with them. */
import { FreeholdError, type Hex, keyId } from "@freehold/protocol";
import { connect, type Freehold } from "@freehold/sdk";
import { contracts } from "@freehold/sdk/chain";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../journey/programs.js";
import { type AccountName, account, OPG } from "./network.js";
import { FEES, MODEL, networkFileOf, startTextNetwork, TEXT_PRICE, type TextNetwork } from "./text-network.js";
import { words } from "./text-node.js";

let network: TextNetwork;
let owner: Freehold;
const member = (name: AccountName): Freehold => connect({ network: networkFileOf(network), account: account(name).account });
beforeAll(async () => {
	network = await startTextNetwork();
	owner = member("payer");
});
afterAll(() => network.stop());
beforeEach(() => {
	network.textNode.script = () => words("Hello there, friend.");
	network.textNode.forge = undefined;
});

const ask = (key: string, body: object = {}, init: RequestInit = {}): Promise<Response> =>
	fetch(`${network.gatewayUrl()}/v1/chat/completions`, {
		method: "POST",
		headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
		body: JSON.stringify({ model: MODEL, max_tokens: 10, messages: [{ role: "user", content: "Say hello to me" }], ...body }),
		...init,
	});
const codeOf = async (response: Promise<Response>): Promise<unknown[]> => {
	const answer = await response;
	return [answer.status, ((await answer.json()) as { error?: { code: string } }).error?.code];
};
const COST = TEXT_PRICE.perCall + 7n * TEXT_PRICE.perInputUnit + FEES;
const show = async (id: Hex): Promise<Record<string, string>> =>
	(await (await fetch(`${network.gatewayUrl()}/v1/keys/${id}`)).json()) as Record<string, string>;

describe("an API key", () => {
	it("asks without a wallet, many calls at once, and its owner sees what it spent", async () => {
		const { key, id, budget } = await owner.keys.create({ budget: 3n * OPG, name: "laptop" });
		expect([key, budget]).toEqual([expect.stringMatching(/^fhk_/), (3n * OPG).toString()]);
		expect(id).toBe(keyId(key));
		const answers = await Promise.all(Array.from({ length: 8 }, () => ask(key)));
		expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
		const streamed = await ask(key, { stream: true });
		expect(await streamed.text()).toContain("friend.");
		await eventually(async () => ((await show(id))["spent"] === (9n * COST).toString() ? true : undefined), "the ninth call");
		expect(await show(id)).toMatchObject({ calls: 9, name: "laptop", state: "active", charged: (9n * COST).toString(), signed: (3n * OPG).toString() });
		expect(await owner.keys.list()).toMatchObject([{ id, spentToday: (9n * COST).toString() }]);
		const own = await fetch(`${network.gatewayUrl()}/v1/keys/current`, { headers: { "x-api-key": key } });
		expect(await own.json()).toMatchObject({ id });
		const channelId = (await show(id))["channelId"] as Hex;
		await eventually(async () => {
			const [, claimed] = await network.client.read(contracts.Channels, "channels", [channelId]);
			return claimed === 9n * COST ? true : undefined;
		}, "the lane to be claimed");
	});

	it("is kept as a digest only", async () => {
		const { key } = await owner.keys.create({ budget: OPG });
		await ask(key);
		const { readdir, readFile } = await import("node:fs/promises");
		const { join } = await import("node:path");
		const folder = join(network.folder, "gateway", "store");
		for (const name of await readdir(folder)) expect((await readFile(join(folder, name))).includes(key.slice(4)), name).toBe(false);
		expect(network.gateway().output()).not.toContain(key.slice(4));
		expect(network.gateway().output()).not.toContain("Say hello to me");
	});

	it("keeps to its budget, its day, its models, and its end", async () => {
		const small = await owner.keys.create({ budget: COST / 2n });
		expect(await codeOf(ask(small.key, { max_tokens: 3 }))).toEqual([402, "key.overBudget"]);
		const little = await owner.keys.create({ budget: OPG, daily: 3n * COST });
		const outcomes: unknown[] = [];
		for (let call = 0; call < 6; call++) outcomes.push(...(await codeOf(ask(little.key))));
		expect(outcomes).toContain("key.dailyLimit");
		const other = await owner.keys.create({ budget: OPG, models: ["plus/identity"] });
		expect(await codeOf(ask(other.key))).toEqual([403, "key.modelForbidden"]);
		const expired = await owner.keys.create({ budget: OPG, expiresAt: Date.now() - 1 });
		expect(await codeOf(ask(expired.key))).toEqual([401, "key.expired"]);
		for (const { id } of [small, little, other, expired]) await owner.keys.revoke(id);
	});

	it("spends no more than its owner signed for, until the next tranche is signed", async () => {
		const { key, id } = await owner.keys.create({ budget: 2n * OPG, tranche: OPG });
		let answer = await ask(key, { max_tokens: 100 });
		while (answer.status === 200) answer = await ask(key, { max_tokens: 100 });
		const body = (await answer.json()) as { error: { code: string; message: string } };
		expect([answer.status, body.error.code]).toEqual([402, "key.trancheSpent"]);
		expect(body.error.message).toContain(`freehold key refill ${id}`);
		await owner.keys.refill(id);
		expect((await ask(key)).status).toBe(200);
		await owner.keys.revoke(id);
	});

	it("ends at once when its owner says so, and when nobody else does", async () => {
		const { key, id } = await owner.keys.create({ budget: OPG });
		await expect(member("stranger").keys.revoke(id)).rejects.toMatchObject({ code: "key.notFound" });
		await expect(member("stranger").keys.list()).resolves.toEqual([]);
		expect((await ask(key)).status).toBe(200);
		await owner.keys.revoke(id);
		expect(await codeOf(ask(key))).toEqual([401, "key.revoked"]);
		expect(await codeOf(ask("fhk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))).toEqual([401, "key.unknown"]);
	});

	it("outlives the gateway's restart, with what it spent", async () => {
		const { key, id } = await owner.keys.create({ budget: OPG });
		await ask(key);
		await network.gateway().stop();
		await network.startGateway();
		expect(await show(id)).toMatchObject({ spent: COST.toString(), calls: 1 });
		expect((await ask(key)).status).toBe(200);
	});
});

describe("the SDK", () => {
	it("chats and gives what stood up to its receipt", async () => {
		const answer = await owner.chat(MODEL, { messages: "Say hello to me", maxTokens: 10 });
		expect(answer).toMatchObject({ text: "Hello there, friend.", finish: "stop", inputTokens: 4, outputTokens: 3, charge: COST });
		expect(answer.receiptFile.textRequest?.request).toMatchObject({ task: "chat", maxOutputTokens: 10 });
	});

	it("streams, and ends after the check", async () => {
		const stream = owner.stream(MODEL, { messages: "Say hello to me" });
		const pieces: string[] = [];
		for await (const { text } of stream) pieces.push(text ?? "");
		expect(pieces).toEqual(["Hello ", "there, ", "friend.", ""]);
		expect((await stream.result).charge).toBe(COST);
		// The lane knows what was charged: the next call needs no correction.
		expect((await owner.chat(MODEL, { messages: "Say hello to me" })).charge).toBe(COST);
	});

	it("completes and embeds", async () => {
		expect((await owner.complete(MODEL, { prompt: "Once upon a time" })).text).toBe("Hello there, friend.");
		const { vectors, outputTokens } = await owner.embed(MODEL, { input: ["four", "seven77"] });
		expect([vectors.map((vector) => [...vector]), outputTokens]).toEqual([
			[
				[4, 1],
				[7, 1],
			],
			0,
		]);
	});

	it("pays for what came when it leaves", async () => {
		network.textNode.script = async function* () {
			for (let token = 1; ; token++) {
				yield { choice: 0, text: `${token} `, outputTokens: token };
				await new Promise((resolve) => setImmediate(resolve));
			}
		};
		const before = network.textNode.settled.length;
		for await (const { text } of owner.stream(MODEL, { messages: "Count" })) if (text === "5 ") break;
		await eventually(async () => (network.textNode.settled.length > before ? true : undefined), "the settlement");
		expect(network.textNode.settled.at(-1)).toBeGreaterThanOrEqual(5);
		await eventually(async () => (network.textNode.running === 0 ? true : undefined), "the node to stop");
		network.textNode.script = () => words("Hello there, friend.");
		expect((await owner.chat(MODEL, { messages: "Say hello to me" })).charge).toBe(COST);
	});

	it("believes no receipt that was forged", async () => {
		for (const forge of [
			(receipt: Parameters<NonNullable<typeof network.textNode.forge>>[0]) => ({
				...receipt,
				outputUnits: receipt.outputUnits + 5n,
				charge: receipt.charge + 5n * TEXT_PRICE.perOutputUnit,
			}),
			(receipt: Parameters<NonNullable<typeof network.textNode.forge>>[0]) => ({ ...receipt, response: `0x${"55".repeat(32)}` as Hex }),
			(receipt: Parameters<NonNullable<typeof network.textNode.forge>>[0]) => ({ ...receipt, charge: receipt.charge + 1n }),
		]) {
			network.textNode.forge = forge;
			const stream = owner.stream(MODEL, { messages: "Say hello to me" });
			const reading = (async () => {
				for await (const _ of stream);
			})();
			await expect(reading).rejects.toBeInstanceOf(FreeholdError);
			await expect(stream.result).rejects.toMatchObject({ code: "text.brokenOff" });
		}
	});
});
