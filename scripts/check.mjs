/** Everything that can be said of the code without running it: format and lint, types, arrows, dead code, generated files. Under a minute. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = (...path) => join(root, "node_modules", ...path);

const checks = [
	["format and lint", [bin("@biomejs/biome/bin/biome"), "ci", "--colors=off", "--error-on-warnings", "."]],
	["types", [bin("typescript/bin/tsc"), "-b"]],
	["types of the page", [bin("typescript/bin/tsc"), "-p", "apps/web"]],
	["types of tests", [bin("typescript/bin/tsc"), "-p", "tsconfig.tests.json"]],
	["arrows", [join(root, "scripts/arrows.mjs")]],
	["dead code", [bin("knip/bin/knip.js"), "--no-progress"]],
	["supply chain", [join(root, "scripts/supply-chain.mjs"), "check"]],
	["reference pages", [join(root, "scripts/reference.mjs"), "--check"]],
	["generated: passages", [join(root, "scripts/passages.mjs"), "--check"]],
	["size of the page", [join(root, "apps/web/scripts/size.mjs")]],
	["generated: ABCI", [join(root, "packages/ledger/proto/generate.mjs"), "--check"]],
	["generated: contracts", [join(root, "packages/contracts/scripts/build.mjs"), "--check"]],
];

let failed = false;
for (const [name, args] of checks) {
	const startedAt = performance.now();
	const { code, output } = await run(args);
	process.stdout.write(`${code === 0 ? "✓" : "✗"} ${name} ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
	if (code !== 0) {
		failed = true;
		process.stdout.write(output);
	}
}
process.exitCode = failed ? 1 : 0;

function run(args) {
	return new Promise((resolve) => {
		const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" } });
		let output = "";
		child.stdout.on("data", (chunk) => (output += chunk));
		child.stderr.on("data", (chunk) => (output += chunk));
		child.once("close", (code) => resolve({ code: code ?? 1, output }));
	});
}
