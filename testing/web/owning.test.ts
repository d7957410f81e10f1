/** Owning, in a real browser on a real local network: with a wallet of one's own, with large files, with prices that change. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Hex } from "viem";
import { describe, expect, it } from "vitest";
import { weighty } from "../onnx/models.js";
import { injectWallet } from "./injected-wallet.js";
import { setStage, stageIsReady } from "./stage.js";
import { acceptLicence, askForTheFirstTime, drawSeven, publish } from "./steps.js";

describe.skipIf(!stageIsReady)("owning [a Chromium and the built page]", () => {
	const stage = setStage();
	const development = async (index: number): Promise<Hex> => {
		const accounts = JSON.parse(await readFile(join(stage.network.folder, "accounts.json"), "utf8")) as { readonly privateKey: Hex }[];
		const account = accounts[index];
		if (account === undefined) throw new Error(`there is no development account ${index}`);
		return account.privateKey;
	};

	it("publishes, asks and is paid with an injected wallet, which sends by itself", async () => {
		const { page, context } = await stage.person();
		const wallet = await injectWallet(context, stage.network.url, await development(6));
		await page.goto(`${stage.network.url}/publish`);
		await publish(page, "wanda/reader", "base/digits@1.0", "10", "1.00");
		await page.getByRole("button", { name: "Use Test Wallet" }).click();
		// The page says first what the wallet is going to be asked for.
		await page
			.getByRole("dialog", { name: /Publish wanda\/reader 1\.0 as yours/ })
			.getByRole("button", { name: "Publish" })
			.click();
		await page.getByTestId("published").waitFor();
		expect(wallet.asked).toContain("wallet_addEthereumChain");
		expect(wallet.asked.filter((method) => method === "eth_sendTransaction")).toHaveLength(1);
		expect(wallet.chain).toBe("0x29f5");

		// Another visit: the wallet still lets this page in, and nobody is asked again.
		await page.goto(`${stage.network.url}/models/wanda/reader`);
		await page.getByRole("region", { name: "Yours", exact: true }).waitFor();
		await drawSeven(page);
		wallet.refuse = "eth_signTypedData_v4";
		const ask = page.getByRole("button", { name: /^Ask for/ });
		const deposit = page.getByRole("dialog", { name: /payment channel/ }).getByRole("button", { name: "Put it in" });
		await ask.click();
		await acceptLicence(page);
		await page.getByText("You said no, so nothing was sent.").waitFor();
		await ask.click();
		await acceptLicence(page);
		await deposit.click();
		await page.getByTestId("answer").waitFor();
		await page.getByText(/Paid in block .*exactly as the rules say/).waitFor();

		await page.getByRole("navigation", { name: "Rooms" }).getByRole("link", { name: "Earnings" }).click();
		await page.locator('[data-testid="reconciled"][data-agrees="true"]').waitFor();
		await page.getByRole("button", { name: "Take it out" }).click();
		await page.getByRole("dialog", { name: "Take out what your models earned" }).getByRole("button", { name: "Take it out" }).click();
		await page.getByText(/0\.90.*is in your balance now/).waitFor();
		expect(wallet.asked.filter((method) => method === "eth_signTransaction")).toEqual([]);

		// Locked in the wallet: the page has nobody any more.
		await page.evaluate(() => (globalThis as unknown as { lockWalletOfTest(): void }).lockWalletOfTest());
		await page.getByText("No account yet").first().waitFor();
	});

	it("goes on within a file that was half sent, also from a page that was closed", async () => {
		const file = join(stage.network.folder, "weighty.onnx");
		await writeFile(file, weighty(9 * 1024 * 1024));
		const { page, faults } = await stage.person();
		const sent: string[] = [];
		page.on("requestfinished", (request) => {
			const part = /\/uploads\/0x[0-9a-f]+\/parts\/(\d+)$/.exec(request.url())?.[1];
			if (part !== undefined) sent.push(part);
		});
		await page.route("**/parts/1", (route) => route.abort("connectionreset"));
		await page.goto(`${stage.network.url}/publish`);
		await page.locator('input[type="file"]').setInputFiles(file);
		await page.getByTestId("findings").waitFor();
		await page.getByRole("textbox", { name: "Name", exact: true }).fill("grace/weighty");
		await page.getByRole("button", { name: "Publish", exact: true }).click();
		await page.getByRole("button", { name: /Make a key/ }).click();
		await page.getByText("The network does not answer").waitFor();
		expect(await page.getByRole("progressbar").getAttribute("aria-valuenow")).toBe("44");
		expect(sent).toEqual(["0"]);

		await page.unroute("**/parts/1");
		await page.reload();
		await page.getByText(/weighty\.onnx.* was interrupted/).waitFor();
		await page.locator('input[type="file"]').setInputFiles(file);
		await page.getByTestId("findings").waitFor();
		await page.getByRole("button", { name: "Publish", exact: true }).click();
		await page
			.getByRole("dialog", { name: /Publish grace\/weighty/ })
			.getByRole("button", { name: "Publish" })
			.click();
		await page.getByTestId("published").waitFor();
		expect(sent).toEqual(["0", "1", "2"]);
		// The browser's own word for the line that broke is no fault of the page.
		faults.splice(0, faults.length, ...faults.filter((fault) => !fault.includes("ERR_CONNECTION_RESET")));
	});

	it("asks by the size of a call, changes the price, and ends a release", async () => {
		const { page } = await stage.person();
		await page.goto(`${stage.network.url}/publish`);
		const preview = page.getByRole("region", { name: "Who gets what of one call" });
		await page.locator('input[type="file"]').setInputFiles(join(import.meta.dirname, "../../models/base-digits/model.onnx"));
		await page.getByTestId("findings").waitFor();
		await page.getByRole("textbox", { name: "Name", exact: true }).fill("olive/counted");
		await page.getByText("And by the size of a call").click();
		await page.getByRole("textbox", { name: "For each number that goes in" }).fill("0.01");
		await page.getByRole("textbox", { name: "Your price for a call" }).fill("0.50");
		// 0.50 for the call, 64 numbers in.
		await preview.getByText("A call with 64 numbers in and 11 numbers out").waitFor();
		expect(await preview.locator("li data").first().getAttribute("value")).toBe("1140000000000000000");
		await page.getByRole("button", { name: "Publish", exact: true }).click();
		await page.getByRole("button", { name: /Make a key/ }).click();
		const question = page.getByRole("dialog", { name: /Publish olive\/counted/ });
		expect(await question.textContent()).toContain("0.50 OPG a call and 0.01 OPG an input unit");
		await question.getByRole("button", { name: "Publish" }).click();
		await page.getByRole("link", { name: "See it" }).click();

		await drawSeven(page);
		await page.getByRole("button", { name: /^Ask for/ }).click();
		await acceptLicence(page);
		await page
			.getByRole("dialog", { name: /payment channel/ })
			.getByRole("button", { name: "Put it in" })
			.click();
		const payment = page.getByRole("region", { name: "Where the payment went" });
		expect(await payment.locator("li data").first().getAttribute("value")).toBe("1140000000000000000");

		const yours = page.getByRole("region", { name: "Yours", exact: true });
		await yours.getByRole("textbox", { name: "For each number in" }).fill("0");
		await yours.getByRole("textbox", { name: "Price for a call" }).fill("0.25");
		await yours.getByRole("button", { name: "Set the price" }).click();
		await page.getByRole("dialog", { name: "Ask 0.25 OPG a call from now on" }).getByRole("button", { name: "Set the price" }).click();
		await yours.getByText("The new price counts now.").waitFor();
		await page.getByRole("button", { name: /Ask for 0\.33/ }).waitFor();
		await yours.getByRole("textbox", { name: "Price for a call" }).fill("3");
		await yours.getByRole("button", { name: "Set the price" }).click();
		await page.getByRole("dialog", { name: "Ask 3.00 OPG a call from now on" }).getByRole("button", { name: "Set the price" }).click();
		await yours.getByText(/The new price counts in (an hour|1 hour|\d+ minutes)/).waitFor();

		await yours.getByRole("button", { name: "Retire release 1.0" }).click();
		await page.getByRole("checkbox").check();
		await page.getByRole("dialog", { name: "Retire olive/counted@1.0" }).getByRole("button", { name: "Retire it" }).click();
		await page.getByRole("dialog", { name: "Retire a release" }).getByRole("button", { name: "Retire it" }).click();
		await yours.getByText("Every release is retired").waitFor();
		await yours.getByRole("link", { name: "Publish release 1.1" }).click();
		expect(await page.getByRole("textbox", { name: "Release" }).inputValue()).toBe("1.1");
		expect(await page.getByRole("textbox", { name: "Name", exact: true }).inputValue()).toBe("olive/counted");
	});

	it("finds models by what they are for, what they cost, and what they are tagged with", async () => {
		const { page } = await stage.person();
		await page.goto(`${stage.network.url}/models`);
		const found = page.getByRole("main").getByRole("listitem");
		await page.getByRole("link", { name: "clinic/tumour" }).waitFor();
		await page.getByRole("textbox", { name: "A call costs at most" }).fill("0.50");
		await page.getByRole("link", { name: "plus/digits" }).waitFor({ state: "detached" });
		await page.getByRole("link", { name: "clinic/tumour" }).waitFor();
		await page.getByRole("button", { name: "Show all again" }).click();
		await page.getByRole("link", { name: "plus/digits" }).click();
		await page.getByRole("link", { name: "fine-tuned" }).click();
		await page.getByText("Only what is tagged “fine-tuned”.").waitFor();
		// What was found before stays in sight until the answer is there.
		await found.nth(1).waitFor({ state: "detached" });
		expect(await found.count()).toBe(1);
		await page.getByRole("button", { name: "Show all again" }).click();
		await page.getByRole("combobox", { name: "Task" }).selectOption({ index: 1 });
		await page.waitForURL(/task=/);
		await page.getByRole("searchbox", { name: "Search" }).fill("zzzzqqqq xxxxvvvv");
		await page.getByText("Nothing matches").waitFor();
	});

	it("hides what only an owner may do from everybody else", async () => {
		const { page } = await stage.person();
		await page.goto(`${stage.network.url}/models/plus/digits`);
		await page.getByRole("button", { name: /^Ask for/ }).waitFor();
		await drawSeven(page);
		await askForTheFirstTime(page);
		expect(await page.getByRole("region", { name: "Yours", exact: true }).count()).toBe(0);
	});
});
