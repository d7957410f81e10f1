/**
 * What we take from others, and on which terms. `policy.json` beside the parts says what is accepted.
 *
 *   node scripts/supply-chain.mjs check                lock file, install scripts, licences; opens no connection
 *   node scripts/supply-chain.mjs audit [--strict]     known vulnerabilities; a registry that cannot be asked is an error only with --strict
 *   node scripts/supply-chain.mjs sbom [--out FILE]    bill of materials (CycloneDX)
 */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { judgeAdvisories } from "./supply-chain/advisories.mjs";
import { billOfMaterials } from "./supply-chain/bill-of-materials.mjs";
import { licenceFaults } from "./supply-chain/licences.mjs";
import { installScriptFaults, lockFileFaults } from "./supply-chain/lock-file.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const NPM_DEADLINE_MS = 60_000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

const lockBytes = readFileSync(join(root, "package-lock.json"));
const lock = JSON.parse(lockBytes.toString("utf8"));
const policy = JSON.parse(readFileSync(join(root, "scripts/supply-chain/policy.json"), "utf8"));
const [command, ...options] = process.argv.slice(2);

if (command === "check") check();
else if (command === "audit") await audit(options.includes("--strict"));
else if (command === "sbom") await sbom(options[options.indexOf("--out") + 1], options.includes("--out"));
else {
	process.stderr.write("Usage: node scripts/supply-chain.mjs check | audit [--strict] | sbom [--out FILE]\n");
	process.exitCode = 2;
}

function check() {
	const faults = [...lockFileFaults(lock), ...installScriptFaults(lock, policy), ...licenceFaults(lock, policy)];
	for (const fault of faults) process.stderr.write(`${fault}\n`);
	process.exitCode = faults.length === 0 ? 0 : 1;
}

async function audit(strict) {
	const { vulnerabilities, ...answer } = JSON.parse((await npm(["audit", "--json", "--audit=true"])) || "{}");
	if (vulnerabilities === undefined) {
		process.stdout.write(`Not checked: the registry does not answer audits (${answer.message ?? answer.error?.summary ?? "no answer"}).\n`);
		process.exitCode = strict ? 1 : 0;
		return;
	}
	const { failing, excused } = judgeAdvisories({ vulnerabilities }, lock, policy, new Date().toISOString().slice(0, 10));
	for (const line of excused) process.stdout.write(`known  ${line}\n`);
	for (const line of failing) process.stdout.write(`FAILS  ${line}\n`);
	if (failing.length === 0) process.stdout.write("No advisory that the policy forbids.\n");
	process.exitCode = failing.length === 0 ? 0 : 1;
}

async function sbom(out, toFile) {
	const bill = billOfMaterials(JSON.parse(await npm(["sbom", "--sbom-format", "cyclonedx", "--package-lock-only"])), lockBytes, policy);
	const text = `${JSON.stringify(bill, null, 2)}\n`;
	if (toFile) writeFileSync(out, text);
	else process.stdout.write(text);
}

/** Standard output of npm, whose status says no more than the output does. */
function npm(args) {
	return new Promise((resolve) => {
		execFile("npm", args, { cwd: root, timeout: NPM_DEADLINE_MS, maxBuffer: MAX_ANSWER_BYTES, shell: process.platform === "win32" }, (_error, stdout) =>
			resolve(stdout),
		);
	});
}
