/**
 * How quickly the page answers a hand, in a real Chromium on a real network: each click and key from the event to the next paint, as the browser's Event Timing
 * has it (in steps of 8 ms); rooms from the click to their heading; and the longest task while 5,000 models and 10,000 calls are scrolled. Skipped where there
 * is no Chromium.
 */
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { percentile } from "../lib/measure.mjs";
import { withNetwork } from "../lib/network.mjs";

const PATHS = [process.env["FREEHOLD_CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const MODELS = 5_000;
const CALLS = 10_000;
const AIM_MS = 100;
/** A task longer than this is felt while scrolling. */
const TASK_MS = 50;
const SLOWER = 4;

export async function run({ root }) {
	const executablePath = PATHS.find((path) => path !== undefined && existsSync(path));
	if (executablePath === undefined) {
		process.stderr.write("no Chromium here: the page is not measured\n");
		return [];
	}
	return withNetwork(root, async ({ network }) => {
		const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
		try {
			const here = await visit(browser, network.gatewayUrl, 1);
			const slower = await visit(browser, network.gatewayUrl, SLOWER);
			const row = (name, value, target) => ({ name: `page, ${name}`, unit: "ms", value, better: "lower", target, rival: null, cpuMs: null });
			return [
				row(`slowest of ${here.interactions.length} clicks and keys`, Math.max(...here.interactions), AIM_MS),
				row("clicks and keys, P75", percentile(here.interactions, 0.75), AIM_MS),
				row(`slowest click or key, processor ${SLOWER} times slower`, Math.max(...slower.interactions), null),
				row(`clicks and keys, P75, processor ${SLOWER} times slower`, percentile(slower.interactions, 0.75), AIM_MS),
				row("another room, slowest, from the click to its heading", Math.max(...here.rooms), AIM_MS),
				row(`longest task while ${MODELS.toLocaleString("en")} models are scrolled`, here.models, TASK_MS),
				row(`longest task while ${CALLS.toLocaleString("en")} calls are scrolled`, here.calls, TASK_MS),
				row("first paint with content", here.firstPaint, null),
			];
		} finally {
			await browser.close();
		}
	});
}

async function visit(browser, url, slower) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
	const page = await context.newPage();
	const devtools = await context.newCDPSession(page);
	await page.addInitScript(() => {
		globalThis.measured = { interactions: [], longest: 0 };
		new PerformanceObserver((list) => {
			for (const { interactionId, duration } of list.getEntries()) if (interactionId > 0) globalThis.measured.interactions.push(duration);
		}).observe({ type: "event", durationThreshold: 16, buffered: true });
		new PerformanceObserver((list) => {
			for (const { duration } of list.getEntries()) globalThis.measured.longest = Math.max(globalThis.measured.longest, duration);
		}).observe({ type: "longtask" });
	});
	await manyModels(page);
	await manyCalls(page);
	await page.goto(url);
	await page.getByRole("button", { name: /^Ask for/ }).waitFor();
	const firstPaint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);
	if (slower > 1) await devtools.send("Emulation.setCPUThrottlingRate", { rate: slower });
	await settle(page);

	await drawOn(page);
	await page.getByRole("button", { name: "Draw one for me" }).click();
	await page.getByRole("button", { name: "Dark colours" }).first().click();
	await page.getByRole("button", { name: "Light colours" }).first().click();
	await page.getByRole("button", { name: /^Ask for/ }).click();
	await page.getByRole("dialog").waitFor();
	await page.keyboard.press("Escape");
	await page.getByRole("dialog").waitFor({ state: "detached" });

	const rooms = [];
	for (const name of ["Models", "Verify", "Publish", "Earnings", "Account", "Home", "Models"]) rooms.push(await enter(page, name));
	const search = page.getByRole("searchbox", { name: "Search" });
	await search.click();
	await page.keyboard.type("model 12", { delay: 60 });
	await search.fill("");
	await page.getByText(`${MODELS.toLocaleString("en")} models`).waitFor();
	const models = await scrolled(page, () => page.mouse.wheel(0, 1_500));
	await enter(page, "Publish");
	await page.getByRole("textbox", { name: "Name", exact: true }).click();
	await page.keyboard.type("ada/digits", { delay: 40 });
	await page.getByRole("button", { name: "Add a parent" }).click();
	await page.getByRole("combobox", { name: "Parent 1" }).click();
	await page.keyboard.type("base/digits@1.0", { delay: 40 });
	await enter(page, "Home");
	const list = page.getByRole("region", { name: "Latest paid calls" });
	await list.waitFor();
	await list.hover();
	const calls = await scrolled(page, () => page.mouse.wheel(0, 1_500));
	await settle(page);
	// Entries below the least that the browser tells of are counted as that.
	const interactions = await page.evaluate(() => globalThis.measured.interactions);
	await context.close();
	return { interactions, rooms, models, calls, firstPaint };
}

/** Milliseconds from the click until the room's heading is there. */
async function enter(page, name) {
	await page.getByRole("navigation", { name: "Rooms" }).first().getByRole("link", { name, exact: true }).hover();
	await settle(page);
	return page.evaluate(async (room) => {
		const link = [...document.querySelectorAll('nav[aria-label="Rooms"] a')].find(({ textContent }) => textContent.trim() === room);
		const before = document.querySelector("main h1");
		const began = performance.now();
		link.click();
		while (document.querySelector("main h1") === before || document.querySelector("main h1") === null) await new Promise(requestAnimationFrame);
		return performance.now() - began;
	}, name);
}

async function scrolled(page, wheel) {
	await settle(page);
	await page.evaluate(() => {
		globalThis.measured.longest = 0;
	});
	for (let turn = 0; turn < 60; turn++) {
		await wheel();
		await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
	}
	await settle(page);
	return page.evaluate(() => globalThis.measured.longest);
}

async function drawOn(page) {
	const box = await page.getByRole("application").boundingBox();
	await page.mouse.move(box.x + 60, box.y + 40);
	await page.mouse.down();
	await page.mouse.move(box.x + 240, box.y + 60, { steps: 12 });
	await page.mouse.move(box.x + 120, box.y + 300, { steps: 12 });
	await page.mouse.up();
}

/** Until the page has nothing to do, and its observers have told what they saw. */
function settle(page) {
	return page.evaluate(() => new Promise((resolve) => requestIdleCallback(() => setTimeout(resolve, 120), { timeout: 2_000 })));
}

function manyModels(page) {
	return page.route("**/api/hub/v1/models?*", (route) => {
		const { searchParams } = new URL(route.request().url());
		const from = Number(searchParams.get("cursor") ?? 0);
		const length = Math.min(Number(searchParams.get("limit")), MODELS - from);
		const models = Array.from({ length }, (_, offset) => ({
			model: `many/model-${from + offset}`,
			id: hex(from + offset, 32),
			owner: hex(1, 20),
			latest: { release: hex(from + offset, 32), version: "1.0", perCall: "1000000000000000000", perInputUnit: "0", perOutputUnit: "0" },
			title: "One of many",
			tags: [],
			calls: 12,
			gross: "12000000000000000000",
			updatedAt: 0,
		}));
		return route.fulfill({ json: { models, total: MODELS, ...(from + length < MODELS ? { cursor: String(from + length) } : {}) } });
	});
}

function manyCalls(page) {
	return page.route("**/api/hub/v1/calls?*", (route) => {
		const before = Number(new URL(route.request().url()).searchParams.get("cursor") ?? CALLS + 1);
		const lines = Array.from({ length: Math.min(500, before - 1) }, (_, offset) => ({
			id: before - 1 - offset,
			release: hex(1, 32),
			model: "many/model-1@1.0",
			calls: 1,
			ownerAmount: "1000000000000000000",
			time: Date.now(),
			transaction: hex(before - offset, 32),
		}));
		return route.fulfill({ json: { lines, ...(before > 501 ? { cursor: String(before - 500) } : {}) } });
	});
}

const hex = (index, bytes) => `0x${index.toString(16).padStart(2 * bytes, "0")}`;
