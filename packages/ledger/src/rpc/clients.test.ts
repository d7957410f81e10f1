/** Unchanged client libraries deploy, send, read and watch. */
import { spawnSync } from "node:child_process";
import { ContractFactory, isCallException, isError, JsonRpcProvider, NonceManager, Wallet, WebSocketProvider } from "ethers";
import {
	type Abi,
	BaseError,
	ContractFunctionRevertedError,
	createPublicClient,
	createWalletClient,
	defineChain,
	encodeFunctionData,
	http,
	parseEventLogs,
	webSocket,
} from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileCounter } from "../../test/fixtures.js";
import { CHAIN_ID, developers, type LocalLedger, OPG, startLocalLedger } from "../../test/local-ledger.js";

const compiled = compileCounter();
const abi = compiled.abi as Abi;
const [alice, bob, carol] = developers as [(typeof developers)[number], (typeof developers)[number], (typeof developers)[number]];
let ledger: LocalLedger;

beforeAll(async () => {
	ledger = await startLocalLedger();
});
afterAll(async () => {
	await ledger.stop();
	expect(ledger.faults).toEqual([]);
});

describe("viem", () => {
	const chain = () =>
		defineChain({ id: CHAIN_ID, name: "local", nativeCurrency: { name: "OPG", symbol: "OPG", decimals: 18 }, rpcUrls: { default: { http: [ledger.url] } } });
	const reader = () => createPublicClient({ chain: chain(), transport: http(ledger.url, { batch: true }), pollingInterval: 20, cacheTime: 0 });
	const wallet = () => createWalletClient({ chain: chain(), transport: http(ledger.url), account: alice, pollingInterval: 20 });

	test("deploys, sends, reads, and understands a revert", async () => {
		const client = reader();
		const deployed = await client.waitForTransactionReceipt({ hash: await wallet().deployContract({ abi, bytecode: compiled.bytecode, args: [5n] }) });
		const address = deployed.contractAddress;
		if (!address) throw new Error("no contract address");
		expect(await client.getCode({ address })).toMatch(/^0x60/);
		const hash = await wallet().writeContract({ address, abi, functionName: "count", args: [37n, "hello"] });
		const receipt = await client.waitForTransactionReceipt({ hash });
		expect(receipt).toMatchObject({ status: "success", type: "eip1559", from: alice.address.toLowerCase(), to: address });
		expect(parseEventLogs({ abi, logs: receipt.logs })).toMatchObject([{ eventName: "Counted", args: { who: alice.address, value: 42n, note: "hello" } }]);
		expect(await client.readContract({ address, abi, functionName: "value" })).toBe(42n);
		expect(await client.readContract({ address, abi, functionName: "value", blockNumber: receipt.blockNumber - 1n })).toBe(5n);
		expect(await client.getTransaction({ hash })).toMatchObject({ hash, nonce: 1, type: "eip1559", chainId: CHAIN_ID, blockNumber: receipt.blockNumber });
		expect(await client.getBlock({ blockHash: receipt.blockHash, includeTransactions: true })).toMatchObject({
			number: receipt.blockNumber,
			transactions: [{ hash }],
		});

		const custom = await client.simulateContract({ account: alice, address, abi, functionName: "count", args: [101n, ""] }).catch((error: unknown) => error);
		if (!(custom instanceof BaseError)) throw new Error("it did not revert");
		const reverted = custom.walk((cause) => cause instanceof ContractFunctionRevertedError);
		expect(reverted).toMatchObject({ data: { errorName: "TooMuch", args: [101n, 100n] } });
		await expect(client.estimateContractGas({ account: alice, address, abi, functionName: "count", args: [13n, ""] })).rejects.toThrow("unlucky");
		await expect(client.readContract({ address, abi, functionName: "overflow" })).rejects.toThrow(/overflow/);
	});

	test("watches blocks and events", async () => {
		const client = reader();
		const { contractAddress: address } = await client.waitForTransactionReceipt({
			hash: await wallet().deployContract({ abi, bytecode: compiled.bytecode, args: [0n] }),
		});
		if (!address) throw new Error("no contract address");
		const events: unknown[] = [];
		const numbers: bigint[] = [];
		let done = (): void => undefined;
		const both = new Promise<void>((resolve) => {
			done = () => {
				if (events.length >= 2 && numbers.length >= 2) resolve();
			};
		});
		const stops = [
			client.watchContractEvent({
				address,
				abi,
				eventName: "Counted",
				onLogs: (logs) => {
					events.push(...logs);
					done();
				},
			}),
			client.watchBlockNumber({
				emitMissed: true,
				emitOnBegin: true,
				onBlockNumber: (number) => {
					numbers.push(number);
					done();
				},
			}),
		];
		for (const by of [1n, 2n])
			await client.waitForTransactionReceipt({ hash: await wallet().writeContract({ address, abi, functionName: "count", args: [by, "x"] }) });
		await both;
		for (const stop of stops) stop();
		expect(events).toMatchObject([{ args: { value: 1n } }, { args: { value: 3n } }]);
		// The client's polls may overlap and tell a number out of turn; that there are new ones is the ledger's part.
		expect(numbers.some((number) => number > (numbers[0] as bigint))).toBe(true);
	});

	test("legacy and access-list transactions, fee history, multicall", async () => {
		const client = reader();
		const gas = 30_000n;
		const legacy = await wallet().sendTransaction({ to: bob.address, value: 1n, type: "legacy", gas });
		const listed = await wallet().sendTransaction({ to: bob.address, value: 1n, type: "eip2930", gas, accessList: [] });
		expect(await client.waitForTransactionReceipt({ hash: legacy })).toMatchObject({ status: "success", type: "legacy" });
		expect(await client.waitForTransactionReceipt({ hash: listed })).toMatchObject({ status: "success", type: "eip2930" });
		const history = await client.getFeeHistory({ blockCount: 4, rewardPercentiles: [10, 90] });
		expect(history.baseFeePerGas).toHaveLength(5);
		expect(history.reward).toHaveLength(4);
		const multicallAddress = "0xca11bde05977b3631167028862be2a173976ca11";
		const opg = {
			address: "0x4f50470000000000000000000000000000000001",
			abi: [{ type: "function", name: "balanceOf", stateMutability: "view", inputs: [{ type: "address" }], outputs: [{ type: "uint256" }] }],
		} as const;
		const [token] = await client.multicall({
			contracts: [{ ...opg, functionName: "balanceOf", args: [carol.address] }],
			allowFailure: false,
			multicallAddress,
		});
		expect(token).toBe(await client.getBalance({ address: carol.address }));
	});

	test("set-code transactions (EIP-7702)", async () => {
		const client = reader();
		const { contractAddress: address } = await client.waitForTransactionReceipt({
			hash: await wallet().deployContract({ abi, bytecode: compiled.bytecode, args: [0n] }),
		});
		if (!address) throw new Error("no contract address");
		const authorization = await carol.signAuthorization?.({ chainId: CHAIN_ID, address, nonce: await client.getTransactionCount({ address: carol.address }) });
		if (authorization === undefined) throw new Error("this account cannot authorize");
		const hash = await wallet().sendTransaction({
			to: carol.address,
			data: encodeFunctionData({ abi, functionName: "count", args: [4n, ""] }),
			authorizationList: [authorization],
		});
		expect(await client.waitForTransactionReceipt({ hash })).toMatchObject({ status: "success", type: "eip7702" });
		expect(await client.getCode({ address: carol.address })).toBe(`0xef0100${address.slice(2)}`);
		expect(await client.readContract({ address: carol.address, abi, functionName: "value" })).toBe(4n);
		expect(await client.getTransaction({ hash })).toMatchObject({ type: "eip7702", authorizationList: [{ nonce: authorization.nonce }] });
		// A delegated account still sends.
		const next = await createWalletClient({ chain: chain(), transport: http(ledger.url), account: carol }).sendTransaction({ to: bob.address, value: 1n });
		expect(await client.waitForTransactionReceipt({ hash: next })).toMatchObject({ status: "success" });
	});

	test("state proofs verify against the header", async () => {
		const client = reader();
		const block = await client.getBlock();
		const proof = await client.getProof({ address: bob.address, storageKeys: [], blockNumber: block.number });
		expect(proof.balance).toBe(await client.getBalance({ address: bob.address, blockNumber: block.number }));
		expect(proof.accountProof.length).toBeGreaterThan(0);
	});
});

describe("over WebSocket", () => {
	const url = () => ledger.url.replace("http", "ws");

	test("viem gets heads, logs and pending transactions by subscription", async () => {
		const client = createPublicClient({ transport: webSocket(url()), pollingInterval: 20 });
		const wallet = createWalletClient({ transport: webSocket(url()), account: alice, pollingInterval: 20 });
		const { contractAddress: address } = await client.waitForTransactionReceipt({
			hash: await wallet.deployContract({ abi, bytecode: compiled.bytecode, args: [0n], chain: null }),
		});
		if (!address) throw new Error("no contract address");
		const got = new Map<string, unknown>();
		let done = (): void => undefined;
		const all = new Promise<void>((resolve) => {
			done = () => {
				if (got.size === 3) resolve();
			};
		});
		const note = (kind: string) => (value: unknown) => {
			got.set(kind, value);
			done();
		};
		const subscribe = (params: readonly unknown[], kind: string) =>
			(client.transport as unknown as { subscribe: (request: object) => Promise<{ unsubscribe: () => Promise<unknown> }> }).subscribe({
				params,
				onData: ({ result }: { result: unknown }) => note(kind)(result),
			});
		const subscriptions = [
			await subscribe(["newHeads"], "head"),
			await subscribe(["logs", { address }], "log"),
			await subscribe(["newPendingTransactions"], "pending"),
		];
		const hash = await wallet.writeContract({ address, abi, functionName: "count", args: [3n, "ws"], chain: null });
		await all;
		const receipt = await client.waitForTransactionReceipt({ hash });
		expect(got.get("pending")).toBe(hash);
		expect(got.get("log")).toMatchObject({ transactionHash: hash, address });
		expect(got.get("head")).toMatchObject({ hash: receipt.blockHash, number: `0x${receipt.blockNumber.toString(16)}` });
		for (const { unsubscribe } of subscriptions) await unsubscribe();
		for (const { transport } of [client, wallet])
			(await (transport as unknown as { getRpcClient: () => Promise<{ close: () => void }> }).getRpcClient()).close();
	});

	test("ethers reads and watches", async () => {
		const provider = new WebSocketProvider(url());
		const seen = new Promise<number>((resolve, reject) => {
			provider.on("block", resolve).catch(reject);
		});
		await createWalletClient({ transport: http(ledger.url), account: alice }).sendTransaction({ to: bob.address, value: 1n, chain: null });
		expect(await seen).toBeGreaterThan(0);
		expect((await provider.getNetwork()).chainId).toBe(BigInt(CHAIN_ID));
		await provider.destroy();
	});
});

describe("ethers 6", () => {
	test("deploys, sends, reads, watches, and understands refusals", async () => {
		const provider = new JsonRpcProvider(ledger.url, undefined, { pollingInterval: 20, cacheTimeout: -1 });
		try {
			const wallet = new Wallet(`0x${Buffer.from(bob.getHdKey().privateKey ?? []).toString("hex")}`, provider);
			const signer = new NonceManager(wallet);
			const contract = await new ContractFactory(compiled.abi as never, compiled.bytecode, signer).deploy(1n);
			await contract.waitForDeployment();
			const counted = new Promise<bigint>((resolve, reject) => {
				contract.on("Counted", (_who, value) => resolve(value as bigint)).catch(reject);
			});
			const count = contract.getFunction("count");
			const receipt = await (await count.send(9n, "note")).wait();
			expect(receipt?.status).toBe(1);
			expect(await counted).toBe(10n);
			await contract.removeAllListeners();
			expect(await contract.getFunction("value").staticCall()).toBe(10n);
			expect(await contract.queryFilter("Counted")).toHaveLength(1);
			const refusal: unknown = await count.staticCall(500n, "").catch((error: unknown) => error);
			if (!isCallException(refusal)) throw refusal;
			expect(refusal.revert).toMatchObject({ name: "TooMuch" });
			expect(await provider.getBalance(wallet.address)).toBeGreaterThan(OPG);
			const low: unknown = await wallet.sendTransaction({ to: alice.address, nonce: 0 }).catch((error: unknown) => error);
			expect(isError(low, "NONCE_EXPIRED")).toBe(true);
			const poor: unknown = await Wallet.createRandom(provider)
				.sendTransaction({ to: alice.address, value: 1n, gasLimit: 21_000n })
				.catch((error: unknown) => error);
			expect(isError(poor, "INSUFFICIENT_FUNDS")).toBe(true);
		} finally {
			provider.destroy();
		}
	});
});

const hasWeb3 = spawnSync("python3", ["-c", "import web3"], { timeout: 20_000 }).status === 0;
test.skipIf(!hasWeb3)("web3.py deploys, sends, reads and watches (needs Python with web3)", async () => {
	const { spawn } = await import("node:child_process");
	const key = Buffer.from(developers[3]?.getHdKey().privateKey ?? []).toString("hex");
	const script = `
import json, sys
from web3 import Web3
url, key, compiled = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
w3 = Web3(Web3.HTTPProvider(url)); me = w3.eth.account.from_key(key)
def run(call):
    tx = call.build_transaction({"from": me.address, "nonce": w3.eth.get_transaction_count(me.address, "pending")})
    return w3.eth.wait_for_transaction_receipt(w3.eth.send_raw_transaction(me.sign_transaction(tx).raw_transaction), poll_latency=0.02)
made = run(w3.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"]).constructor(1))
c = w3.eth.contract(address=made.contractAddress, abi=compiled["abi"])
watch = c.events.Counted.create_filter(from_block="latest")
assert run(c.functions.count(2, "hi")).status == 1
assert c.functions.value().call() == 3
assert [e["args"]["value"] for e in watch.get_new_entries()] == [3]
`;
	const child = spawn("python3", ["-c", script, ledger.url, key, JSON.stringify(compiled)], { stdio: ["ignore", "ignore", "pipe"] });
	let errors = "";
	child.stderr.on("data", (chunk: Buffer) => {
		errors += chunk.toString();
	});
	const status = await new Promise((resolve) => child.once("close", resolve));
	expect(errors).toBe("");
	expect(status).toBe(0);
});
