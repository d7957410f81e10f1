/** The table of limits is what the code uses: a bound that nothing reads would be a promise that nobody keeps. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { limits } from "@freehold/protocol";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Sources of all packages, without tests, as one text. */
function sources(): string {
	const files = readdirSync(join(root, "packages"), { recursive: true, encoding: "utf8" });
	return files
		.filter(
			(file) => /^[a-z]+\/src\/.*\.ts$/.test(file) && !file.endsWith(".test.ts") && !file.endsWith("protocol/src/limits.ts") && !file.includes("/generated/"),
		)
		.map((file) => readFileSync(join(root, "packages", file), "utf8"))
		.join("\n");
}

it("has no bound that no code reads", () => {
	const text = sources();
	// The contracts' own: `testing/contracts/layout.test.ts` holds the table to them.
	const ofContracts = new Set(["batchLines", "batchRefunds", "priceRiseNoticeMs"]);
	expect(Object.keys(limits).filter((name) => !ofContracts.has(name) && !new RegExp(`\\blimits\\.${name}\\b`).test(text))).toEqual([]);
});
