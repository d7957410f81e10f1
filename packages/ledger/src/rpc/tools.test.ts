/** The tools that people deploy with, as they are: cast, forge and hardhat. Each is skipped by name where it is missing. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Hex } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileCounter } from "../../test/fixtures.js";
import { foundry } from "../../test/foundry.js";
import { CHAIN_ID, developers, type LocalLedger, startLocalLedger } from "../../test/local-ledger.js";

const run = promisify(execFile);
const cast = foundry("cast");
const forge = foundry("forge");
const hardhat = [join(process.env["FREEHOLD_HARDHAT"] ?? "", "node_modules")].find((modules) => existsSync(join(modules, "hardhat")));
const compiled = compileCounter();
const keyOf = (index: number): Hex => `0x${Buffer.from(developers[index]?.getHdKey().privateKey ?? []).toString("hex")}`;
const LIMIT = { timeout: 90_000, maxBuffer: 16 * 1024 * 1024 } as const;
const environment = (more: Record<string, string> = {}) => ({
	PATH: process.env["PATH"] ?? "",
	HOME: folder,
	NO_COLOR: "1",
	FOUNDRY_DISABLE_NIGHTLY_WARNING: "1",
	...more,
});

let ledger: LocalLedger;
let folder: string;
beforeAll(async () => {
	ledger = await startLocalLedger();
	folder = await mkdtemp(join(tmpdir(), "freehold-tools-"));
});
afterAll(async () => {
	await ledger.stop();
	await rm(folder, { recursive: true });
	expect(ledger.faults).toEqual([]);
});

describe.skipIf(cast === undefined)("cast (needs cast: npm install in bench/rivals, or FREEHOLD_FOUNDRY)", () => {
	const ask = async (...args: string[]): Promise<string> => {
		const { stdout } = await run(cast ?? "", args, { ...LIMIT, env: environment({ ETH_RPC_URL: ledger.url }), cwd: folder });
		return stdout.trim();
	};
	test("deploys, sends, calls, traces, and makes access lists", async () => {
		const made = JSON.parse(await ask("send", "--private-key", keyOf(0), "--json", "--create", compiled.bytecode + "4".padStart(64, "0"))) as {
			contractAddress: Hex;
			status: Hex;
		};
		expect(made.status).toBe("0x1");
		const sent = JSON.parse(await ask("send", "--private-key", keyOf(0), "--json", made.contractAddress, "count(uint256,string)", "3", "note")) as {
			transactionHash: Hex;
			status: Hex;
		};
		expect(sent.status).toBe("0x1");
		expect(await ask("call", made.contractAddress, "value()(uint256)")).toBe("7");
		expect(await ask("chain-id")).toBe(String(CHAIN_ID));
		expect(await ask("balance", "0x00000000000000000000000000000000000000bb")).toBe("0");
		expect(Number(await ask("estimate", made.contractAddress, "count(uint256,string)", "3", "note"))).toBeGreaterThan(21_000);
		expect(await ask("run", sent.transactionHash)).toMatch(/Transaction successfully executed/);
		expect(await ask("access-list", made.contractAddress, "count(uint256,string)", "3", "note")).toMatch(new RegExp(made.contractAddress, "i"));
		expect(await ask("logs", "--from-block", "0", "Counted(address indexed,uint256 indexed,string)")).toMatch(new RegExp(made.contractAddress, "i"));
		expect(JSON.parse(await ask("rpc", "debug_traceTransaction", sent.transactionHash, '{"tracer":"callTracer"}'))).toMatchObject({
			type: "CALL",
			to: made.contractAddress.toLowerCase(),
		});
	}, 120_000);
});

/** forge wants a compiler as a program: the repository's own, behind the two options that it uses. */
const COMPILER = `#!/usr/bin/env node
const solc = require(${JSON.stringify(createRequire(import.meta.url).resolve("solc"))});
const version = solc.version().replace(".Emscripten.clang", ".Linux.g++");
if (process.argv.includes("--version")) console.log("solc, the solidity compiler commandline interface\\nVersion: " + version);
else process.stdout.write(solc.compile(require("node:fs").readFileSync(0, "utf8")));
`;
const SCRIPT = `// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;
interface Vm { function startBroadcast() external; function stopBroadcast() external; }
contract Kept { uint256 public value; constructor(uint256 first) { value = first; } function set(uint256 next) external { value = next; } }
contract Deploy {
	function run() external { Vm vm = Vm(address(uint160(uint256(keccak256("hevm cheat code"))))); vm.startBroadcast(); Kept kept = new Kept(3); kept.set(8); vm.stopBroadcast(); }
}`;

test.skipIf(forge === undefined)(
	"forge runs a deploy script (needs forge: npm install in bench/rivals, or FREEHOLD_FOUNDRY)",
	async () => {
		const project = join(folder, "forge");
		await mkdir(join(project, "script"), { recursive: true });
		await writeFile(join(project, "solc"), COMPILER, { mode: 0o755 });
		await writeFile(
			join(project, "foundry.toml"),
			`[profile.default]\nsrc = "src"\nsolc = "${join(project, "solc")}"\nevm_version = "prague"\noffline = true\n`,
		);
		await writeFile(join(project, "script/Deploy.s.sol"), SCRIPT);
		const args = ["script", "script/Deploy.s.sol:Deploy", "--rpc-url", ledger.url, "--broadcast", "--private-key", keyOf(1), "--json"];
		const { stdout } = await run(forge ?? "", args, { ...LIMIT, cwd: project, env: environment() });
		expect(stdout).toMatch(/"status":"success"|ONCHAIN EXECUTION COMPLETE/i);
		const { hash } = await ledger.rpc<{ hash: Hex }>("eth_getBlockByNumber", "latest", false);
		expect(hash).toMatch(/^0x/);
		const address = /"contract_?[aA]ddress":"(0x[0-9a-fA-F]{40})"/.exec(stdout)?.[1];
		expect(address).toBeDefined();
		expect(BigInt(await ledger.rpc<Hex>("eth_call", { to: address, data: "0x3fa4f245" }, "latest"))).toBe(8n);
	},
	120_000,
);

test.skipIf(hardhat === undefined)(
	"hardhat runs a deploy script (needs hardhat 2: npm install hardhat@2 in a folder that FREEHOLD_HARDHAT names)",
	async () => {
		const project = join(folder, "hardhat");
		await mkdir(project, { recursive: true });
		await symlink(hardhat ?? "", join(project, "node_modules"));
		await writeFile(join(project, "package.json"), '{"private":true}');
		const network = { url: ledger.url, chainId: CHAIN_ID, accounts: [keyOf(2)] };
		await writeFile(join(project, "hardhat.config.js"), `module.exports = { solidity: "0.8.28", networks: { freehold: ${JSON.stringify(network)} } };\n`);
		await writeFile(
			join(project, "deploy.js"),
			`const { network: { provider } } = require("hardhat");
(async () => {
	const [from] = await provider.request({ method: "eth_accounts" });
	const hash = await provider.request({ method: "eth_sendTransaction", params: [{ from, data: process.env.BYTECODE }] });
	let receipt = null;
	for (const end = Date.now() + 30_000; receipt === null && Date.now() < end; ) receipt = await provider.request({ method: "eth_getTransactionReceipt", params: [hash] });
	console.log("deployed " + receipt.contractAddress);
})();
`,
		);
		const program = join(hardhat ?? "", "hardhat/internal/cli/bootstrap.js");
		const env = environment({ BYTECODE: compiled.bytecode + "5".padStart(64, "0"), HARDHAT_DISABLE_TELEMETRY_PROMPT: "true" });
		const { stdout } = await run(process.execPath, [program, "--network", "freehold", "run", "--no-compile", "deploy.js"], { ...LIMIT, cwd: project, env });
		const address = /deployed (0x[0-9a-f]{40})/.exec(stdout)?.[1];
		expect(BigInt(await ledger.rpc<Hex>("eth_call", { to: address, data: "0x3fa4f245" }, "latest"))).toBe(5n);
	},
	120_000,
);
