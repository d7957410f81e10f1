/** Several applications in this process, each with a real CometBFT beside it, on loopback ports below the ephemeral range. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromHex, systemAddresses } from "@freehold/protocol";
import { nativeCrypto, pause } from "@freehold/service";
import type { AbciServerOptions } from "../src/abci/server.js";
import { LedgerApplication } from "../src/application/application.js";
import type { Application, DecidedBlock } from "../src/application/types.js";
import { findEngine } from "../src/engine/binary.js";
import { engineGenesis, prepareHome, readValidatorKey, type ValidatorIdentity, writeGenesis } from "../src/engine/home.js";
import { ValidatorDriver } from "../src/engine/validator.js";
import { openStateMachine } from "../src/execution/execution.js";
import type { SigningKey } from "../src/sequencer/signing-key.js";
import { CONSENSUS_CHAIN_ID, initRequest } from "./driven-ledger.js";
import { CHAIN_ID, developers, funded, OPG } from "./local-ledger.js";
import { BOND, type Staking, stakingGenesis } from "./staking-genesis.js";

/** Undefined where CometBFT was not built and is not named: its tests are skipped then. */
export const engine = await findEngine(process.env);

export interface ValidatorNode {
	readonly application: LedgerApplication;
	/** Balance at the head. */
	readonly balance: (address: Uint8Array) => bigint;
	readonly driver: ValidatorDriver;
	readonly identity: ValidatorIdentity;
	/** Signs its votes. */
	readonly key: SigningKey;
	/** CometBFT's own JSON-RPC. */
	readonly engineUrl: string;
	/** Blocks that were decided, in order, with the hash that they gave. */
	readonly decided: { readonly block: DecidedBlock; readonly appHash: Uint8Array }[];
	readonly faults: unknown[];
	readonly ends: string[];
	/** Engine and application, without deleting anything. */
	readonly stop: () => Promise<void>;
}

export interface NetworkOptions {
	readonly count: number;
	/** Ledgers that are no validators at first, started by `add`. */
	readonly others?: number;
	/** Bonds the validators in the genesis, under these rules; without them the set never changes. */
	readonly staking?: Staking["rules"];
	/** Changes what an application answers. */
	readonly twist?: (application: LedgerApplication, index: number) => void;
	readonly tap?: AbciServerOptions["tap"];
}

/** What the engine's genesis holds; its time is now, so that blocks do not come from the past. */
export const appStateNow = () => ({ chainId: CHAIN_ID, timestamp: Math.floor(Date.now() / 1000), balances: funded(developers) });

export async function startValidators({ count, others = 0, staking, twist, tap }: NetworkOptions): Promise<{
	readonly nodes: readonly ValidatorNode[];
	/** Starts the next of the others. */
	readonly add: () => Promise<ValidatorNode>;
	readonly genesis: typeof initRequest;
	readonly dir: string;
	readonly stop: () => Promise<void>;
}> {
	const dir = await mkdtemp(join(tmpdir(), "freehold-validators-"));
	const homes = Array.from({ length: count + others }, (_, index) => join(dir, String(index), "engine"));
	const identities = await Promise.all(homes.map((home) => prepareHome(home, "local")));
	const keys = await Promise.all(homes.map(readValidatorKey));
	const plain = appStateNow();
	const appState = staking === undefined ? plain : stakingGenesis({ keys: keys.slice(0, count), timestamp: plain.timestamp, rules: staking });
	const ports = await freePorts(2 * (count + others));
	const p2p = (index: number): string => `127.0.0.1:${ports[2 * index]}`;
	const power = staking === undefined ? 10n : BOND / OPG;
	const validators = identities.slice(0, count).map(({ publicKey }, index) => ({ publicKey, power, name: `v${index}` }));
	const genesis = engineGenesis({ chainId: CONSENSUS_CHAIN_ID, timestamp: appState.timestamp, validators, appState });
	await Promise.all(homes.map((home) => writeGenesis(home, genesis)));
	const shared = {
		...initRequest,
		time: { seconds: BigInt(appState.timestamp), nanos: 0 },
		validators,
		appState: Buffer.from(JSON.stringify(appState)),
	};
	const open = async (index: number): Promise<ValidatorNode> => {
		const home = homes[index] as string;
		const peers = identities.flatMap(({ nodeId }, other) => (other === index ? [] : [`${nodeId}@${p2p(other)}`])).join(",");
		const state = openStateMachine({ dir: join(dir, String(index), "state") });
		const application = new LedgerApplication(
			{ chainId: BigInt(CHAIN_ID), feeRecipient: fromHex(systemAddresses.rewardPool) },
			{ state, crypto: nativeCrypto, now: () => Date.now() },
		);
		application.initChain(shared);
		twist?.(application, index);
		const decided: { readonly block: DecidedBlock; readonly appHash: Uint8Array }[] = [];
		const finalize = application.finalizeBlock.bind(application) as Application["finalizeBlock"];
		application.finalizeBlock = (block) => {
			const result = finalize(block);
			decided.push({ block, appHash: result.appHash });
			return result;
		};
		const faults: unknown[] = [];
		const ends: string[] = [];
		const driver = new ValidatorDriver(
			{ program: engine ?? "", home, rpc: `127.0.0.1:${ports[2 * index + 1]}`, p2p: p2p(index), peers },
			{
				application,
				version: "test",
				ticks: () => performance.now(),
				crashPoint: () => undefined,
				pause,
				events: {
					blockMade: () => undefined,
					refused: (what, error) => faults.push([what, error]),
					stopped: (error) => faults.push(error),
					engineStarted: () => undefined,
					engineEnded: (how, words) => ends.push(`${how}: ${words}`),
					relayWaits: () => undefined,
					strangerRefused: (error) => faults.push(error),
				},
				...(tap === undefined || index > 0 ? {} : { tap }),
			},
		);
		let ending: Promise<void> | undefined;
		await driver.start();
		return {
			application,
			balance: (address) => state.account(address)?.balance ?? 0n,
			driver,
			identity: identities[index] as ValidatorIdentity,
			key: keys[index] as SigningKey,
			engineUrl: `http://127.0.0.1:${ports[2 * index + 1]}`,
			decided,
			faults,
			ends,
			stop: () => {
				ending ??= driver.stop().then(() => state.close());
				return ending;
			},
		};
	};
	const nodes = await Promise.all(homes.slice(0, count).map((_, index) => open(index)));
	return {
		nodes,
		add: async () => {
			const node = await open(nodes.length);
			nodes.push(node);
			return node;
		},
		dir,
		genesis: shared,
		stop: async () => {
			await Promise.all(nodes.map((node) => node.stop()));
			await rm(dir, { recursive: true, force: true });
		},
	};
}

const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_000;

/** Free now, and below the ports that the system gives to outgoing connections, so that they stay free. */
export async function freePorts(count: number): Promise<readonly number[]> {
	const found = new Set<number>();
	while (found.size < count) {
		const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT));
		if (await isFree(port)) found.add(port);
	}
	return [...found];
}

function isFree(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const probe = createServer();
		probe.once("error", () => resolve(false));
		probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
	});
}
