import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, it } from "vitest";

it("fits into 40 kB minified and compressed, and runs in a browser", async () => {
	const { outputFiles } = await build({
		entryPoints: ["packages/proofs/src/index.ts"],
		bundle: true,
		minify: true,
		write: false,
		format: "esm",
		platform: "browser",
	});
	const [bundle] = outputFiles;
	if (bundle === undefined) throw new Error("esbuild gave no bundle");
	expect(gzipSync(bundle.contents, { level: 9 }).length).toBeLessThanOrEqual(40 * 1024);
});
