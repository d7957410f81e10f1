/** A whole local network, every role its own process, as people run it. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Checkpoint, contractAddresses, type NetworkFile } from "@freehold/protocol";
import { connect, type Freehold } from "@freehold/sdk";
import { createChainClient } from "@freehold/sdk/chain";
import { keyText, testAccount } from "./accounts.js";
import { type RunningProgram, startProgram, type TestedRole, temporaryFolder } from "./programs.js";

export const CHAIN_ID = 10741;
export const OPG = 10n ** 18n;

const operators = ["gateway", "faucet", "inference"] as const;
/** Development accounts from here on belong to people. */
const FIRST_PERSON = 4;

export interface JourneyNetwork {
	readonly folder: string;
	readonly network: NetworkFile;
	readonly role: (name: TestedRole) => RunningProgram;
	/** Starts a role again with the same options and data. */
	readonly restart: (name: TestedRole, env?: Readonly<Record<string, string>>) => Promise<void>;
	/** A person with an account of its own and 1,000 OPG. */
	readonly person: (index: number) => Freehold;
	readonly addressOf: (operator: (typeof operators)[number]) => `0x${string}`;
	readonly stop: () => Promise<void>;
}

/** `gateway`: options of the gateway beside its own. */
export async function startJourney({ gateway = {} }: { readonly gateway?: Readonly<Record<string, string>> } = {}): Promise<JourneyNetwork> {
	const folder = await temporaryFolder();
	const path = (name: string): string => join(folder.path, name);
	const balances = Array.from({ length: 10 }, (_, index) => ({
		address: testAccount(index).address,
		amount: ((index < FIRST_PERSON ? 100_000n : 1_000n) * OPG).toString(),
	}));
	await writeFile(path("genesis.json"), JSON.stringify({ chainId: CHAIN_ID, timestamp: Math.floor(Date.now() / 1000) - 60, balances }));
	for (const [index, name] of operators.entries()) await writeFile(path(`${name}.key`), keyText(testAccount(index)), { mode: 0o600 });

	const running = new Map<TestedRole, { program: RunningProgram; options: Readonly<Record<string, string>> }>();
	const start = async (role: TestedRole, options: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}): Promise<string> => {
		const program = await startProgram(role, options, { folder: folder.path, env });
		// A role that comes back has the address that others know.
		running.set(role, { program, options: { ...options, port: new URL(program.url).port } });
		return program.url;
	};
	const rpcUrl = await start("ledger", {
		data: path("ledger"),
		genesis: path("genesis.json"),
		"sequencer-key": path("sequencer.key"),
		port: "0",
		"block-interval": "20ms",
	});
	const storageUrl = await start("storage", { data: path("storage"), port: "0" });
	const [hubUrl, inferenceUrl, gatewayUrl] = await Promise.all([
		start("hub", { data: path("hub"), port: "0", "rpc-url": rpcUrl, "storage-url": storageUrl }),
		start("inference", { data: path("inference"), port: "0", "rpc-url": rpcUrl, "storage-url": storageUrl, "key-file": path("inference.key") }),
		start("gateway", {
			data: path("gateway"),
			port: "0",
			"rpc-url": rpcUrl,
			"storage-url": storageUrl,
			"key-file": path("gateway.key"),
			"faucet-key-file": path("faucet.key"),
			"network-file": path("network.json"),
			"batch-age": "500ms",
			...gateway,
		}),
	]);
	if (inferenceUrl === undefined) throw new Error("the node did not start");
	const client = createChainClient({ rpcUrl });
	const status = (await client.request("freehold_status")) as {
		readonly signer: `0x${string}`;
		readonly genesis: { readonly height: number; readonly hash: `0x${string}` };
	};
	const checkpoint: Checkpoint = { kind: "sequencer", signer: status.signer, ...status.genesis };
	const network: NetworkFile = {
		version: 1,
		name: "local",
		chainId: CHAIN_ID,
		rpcUrl,
		wsUrl: rpcUrl.replace("http", "ws"),
		gatewayUrl,
		hubUrl,
		storageUrl,
		webUrl: gatewayUrl,
		contracts: contractAddresses,
		checkpoint,
	};
	await writeFile(path("network.json"), JSON.stringify(network));
	const role = (name: TestedRole): RunningProgram => {
		const found = running.get(name);
		if (found === undefined) throw new Error(`${name} does not run`);
		return found.program;
	};
	return {
		folder: folder.path,
		network,
		role,
		restart: async (name, env) => {
			const found = running.get(name);
			if (found === undefined) throw new Error(`${name} was never started`);
			await start(name, found.options, env);
		},
		person: (index) =>
			connect({ network, account: testAccount(FIRST_PERSON + index).account as unknown as NonNullable<Parameters<typeof connect>[0]["account"]> }),
		addressOf: (operator) => testAccount(operators.indexOf(operator)).address,
		stop: async () => {
			for (const name of ["gateway", "inference", "hub", "storage", "ledger"] as const) await running.get(name)?.program.stop();
			await folder.remove();
		},
	};
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A model of this repository. */
export async function repositoryModel(
	folder: string,
): Promise<{ readonly model: Uint8Array; readonly example: (name: string) => Promise<Record<string, number[][]>> }> {
	const at = join(root, "models", folder);
	return {
		model: new Uint8Array(await readFile(join(at, "model.onnx"))),
		example: async (name) => JSON.parse(await readFile(join(at, "examples", `${name}.json`), "utf8")) as Record<string, number[][]>,
	};
}
