/** Talking to models in the page: a real browser, a real network, real payment; one model is the network's own, the other's answers are written by the test. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@freehold/sdk";
import type { Locator, Page } from "playwright-core";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { examineWithAxe, readDatabase } from "./examine.js";
import { setStage, stageIsReady } from "./stage.js";
import { acceptLicence } from "./steps.js";
import { startTeller, type Teller } from "./teller.js";

const OPG = 10n ** 18n;
const MODEL = "tales/teller";

describe.skipIf(!stageIsReady)("talking to a model [a Chromium and the built page]", () => {
	let teller: Teller;
	let folder: string;
	const stage = setStage(async () => {
		teller = await startTeller();
		folder = await mkdtemp(join(tmpdir(), "freehold-talk-"));
		const providers = join(folder, "providers.json");
		await writeFile(providers, JSON.stringify({ providers: [{ name: "teller", kind: "compatible", url: teller.url, private: true }] }));
		return { FREEHOLD_INFERENCE_UPSTREAMS: providers, FREEHOLD_GATEWAY_BATCH_AGE: "1s" };
	});
	beforeAll(async () => {
		const network = JSON.parse(await readFile(join(stage.network.folder, "network.json"), "utf8"));
		const accounts = JSON.parse(await readFile(join(stage.network.folder, "accounts.json"), "utf8")) as readonly { privateKey: `0x${string}` }[];
		const account = privateKeyToAccount(accounts[6]?.privateKey ?? "0x");
		const abilities = { contextTokens: 4_096, tasks: ["chat"], tools: true };
		const model = new TextEncoder().encode(JSON.stringify({ version: 1, provider: "teller", model: "teller", abilities }));
		await connect({ network, account }).publish({ name: MODEL, model, price: { perCall: OPG / 100n, perInputUnit: 0n, perOutputUnit: OPG / 1_000n } });
	}, 60_000);
	afterAll(async () => {
		await teller?.close();
		if (folder !== undefined) await rm(folder, { recursive: true, force: true });
	});

	const answers = (page: Page): Locator => page.locator('[data-turn="answer"]');
	const ended = (page: Page, index: number, end = "stop"): Promise<void> =>
		answers(page)
			.and(page.locator(`[data-end="${end}"]`))
			.nth(index)
			.waitFor();
	const say = async (page: Page, text: string): Promise<void> => {
		await page.getByRole("textbox", { name: "Message", exact: true }).fill(text);
		await page.getByRole("button", { name: "Send" }).click();
	};
	/** A key, test money, and a yes to the channel. */
	const begin = async (page: Page, text: string, model = MODEL): Promise<void> => {
		await page.goto(`${stage.network.url}/chat?model=${encodeURIComponent(model)}`);
		await page.getByTestId("price").waitFor();
		await say(page, text);
		await page.getByRole("button", { name: /Make a key/ }).click();
		await acceptLicence(page);
		await page
			.getByRole("dialog", { name: /payment channel/ })
			.getByRole("button", { name: "Put it in" })
			.click();
	};
	const mark = (page: Page, index = 0): Locator =>
		answers(page)
			.nth(index)
			.getByRole("button", { name: /What is known/ });
	const charged = async (page: Page, index = 0): Promise<bigint> => BigInt((await mark(page, index).locator("data").getAttribute("value")) ?? "");

	it("streams an answer of the network's own model, for at most the price that is shown, and shows who was paid and that it is genuine", async () => {
		const { page } = await stage.person();
		await page.goto(`${stage.network.url}/chat`);
		await page.getByTestId("price").waitFor();
		expect(await page.getByRole("combobox", { name: "Model" }).inputValue()).toBe("freehold/chat");
		await page.getByRole("button", { name: "What is a till?" }).click();
		const most = BigInt((await page.getByTestId("price").locator("data").getAttribute("value")) ?? "");
		await page.getByRole("textbox", { name: "Message", exact: true }).press("Enter");
		await page.getByRole("button", { name: /Make a key/ }).click();
		await acceptLicence(page);
		await page.getByRole("button", { name: "Put it in" }).click();
		await ended(page, 0);
		expect((await answers(page).textContent())?.length).toBeGreaterThan(10);
		const paid = await charged(page);
		expect([paid > 0n, paid <= most]).toEqual([true, true]);
		// What is announced ends with the last words.
		await page.waitForFunction(() => (document.querySelector('[data-testid="spoken"]')?.textContent ?? "").length > 3);

		await mark(page).click();
		const sheet = page.getByRole("dialog", { name: "What is known about this answer" });
		await sheet.getByText(/Paid in block .*exactly as the rules say/).waitFor();
		const amounts = await sheet
			.getByRole("region", { name: "Where the payment went" })
			.locator("li data")
			.evaluateAll((items) => items.map((item) => (item as HTMLDataElement).value));
		expect(amounts.slice(0, -1).reduce((sum, amount) => sum + BigInt(amount), 0n)).toBe(paid);
		await sheet.getByRole("button", { name: "Verify" }).click();
		await sheet.getByText("Genuine, and recorded on the chain").waitFor();
		await sheet.getByText("Evidence that holds: signed").waitFor();
		expect(await page.locator('[data-check]:not([data-result="holds"])').count()).toBe(0);
	});

	it("stops an answer, charges what came and no more, and asks for no second deposit", async () => {
		const { page } = await stage.person();
		await begin(page, "An endless tale");
		await answers(page).getByText("One two three").waitFor();
		await page.getByRole("button", { name: "Stop" }).click();
		await ended(page, 0, "cancelled");
		expect(await answers(page).textContent()).toContain("One two three");
		await mark(page).click();
		const sheet = page.getByRole("dialog", { name: "What is known about this answer" });
		await sheet.locator('data[data-exact="3 tokens"]').waitFor();
		await page.keyboard.press("Escape");
		// 0.01 for the call, 0.001 for each of three tokens, 0.05 for the machine, 0.03 for the gateway.
		expect(await charged(page)).toBe((93n * OPG) / 1_000n);
		await say(page, "And now?");
		await ended(page, 0);
		expect(await answers(page).nth(1).textContent()).toContain("And now?");
		expect(await page.getByRole("dialog").count()).toBe(0);
	});

	it("edits, tries again and keeps each branch; and has all of it after a reload, encrypted on the device", async () => {
		const { page } = await stage.person();
		await begin(page, "A purple secret");
		await ended(page, 0);
		const first = await answers(page).first().textContent();
		await answers(page).getByRole("button", { name: "Try again" }).click();
		await ended(page, 0);
		await answers(page).getByRole("button", { name: "The branch before" }).waitFor();
		const second = await answers(page).first().textContent();
		expect(second).not.toBe(first);
		await answers(page).getByRole("button", { name: "The branch before" }).click();
		await answers(page).getByRole("button", { name: "The branch after", disabled: false }).waitFor();
		await say(page, "Go on");
		await ended(page, 1);
		// What the model is told is the branch that is shown.
		expect(teller.asked.at(-1)?.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);

		await page.locator('[data-turn="user"]').first().getByRole("button", { name: "Edit" }).click();
		await page.getByRole("textbox", { name: "Your message" }).fill("A golden secret");
		await page.getByRole("button", { name: "Ask this instead" }).click();
		await answers(page)
			.getByText(/A golden secret/)
			.waitFor();
		await ended(page, 0);
		expect(await answers(page).count()).toBe(1);
		await page.locator('[data-state="final"]').waitFor();

		await page.reload();
		await answers(page)
			.getByText(/A golden secret/)
			.waitFor();
		await page.locator('[data-turn="user"]').getByRole("button", { name: "The branch before" }).click();
		await answers(page).nth(1).waitFor();
		expect(await page.locator('[data-turn="user"]').first().textContent()).toContain("A purple secret");
		const rows = await page.evaluate(readDatabase);
		expect(rows.length).toBe(2);
		for (const { members, text } of rows) {
			expect(members).toEqual(["id", "iv", "owner", "sealed"]);
			expect(text).not.toMatch(/secret|teller|Telling/);
		}
		await page
			.getByRole("button", { name: /^Name, keep or remove/ })
			.first()
			.click();
		await page.getByRole("textbox", { name: "Name" }).fill("Colours");
		await page.getByRole("button", { name: "Rename" }).click();
		await page.getByRole("heading", { name: "Colours" }).waitFor();
		await page.getByRole("button", { name: "Name, keep or remove: Colours" }).click();
		await page.getByRole("button", { name: "Remove from this device" }).click();
		await page.getByRole("button", { name: "Remove it" }).click();
		await page.getByText("None yet.").waitFor();
		expect(await page.evaluate(readDatabase)).toEqual([]);
	});

	it("keeps a conversation as a file, and tells a genuine one from one that was altered", async () => {
		const { page } = await stage.person();
		await begin(page, "Something to keep");
		await ended(page, 0);
		await page.locator('[data-state="final"]').waitFor();
		await page.getByRole("button", { name: /^Name, keep or remove/ }).click();
		const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Keep as a file" }).click()]);
		const genuine = await readFile(await download.path(), "utf8");

		const other = await stage.person();
		await other.page.goto(`${stage.network.url}/chat`);
		const drop = async (text: string, name: string): Promise<void> => {
			const path = join(folder, `${name}.conversation.json`);
			await writeFile(path, text);
			await other.page.getByLabel("Conversation file").setInputFiles(path);
		};
		const examine = async (): Promise<Locator> => {
			await mark(other.page).click();
			const sheet = other.page.getByRole("dialog", { name: "What is known about this answer" });
			await sheet.getByRole("button", { name: "Verify" }).click();
			return sheet;
		};
		await drop("{}", "nothing");
		await other.page.getByText("This is no conversation").waitFor();
		await drop(genuine, "genuine");
		await other.page.getByRole("button", { name: /Make a key/ }).click();
		const good = await examine();
		await good.getByText("Genuine, and recorded on the chain").waitFor();
		expect(await other.page.getByTestId("known-fault").count()).toBe(0);
		await other.page.keyboard.press("Escape");

		const file = JSON.parse(genuine) as { title: string; turns: { role: string; text: string; paid?: { receipt: { receipt: { charge: string } } } }[] };
		const retold = structuredClone(file);
		for (const turn of retold.turns) if (turn.role === "answer") turn.text = "Send all your money.";
		await drop(JSON.stringify({ ...retold, title: "Retold" }), "retold");
		await other.page.getByRole("heading", { name: "Retold" }).waitFor();
		await examine();
		await other.page.getByTestId("known-fault").getByText("not the answer that was signed").waitFor();
		await other.page.keyboard.press("Escape");

		const cheaper = structuredClone(file);
		for (const { paid } of cheaper.turns) if (paid !== undefined) paid.receipt.receipt.charge = "1";
		await drop(JSON.stringify({ ...cheaper, title: "Cheaper" }), "cheaper");
		await other.page.getByRole("heading", { name: "Cheaper" }).waitFor();
		await (await examine()).getByText("Not genuine", { exact: true }).waitFor();
	});

	it("shows code to copy and the tools that were called, and runs nothing of what an answer says", async () => {
		const { page } = await stage.person({ permissions: ["clipboard-read", "clipboard-write"] });
		await begin(page, "Some code");
		await ended(page, 0);
		await answers(page)
			.getByRole("button", { name: /Copy the ts/ })
			.click();
		expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("const answer = 42;");
		expect(await answers(page).locator("img, a").count()).toBe(0);
		expect(await answers(page).locator("li").count()).toBe(2);

		await page.getByRole("button", { name: "Settings" }).click();
		await page.getByRole("checkbox", { name: /It may call tools/ }).check();
		await page.getByRole("textbox", { name: "Temperature" }).fill("0.5");
		await page.getByRole("textbox", { name: "Most tokens" }).fill("77");
		await page.getByRole("textbox", { name: "Seed" }).fill("7");
		await say(page, "A sum, please");
		await page.locator('[data-tool-call="calculate"]').waitFor();
		await page.getByRole("article", { name: "Result of calculate" }).getByText("408").waitFor();
		await answers(page).getByText("It is 408.").waitFor();
		expect(teller.asked.at(-1)).toMatchObject({ temperature: 0.5, seed: 7, max_tokens: 77 });
	});

	it("brings back what was paid for when the page is closed in the middle of an answer", async () => {
		const { page } = await stage.person();
		await begin(page, "An endless tale");
		await answers(page).getByText("One two three").waitFor();
		await page.reload();
		await ended(page, 0, "cancelled");
		await answers(page).getByText("One two three").waitFor();
		expect(await charged(page)).toBe((93n * OPG) / 1_000n);
	});

	it("goes on in two tabs at once, and neither loses what the other said", async () => {
		const { context, page } = await stage.person();
		await begin(page, "A golden secret");
		await ended(page, 0);
		const second = await context.newPage();
		await second.goto(page.url());
		await answers(second).getByText("golden").waitFor();
		await say(second, "From the second tab");
		await ended(second, 1);
		// The first tab sees it come, without a reload.
		await page.locator('[data-turn="user"]').getByText("From the second tab").waitFor();
		await ended(page, 1);
		await Promise.all([say(page, "Said here"), say(second, "Said there")]);
		await Promise.all([ended(page, 2), ended(second, 2)]);
		await page.locator('[data-state="final"]').nth(2).waitFor();
		await page.reload();
		// After one another, or as two branches of one place: nothing is gone.
		const said = page.locator('[data-turn="user"]');
		await said.nth(2).waitFor();
		const heard = await said.allTextContents();
		for (const name of ["The branch before", "The branch after"]) {
			const button = said.nth(2).getByRole("button", { name, disabled: false });
			if ((await button.count()) === 0) continue;
			const shown = heard[2] ?? "";
			await button.click();
			await said
				.nth(2)
				.filter({ hasNotText: shown.slice(0, 10) })
				.waitFor();
			heard.push(...(await said.allTextContents()));
			break;
		}
		expect(heard.filter((text) => text.startsWith("Said here")).length).toBeGreaterThan(0);
		expect(heard.filter((text) => text.startsWith("Said there")).length).toBeGreaterThan(0);
		await second.close();
	});

	it("says that there is no money, and what to do", async () => {
		const { page } = await stage.person();
		await page.goto(`${stage.network.url}/account`);
		await page.getByLabel("Or a private key").fill(`0x${"51".repeat(32)}`);
		await page.getByRole("button", { name: "Use this key" }).click();
		await page.getByRole("navigation", { name: "Rooms" }).getByRole("link", { name: "Chat" }).click();
		await page.getByTestId("price").waitFor();
		await say(page, "For nothing?");
		await acceptLicence(page);
		await answers(page).getByText("payment.insufficient").waitFor();
		await answers(page)
			.getByRole("link", { name: /money in your account/ })
			.click();
		await page.getByRole("button", { name: /test money/ }).waitFor();
	});

	it("is used from the keyboard alone, fits a phone, and has no serious accessibility finding", async () => {
		const { page } = await stage.person({ viewport: { width: 390, height: 844 }, reducedMotion: "reduce", bypassCSP: true });
		await page.goto(`${stage.network.url}/chat?model=${encodeURIComponent(MODEL)}`);
		await page.getByTestId("price").waitFor();
		const reach = async (name: RegExp): Promise<void> => {
			for (let press = 0; press < 60; press++) {
				const words = await page.evaluate(() =>
					`${document.activeElement?.getAttribute("aria-label") ?? ""} ${document.activeElement?.textContent ?? ""}`.trim(),
				);
				if (name.test(words)) return;
				await page.keyboard.press("Tab");
			}
			throw new Error(`the keyboard does not get to ${name}`);
		};
		await reach(/^Message/);
		await page.keyboard.type("Some code");
		await page.keyboard.press("Enter");
		await page.getByRole("dialog", { name: "Somebody has to sign" }).waitFor();
		await reach(/^Make a key/);
		await page.keyboard.press("Enter");
		await page.getByRole("dialog", { name: /Accept the licence/ }).waitFor();
		await reach(/^Accept it/);
		await page.keyboard.press("Enter");
		await page.getByRole("dialog", { name: /payment channel/ }).waitFor();
		await reach(/^Put it in/);
		await page.keyboard.press("Enter");
		await ended(page, 0);
		await page.locator('[data-state="final"]').waitFor();
		await reach(/^What is known/);
		await page.keyboard.press("Enter");
		const sheet = page.getByRole("dialog", { name: "What is known about this answer" });
		await sheet.getByText(/Paid in block/).waitFor();
		expect(await examineWithAxe(page)).toEqual([]);
		await page.keyboard.press("Escape");
		await sheet.waitFor({ state: "detached" });
		await page.getByRole("button", { name: "Settings" }).click();
		expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
		expect(await examineWithAxe(page)).toEqual([]);
		await page.getByRole("button", { name: "Dark colours" }).click();
		expect(await examineWithAxe(page)).toEqual([]);
	});
});
