/** Offering models to programs from the page: API keys that a real OpenAI client uses, and language models published from a file. A real browser, a real network. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Hex } from "@freehold/protocol";
import { connect } from "@freehold/sdk";
import OpenAI from "openai";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tinyLlama } from "../gguf/tiny-llama.js";
import { injectWallet } from "./injected-wallet.js";
import { setStage, stageIsReady } from "./stage.js";
import { acceptLicence } from "./steps.js";

const MODEL = "freehold/chat";
const OWN = "nell/own";
const LICENCE = "Use it kindly, and say where you had it from.\n";

describe.skipIf(!stageIsReady)("offering models to programs [a Chromium and the built page]", () => {
	let folder: string;
	const stage = setStage(async () => ({ FREEHOLD_GATEWAY_BATCH_AGE: "1s" }));
	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), "freehold-offer-"));
		const network = JSON.parse(await readFile(join(stage.network.folder, "network.json"), "utf8"));
		const accounts = JSON.parse(await readFile(join(stage.network.folder, "accounts.json"), "utf8")) as readonly { readonly privateKey: Hex }[];
		const account = privateKeyToAccount(accounts[7]?.privateKey ?? "0x");
		await connect({ network, account }).publish({
			name: OWN,
			model: tinyLlama(),
			licenceText: LICENCE,
			price: { perCall: 10n ** 16n, perInputUnit: 0n, perOutputUnit: 0n },
		});
	}, 60_000);
	afterAll(() => rm(folder, { recursive: true, force: true }));

	it("makes a key that is shown once, works with OpenAI's client within its limits, and is refused once it is revoked", async () => {
		const { page } = await stage.person();
		await page.goto(`${stage.network.url}/keys`);
		await page.getByRole("main").getByRole("button", { name: "Make one" }).click();
		await page.getByRole("button", { name: /Make a key and get test money/ }).click();
		await page.getByText("None yet.").waitFor();
		await page.getByRole("textbox", { name: "Name", exact: true }).fill("laptop");
		await page.getByRole("textbox", { name: "It may spend" }).fill("2");
		await page.getByText("Limits", { exact: true }).click();
		await page.getByRole("textbox", { name: "Most on one day" }).fill("0.3");
		await page.getByRole("textbox", { name: "Models" }).fill(MODEL);
		await page.getByRole("button", { name: "Make a key", exact: true }).click();
		await acceptLicence(page);
		const question = page.getByRole("dialog", { name: "Make an API key that may spend up to 2.00 OPG" });
		expect(await question.textContent()).toMatch(/On one day.*0\.30 OPG.*May ask.*freehold\/chat/);
		await question.getByRole("button", { name: "Make it" }).click();
		await page.getByRole("dialog", { name: "Put 2.00 OPG into a payment channel" }).getByRole("button", { name: "Put it in" }).click();
		const shown = page.getByRole("dialog", { name: "Your new key" });
		const apiKey = ((await shown.getByTestId("made-key").textContent()) ?? "").trim();
		expect(apiKey).toMatch(/^fhk_/);
		expect(await shown.getByTestId("snippet").textContent()).toContain(apiKey);
		await shown.getByRole("button", { name: "I have it" }).click();
		// It is nowhere any more: not on the page, not in the browser's own store.
		expect(await page.content()).not.toContain(apiKey);
		expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain(apiKey);

		const openai = new OpenAI({ baseURL: `${stage.network.url}/v1`, apiKey, maxRetries: 0 });
		const ask = () => openai.chat.completions.create({ model: MODEL, messages: [{ role: "user", content: "Hello!" }], max_tokens: 40 });
		expect((await ask()).choices[0]?.message.content?.length).toBeGreaterThan(3);
		const row = page.getByRole("list", { name: "API keys" }).getByRole("listitem");
		await row.getByText("1 call").waitFor();
		expect(BigInt((await row.locator("data").first().getAttribute("value")) ?? "")).toBeGreaterThan(0n);
		const long = openai.chat.completions.create({ model: MODEL, messages: [{ role: "user", content: "Hello!" }], max_tokens: 900 });
		await expect(long).rejects.toMatchObject({ code: "key.dailyLimit" });

		await row.getByRole("button", { name: "Revoke" }).click();
		await page.getByRole("dialog", { name: "Revoke laptop" }).getByRole("button", { name: "Revoke it" }).click();
		await page.getByRole("dialog", { name: "End an API key" }).getByRole("button", { name: "End it" }).click();
		await page.locator('[data-key][data-state="revoked"]').waitFor();
		await expect(ask()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
		await page.reload();
		await page.locator('[data-key][data-state="revoked"]').waitFor();
	});

	it("signs no key when the person says no, and says what is wrong with a limit", async () => {
		const { page } = await stage.person();
		await page.goto(`${stage.network.url}/keys`);
		await page.getByRole("main").getByRole("button", { name: "Make one" }).click();
		await page.getByRole("button", { name: /Make a key and get test money/ }).click();
		await page.getByRole("textbox", { name: "It may spend" }).fill("nothing");
		await page.getByText("An amount above nothing").waitFor();
		expect(await page.getByRole("button", { name: "Make a key", exact: true }).isDisabled()).toBe(true);
		await page.getByRole("textbox", { name: "It may spend" }).fill("1");
		await page.getByRole("button", { name: "Make a key", exact: true }).click();
		await page.getByRole("button", { name: "Do not sign" }).click();
		await page.getByText("You said no, so nothing was sent.").waitFor();
		expect(await page.locator("[data-key]").count()).toBe(0);
	});

	it("publishes a language model from its file, priced by the token, and talks to it", async () => {
		const file = join(folder, "noise.gguf");
		await writeFile(file, tinyLlama());
		const { page } = await stage.person();
		await page.goto(`${stage.network.url}/publish`);
		const input = page.locator('input[type="file"][aria-label="Model file"]');
		const broken = join(folder, "broken.gguf");
		await writeFile(broken, tinyLlama().subarray(0, 3_000));
		await input.setInputFiles(broken);
		await page.getByText("This file cannot be published").waitFor();
		await input.setInputFiles(file);
		const findings = page.getByTestId("findings");
		expect(await findings.textContent()).toMatch(/language model, llama.*Can.*chat.*512 tokens/);
		expect(await page.getByRole("textbox", { name: "For each token that comes out" }).inputValue()).toBe("0.0004");
		await page.getByRole("textbox", { name: "Name", exact: true }).fill("noor/noise");
		await page.getByRole("textbox", { name: "For each token that goes in" }).fill("0.001");
		const preview = page.getByRole("region", { name: "Who gets what of one call" });
		await preview.getByText("A call with 200 tokens in and 100 tokens out").waitFor();
		// 200 times 0.001 and 100 times 0.0004.
		await preview.locator('li data[value="240000000000000000"]').waitFor();
		await page.getByRole("button", { name: "Publish", exact: true }).click();
		await page.getByRole("button", { name: /Make a key/ }).click();
		await page
			.getByRole("dialog", { name: /Publish noor\/noise/ })
			.getByRole("button", { name: "Publish" })
			.click();
		await page.getByRole("link", { name: "Talk to it" }).click();
		await page.getByTestId("price").waitFor();
		expect(await page.getByRole("combobox", { name: "Model" }).inputValue()).toBe("noor/noise");
		await page.getByRole("button", { name: "Settings" }).click();
		await page.getByRole("textbox", { name: "Most tokens" }).fill("12");
		await page.getByRole("textbox", { name: "Message", exact: true }).fill("Hello");
		await page.getByRole("button", { name: "Send" }).click();
		await acceptLicence(page);
		await page
			.getByRole("dialog", { name: /payment channel/ })
			.getByRole("button", { name: "Put it in" })
			.click();
		await page
			.locator('[data-turn="answer"]')
			.getByRole("button", { name: /What is known/ })
			.waitFor();
	});

	it("shows an owner's own licence before the first question and to whoever makes a key, and answers nobody who has not accepted it", async () => {
		const { page } = await stage.person();
		await page.goto(`${stage.network.url}/keys`);
		await page.getByRole("main").getByRole("button", { name: "Make one" }).click();
		await page.getByRole("button", { name: /Make a key and get test money/ }).click();
		await page.getByRole("textbox", { name: "It may spend" }).fill("2");
		await page.getByRole("button", { name: "Make a key", exact: true }).click();
		await page.getByRole("button", { name: "Make it" }).click();
		await page.getByRole("button", { name: "Put it in" }).click();
		const apiKey = ((await page.getByTestId("made-key").textContent()) ?? "").trim();
		await page.getByRole("button", { name: "I have it" }).click();
		const openai = new OpenAI({ baseURL: `${stage.network.url}/v1`, apiKey, maxRetries: 0 });
		const ask = () => openai.chat.completions.create({ model: OWN, messages: [{ role: "user", content: "Hello!" }], max_tokens: 4 });
		await expect(ask()).rejects.toMatchObject({ status: 403, code: "licence.required" });
		const row = page.getByRole("list", { name: "API keys" }).getByRole("listitem");
		await row.getByText("Licences", { exact: true }).click();
		await row.getByRole("textbox", { name: "Accept the licence of" }).fill(OWN);
		await row.getByRole("button", { name: "Read it" }).click();
		const licence = page.getByRole("dialog", { name: `Accept the licence of ${OWN}` });
		expect(await licence.getByRole("region", { name: "Text of the licence" }).textContent()).toBe(LICENCE);
		await licence.getByRole("button", { name: "Do not sign" }).click();
		await row.getByText("You said no, so nothing was sent.").waitFor();
		await expect(ask()).rejects.toMatchObject({ code: "licence.required" });
		await row.getByRole("button", { name: "Read it" }).click();
		await acceptLicence(page);
		await row.getByText("Licences (1 accepted)").waitFor();
		expect((await ask()).choices).toHaveLength(1);

		// Accepted for good: the chat room does not ask again, and the call's record has it.
		await page.goto(`${stage.network.url}/chat?model=${encodeURIComponent(OWN)}`);
		await page.getByTestId("price").waitFor();
		await page.getByRole("button", { name: "Settings" }).click();
		await page.getByRole("textbox", { name: "Most tokens" }).fill("4");
		await page.getByRole("textbox", { name: "Message", exact: true }).fill("Hello");
		await page.getByRole("button", { name: "Send" }).click();
		await page.getByRole("button", { name: "Put it in" }).click();
		await page
			.locator('[data-turn="answer"]')
			.getByRole("button", { name: /What is known/ })
			.waitFor();
		const kept = await page.evaluate(() => Object.keys(localStorage).filter((name) => name.startsWith("freehold.licence.")));
		expect(kept).toHaveLength(1);
	});

	it("lets an injected wallet talk and see its keys, and asks it for no signature that nobody wanted", async () => {
		const { context, page } = await stage.person();
		const accounts = JSON.parse(await readFile(join(stage.network.folder, "accounts.json"), "utf8")) as readonly { readonly privateKey: Hex }[];
		const wallet = await injectWallet(context, stage.network.url, accounts[8]?.privateKey ?? "0x");
		const signed = (): number => wallet.asked.filter((method) => method === "eth_signTypedData_v4").length;
		await page.goto(`${stage.network.url}/chat`);
		await page.getByTestId("price").waitFor();
		await page.getByRole("textbox", { name: "Message", exact: true }).fill("Hello!");
		await page.getByRole("button", { name: "Send" }).click();
		await page.getByRole("button", { name: "Use Test Wallet" }).click();
		await acceptLicence(page);
		await page.getByRole("button", { name: "Put it in" }).click();
		const answered = page.locator('[data-turn="answer"][data-end="stop"]');
		await answered.waitFor();
		// The licence, the deposit and the voucher: what is kept on the device needs none.
		expect(signed()).toBe(3);
		await page.reload();
		await answered.waitFor();
		await page.getByRole("navigation", { name: "Rooms" }).getByRole("link", { name: "API keys" }).click();
		const show = page.getByRole("button", { name: "Show my keys" });
		await show.waitFor();
		expect(signed()).toBe(3);
		await show.click();
		await page.getByText("None yet.").waitFor();
		expect(signed()).toBe(4);
	});
});
