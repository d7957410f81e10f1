/** Validators on this one machine, each a ledger with CometBFT beside it: transfers per second from signed bytes to inclusion, and how long one waits on an idle network. */
import { join } from "node:path";
import { engineGenesis, findEngine, prepareHome, writeGenesis } from "@freehold/ledger";
import { fromHex } from "@freehold/protocol";
import { createDigestSigner } from "@freehold/service";
import { benchSigner, fundSenders, load, rpc, signTransaction } from "../lib/chain-load.mjs";
import { percentile } from "../lib/measure.mjs";
import { cpuMsOf, startFreehold, until, withFolder } from "../lib/processes.mjs";

const CHAIN_ID = 10741;
const COUNTS = [1, 2, 4, 8];
const PER_SENDER = 20;
const IDLE_SENDS = 40;
const POWER = 10n;
/** First account of the development mnemonic, public and funded on every development chain. */
const rich = createDigestSigner(fromHex("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"));
/** Below the ports of outgoing connections. */
const PORT_BASE = 21_000 + Math.floor(Math.random() * 10_000);

export async function run() {
	const engine = await findEngine(process.env);
	if (engine === undefined) {
		process.stderr.write("  CometBFT is not there: npm test builds it where Go is, FREEHOLD_COMETBFT names another\n");
		return [];
	}
	const rows = [];
	for (const count of COUNTS) {
		const { idleP50, perSecond, cpuMs } = await measure(count, engine);
		const many = count === 1 ? "1 validator" : `${count} validators`;
		rows.push({ name: `${many}, transfers over JSON-RPC`, unit: "tx/s", value: perSecond, target: count === 4 ? 1_000 : null, better: "higher", cpuMs });
		rows.push({ name: `${many}, idle, submit → receipt, P50`, unit: "ms", value: idleP50, target: count === 4 ? 150 : null, better: "lower" });
	}
	return rows;
}

function measure(count, engine) {
	return withFolder(async (folder) => {
		const members = Array.from({ length: count }, (_, index) => ({ home: join(folder, String(index), "consensus"), port: PORT_BASE + 10 * index }));
		const identities = await Promise.all(members.map(({ home }) => prepareHome(home, "local")));
		const timestamp = Math.floor(Date.now() / 1000);
		const genesis = engineGenesis({
			chainId: `freehold-${CHAIN_ID}`,
			timestamp,
			validators: identities.map(({ publicKey }, index) => ({ publicKey, power: POWER, name: `v${index}` })),
			appState: { chainId: CHAIN_ID, timestamp, balances: [{ address: rich.address, amount: (10n ** 24n).toString() }] },
		});
		await Promise.all(members.map(({ home }) => writeGenesis(home, genesis)));
		const programs = members.map(({ home, port }, own) => {
			const peers = identities.flatMap(({ nodeId }, index) => (index === own ? [] : [`${nodeId}@127.0.0.1:${members[index].port + 1}`]));
			const options = {
				host: "127.0.0.1",
				port: String(port),
				data: join(folder, String(own), "ledger"),
				"validator-home": home,
				cometbft: engine,
				p2p: `127.0.0.1:${port + 1}`,
				"engine-port": String(port + 2),
				peers: peers.join(",") || "none",
				"log-level": "warn",
			};
			return startFreehold(["node", "run", "ledger", ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])]);
		});
		try {
			const [url] = members.map(({ port }) => `http://127.0.0.1:${port}`);
			await until(async () => (await fetch(`${url}/ready`)).ok, "the validators' start");
			await fundSenders(url, CHAIN_ID, rich);
			const idle = await idleTimes(url);
			const cpuBefore = programs.reduce((sum, { pid }) => sum + (cpuMsOf(pid) ?? 0), 0);
			const perSecond = await load(url, {
				chainId: CHAIN_ID,
				perSender: PER_SENDER,
				transaction: (index, round) => ({ to: benchSigner((index + round + 1) % 400).address, value: 1n, gas: 21_000n }),
			});
			const cpu = programs.reduce((sum, { pid }) => sum + (cpuMsOf(pid) ?? 0), 0) - cpuBefore;
			// Of all ledgers together, a transaction.
			return { idleP50: percentile(idle, 0.5), perSecond, cpuMs: cpu / (400 * PER_SENDER) };
		} finally {
			await Promise.all(programs.map((program) => program.stop()));
		}
	});
}

/** Milliseconds from handing one transaction over to its receipt, while nothing else happens. */
async function idleTimes(url) {
	const times = [];
	let nonce = Number(await rpc(url, "eth_getTransactionCount", [rich.address, "latest"]));
	for (let index = 0; index < IDLE_SENDS; index++) {
		const raw = signTransaction(rich, { chainId: CHAIN_ID, nonce: nonce++, to: benchSigner(index).address, value: 1n, gas: 21_000n });
		const startedAt = performance.now();
		await rpc(url, "eth_sendRawTransactionSync", [raw, 20_000]);
		times.push(performance.now() - startedAt);
		// The block that proves it comes by itself; the next transaction is a new beginning.
		await new Promise((resolve) => setTimeout(resolve, 150));
	}
	return times.sort((a, b) => a - b);
}
