/** The page in a real browser, on a real local network: what people come for, and what must never happen to them. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { examineWithAxe } from "./examine.js";
import { setStage, stageIsReady } from "./stage.js";
import { acceptLicence, askForTheFirstTime, drawSeven, publish } from "./steps.js";

const ROOMS = ["/", "/models", "/models/plus/digits", "/models/freehold/chat", "/chat", "/keys", "/publish", "/verify", "/earnings", "/account", "/design"];

describe.skipIf(!stageIsReady)("the page [a Chromium and the built page]", () => {
	const stage = setStage();
	const { person } = stage;

	it("lets one person publish and another ask, check, and pay everyone to the unit", async () => {
		const ada = await person();
		await ada.page.goto(`${stage.network.url}/publish`);
		await publish(ada.page, "ada/reader", "plus/digits@1.0", "20", "2.00");
		await ada.page.getByRole("button", { name: /Make a key/ }).click();
		const question = ada.page.getByRole("dialog", { name: /Publish ada\/reader 1\.0 as yours/ });
		expect(await question.textContent()).toContain("2.00 OPG");
		await question.getByRole("button", { name: "Publish" }).click();
		await ada.page.getByTestId("published").waitFor();

		const bob = await person();
		await bob.page.goto(`${stage.network.url}/models/ada/reader`);
		await drawSeven(bob.page);
		expect(await askForTheFirstTime(bob.page)).toMatch(/^\d$/);
		await bob.page.getByText(/Paid in block .*exactly as the rules say/).waitFor();
		const payment = bob.page.getByRole("region", { name: "Where the payment went" });
		// 2.00 is the owner's price: a fifth goes to plus/digits, a tenth of that to base/digits.
		const amounts = await payment.locator("li data").evaluateAll((items) => items.map((item) => BigInt((item as HTMLDataElement).value).toString()));
		expect(amounts.slice(0, 3)).toEqual(["1600000000000000000", "360000000000000000", "40000000000000000"]);
		expect(amounts.at(-1)).toBe(
			amounts
				.slice(0, -1)
				.reduce((sum, amount) => sum + BigInt(amount), 0n)
				.toString(),
		);
		await bob.page.getByRole("button", { name: "Verify" }).click();
		await bob.page.getByText("Genuine, and recorded on the chain").waitFor();
		expect(await bob.page.locator('[data-check]:not([data-result="holds"])').count()).toBe(0);

		// The link inside the page: loading it anew would forget nothing either, but people click.
		await ada.page.getByRole("navigation", { name: "Rooms" }).getByRole("link", { name: "Earnings" }).click();
		await ada.page.locator('[data-testid="reconciled"][data-agrees="true"]').waitFor();
		const row = ada.page.getByRole("row", { name: /ada\/reader/ });
		expect(await row.getByRole("cell").nth(1).locator("data").getAttribute("value")).toBe("1600000000000000000");
		await ada.page.getByRole("button", { name: "Take it out" }).click();
		await ada.page.getByRole("dialog", { name: "Take out what your models earned" }).getByRole("button", { name: "Take it out" }).click();
		await ada.page.getByText(/1\.60.*is in your balance now/).waitFor();
	});

	it("checks a receipt without a single request, and shows where a tampered one breaks", async () => {
		const { page, requests } = await person();
		await page.goto(stage.network.url);
		await page.getByRole("button", { name: "Draw one for me" }).click();
		await askForTheFirstTime(page);
		await page.getByText("Complete: it proves itself anywhere").waitFor();
		const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Keep the receipt" }).click()]);
		const genuine = await readFile(await download.path(), "utf8");

		await page.goto(`${stage.network.url}/verify`);
		await page.getByText("Drop a receipt file here").waitFor();
		await page.getByText("Trusting one operator").waitFor();
		const input = page.locator('input[type="file"]');
		const before = requests.filter((url) => !/\/(network\.json|api\/rpc)$/.test(url)).length;
		const drop = async (text: string): Promise<void> => {
			const path = join(stage.network.folder, "dropped.receipt.json");
			await writeFile(path, text);
			await input.setInputFiles(path);
		};
		await drop(genuine);
		await page.locator('[data-outcome="meets"]').waitFor();
		// The frame asks how the network is from time to time; the check asks nobody.
		expect(requests.filter((url) => !/\/(network\.json|api\/rpc)$/.test(url)).length).toBe(before);

		const file = JSON.parse(genuine) as { response: { outputs: Record<string, { data: string }> } };
		const label = file.response.outputs["label"];
		if (label === undefined) throw new Error("the answer has no label");
		const bytes = Buffer.from(label.data, "base64");
		bytes[0] = ((bytes[0] ?? 0) + 1) % 10;
		label.data = bytes.toString("base64");
		await drop(JSON.stringify(file));
		await page.locator('[data-outcome="forged"]').waitFor();
		const fault = page.getByTestId("fault");
		expect(await fault.textContent()).toContain("The answer in the file is the one that was given");
		expect(await fault.textContent()).toMatch(/response\s*bytes [\d,]+ to [\d,]+/);

		await drop(genuine.replace(/"charge":\s*"\d+"/, '"charge": "2000000000000000000"'));
		await page.locator('[data-outcome="forged"]').waitFor();
		await drop("{}");
		await page.getByText("Not genuine.").waitFor();
	});

	it("can be used from the keyboard alone", async () => {
		const { page } = await person();
		await page.goto(stage.network.url);
		await page.getByRole("button", { name: /^Ask for/ }).waitFor();
		const reach = async (what: (page: Page) => Promise<boolean>): Promise<void> => {
			for (let press = 0; press < 60; press++) {
				if (await what(page)) return;
				await page.keyboard.press("Tab");
			}
			throw new Error("the keyboard does not get there");
		};
		const focused = (text: RegExp) => (current: Page) =>
			current.evaluate(
				(source) => new RegExp(source).test(`${document.activeElement?.getAttribute("aria-label") ?? ""} ${document.activeElement?.textContent ?? ""}`),
				text.source,
			);
		await reach(focused(/^A digit from 0 to 9/));
		// A one: down the middle.
		for (let step = 0; step < 6; step++) await page.keyboard.press("Shift+ArrowDown");
		await reach(focused(/Ask for/));
		await page.keyboard.press("Enter");
		await page.getByRole("dialog", { name: "Somebody has to sign" }).waitFor();
		await reach(focused(/Make a key/));
		await page.keyboard.press("Enter");
		await page.getByRole("dialog", { name: /Accept the licence/ }).waitFor();
		await reach(focused(/^ Accept it/));
		await page.keyboard.press("Enter");
		await page.getByRole("dialog", { name: /payment channel/ }).waitFor();
		await reach(focused(/Put it in/));
		await page.keyboard.press("Enter");
		await page.getByTestId("answer").waitFor();
	});

	it("signs nothing and pays nothing when the person says no", async () => {
		const { page } = await person();
		await page.goto(stage.network.url);
		await page.getByRole("button", { name: "Draw one for me" }).click();
		await page.getByRole("button", { name: /^Ask for/ }).click();
		await page.getByRole("button", { name: /Make a key/ }).click();
		await page.getByRole("button", { name: "Do not sign" }).click();
		await page.getByText("You said no, so nothing was sent.").waitFor();
		await page.getByRole("link", { name: "Account", exact: true }).first().click();
		await page.getByText("Nothing yet. Before anything is signed").waitFor();
	});

	it("fits a phone and is asked with a finger", async () => {
		const { page } = await person({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
		for (const room of ROOMS) {
			await page.goto(`${stage.network.url}${room}`);
			await page.getByRole("main").getByRole("heading").first().waitFor();
			expect([room, await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)]).toEqual([room, true]);
		}
		await page.goto(`${stage.network.url}/publish`);
		await publish(page, "petra/reader", "plus/digits@1.0", "20", "2.00");
		await page.getByRole("button", { name: /Make a key/ }).tap();
		await page
			.getByRole("dialog", { name: /Publish petra/ })
			.getByRole("button", { name: "Publish" })
			.tap();
		await page.getByRole("link", { name: "See it" }).tap();
		const pad = page.getByRole("application");
		const box = await pad.boundingBox();
		for (const row of [0.1, 0.3, 0.5, 0.7, 0.9]) await pad.tap({ position: { x: (box?.width ?? 0) / 2, y: row * (box?.height ?? 0) } });
		await page.getByRole("button", { name: /^Ask for/ }).tap();
		await acceptLicence(page);
		await page
			.getByRole("dialog", { name: /payment channel/ })
			.getByRole("button", { name: "Put it in" })
			.tap();
		await page.getByText(/Paid in block .*exactly as the rules say/).waitFor();
		const fits = async (): Promise<boolean> => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
		expect(["an answer, divided", await fits()]).toEqual(["an answer, divided", true]);
		await page.goto(`${stage.network.url}/earnings`);
		await page.locator('[data-testid="reconciled"][data-agrees="true"]').waitFor();
		await page.getByRole("region", { name: "Earnings by release and day" }).waitFor();
		expect(["earnings", await fits()]).toEqual(["earnings", true]);
		await page.goto(`${stage.network.url}/account`);
		await page.getByRole("button", { name: "Close and get the rest back" }).waitFor();
		expect(["account", await fits()]).toEqual(["account", true]);
	});

	it.each(["light", "dark"] as const)(
		"has no serious accessibility finding in the %s theme",
		async (colorScheme) => {
			const { page } = await person({ colorScheme, reducedMotion: "reduce", bypassCSP: true });
			const examine = async (place: string): Promise<void> => expect([place, await examineWithAxe(page)]).toEqual([place, []]);
			for (const room of ROOMS) {
				await page.goto(`${stage.network.url}${room}`);
				await page.getByRole("main").getByRole("heading").first().waitFor();
				await examine(room);
			}
			await page.goto(stage.network.url);
			await page.getByRole("button", { name: "Draw one for me" }).click();
			await page.getByRole("button", { name: /^Ask for/ }).click();
			await page.getByRole("dialog").waitFor();
			await examine("the dialog that makes a key");
			await page.getByRole("button", { name: /Make a key/ }).click();
			await page.getByRole("dialog", { name: /Accept the licence/ }).waitFor();
			await examine("the dialog that shows a licence");
			await acceptLicence(page);
			await page.getByRole("dialog", { name: /payment channel/ }).waitFor();
			await examine("the dialog before a signature");
			await page.getByRole("button", { name: "Put it in" }).click();
			await page.getByTestId("answer").waitFor();
			await page.getByText("Complete: it proves itself anywhere").waitFor();
			await page.getByRole("button", { name: "Verify" }).click();
			await page.getByText("Genuine, and recorded on the chain").waitFor();
			await examine("an answer, divided and checked");
		},
		180_000,
	);

	it("draws only what is in sight of 5,000 models and 10,000 calls", async () => {
		const { page } = await person();
		const hex = (index: number, bytes: number): string => `0x${index.toString(16).padStart(2 * bytes, "0")}`;
		await page.route("**/api/hub/v1/models?*", async (route) => {
			const { searchParams } = new URL(route.request().url());
			const from = Number(searchParams.get("cursor") ?? 0);
			const size = Math.min(Number(searchParams.get("limit")), 5_000 - from);
			const models = Array.from({ length: size }, (_, offset) => ({
				model: `many/model-${from + offset}`,
				id: hex(from + offset, 32),
				owner: hex(1, 20),
				latest: { release: hex(from + offset, 32), version: "1.0", perCall: "1000000000000000000" },
				tags: [],
				calls: 0,
				gross: "0",
				updatedAt: 0,
			}));
			await route.fulfill({ json: { models, total: 5_000, ...(from + size < 5_000 ? { cursor: String(from + size) } : {}) } });
		});
		await page.route("**/api/hub/v1/calls?*", async (route) => {
			const before = Number(new URL(route.request().url()).searchParams.get("cursor") ?? 10_001);
			const lines = Array.from({ length: Math.min(500, before - 1) }, (_, offset) => ({
				id: before - 1 - offset,
				release: hex(1, 32),
				model: "many/model-1@1.0",
				calls: 1,
				ownerAmount: "1",
				time: Date.now(),
				transaction: hex(before - offset, 32),
			}));
			await route.fulfill({ json: { lines, ...(before > 501 ? { cursor: String(before - 500) } : {}) } });
		});
		await page.goto(`${stage.network.url}/models`);
		await page.getByText("5,000 models").waitFor();
		const rows = page.getByRole("main").getByRole("listitem");
		for (const target of ["many/model-150", "many/model-420", "many/model-1000"]) {
			const row = page.getByRole("link", { name: target, exact: true });
			for (let turn = 0; turn < 80 && (await row.count()) === 0; turn++) {
				await page.mouse.move(700, 500);
				await page.mouse.wheel(0, 2_000);
				await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
			}
			await row.waitFor();
			expect(await rows.count()).toBeLessThan(60);
		}
		await page.goto(stage.network.url);
		const calls = page.getByRole("region", { name: "Latest paid calls" });
		await calls.waitFor();
		for (let turn = 0; turn < 60; turn++) {
			await calls.evaluate((box) => box.scrollTo(0, box.scrollHeight));
			await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
			expect(await calls.getByRole("listitem").count()).toBeLessThan(40);
		}
		expect(await calls.evaluate((box) => box.scrollHeight)).toBeGreaterThan(60 * 2_000);
	});

	it("says that the network stopped, checks receipts all the same, and goes on when it is back", async () => {
		const { page, faults } = await person();
		await page.goto(stage.network.url);
		await page.getByRole("button", { name: "Draw one for me" }).click();
		await askForTheFirstTime(page);
		await page.getByText("Complete: it proves itself anywhere").waitFor();
		await page.getByRole("button", { name: "Verify" }).click();
		await page.getByText("Genuine, and recorded on the chain").waitFor();
		await stage.network.stop();
		await page.getByRole("button", { name: /^Ask for/ }).click();
		await page.getByText("The network does not answer").first().waitFor();
		// A room that was never opened cannot be fetched now, and the page says so; what is here goes on working.
		await page.getByText("Genuine, and recorded on the chain").waitFor();
		await stage.network.restart();
		await page.getByRole("button", { name: /^Ask for/ }).click();
		await page.getByTestId("answer").waitFor();
		// The browser's own words for addresses that did not answer are no fault of the page.
		faults.splice(0, faults.length, ...faults.filter((fault) => !/ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_SOCKET|status of 50\d/.test(fault)));
	});
});
