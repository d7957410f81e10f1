/** What people do on the page, as the tests and the screenshots do it. */
import { join } from "node:path";
import type { Page } from "playwright-core";
import { repository } from "./local-network.js";

export const baseModel: string = join(repository, "models/base-digits/model.onnx");

/** Draws a seven with the mouse, crossed as those are that the model learned from. */
export async function drawSeven(page: Page): Promise<void> {
	const pad = page.getByRole("application");
	await pad.scrollIntoViewIfNeeded();
	const box = await pad.boundingBox();
	if (box === null) throw new Error("there is no drawing pad");
	const at = (column: number, row: number): readonly [number, number] => [box.x + ((column + 0.5) / 8) * box.width, box.y + ((row + 0.5) / 8) * box.height];
	await page.mouse.move(...at(1.7, 0.6));
	await page.mouse.down();
	await page.mouse.move(...at(4.8, 0.6), { steps: 8 });
	await page.mouse.move(...at(3, 7), { steps: 8 });
	await page.mouse.up();
	await page.mouse.move(...at(2, 3.7));
	await page.mouse.down();
	await page.mouse.move(...at(5.2, 3.7), { steps: 4 });
	await page.mouse.up();
}

/** Before the first paid call to a model. */
export async function acceptLicence(page: Page): Promise<void> {
	await page
		.getByRole("dialog", { name: /^Accept the licence of/ })
		.getByRole("button", { name: "Accept it" })
		.click();
}

/** The first question of somebody new: a key, test money, a yes to the licence and one to the channel. */
export async function askForTheFirstTime(page: Page): Promise<string> {
	await page.getByRole("button", { name: /^Ask for/ }).click();
	await page.getByRole("button", { name: /Make a key/ }).click();
	await acceptLicence(page);
	const dialog = page.getByRole("dialog", { name: /Put .* OPG into a payment channel/ });
	await dialog.getByRole("button", { name: "Put it in" }).click();
	return ((await page.getByTestId("answer").textContent()) ?? "").trim();
}

export async function publish(page: Page, name: string, parent: string, share: string, price: string): Promise<void> {
	await page.locator('input[type="file"][aria-label="Model file"]').setInputFiles(baseModel);
	await page.getByTestId("findings").waitFor();
	await page.getByRole("textbox", { name: "Name", exact: true }).fill(name);
	await page.getByRole("button", { name: "Add a parent" }).click();
	await page.getByRole("combobox", { name: "Parent 1" }).fill(parent);
	await page.getByRole("textbox", { name: "Share", exact: true }).fill(share);
	await page.getByRole("textbox", { name: "Your price for a call" }).fill(price);
	await page.getByRole("button", { name: "Publish", exact: true }).click();
}
