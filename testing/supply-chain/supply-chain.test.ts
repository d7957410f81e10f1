/** What we take from others: the rules hold for the lock file as it is, and each rule finds what it is there for. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { judgeAdvisories } from "../../scripts/supply-chain/advisories.mjs";
import { licenceFaults } from "../../scripts/supply-chain/licences.mjs";
import { installScriptFaults, lockFileFaults, outsidePackages } from "../../scripts/supply-chain/lock-file.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface LockEntry {
	name?: string;
	version?: string;
	integrity?: string;
	resolved?: string;
	license?: string;
	dev?: boolean;
	link?: boolean;
	hasInstallScript?: boolean;
	dependencies?: Record<string, string>;
}
interface Lock {
	lockfileVersion: number;
	packages: Record<string, LockEntry>;
}

const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as Lock;
const policy = JSON.parse(readFileSync(join(root, "scripts/supply-chain/policy.json"), "utf8")) as {
	readonly licences: { readonly exceptions: readonly { readonly package: string }[] };
	readonly installScripts: readonly { readonly package: string; readonly instead: string }[];
	readonly advisories: { readonly failFrom: object; readonly exceptions: readonly object[] };
};

/** The lock file with one package changed. */
function changed(path: string, change: Partial<LockEntry>): Lock {
	const entry = lock.packages[path];
	if (entry === undefined) throw new Error(`no ${path} in the lock file`);
	return { ...lock, packages: { ...lock.packages, [path]: { ...entry, ...change } } };
}

describe("the lock file", () => {
	it("names every package by the registry's hash and no other place", () => {
		expect(outsidePackages(lock).length).toBeGreaterThan(300);
		expect(lockFileFaults(lock)).toEqual([]);
	});

	it.each([
		["a package without a hash", "node_modules/lmdb", { integrity: undefined }, "has no hash"],
		["a weak hash", "node_modules/lmdb", { integrity: "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=" }, "not one SHA-512"],
		["a package from Git", "node_modules/lmdb", { resolved: "git+ssh://git@example.org/lmdb.git#1" }, "names where it came from"],
		["the host of somebody's registry", "node_modules/lmdb", { resolved: "http://registry.internal:4873/lmdb/-/lmdb-3.5.6.tgz" }, "names where it came from"],
		["a dependency on an address", "packages/service", { dependencies: { lmdb: "https://example.org/lmdb.tgz" } }, "no version of the registry"],
		["a dependency on a repository", "packages/service", { dependencies: { lmdb: "someone/lmdb" } }, "no version of the registry"],
		["a link out of the workspaces", "node_modules/@freehold/service", { resolved: "../elsewhere" }, "outside the workspaces"],
	])("is refused with %s", (_what, path, change, fault) => {
		expect(lockFileFaults(changed(path, change as Partial<LockEntry>))).toEqual([expect.stringContaining(fault)]);
	});
});

describe("install scripts", () => {
	it("are not run, and those that packages have are explained", () => {
		expect(readFileSync(join(root, ".npmrc"), "utf8")).toContain("ignore-scripts=true");
		expect(readFileSync(join(root, "scripts/setup.mjs"), "utf8")).toContain('"--ignore-scripts"');
		expect(installScriptFaults(lock, policy)).toEqual([]);
		for (const { instead } of policy.installScripts) expect(instead.length).toBeGreaterThan(20);
	});

	it("that nobody explained are found", () => {
		expect(installScriptFaults(changed("node_modules/pino", { hasInstallScript: true }), policy)).toEqual([expect.stringContaining("pino")]);
	});

	it("are not needed: every package that has one works as it was unpacked", () => {
		const load = createRequire(join(root, "packages/service/package.json"));
		const inference = createRequire(join(root, "packages/inference/package.json"));
		const here = createRequire(import.meta.url);
		const loaders: Readonly<Record<string, () => unknown>> = {
			esbuild: () => execFileSync(process.execPath, [here.resolve("esbuild/bin/esbuild"), "--version"], { encoding: "utf8" }),
			lmdb: () => load("lmdb"),
			"msgpackr-extract": () => createRequire(load.resolve("lmdb"))("msgpackr"),
			"onnxruntime-node": () => inference("onnxruntime-node"),
			protobufjs: () => createRequire(inference.resolve("onnxruntime-web"))("protobufjs"),
			secp256k1: () => load("secp256k1"),
		};
		expect(Object.keys(loaders).sort()).toEqual(policy.installScripts.map((entry) => entry.package).sort());
		for (const [name, use] of Object.entries(loaders)) expect(use(), name).toBeTruthy();
	});
});

describe("licences", () => {
	it("of all packages are on the list, or explained", () => expect(licenceFaults(lock, policy)).toEqual([]));

	it.each([
		["one that is not on the list", "node_modules/pino", { license: "AGPL-3.0-only" }, "pino@9.14.0: AGPL-3.0-only (shipped)"],
		["one that only tools may have", "node_modules/pino", { license: "MPL-2.0" }, "pino@9.14.0: MPL-2.0 (shipped)"],
		["none", "node_modules/pino", { license: undefined }, "pino@9.14.0: no licence named (shipped)"],
		["all of several", "node_modules/pino", { license: "(MIT AND GPL-2.0-only)" }, "pino@9.14.0: (MIT AND GPL-2.0-only) (shipped)"],
	])("are refused with %s", (_what, path, change, fault) => {
		expect(licenceFaults(changed(path, change as Partial<LockEntry>), policy)).toEqual([fault]);
	});

	it("may be one of several, and an exception that nothing needs is a fault", () => {
		expect(licenceFaults(changed("node_modules/pino", { license: "(GPL-2.0-only OR MIT)" }), policy)).toEqual([]);
		expect(licenceFaults(changed("node_modules/memorystream", { license: "MIT" }), policy)).toEqual(["the exception for memorystream is not needed"]);
	});
});

describe("advisories", () => {
	const advisory = (name: string, severity: string) => ({
		vulnerabilities: { [name]: { name, via: [{ title: "Something bad", severity, url: "https://github.com/advisories/GHSA-aaaa-bbbb-cccc" }, "another"] } },
	});
	const excusing = (until: string) => ({
		...policy,
		advisories: { ...policy.advisories, exceptions: [{ id: "GHSA-aaaa-bbbb-cccc", package: "lmdb", reason: "Only on Windows 95.", until }] },
	});
	const TODAY = "2026-12-01";

	it("fail from moderate in what is shipped, from high in tools", () => {
		expect(judgeAdvisories(advisory("lmdb", "moderate"), lock, policy, TODAY).failing).toEqual(["lmdb: Something bad (moderate, GHSA-aaaa-bbbb-cccc)"]);
		expect(judgeAdvisories(advisory("lmdb", "low"), lock, policy, TODAY).failing).toEqual([]);
		expect(judgeAdvisories(advisory("vitest", "moderate"), lock, policy, TODAY).failing).toEqual([]);
		expect(judgeAdvisories(advisory("vitest", "high"), lock, policy, TODAY).failing).toHaveLength(1);
	});

	it("can be excused with a reason until a day, and no longer than they exist", () => {
		expect(judgeAdvisories(advisory("lmdb", "critical"), lock, excusing("2026-12-31"), TODAY)).toMatchObject({
			failing: [],
			excused: [expect.stringContaining("Windows 95")],
		});
		expect(judgeAdvisories(advisory("lmdb", "critical"), lock, excusing("2026-11-30"), TODAY).failing).toEqual([
			expect.stringContaining("ended on 2026-11-30"),
		]);
		expect(judgeAdvisories({ vulnerabilities: {} }, lock, excusing("2026-12-31"), TODAY).failing).toEqual([expect.stringContaining("not needed any more")]);
	});
});

describe("the bill of materials", () => {
	it("lists every package with version, hash and licence, and is the same each time", () => {
		const make = (): string =>
			execFileSync(process.execPath, [join(root, "scripts/supply-chain.mjs"), "sbom"], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
		const text = make();
		expect(make()).toBe(text);
		const bill = JSON.parse(text) as {
			bomFormat: string;
			components: { purl: string; licenses?: object[]; hashes?: { alg: string; content: string }[] }[];
		};
		expect(bill.bomFormat).toBe("CycloneDX");
		const listed = new Map(bill.components.map((component) => [decodeURIComponent(component.purl), component]));
		for (const { name, version, integrity } of outsidePackages(lock) as { name: string; version: string; integrity: string }[]) {
			const component = listed.get(`pkg:npm/${name}@${version}`);
			expect(component?.licenses, name).toHaveLength(1);
			expect(component?.hashes, name).toEqual([{ alg: "SHA-512", content: Buffer.from(integrity.slice("sha512-".length), "base64").toString("hex") }]);
		}
	});
});
