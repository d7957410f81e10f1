import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { deep } from "./random.js";

const script = fileURLToPath(new URL("../evm-core/build.mjs", import.meta.url));
const committed = fileURLToPath(new URL("../evm-core/evm-core.wasm", import.meta.url));
const hasRust = spawnSync("cargo", ["--version"]).status === 0;

test("the committed module asks the host for state and nothing else", async () => {
	const module = await WebAssembly.compile(readFileSync(committed));
	const asked = WebAssembly.Module.imports(module).map(({ module: from, name }) => `${from}.${name}`);
	expect(asked.sort()).toEqual(["host.account", "host.block_hash", "host.code_read", "host.code_size", "host.storage"]);
});

test.skipIf(!deep || !hasRust)(
	"the committed module is what its source builds [test:deep, and Rust with the target wasm32-unknown-unknown]",
	() => {
		const { status, stdout, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
		expect(stderr).not.toContain("the build failed");
		expect(`${status} ${stdout}`).not.toContain("DIFFERS");
		expect(status).toBe(0);
	},
	600_000,
);
