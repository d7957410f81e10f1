/** SECURITY.md names a test for each thing that stops an attacker. A table that points at nothing would be worse than none. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Row {
	readonly asset: string;
	readonly attacker: string;
	readonly stops: string;
	readonly tests: readonly { readonly file: string; readonly title: string }[];
}

const rows = readRows(readFileSync(join(root, "SECURITY.md"), "utf8"));

/** Rows of the one table with four columns. A cell that is empty continues the one above. */
function readRows(text: string): readonly Row[] {
	let asset = "";
	return text
		.split("\n")
		.filter((line) => line.startsWith("|") && !/^\|[-|]+$/.test(line) && !line.startsWith("| asset "))
		.map((line) => {
			const [first = "", attacker = "", stops = "", shown = ""] = line
				.slice(1, -1)
				.split(" | ")
				.map((cell) => cell.trim());
			asset = first === "" ? asset : first;
			const tests = [...shown.matchAll(/\[([^\]]+)\]\(([^)\s]+)\)/g)].map(([, title = "", file = ""]) => ({
				file,
				title: title.replaceAll("&#91;", "[").replaceAll("&#93;", "]"),
			}));
			return { asset, attacker, stops, tests };
		});
}

/** Whether a file has a test of that name, as it is written there. */
function hasTest(source: string, title: string): boolean {
	const quoted = [`"${title.replaceAll('"', '\\"')}"`, `\`${title}\``, `'${title}'`];
	return quoted.some(
		(text) =>
			new RegExp(`\\b(?:it|test)\\b[^\\n]*${literally(text)}`).test(source) ||
			new RegExp(`\\b(?:it|test)\\b[^;]{0,4000}?\\)\\(\\s*${literally(text)}`).test(source),
	);
}

function literally(text: string): string {
	return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

describe("the threat model", () => {
	it("has rows for money, income, models, receipts, machines, records, keys and the build", () => {
		expect(rows.length).toBeGreaterThanOrEqual(20);
		const assets = new Set(rows.map(({ asset }) => asset));
		for (const asset of [
			"a payer's money",
			"an owner's income",
			"a model",
			"the truth of a receipt",
			"the machine of a node",
			"a service",
			"the records of a call",
			"keys",
			"the build",
		])
			expect([...assets]).toContain(asset);
	});

	it.each(rows)("$asset, $attacker: is stopped by something, and a test shows it", ({ attacker, stops, tests }) => {
		expect(attacker).not.toBe("");
		expect(stops).not.toBe("");
		expect(tests.length).toBeGreaterThan(0);
		for (const { file, title } of tests) {
			expect(file).toMatch(/\.test\.ts$/);
			expect(existsSync(join(root, file)), file).toBe(true);
			expect(hasTest(readFileSync(join(root, file), "utf8"), title), `${file}: ${title}`).toBe(true);
		}
	});

	it("would notice a test that is gone", () => {
		expect(hasTest('it("pays once", () => {})', "pays once")).toBe(true);
		expect(hasTest('it("pays twice", () => {})', "pays once")).toBe(false);
		expect(hasTest('// "pays once" was a test', "pays once")).toBe(false);
	});
});
