/**
 * Which package may import which (ARCHITECTURE.md, "The house"): reads every import, subpaths included, and names each arrow that is not allowed.
 * Tests may import anything below them and the shared parts of `testing/`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What each package may import of ours; `sdk/chain` means that entry alone. */
const allowed = {
	protocol: [],
	contracts: ["protocol"],
	proofs: ["protocol", "contracts/layout"],
	payments: ["protocol", "contracts/abi", "contracts/layout"],
	dialects: ["protocol"],
	service: ["protocol"],
	sdk: ["protocol", "contracts/abi", "proofs", "proofs/certificate", "proofs/light", "payments", "payments/client", "payments/facilitator"],
	ledger: ["protocol", "contracts/bytecode", "contracts/abi", "contracts/layout", "proofs", "service", "sdk/chain"],
	storage: ["protocol", "service", "sdk/chain"],
	inference: ["protocol", "contracts/abi", "service", "proofs", "sdk/chain"],
	gateway: [
		"protocol",
		"dialects",
		"contracts/abi",
		"contracts/layout",
		"proofs",
		"payments",
		"payments/server",
		"payments/facilitator",
		"payments/client",
		"service",
		"sdk/chain",
	],
	hub: ["protocol", "contracts/abi", "service", "proofs", "payments", "sdk/chain"],
	cli: undefined,
	web: ["protocol", "contracts/abi", "proofs", "sdk", "sdk/assistant", "sdk/chain"],
};
/** Where a package lies when not in `packages/`. */
const folders = { web: "apps/web" };
/** Entries that run in a browser: nothing of Node's own. */
const browserSafe = new Set(["protocol", "contracts", "proofs", "payments", "dialects", "sdk", "web"]);
const IMPORT = /(?:^|[\s;])(?:import|export)\s(?:[^"';]*?\sfrom\s)?["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)/gm;

const faults = [];
for (const name of Object.keys(allowed)) {
	for (const path of sources(join(root, folders[name] ?? join("packages", name), "src"))) {
		const isTest = path.endsWith(".test.ts");
		for (const match of readFileSync(path, "utf8").matchAll(IMPORT)) {
			const specifier = match[1] ?? match[2];
			const fault = judge(name, specifier, isTest);
			if (fault !== undefined) faults.push(`${relative(root, path)}: ${specifier} ${fault}`);
		}
	}
}
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exitCode = faults.length === 0 ? 0 : 1;

function judge(name, specifier, isTest) {
	if (specifier.startsWith("node:")) return browserSafe.has(name) && !isTest ? "is Node's own; this package must run in a browser" : undefined;
	if (specifier.startsWith(".")) return undefined;
	const target = /^@freehold\/(.+)$/.exec(specifier)?.[1];
	if (target === undefined || isTest || allowed[name] === undefined) return undefined;
	return allowed[name].includes(target) || target === name ? undefined : `is not an arrow that ${name} may have`;
}

function* sources(folder) {
	for (const entry of readdirSync(folder, { withFileTypes: true })) {
		const path = join(folder, entry.name);
		if (entry.isDirectory()) yield* sources(path);
		else if (/\.tsx?$/.test(entry.name)) yield path;
	}
}
