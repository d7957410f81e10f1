/**
 * Records headers, commits and sets of validators of a real network of CometBFT's own program and its example application, whose set changes three times:
 * `node record-headers.mjs PATH-OF-COMETBFT` writes `headers.json` beside this file. To be run again when the pinned version changes.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [, , binary] = process.argv;
if (binary === undefined) throw new Error("usage: node record-headers.mjs PATH-OF-COMETBFT");
const VALIDATORS = 4;
const FIRST_PORT = 29_100;
const LAST_HEIGHT = 26;
const folder = mkdtempSync(join(tmpdir(), "freehold-headers-"));
const home = (index) => join(folder, `node${index}`);
const p2p = (index) => FIRST_PORT + 2 * index;
const rpc = (index) => `http://127.0.0.1:${p2p(index) + 1}`;

execFileSync(binary, ["testnet", "--v", String(VALIDATORS), "--o", folder, "--populate-persistent-peers=false"], { stdio: "ignore" });
const ids = Array.from({ length: VALIDATORS }, (_, index) => execFileSync(binary, ["show-node-id", "--home", home(index)], { encoding: "utf8" }).trim());
const nodes = ids.map((_, index) => {
	const path = join(home(index), "config", "config.toml");
	const set = { laddr: [`"tcp://127.0.0.1:${p2p(index) + 1}"`, `"tcp://127.0.0.1:${p2p(index)}"`] };
	let laddrs = 0;
	const text = readFileSync(path, "utf8")
		.replace(/^laddr = .*$/gm, () => `laddr = ${set.laddr[laddrs++]}`)
		.replace(/^persistent_peers = .*$/m, `persistent_peers = "${ids.map((id, peer) => `${id}@127.0.0.1:${p2p(peer)}`).join(",")}"`)
		.replace(/^allow_duplicate_ip = .*$/m, "allow_duplicate_ip = true")
		.replace(/^addr_book_strict = .*$/m, "addr_book_strict = false")
		.replace(/^timeout_commit = .*$/m, 'timeout_commit = "300ms"')
		.replace(/^pprof_laddr = .*$/m, 'pprof_laddr = ""');
	writeFileSync(path, text);
	return spawn(binary, ["node", "--home", home(index), "--proxy_app", "persistent_kvstore"], { stdio: "ignore" });
});

try {
	await until(3);
	const keys = ids.map((_, index) => JSON.parse(readFileSync(join(home(index), "config", "priv_validator_key.json"), "utf8")).pub_key.value);
	// One gets more power, then another leaves the set, and two change at once.
	await changePower(keys[0], 15);
	await until(9);
	await changePower(keys[3], 0);
	await until(15);
	await changePower(keys[1], 40);
	await changePower(keys[2], 3);
	await until(LAST_HEIGHT + 1);
	const blocks = [];
	for (let height = 1; height <= LAST_HEIGHT; height++) {
		const [{ signed_header }, { validators }] = await Promise.all([ask(`/commit?height=${height}`), ask(`/validators?height=${height}&per_page=100`)]);
		blocks.push({ signed_header, validators: validators.map(({ pub_key, voting_power }) => ({ pub_key: pub_key.value, voting_power })) });
	}
	const version = execFileSync(binary, ["version"], { encoding: "utf8" }).trim();
	writeFileSync(
		new URL("headers.json", import.meta.url),
		`${JSON.stringify({ source: `cometbft ${version}, ${VALIDATORS} validators, its example application`, blocks })}\n`,
	);
} finally {
	for (const node of nodes) node.kill("SIGKILL");
	rmSync(folder, { recursive: true, force: true });
}

async function ask(path) {
	const answer = await (await fetch(`${rpc(0)}${path}`)).json();
	if (answer.error !== undefined) throw new Error(`${path}: ${JSON.stringify(answer.error)}`);
	return answer.result;
}

async function changePower(key, power) {
	const { check_tx, tx_result } = await ask(`/broadcast_tx_commit?tx="val=ed25519!${encodeURIComponent(key)}!${power}"`);
	if (check_tx.code !== 0 || tx_result.code !== 0) throw new Error(`the set did not change: ${JSON.stringify({ check_tx, tx_result })}`);
}

/** Until the newest block has this height. */
async function until(height) {
	const end = Date.now() + 120_000;
	while (Date.now() < end) {
		const status = await ask("/status").catch(() => undefined);
		if (Number(status?.sync_info.latest_block_height) >= height) return;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	throw new Error(`no block ${height}`);
}
