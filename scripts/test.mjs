/**
 * Runs the tests. `--deep` gives the same suites larger budgets. Other arguments go to the runner (`npm test -- packages/proofs`).
 * Tests whose real peer is missing are skipped and named at the end, with what they lack.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findSecrets } from "./secrets.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const deep = process.argv.includes("--deep");
const rest = process.argv.slice(2).filter((argument) => argument !== "--deep");
const folder = mkdtempSync(join(tmpdir(), "freehold-tests-"));
const report = join(folder, "report.json");
/** What the programs of tests logged, for the search at the end. */
const logs = join(folder, "logs");
mkdirSync(logs);
await provideEngine();
const { status } = spawnSync(
	process.execPath,
	[join(root, "node_modules/vitest/vitest.mjs"), "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...rest],
	{
		cwd: root,
		stdio: "inherit",
		env: { ...process.env, FREEHOLD_TEST_LOGS: logs, ...(deep ? { FREEHOLD_DEEP: "1" } : {}) },
	},
);
for (const line of skipped()) process.stdout.write(`${line}\n`);
const secrets = findSecrets(logs);
for (const line of secrets.found) process.stdout.write(`✗ ${line}\n`);
process.stdout.write(`${secrets.logs} logs searched for private keys: ${secrets.found.length === 0 ? "none" : `${secrets.found.length} found`}\n`);
rmSync(folder, { recursive: true });
process.exit(secrets.found.length > 0 ? 1 : (status ?? 1));

/** CometBFT for the tests of several validators: built once for this user, where Go is. */
async function provideEngine() {
	const ledger = await import(new URL("../packages/ledger/dist/index.js", import.meta.url).href);
	const building = () => process.stdout.write(`Building CometBFT ${ledger.ENGINE_VERSION} (once, about a minute)\n`);
	await ledger.provideEngine(process.env, building).catch((error) => process.stdout.write(`${error.message}\n`));
}

function skipped() {
	try {
		const { testResults } = JSON.parse(readFileSync(report, "utf8"));
		const names = testResults.flatMap((file) =>
			file.assertionResults.filter((test) => test.status === "pending" || test.status === "skipped").map((test) => `  ${test.fullName}`),
		);
		return names.length === 0 ? [] : ["", "Skipped, for want of what stands in brackets:", ...names];
	} catch {
		return [];
	}
}
