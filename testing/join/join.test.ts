/** Journey 5, joining: another machine brings a node and a gateway, with keys and bonds of its own, and knows of the network nothing but its address. */
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tillAddress } from "@freehold/payments";
import { verifyReceipt } from "@freehold/proofs";
import { formatReceiptFile, fromHex, type Hex, type NetworkFile, orderDigest, type ReceiptFile, receiptDigest, toHex } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startTestNetwork, type TestNetwork } from "../cli/network.js";
import { eventually } from "../journey/programs.js";
import { freePort, type Machine, machine, type Role } from "./machine.js";
import { type Person, person } from "./person.js";

const MODEL = "plus/digits";
const input = fileURLToPath(new URL("../../models/plus-digits/examples/seven.json", import.meta.url));
const OPG = 10n ** 18n;
const JOIN_DEADLINE_MS = 60_000;
const pythonClient = fileURLToPath(new URL("../../clients/python", import.meta.url));
const pythonVerifies = spawnSync("python3", ["-c", "import requests, eth_account, onnx"], { timeout: 30_000 }).status === 0;
const VERIFY_IN_PYTHON = "import sys, freehold; print(freehold.verify(sys.argv[1], sys.argv[2]).outcome)";

/** Each command is a process of its own; on a busy machine these are slow. */
vi.setConfig({ testTimeout: 300_000 });

let network: TestNetwork;
let file: NetworkFile;
let there: Machine;
let buyer: Person;
/** Operator of the node on the other machine. */
let operator: Hex;
let node: Role;
/** A receipt that the node's first key signed. */
let first: ReceiptFile;
/** The other machine's gateway, and a receipt whose order its first key signed. */
let second: { readonly endpoint: string; readonly receipt: ReceiptFile };

beforeAll(async () => {
	network = await startTestNetwork("--batch-age", "300");
	file = JSON.parse(await readFile(join(network.data, "network.json"), "utf8")) as NetworkFile;
	there = await machine(file.gatewayUrl);
	buyer = await person(file, 500n * OPG);
});
afterAll(async () => {
	await there?.remove();
	await network?.remove();
});

const keyOf = ({ receipt, receiptSignature, chainId }: ReceiptFile): Hex =>
	toHex(nativeCrypto.recover(fromHex(receiptDigest(receipt, chainId, nativeCrypto)), fromHex(receiptSignature)) as Uint8Array);
const orderKeyOf = ({ order, orderSignature, chainId }: ReceiptFile): Hex =>
	toHex(nativeCrypto.recover(fromHex(orderDigest(order, chainId, nativeCrypto)), fromHex(orderSignature)) as Uint8Array);
/** A call that the node answered: it asks less than the network's own, and gets what its speed does not outweigh. */
const byOperator = () =>
	eventually(
		async () => {
			const receipt = await buyer.ask(MODEL, input);
			return receipt.order.node === operator ? receipt : undefined;
		},
		() => `the node got no call:\n${node.output()}`,
		JOIN_DEADLINE_MS,
	);
const verdict = (receipt: ReceiptFile) => verifyReceipt(receipt, { checkpoint: file.checkpoint, chainId: file.chainId, crypto: nativeCrypto });

describe("a node from another folder", () => {
	it("joins with its own key and bond, and serves", async () => {
		operator = await there.account("operator", "600");
		const port = await freePort();
		const endpoint = `http://127.0.0.1:${port}`;
		const registered = (
			await there.good(
				"node",
				"register",
				"inference",
				"--endpoint",
				endpoint,
				"--node-fee",
				"0.01",
				"--node-data",
				there.path("node"),
				"--account",
				"operator",
				"--json",
			)
		).json() as { operator: Hex; key: Hex; bond: string };
		expect(registered).toMatchObject({ operator, bond: (500n * OPG).toString() });
		expect(registered.key).not.toBe(operator);
		node = await there.role("inference", ["--data", there.path("node"), "--port", String(port), "--public-url", endpoint]);
		first = await byOperator();
		expect(keyOf(first)).toBe(registered.key);
		expect(verdict(first)).toMatchObject({ outcome: "meets", kinds: ["signed"] });
	});

	it("is registered once, however often it is told", async () => {
		const again = (
			await there.good(
				"node",
				"register",
				"inference",
				"--endpoint",
				node.url,
				"--node-fee",
				"0.01",
				"--node-data",
				there.path("node"),
				"--account",
				"operator",
				"--json",
			)
		).json() as { transactions: unknown[] };
		expect(again.transactions).toEqual([]);
		const poor = await there.freehold.run(
			"--network",
			file.gatewayUrl,
			"node",
			"register",
			"inference",
			"--endpoint",
			node.url,
			"--bond",
			"5",
			"--account",
			"operator",
			"--json",
		);
		expect(poor).toMatchObject({ status: 1 });
		expect(poor.json()).toMatchObject({ error: { code: "config.invalid" } });
	});

	it("is shown with what it earns, and its operator takes that out", async () => {
		const fee = OPG / 100n;
		const shown = await eventually(async () => {
			const status = (await there.good("node", "status", operator, "--json")).json() as { calls: number; earned: string; credit: string; alive: boolean };
			return status.calls > 0 && status.alive ? status : undefined;
		}, "what the node earned is not shown");
		expect(BigInt(shown.earned)).toBe(BigInt(shown.calls) * fee);
		expect(shown.credit).toBe(shown.earned);
		const listed = (await there.good("node", "status", "--json")).json() as { nodes: { operator: Hex; earned: string }[] };
		expect(listed.nodes.find((item) => item.operator === operator)?.earned).toBe(shown.earned);
		const claimed = (await there.good("earnings", "claim", "--account", "operator", "--json")).json() as { credit: string };
		expect(claimed.credit).toBe(shown.credit);
	});

	it("changes its key while it serves: old receipts stay genuine, new ones are signed by the new key", async () => {
		const rotating = there.good("node", "rotate", "--node-data", there.path("node"), "--overlap", "3s", "--account", "operator", "--json");
		let done = false;
		void rotating.finally(() => {
			done = true;
		});
		const during: ReceiptFile[] = [];
		while (!done) during.push(await buyer.ask(MODEL, input));
		const rotated = (await rotating).json() as { key: Hex; revoked: Hex; running: boolean };
		expect(rotated).toMatchObject({ revoked: keyOf(first), running: true });
		const after = await byOperator();
		expect(keyOf(after)).toBe(rotated.key);
		for (const receipt of [...during, after]) expect(verdict(receipt).outcome).toBe("meets");
		// Proved again at a block after the revocation, the first receipt is as genuine as before.
		await writeFile(there.path("first.json"), formatReceiptFile(first));
		await there.good("receipt", "refresh", there.path("first.json"));
		await there.good("receipt", "verify", there.path("first.json"), "--checkpoint", join(network.data, "network.json"));
	});
});

describe("a second gateway", () => {
	it("has its own key, bond and till, and is as good as the first", async () => {
		await there.account("banker", "700");
		const port = await freePort();
		const endpoint = `http://127.0.0.1:${port}`;
		const { operator: address } = (
			await there.good("node", "register", "gateway", "--endpoint", endpoint, "--node-data", there.path("gateway"), "--account", "banker", "--json")
		).json() as { operator: Hex };
		await there.role("gateway", ["--data", there.path("gateway"), "--port", String(port), "--public-url", endpoint, "--batch-age", "300ms"]);
		expect((await (await fetch(`${endpoint}/network.json`)).json()) as NetworkFile).toEqual({ ...file, gatewayUrl: endpoint, webUrl: endpoint });
		const receipt = await (await buyer.at(endpoint)).ask(MODEL, input);
		expect(receipt.order.gateway).toBe(address);
		expect(verdict(receipt).outcome).toBe("meets");
		const quote = (await (await fetch(`${endpoint}/v1/quotes/${encodeURIComponent(MODEL)}`)).json()) as { payTo: Hex; gateway: Hex };
		expect(quote).toMatchObject({ gateway: address, payTo: tillAddress(address, nativeCrypto) });
		second = { endpoint, receipt };
	});

	it("changes the key of its orders while it serves: old receipts stay genuine, nodes and verifiers know the new one", async () => {
		const { endpoint, receipt: before } = second;
		const customer = await buyer.at(endpoint);
		const rotating = there.good("node", "rotate", "gateway", "--node-data", there.path("gateway"), "--overlap", "3s", "--json");
		let done = false;
		void rotating.finally(() => {
			done = true;
		});
		const during: ReceiptFile[] = [];
		while (!done) during.push(await customer.ask(MODEL, input));
		const rotated = (await rotating).json() as { operator: Hex; key: Hex; revoked: Hex; running: boolean };
		expect(rotated).toMatchObject({ operator: before.order.gateway, revoked: orderKeyOf(before), running: true });
		const after = await customer.ask(MODEL, input);
		expect(orderKeyOf(after)).toBe(rotated.key);
		for (const receipt of [...during, after]) expect(verdict(receipt).outcome).toBe("meets");
		await writeFile(there.path("before.json"), formatReceiptFile(before));
		await there.good("receipt", "refresh", there.path("before.json"));
		await there.good("receipt", "verify", there.path("before.json"), "--checkpoint", join(network.data, "network.json"));
		if (pythonVerifies) {
			for (const [name, receipt] of Object.entries({ before, after })) {
				await writeFile(there.path(`${name}.json`), formatReceiptFile(receipt));
				const said = spawnSync("python3", ["-c", VERIFY_IN_PYTHON, there.path(`${name}.json`), join(network.data, "network.json")], {
					env: { ...process.env, PYTHONPATH: pythonClient },
					encoding: "utf8",
				});
				expect([name, said.stdout.trim(), said.stderr]).toEqual([name, "meets", ""]);
			}
		}
	});
});

describe("a follower ledger", () => {
	it("syncs by itself, checks what it gets, serves the same answers, and hands transactions on", async () => {
		const port = await freePort();
		const follower = await there.role("ledger", ["--data", there.path("ledger"), "--port", String(port)]);
		const receipt = await buyer.ask(MODEL, input);
		const rpc = async (url: string, method: string, ...params: unknown[]): Promise<unknown> => {
			const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
			return ((await (await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body })).json()) as { result: unknown }).result;
		};
		expect(verdict(receipt).outcome).toBe("meets");
		const head = (await rpc(file.rpcUrl, "eth_blockNumber")) as string;
		const block = await eventually(
			async () => (await rpc(follower.url, "eth_getBlockByNumber", head, true)) ?? undefined,
			() => `it does not follow:\n${follower.output()}`,
		);
		expect(block).toEqual(await rpc(file.rpcUrl, "eth_getBlockByNumber", head, true));
		const elsewhere = await person({ ...file, rpcUrl: follower.url }, OPG);
		const { chain, account } = elsewhere.freehold.client;
		await eventually(async () => ((await chain.balance(account().address)) > 0n ? true : undefined), "the follower does not see the gift");
		await elsewhere.freehold.client.transactor().send({ key: "hello", to: operator, value: 1n });
		expect((await buyer.freehold.client.chain.balance(operator)) > 0n).toBe(true);
	});
});

describe("a node that dies in the middle of a call", () => {
	it("costs the payer nothing: another node gets a new order, and the call is paid once", async () => {
		const doomed = await there.account("doomed", "600");
		const port = await freePort();
		const endpoint = `http://127.0.0.1:${port}`;
		await there.good(
			"node",
			"register",
			"inference",
			"--endpoint",
			endpoint,
			"--node-fee",
			"0.001",
			"--node-data",
			there.path("doomed"),
			"--account",
			"doomed",
		);
		const dying = await there.role("inference", ["--data", there.path("doomed"), "--port", String(port), "--public-url", endpoint], {
			FREEHOLD_CRASH_AT: "inference.run.finished",
		});
		const spent = async (): Promise<bigint> => {
			const channels = await buyer.freehold.channels.show();
			return channels.reduce((sum, { charged }) => sum + charged, 0n);
		};
		const before = await spent();
		const receipts: ReceiptFile[] = [];
		while (dying.child.signalCode === null && dying.child.exitCode === null) receipts.push(await buyer.ask(MODEL, input));
		expect(receipts.map(({ order }) => order.node)).not.toContain(doomed);
		for (const receipt of receipts) expect(verdict(receipt).outcome).toBe("meets");
		expect((await spent()) - before).toBe(receipts.reduce((sum, { receipt }) => sum + receipt.charge, 0n));
	});
});

describe("an operator that leaves", () => {
	it("gives notice, is asked no more, and gets its bond when the notice is over", async () => {
		const view = (await there.good("node", "unbond", "--account", "operator", "--json")).json() as { active: boolean; unbonding: string; unbondsAt: number };
		expect(view).toMatchObject({ active: false, unbonding: (500n * OPG).toString() });
		await eventually(async () => ((await buyer.ask(MODEL, input)).order.node === operator ? undefined : true), "it is still asked");
		const early = await there.freehold.run("--network", file.gatewayUrl, "node", "withdraw", "--account", "operator", "--json");
		expect(early.json()).toMatchObject({ error: { code: "node.stillBonded" } });
		expect(verdict(first).outcome).toBe("meets");
	});
});
