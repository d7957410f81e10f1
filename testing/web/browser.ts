/** A real Chromium, where this machine has one. */
import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const PATHS = [process.env["FREEHOLD_CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export const chromiumPath: string | undefined = PATHS.find((path) => path !== undefined && existsSync(path));

export function openBrowser(): Promise<Browser> {
	return chromium.launch({
		...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
		headless: true,
		args: [
			"--no-sandbox",
			"--disable-gpu",
			"--disable-quic",
			"--no-first-run",
			"--disable-background-networking",
			"--disable-component-update",
			"--disable-sync",
		],
	});
}

/** A person at a browser of their own, and what their page did that it should not have. */
export interface Person {
	readonly context: BrowserContext;
	readonly page: Page;
	/** Console errors, page errors, violations of the policy. Not counted is the browser's word for two answers that the protocol expects: 402, which names the price, and 404 for a blob, a channel, a quote of a release or a call that is not there yet. */
	readonly faults: string[];
	/** Addresses of all requests. */
	readonly requests: string[];
}

export async function openPerson(browser: Browser, options: BrowserContextOptions = {}): Promise<Person> {
	const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: "light", ...options });
	const page = await context.newPage();
	page.setDefaultTimeout(30_000);
	const faults: string[] = [];
	const requests: string[] = [];
	page.on("console", (message) => {
		if (message.type() === "error" && !isExpected(message.text(), message.location().url)) faults.push(`${message.text()} (${message.location().url})`);
	});
	page.on("pageerror", (error) => faults.push(error.message));
	page.on("request", (request) => requests.push(request.url()));
	return { context, page, faults, requests };
}

function isExpected(text: string, url: string): boolean {
	return text.includes("status of 402") || (text.includes("status of 404") && /\/v1\/(blobs\/by-sha256|channels|quotes|calls)\/0x/.test(url));
}
