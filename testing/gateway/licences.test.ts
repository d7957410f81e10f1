/** An owner's own licence at every door: nobody is answered who has not accepted it, nobody is charged for the refusal, and it is accepted by whoever pays. */
import Anthropic from "@anthropic-ai/sdk";
import { type Hex, licenceTextDigest } from "@freehold/protocol";
import { connect, type Freehold } from "@freehold/sdk";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../journey/programs.js";
import { account, OPG } from "./network.js";
import { MODEL, networkFileOf, publishText, startTextNetwork, type TextNetwork } from "./text-network.js";
import { words } from "./text-node.js";
import { createTextPayer } from "./text-payer.js";

const OWN = "talk/own";
const TEXT = "Use it kindly, and say where you had it from.\n";

let network: TextNetwork;
let owner: Freehold;
let release: Hex;
beforeAll(async () => {
	network = await startTextNetwork();
	owner = connect({ network: networkFileOf(network), account: account("payer").account });
	const bytes = new TextEncoder().encode(TEXT);
	await fetch(`${network.storageUrl}/v1/blobs?blob_id=later`, { method: "PUT", body: bytes });
	const files = [{ path: "LICENSE", sha256: licenceTextDigest(TEXT), bytes: bytes.length }];
	release = await publishText(network, { model: OWN, licence: "LicenseRef-LICENSE", files });
	await eventually(async () => ((await fetch(`${network.gatewayUrl()}/v1/quotes/${release}`)).ok ? true : undefined), "the model to be served");
});
afterAll(() => network.stop());
beforeEach(() => {
	network.textNode.script = () => words("Kindly, then.");
});

const asked = { model: OWN, messages: [{ role: "user" as const, content: "How shall I use it?" }], max_tokens: 10 };
const openaiOf = (apiKey: string): OpenAI => new OpenAI({ baseURL: `${network.gatewayUrl()}/v1`, apiKey, maxRetries: 0 });
const spentOf = async (id: Hex): Promise<unknown> =>
	((await (await fetch(`${network.gatewayUrl()}/v1/keys/${id}`)).json()) as Record<string, unknown>)["spent"];
const licenceOf = async (callId: string): Promise<unknown> =>
	((await (await fetch(`${network.gatewayUrl()}/v1/calls/${callId}`)).json()) as Record<string, unknown>)["licence"];

describe("an API key", () => {
	it("is refused in its client's own words until its owner accepted, and then answers with what was signed in the call's record", async () => {
		const { key, id } = await owner.keys.create({ budget: OPG });
		const openai = openaiOf(key);
		const refused = openai.chat.completions.create(asked);
		await expect(refused).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
		await expect(refused).rejects.toMatchObject({ code: "licence.required", type: "permission_error" });
		await expect(refused).rejects.toThrow(`freehold key accept ${id} ${OWN}`);
		const anthropic = new Anthropic({ baseURL: network.gatewayUrl(), apiKey: key, maxRetries: 0 });
		await expect(anthropic.messages.create(asked)).rejects.toMatchObject({
			status: 403,
			error: { error: { type: "permission_error", code: "licence.required" } },
		});
		await expect(openai.chat.completions.create({ ...asked, stream: true })).rejects.toMatchObject({ status: 403 });
		expect(await spentOf(id)).toBe("0");
		// A public licence needs no signature.
		expect((await openai.chat.completions.create({ ...asked, model: MODEL })).choices).toHaveLength(1);

		const licence = await owner.licences.show(release);
		expect(licence).toMatchObject({ licence: "LicenseRef-LICENSE", text: TEXT });
		const accepted = await owner.licences.accept(licence);
		expect((await owner.keys.accept(id, [accepted])).licences).toEqual([release]);
		const { data, response } = await openai.chat.completions.create(asked).withResponse();
		expect(data.choices[0]?.message.content).toBe("Kindly, then.");
		const { text, signature } = accepted;
		expect(await licenceOf(response.headers.get("x-freehold-call-id") ?? "")).toEqual({ text, signature });
		await owner.keys.revoke(id);
	});

	it("takes acceptances when it is made, and only its owner's, of the release's own text", async () => {
		const accepted = await owner.licences.accept(await owner.licences.show(release));
		const { key, id } = await owner.keys.create({ budget: OPG, models: [OWN], licences: [accepted] });
		expect((await openaiOf(key).chat.completions.create(asked)).choices).toHaveLength(1);
		const stranger = connect({ network: networkFileOf(network), account: account("stranger").account });
		const foreign = await stranger.licences.accept(await stranger.licences.show(release));
		await expect(owner.keys.accept(id, [foreign])).rejects.toMatchObject({ code: "request.invalid" });
		const other = await owner.licences.accept({ ...(await owner.licences.show(release)), digest: licenceTextDigest("Use it as you like.\n") });
		await expect(owner.keys.accept(id, [other])).rejects.toThrow(/another text/);
		await owner.keys.revoke(id);
	});
});

describe("a payment by x402", () => {
	it("of an unchanged client is refused before any money moves; the SDK takes the acceptance along", async () => {
		const { fetch: paying } = createTextPayer(network);
		const openai = new OpenAI({ baseURL: `${network.gatewayUrl()}/v1`, apiKey: "0x00", fetch: paying, maxRetries: 0 });
		await expect(openai.chat.completions.create(asked)).rejects.toMatchObject({ status: 403, code: "licence.required" });
		const accepted = await owner.licences.accept(await owner.licences.show(release));
		const headers = { "licence-acceptance": `${accepted.text}.${accepted.signature}` };
		const { data } = await openai.chat.completions.create(asked, { headers }).withResponse();
		expect(data.choices).toHaveLength(1);
		const forged = { "licence-acceptance": `${accepted.text}.0x${"11".repeat(64)}1b` };
		await expect(openai.chat.completions.create(asked, { headers: forged })).rejects.toMatchObject({ code: "request.invalid" });
	});
});
