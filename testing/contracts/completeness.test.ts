/** Every error and every event that our Solidity declares is named by some test of the contracts: here, or in `testing/pipe` for those that ask models. */
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
	const tests = ["./", "../pipe/"]
		.map((folder) => new URL(folder, import.meta.url))
		.flatMap((folder) => readdirSync(folder).map((name) => new URL(name, folder)))
		.filter(({ pathname }) => pathname.endsWith(".test.ts") && !pathname.endsWith("completeness.test.ts"))
		.map((file) => readFileSync(file, "utf8"))
		.join("\n");
	expect(declared.length).toBeGreaterThan(80);
	expect([...new Set(declared)].filter((name) => !new RegExp(`\\b${name}\\b`).test(tests))).toEqual([]);
});
