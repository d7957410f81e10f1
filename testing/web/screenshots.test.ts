/** Pictures of the page: with FREEHOLD_SCREENSHOTS=1 they are written to docs/images; else only the way to them is walked in the other tests. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, it } from "vitest";
import { chromiumPath, openBrowser, openPerson } from "./browser.js";
import { pageIsBuilt, repository, startLocalNetwork } from "./local-network.js";
import { acceptLicence, askForTheFirstTime, drawSeven, publish } from "./steps.js";

const wanted = process.env["FREEHOLD_SCREENSHOTS"] === "1" && chromiumPath !== undefined && pageIsBuilt;
const folder = join(repository, "docs/images");

describe.skipIf(!wanted)("pictures of the page [FREEHOLD_SCREENSHOTS=1, a Chromium and the built page]", () => {
	it("are taken", async () => {
		await mkdir(folder, { recursive: true });
		const [network, browser] = await Promise.all([startLocalNetwork(), openBrowser()]);
		try {
			const take = async (page: Page, name: string): Promise<void> => {
				// Moving things settle before the picture.
				await page.waitForFunction(() =>
					document.getAnimations().every(({ playState, effect }) => playState !== "running" || effect?.getTiming().iterations === Number.POSITIVE_INFINITY),
				);
				await page.screenshot({ path: join(folder, `${name}.png`) });
			};
			const ada = await openPerson(browser);
			await ada.page.goto(`${network.url}/publish`);
			await publish(ada.page, "ada/reader", "plus/digits@1.0", "20", "2.00");
			await ada.page.getByRole("button", { name: /Make a key/ }).click();
			await ada.page.getByRole("dialog", { name: /Publish/ }).waitFor();
			await take(ada.page, "page-sign");
			await ada.page.getByRole("dialog").getByRole("button", { name: "Publish" }).click();
			await ada.page.getByTestId("published").waitFor();

			const bob = await openPerson(browser, { viewport: { width: 1280, height: 1000 } });
			await bob.page.goto(`${network.url}/models/ada/reader`);
			await drawSeven(bob.page);
			await askForTheFirstTime(bob.page);
			await bob.page.getByText(/Paid in block/).waitFor();
			await bob.page.goto(network.url);
			await drawSeven(bob.page);
			await bob.page.getByRole("button", { name: /^Ask for/ }).click();
			await acceptLicence(bob.page);
			await bob.page.getByText(/Paid in block/).waitFor();
			// Away from the amounts: the one below the pointer would stand out.
			await bob.page.mouse.move(1, 1);
			await take(bob.page, "page-home");
			await bob.page.getByRole("button", { name: "Verify" }).click();
			await bob.page.getByText("Genuine, and recorded on the chain").waitFor();
			await bob.page.getByRole("heading", { name: "Check it yourself" }).evaluate((heading) => heading.scrollIntoView());
			await take(bob.page, "page-verify");
			await bob.page.goto(`${network.url}/models/ada/reader`);
			await bob.page.getByRole("heading", { name: "Lineage" }).waitFor();
			await bob.page.locator(".uplot").first().waitFor();
			await bob.page.getByRole("heading", { name: "Lineage" }).evaluate((heading) => heading.scrollIntoView());
			await take(bob.page, "page-model");

			await ada.page.getByRole("link", { name: "Earnings" }).first().click();
			await ada.page.locator('[data-agrees="true"]').waitFor();
			await ada.page.locator(".uplot").waitFor();
			await ada.page.getByRole("button", { name: "Dark colours" }).first().click();
			await ada.page.mouse.move(640, 880);
			await take(ada.page, "page-earnings");

			await bob.page.goto(`${network.url}/chat`);
			await bob.page.getByTestId("price").waitFor();
			for (const [index, question] of ["What is a till?", "How do I publish a model?"].entries()) {
				await bob.page.getByRole("textbox", { name: "Message", exact: true }).fill(question);
				await bob.page.getByRole("button", { name: "Send" }).click();
				if (index === 0) await acceptLicence(bob.page);
				await bob.page.locator('[data-turn="answer"][data-end="stop"]').nth(index).waitFor();
			}
			await take(bob.page, "page-chat");

			const phone = await openPerson(browser, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 });
			await phone.page.goto(network.url);
			await phone.page.getByRole("button", { name: "Draw one for me" }).tap();
			await askForTheFirstTime(phone.page);
			await phone.page.getByText(/Paid in block/).waitFor();
			await take(phone.page, "page-phone");
		} finally {
			await browser.close();
			await network.end();
		}
	});
});
