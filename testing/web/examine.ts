/** Looking at a page as people do not: with a checker of accessibility, and into what the browser keeps. */
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** Serious and critical findings, in words. */
export async function examineWithAxe(page: Page): Promise<readonly string[]> {
	await page.addScriptTag({ path: AXE });
	return page.evaluate(async () => {
		const { axe } = globalThis as unknown as {
			axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }> };
		};
		const { violations } = await axe.run();
		return violations
			.filter(({ impact }) => impact === "serious" || impact === "critical")
			.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`).join(" | ")}`);
	});
}

/** In the page: every row of the conversations' database, its bytes as text. */
export async function readDatabase(): Promise<{ readonly members: readonly string[]; readonly text: string }[]> {
	const database = await new Promise<IDBDatabase>((resolve, reject) => {
		const request = indexedDB.open("freehold-conversations");
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
	const read = (store: string): Promise<Record<string, unknown>[]> =>
		new Promise((resolve, reject) => {
			const request = database.transaction(store).objectStore(store).getAll();
			request.onsuccess = () => resolve(request.result);
			request.onerror = () => reject(request.error);
		});
	const rows = [...(await read("heads")), ...(await read("bodies"))];
	database.close();
	const plain = (value: unknown): string =>
		value instanceof ArrayBuffer || value instanceof Uint8Array ? new TextDecoder("latin1").decode(value) : String(value);
	return rows.map((row) => ({ members: Object.keys(row).sort(), text: Object.values(row).map(plain).join(" ") }));
}
