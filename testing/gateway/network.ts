/** A small network for tests of the gateway: real ledger, storage and gateway as processes, a node that a test can spoil, one published model. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { contractAddresses, type Hex, type Manifest, manifestDigest, manifestText, modelId, type Price, releaseId, schemaDigest } from "@freehold/protocol";
import { type ChainClient, contracts, createChainClient, createTransactor, type Transactor } from "@freehold/sdk/chain";
import { encodeFunctionData } from "viem";
import { keyText, type TestAccount, testAccount } from "../journey/accounts.js";
import { type RunningProgram, startProgram, temporaryFolder } from "../journey/programs.js";
import { type StandInNode, startStandInNode } from "./stand-in-node.js";

export const CHAIN_ID = 10741;
export const OPG = 10n ** 18n;

const accounts = { gateway: 0, faucet: 1, node: 2, secondNode: 3, owner: 4, parent: 5, payer: 6, stranger: 7 } as const;

export type AccountName = keyof typeof accounts;

export const account = (name: AccountName): TestAccount => testAccount(accounts[name]);

export interface TestNetwork {
	readonly folder: string;
	readonly client: ChainClient;
	readonly rpcUrl: string;
	readonly storageUrl: string;
	readonly gatewayUrl: () => string;
	readonly gateway: () => RunningProgram;
	readonly node: StandInNode;
	/** Release whose parent owes nothing to anyone and gets a tenth of it. */
	readonly release: Hex;
	readonly parentRelease: Hex;
	readonly send: (name: AccountName, to: Hex, data: Hex, value?: bigint) => Promise<void>;
	readonly transactor: (name: AccountName) => Transactor;
	/** Starts the gateway again; it must have ended. */
	readonly startGateway: (env?: Readonly<Record<string, string>>, options?: Readonly<Record<string, string>>) => Promise<RunningProgram>;
	readonly addNode: (name: AccountName, nodeFee: bigint) => Promise<StandInNode>;
	readonly ledger: () => RunningProgram;
	/** Starts the ledger again; it must have ended. */
	readonly startLedger: (aheadMs?: number) => Promise<RunningProgram>;
	readonly stop: () => Promise<void>;
}

export interface NetworkOptions {
	/** Of the child release. */
	readonly price?: Price;
	readonly gatewayOptions?: Readonly<Record<string, string>>;
	readonly gatewayEnv?: Readonly<Record<string, string>>;
}

const NODE_FEE = (5n * OPG) / 100n;
export const FLAT: Price = { perCall: OPG, perInputUnit: 0n, perOutputUnit: 0n };

export async function startNetwork(options: NetworkOptions = {}): Promise<TestNetwork> {
	const folder = await temporaryFolder();
	const running: { stop(): Promise<unknown> }[] = [];
	const path = (name: string): string => join(folder.path, name);
	const balances = Object.keys(accounts).map((name) => ({ address: account(name as AccountName).address, amount: (100_000n * OPG).toString() }));
	await writeFile(path("genesis.json"), JSON.stringify({ chainId: CHAIN_ID, timestamp: Math.floor(Date.now() / 1000) - 60, balances }));
	for (const name of ["gateway", "faucet"] as const) await writeFile(path(`${name}.key`), keyText(account(name)), { mode: 0o600 });

	const start = { folder: folder.path };
	const ledgerOptions = (port: string) => ({
		data: path("ledger"),
		genesis: path("genesis.json"),
		"sequencer-key": path("sequencer.key"),
		port,
		"block-interval": "5ms",
	});
	let ledger = await startProgram("ledger", ledgerOptions("0"), start);
	const ledgerPort = new URL(ledger.url).port;
	const storage = await startProgram("storage", { data: path("storage"), port: "0", "walrus-shards": "10" }, start);
	const client = createChainClient({ rpcUrl: ledger.url });
	const transactors = new Map<AccountName, Transactor>();
	const transactor = (name: AccountName): Transactor => {
		const known = transactors.get(name) ?? createTransactor({ client, signer: account(name).signer });
		transactors.set(name, known);
		return known;
	};
	let sent = 0;
	const send = async (name: AccountName, to: Hex, data: Hex, value = 0n): Promise<void> => {
		await transactor(name).send({ key: `test:${sent++}`, to, data, value });
	};

	const price = options.price ?? FLAT;
	const addNode = async (name: AccountName, nodeFee: bigint): Promise<StandInNode> => {
		const { signer } = account(name);
		const node = await startStandInNode(signer, () => price, CHAIN_ID);
		running.push({ stop: () => node.close() });
		const bond = 1_000n * OPG;
		await send(
			name,
			contracts.OPG.address,
			encodeFunctionData({ abi: contracts.OPG.abi, functionName: "approve", args: [contractAddresses.NodeRegistry, bond] }),
		);
		await send(
			name,
			contracts.NodeRegistry.address,
			encodeFunctionData({ abi: contracts.NodeRegistry.abi, functionName: "register", args: [1, node.url, signer.address, nodeFee, bond] }),
		);
		return node;
	};
	const publish = async (name: AccountName, namespace: string, model: string, cost: Price, parents: readonly { release: Hex; bps: number }[]): Promise<Hex> => {
		const manifest = manifestOf(`${namespace}/${model}@1.0`);
		const stored = await fetch(`${storage.url}/v1/blobs?blob_id=later`, { method: "PUT", body: manifestText(manifest) });
		if (!stored.ok) throw new Error(`storage answered ${stored.status}`);
		const data = {
			major: 1,
			minor: 0,
			format: 1,
			modes: 3,
			manifest: manifestDigest(manifest),
			inputSchema: schemaDigest(manifest.inputs),
			outputSchema: schemaDigest(manifest.outputs),
			licence: "Apache-2.0",
			terms: { leastPerCall: 0n, leastPerInputUnit: 0n, leastPerOutputUnit: 0n, leastBps: 0 },
			parents,
		};
		await send(
			name,
			contracts.ModelRegistry.address,
			encodeFunctionData({ abi: contracts.ModelRegistry.abi, functionName: "publish", args: [namespace, model, 0, data, cost] }),
		);
		return releaseId(modelId(namespace, model), { major: 1, minor: 0 });
	};
	const parentRelease = await publish("parent", "base", "identity", FLAT, []);
	const release = await publish("owner", "plus", "identity", price, [{ release: parentRelease, bps: 1_000 }]);
	const node = await addNode("node", NODE_FEE);

	let gateway: RunningProgram | undefined;
	const startGateway = async (env: Readonly<Record<string, string>> = {}, more: Readonly<Record<string, string>> = {}): Promise<RunningProgram> => {
		const port = gateway === undefined ? "0" : new URL(gateway.url).port;
		gateway = await startProgram(
			"gateway",
			{
				"rpc-url": ledger.url,
				"storage-url": storage.url,
				data: path("gateway"),
				port,
				"key-file": path("gateway.key"),
				"faucet-key-file": path("faucet.key"),
				"batch-age": "150ms",
				"network-file": path("network.json"),
				...options.gatewayOptions,
				...more,
			},
			{ ...start, env },
		);
		return gateway;
	};
	await mkdir(path("gateway"), { recursive: true });
	await startGateway(options.gatewayEnv);
	const current = (): RunningProgram => {
		if (gateway === undefined) throw new Error("no gateway runs");
		return gateway;
	};

	return {
		folder: folder.path,
		client,
		rpcUrl: ledger.url,
		storageUrl: storage.url,
		gatewayUrl: () => current().url,
		gateway: current,
		node,
		release,
		parentRelease,
		send,
		transactor,
		startGateway,
		addNode,
		ledger: () => ledger,
		startLedger: async (aheadMs = 0) => {
			ledger = await startProgram("ledger", ledgerOptions(ledgerPort), { ...start, aheadMs });
			return ledger;
		},
		stop: async () => {
			await current().stop();
			for (const part of running) await part.stop();
			await storage.stop();
			await ledger.stop();
			await folder.remove();
		},
	};
}

function manifestOf(release: string): Manifest {
	const x = { name: "x", dtype: "float32", shape: [1, "n"] } as const;
	return {
		version: 1,
		release,
		format: "onnx",
		files: [{ path: "model.onnx", sha256: `0x${"22".repeat(32)}`, bytes: 1 }],
		inputs: [x],
		outputs: [x],
		licence: "Apache-2.0",
	};
}
