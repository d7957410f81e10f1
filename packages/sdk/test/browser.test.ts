/** The SDK's entries run where there is only a browser. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

describe.each(["index.js", "chain/index.js"])("the entry %s", (entry) => {
	it("needs nothing of Node", async () => {
		const { metafile } = await build({
			entryPoints: [fileURLToPath(new URL(`../dist/${entry}`, import.meta.url))],
			bundle: true,
			write: false,
			metafile: true,
			format: "esm",
			platform: "browser",
			target: "es2022",
			logLevel: "silent",
		});
		expect(Object.keys(metafile.inputs).filter((input) => input.includes("node:"))).toEqual([]);
		const imported = Object.values(metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path));
		expect(imported).toEqual([]);
	});
});
