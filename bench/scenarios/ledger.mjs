/** Transfers and ERC-20 transfers over JSON-RPC, from signed bytes to inclusion; anvil beside it, same load, same machine, one after the other. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { contractAddresses, fromHex } from "@freehold/protocol";
import { createDigestSigner } from "@freehold/service";
import { benchSigner, fundSenders, load, rpc, signTransaction } from "../lib/chain-load.mjs";
import { freePort, start, startFreehold, until, withFolder } from "../lib/processes.mjs";

const CHAIN_ID = 10741;
const PER_SENDER = 40;
/** First account of the development mnemonic, public and funded on every development chain. */
const rich = createDigestSigner(fromHex("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"));
const transfer = (index, round) => ({ to: benchSigner((index + round + 1) % 400).address, value: 1n, gas: 21_000n });
const erc20 = (token, gas) => (index, round) => ({
	to: token,
	gas,
	data: fromHex(
		`0xa9059cbb${benchSigner((index + round + 1) % 400)
			.address.slice(2)
			.padStart(64, "0")}${"1".padStart(64, "0")}`,
	),
});

export async function run({ root }) {
	const ours = await measureOurs();
	const anvil = await measureAnvil(root);
	const beside = (key) => (anvil === undefined ? null : { name: "anvil", version: anvil.version, value: anvil[key] });
	return [
		{ name: "ledger, transfers over JSON-RPC", unit: "tx/s", value: ours.transfers, target: 3_000, better: "higher", rival: beside("transfers") },
		{ name: "ledger, ERC-20 transfers over JSON-RPC", unit: "tx/s", value: ours.tokens, target: 2_000, better: "higher", rival: beside("tokens") },
	];
}

function measureOurs() {
	return withFolder(async (folder) => {
		const port = await freePort();
		const genesis = join(folder, "genesis.json");
		writeFileSync(
			genesis,
			JSON.stringify({ chainId: CHAIN_ID, timestamp: Math.floor(Date.now() / 1000), balances: [{ address: rich.address, amount: (10n ** 24n).toString() }] }),
		);
		const program = startFreehold([
			"node",
			"run",
			"ledger",
			"--host",
			"127.0.0.1",
			"--port",
			String(port),
			"--data",
			join(folder, "ledger"),
			"--genesis",
			genesis,
			"--sequencer-key",
			join(folder, "sequencer.key"),
			"--log-level",
			"warn",
		]);
		try {
			const url = `http://127.0.0.1:${port}`;
			await until(() => rpc(url, "eth_chainId"), "the ledger's start");
			return await measure(url, contractAddresses.OPG, 100_000n);
		} finally {
			await program.stop();
		}
	});
}

async function measureAnvil(root) {
	const home = installRivals(root);
	if (home === undefined) return undefined;
	const port = await freePort();
	const binary = join(home, "node_modules", ".bin", "anvil");
	const version = execFileSync(binary, ["--version"], { encoding: "utf8" }).match(/\d+\.\d+\.\d+/)?.[0] ?? "unknown";
	const program = start(binary, [
		"--port",
		String(port),
		"--chain-id",
		String(CHAIN_ID),
		"--block-time",
		"1",
		"--silent",
		"--gas-limit",
		"100000000",
		"--order",
		"fifo",
	]);
	try {
		const url = `http://127.0.0.1:${port}`;
		await until(() => rpc(url, "eth_chainId"), "anvil's start");
		const token = await deployToken(url);
		return { version, ...(await measure(url, token, 100_000n)) };
	} finally {
		await program.stop();
	}
}

/** The rival holds the token that we do, compiled by the same compiler: OpenZeppelin's plain ERC-20. */
async function deployToken(url) {
	const { compileToken } = await import("../lib/token.mjs");
	const nonce = Number(await rpc(url, "eth_getTransactionCount", [rich.address, "latest"]));
	const raw = signTransaction(rich, { chainId: CHAIN_ID, nonce, gas: 3_000_000n, data: fromHex(compileToken()) });
	const hash = await rpc(url, "eth_sendRawTransaction", [raw]);
	let receipt = null;
	await until(async () => {
		receipt = await rpc(url, "eth_getTransactionReceipt", [hash]);
		return receipt !== null;
	}, "deployment");
	return receipt.contractAddress;
}

async function measure(url, token, gas) {
	await fundSenders(url, CHAIN_ID, rich);
	const transfers = await load(url, { chainId: CHAIN_ID, perSender: PER_SENDER, transaction: transfer });
	await giveTokens(url, token);
	const tokens = await load(url, { chainId: CHAIN_ID, perSender: PER_SENDER / 2, transaction: erc20(token, gas) });
	return { transfers, tokens };
}

/** On our ledger the native balance is the token's; elsewhere the deployer hands tokens out. */
async function giveTokens(url, token) {
	if (token === contractAddresses.OPG) return;
	let nonce = Number(await rpc(url, "eth_getTransactionCount", [rich.address, "latest"]));
	for (let index = 0; index < 400; index++) {
		const data = fromHex(`0xa9059cbb${benchSigner(index).address.slice(2).padStart(64, "0")}${(10n ** 18n).toString(16).padStart(64, "0")}`);
		await rpc(url, "eth_sendRawTransaction", [signTransaction(rich, { chainId: CHAIN_ID, nonce: nonce++, to: token, gas: 100_000n, data })]);
	}
	await until(async () => Number(await rpc(url, "eth_getTransactionCount", [rich.address, "latest"])) >= nonce, "tokens");
}

function installRivals(root) {
	const home = join(root, ".freehold", "rivals");
	if (existsSync(join(home, "node_modules", ".bin", "anvil"))) return home;
	mkdirSync(home, { recursive: true });
	copyFileSync(join(root, "bench", "rivals", "package.json"), join(home, "package.json"));
	try {
		execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: home, stdio: ["ignore", 2, 2] });
		return home;
	} catch {
		return undefined;
	}
}
