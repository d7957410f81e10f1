/** Keeping what is one's own, in a real browser on a real local network: the key, the channel, the figures. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { setStage, stageIsReady } from "./stage.js";
import { acceptLicence, askForTheFirstTime, drawSeven, publish } from "./steps.js";

describe.skipIf(!stageIsReady)("keeping what is one's own [a Chromium and the built page]", () => {
	const stage = setStage();

	it("locks a key behind a passphrase, exports it, removes it, and brings it back", async () => {
		const { page } = await stage.person();
		await page.goto(`${stage.network.url}/account`);
		await page.getByRole("main").getByRole("button", { name: "Make a key" }).click();
		await page
			.getByRole("dialog")
			.getByRole("button", { name: /Make a key/ })
			.click();
		const address = page.getByRole("main").getByRole("button", { name: /Copy address/ });
		await address.waitFor();
		const mine = await address.getAttribute("data-exact");

		await page.getByRole("button", { name: "Set a passphrase" }).click();
		await page.getByLabel("Passphrase", { exact: true }).fill("correct horse battery");
		await page.getByLabel("Once more").fill("correct horse battery");
		await page.getByRole("button", { name: "Set it" }).click();
		await page.getByText("key of this browser, behind a passphrase").waitFor();
		await page.reload();
		await page.getByText("Your key is locked").waitFor();
		await page.getByRole("button", { name: "Open it" }).click();
		await page.getByLabel("Passphrase").fill("wrong horse battery");
		await page.getByRole("button", { name: "Open", exact: true }).click();
		await page.getByText("The passphrase does not open this key.").waitFor();
		await page.getByLabel("Passphrase").fill("correct horse battery");
		await page.getByRole("button", { name: "Open", exact: true }).click();

		await page.getByRole("button", { name: "Export a copy" }).click();
		await page.getByLabel("Passphrase", { exact: true }).fill("a copy in a drawer");
		await page.getByLabel("Once more").fill("a copy in a drawer");
		const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save the file" }).click()]);
		const copy = await download.path();
		expect(JSON.parse(await readFile(copy, "utf8"))).toMatchObject({ version: 3, address: mine?.slice(2) });
		await page.getByRole("button", { name: "Remove from this browser" }).click();
		await page.getByRole("checkbox").check();
		await page.getByRole("button", { name: "Remove it" }).click();
		await page.getByText("No key in this browser yet").waitFor();

		await page.getByLabel("Key file").setInputFiles(copy);
		await page.getByLabel("Passphrase of the file").fill("a copy in a drawer");
		await page.getByRole("button", { name: "Use this key" }).click();
		await address.waitFor();
		expect(await address.getAttribute("data-exact")).toBe(mine);
	});

	it("opens a channel, spends from it, closes it, and gets the rest back", async () => {
		const { page } = await stage.person();
		await page.goto(stage.network.url);
		await page.getByRole("button", { name: "Draw one for me" }).click();
		await askForTheFirstTime(page);
		await page.getByText("Complete: it proves itself anywhere").waitFor();
		await page
			.getByRole("link", { name: /^Account/ })
			.first()
			.click();
		await page.getByRole("textbox", { name: "Put in" }).fill("5");
		await page.getByRole("button", { name: "Fill it up" }).click();
		await page.getByRole("dialog", { name: "Put 5.00 OPG into a payment channel" }).getByRole("button", { name: "Put it in" }).click();
		await page.getByRole("dialog", { name: "Put 5.00 OPG into your payment channel" }).getByRole("button", { name: "Put it in" }).click();
		// 10.80 for ten calls, 5 more, one call spent.
		await page.getByText(/14\.72 OPG.* left/).waitFor();
		await page.getByRole("button", { name: "Close and get the rest back" }).click();
		// What it signs for this lies within what was agreed to: a voucher over what was spent.
		await page.getByText(/14\.72.*is back in your balance/).waitFor();
	});

	it("tells the same sum in the room, in the file, and on the chain", async () => {
		const { page } = await stage.person();
		await page.goto(`${stage.network.url}/publish`);
		await publish(page, "cleo/reader", "base/digits@1.0", "25", "0.40");
		await page.getByRole("button", { name: /Make a key/ }).click();
		await page
			.getByRole("dialog", { name: /Publish cleo/ })
			.getByRole("button", { name: "Publish" })
			.click();
		await page.getByRole("link", { name: "See it" }).click();
		await drawSeven(page);
		await page.getByRole("button", { name: /^Ask for/ }).click();
		await acceptLicence(page);
		await page
			.getByRole("dialog", { name: /payment channel/ })
			.getByRole("button", { name: "Put it in" })
			.click();
		await page.getByText(/Paid in block/).waitFor();
		await page.getByRole("navigation", { name: "Rooms" }).getByRole("link", { name: "Earnings" }).click();
		await page.locator('[data-testid="reconciled"][data-agrees="true"]').waitFor();
		const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV" }).click()]);
		const [head = "", ...rows] = (await readFile(await download.path(), "utf8")).trim().split(/\r?\n/);
		expect(head.split(",").at(-1)).toBe("total_opg");
		expect(rows.map((line) => line.split(",").at(-1))).toEqual(["0.30"]);
		const row = page.getByRole("region", { name: "Earnings by model" }).getByRole("row", { name: /cleo\/reader/ });
		expect(await row.locator("data").last().getAttribute("value")).toBe("300000000000000000");
	});
});
