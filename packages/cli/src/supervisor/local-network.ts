/** The local network: its keys, its genesis, and the arguments of its five processes. Made once; started again with the same folder it is the same network. */
import { stat } from "node:fs/promises";
import { contractAddresses, type Hex, type NetworkFile, networkOf } from "@freehold/protocol";
import { createDigestSigner, type RoleName, readKeyFile, readOrCreateKeyFile } from "@freehold/service";
import { type DataFolder, type DevelopmentAccount, writeJson } from "./data-folder.js";
import { developmentAccount } from "./development-accounts.js";
import type { ProcessPlan } from "./supervisor.js";

export const HOST = "127.0.0.1";
export const LOCAL_CHAIN_ID = 10741;
export const DEFAULT_PORT_BASE = 8545;

const DEVELOPMENT_ACCOUNTS = 10;
const OPG = 10n ** 18n;
const DEVELOPMENT_BALANCE = 1_000_000n * OPG;
/** Of that, for models that are asked by transactions. */
const DEVELOPMENT_PREPAID = 1_000n * OPG;
const OPERATOR_BALANCE = 100_000n * OPG;
/** A node answers on credit up to half of a gateway's bond: enough here for 10,000 calls a second at 1 OPG, from one batch to the next. */
const GATEWAY_BOND = "50000";
const FAUCET_BALANCE = 10_000_000n * OPG;
const OPERATORS = ["gateway", "inference"] as const;

export interface Ports {
	readonly ledger: number;
	readonly gateway: number;
	readonly hub: number;
	readonly storage: number;
	readonly inference: number;
}

export function portsFrom(base: number): Ports {
	return { ledger: base, gateway: base + 1, hub: base + 2, storage: base + 3, inference: base + 4 };
}

export const urlOf = (port: number): string => `http://${HOST}:${port}`;

/** Makes keys, accounts and genesis where they are missing. */
export async function prepareFolder(folder: DataFolder, now: number): Promise<readonly DevelopmentAccount[]> {
	await folder.make();
	const accounts = await developmentAccounts(folder);
	for (const name of [...OPERATORS, "faucet"]) await readOrCreateKeyFile(folder.keyFile(name));
	if (!(await exists(folder.genesisFile))) await writeGenesis(folder, accounts, now);
	return accounts;
}

/** What each process is started with. The ledger and the storage depend on nobody; the others on them. `validators`: in place of the one ledger that orders blocks alone. */
export function plan(
	folder: DataFolder,
	base: number,
	env: { readonly batchAgeMs?: string; readonly validators?: readonly ProcessPlan[] },
): readonly (readonly ProcessPlan[])[] {
	const ports = portsFrom(base);
	const rpc = ["--rpc-url", urlOf(ports.ledger)];
	const storage = ["--storage-url", urlOf(ports.storage)];
	const hub = ["--hub-url", urlOf(ports.hub)];
	const make = (role: RoleName, port: number, args: readonly string[]): ProcessPlan => ({
		role,
		name: role,
		url: urlOf(port),
		args: ["--host", HOST, "--port", String(port), "--data", folder.roleFolder(role), ...args],
	});
	const chain = ["--chain-id", String(LOCAL_CHAIN_ID)];
	const alone = [make("ledger", ports.ledger, ["--genesis", folder.genesisFile, "--sequencer-key", folder.keyFile("sequencer")])];
	return [
		[...(env.validators ?? alone), make("storage", ports.storage, chain)],
		[
			make("hub", ports.hub, [...rpc, ...storage]),
			make("inference", ports.inference, [
				...rpc,
				...storage,
				...hub,
				...chain,
				"--public-url",
				urlOf(ports.inference),
				"--key-file",
				folder.keyFile("inference"),
			]),
			make("gateway", ports.gateway, [
				...rpc,
				...storage,
				...hub,
				...chain,
				"--public-url",
				urlOf(ports.gateway),
				"--key-file",
				folder.keyFile("gateway"),
				"--bond",
				GATEWAY_BOND,
				"--faucet-key-file",
				folder.keyFile("faucet"),
				"--network-file",
				folder.networkFile,
				...(env.batchAgeMs === undefined ? [] : ["--batch-age", `${env.batchAgeMs}ms`]),
			]),
		],
	];
}

/** What `freehold_status` of a ledger says of its chain. */
export type LedgerStatus = ({ readonly signer: Hex } | { readonly validatorsHash: Hex; readonly validators: number }) & {
	readonly chainId: number;
	readonly genesis: { readonly height: number; readonly hash: Hex };
};

/** The network's description, from the ledger's own words. */
export function describe(base: number, status: LedgerStatus): NetworkFile {
	const { height, hash } = status.genesis;
	const ports = portsFrom(base);
	return {
		version: 1,
		name: networkOf(status.chainId)?.name ?? "unknown",
		chainId: status.chainId,
		rpcUrl: urlOf(ports.ledger),
		wsUrl: `ws://${HOST}:${ports.ledger}`,
		gatewayUrl: urlOf(ports.gateway),
		hubUrl: urlOf(ports.hub),
		storageUrl: urlOf(ports.storage),
		webUrl: urlOf(ports.gateway),
		contracts: contractAddresses,
		checkpoint:
			"signer" in status
				? { kind: "sequencer", signer: status.signer, height, hash }
				: { kind: "validators", validatorsHash: status.validatorsHash, height, hash },
	};
}

async function developmentAccounts(folder: DataFolder): Promise<readonly DevelopmentAccount[]> {
	const known = await folder.accounts();
	if (known !== undefined) return known;
	const accounts = Array.from({ length: DEVELOPMENT_ACCOUNTS }, (_, index) => developmentAccount(`dev-${index}`, index));
	await writeJson(folder.accountsFile, accounts, 0o600);
	return accounts;
}

async function writeGenesis(folder: DataFolder, accounts: readonly DevelopmentAccount[], now: number): Promise<void> {
	const address = async (name: string): Promise<Hex> => createDigestSigner(await readKeyFile(folder.keyFile(name))).address;
	const operators = await Promise.all(OPERATORS.map(async (name) => ({ address: await address(name), amount: OPERATOR_BALANCE.toString() })));
	await writeJson(folder.genesisFile, {
		chainId: LOCAL_CHAIN_ID,
		timestamp: Math.floor(now / 1000),
		balances: [
			...accounts.map((account) => ({ address: account.address, amount: DEVELOPMENT_BALANCE.toString(), prepaid: DEVELOPMENT_PREPAID.toString() })),
			...operators,
			{ address: await address("faucet"), amount: FAUCET_BALANCE.toString() },
		],
	});
}

function exists(path: string): Promise<boolean> {
	return stat(path).then(
		() => true,
		() => false,
	);
}
