/** Every error and every event that our Solidity declares is named by some test of this folder. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const sources = new URL("../../packages/contracts/solidity/", import.meta.url);

function solidity(folder: URL): string {
	return readdirSync(folder, { withFileTypes: true })
		.map((entry) => (entry.isDirectory() ? solidity(new URL(`${entry.name}/`, folder)) : readFileSync(new URL(entry.name, folder), "utf8")))
		.join("\n");
}

test("no error or event of the contracts is untested", () => {
	const declared = [...solidity(sources).matchAll(/^ {4}(?:error|event) (\w+)\(/gm)].map(([, name = ""]) => name);
	const here = new URL("./", import.meta.url);
	const tests = readdirSync(here)
		.filter((name) => name.endsWith(".test.ts") && name !== "completeness.test.ts")
		.map((name) => readFileSync(new URL(name, here), "utf8"))
		.join("\n");
	expect(declared.length).toBeGreaterThan(80);
	expect([...new Set(declared)].filter((name) => !new RegExp(`\\b${name}\\b`).test(tests))).toEqual([]);
});
