/** The ledger as a program: one data folder, one chain, one sequencer, JSON-RPC in front. */
import { setMaxListeners } from "node:events";
import { join } from "node:path";
import { equalBytes, FreeholdError, fromHex, networkOf, systemAddresses, toHex } from "@freehold/protocol";
import {
	createDigestSigner,
	defineProgram,
	durationOption,
	integerOption,
	lockFolder,
	nativeCrypto,
	opgOption,
	optional,
	type ProgramContext,
	pathOption,
	pause,
	portOption,
	readOrCreateKeyFile,
	textOption,
	urlOption,
} from "@freehold/service";
import { LedgerApplication } from "./application/application.js";
import { CallPool } from "./calls/call-pool.js";
import { type Driver, readDriver } from "./driver.js";
import { joinsBySnapshot } from "./engine/home.js";
import { ValidatorDriver, validatorCrashPoints } from "./engine/validator.js";
import { type LedgerEvents, ledgerEvents, ledgerMetrics } from "./events.js";
import { DEFAULT_MAP_SIZE_BYTES, openStateMachine } from "./execution/execution.js";
import { ChainFollower, followerCrashPoints } from "./follower/follower.js";
import { parseGenesisFile } from "./genesis/genesis-file.js";
import { PipeDesk } from "./pipe/desk.js";
import { openLiveCalls } from "./pipe/live/live-calls.js";
import type { RpcContext } from "./rpc/context.js";
import { rpcBinding, rpcMethods } from "./rpc/rpc.js";
import { rpcUpgrade } from "./rpc/websocket.js";
import { storedArchive } from "./sequencer/archive.js";
import { ConsensusStore } from "./sequencer/consensus-store.js";
import { Sequencer, sequencerCrashPoints } from "./sequencer/sequencer.js";
import { genesisBlock } from "./snapshot/genesis-block.js";
import { SnapshotSync } from "./snapshot/sync.js";
import { StateStore } from "./state/state-store.js";

export const LEDGER_VERSION = "0.1.0";

const options = {
	data: pathOption({ argument: "DIR", default: ".freehold/ledger", help: "Folder of the chain's data.", group: "Storage" }),
	genesis: optional(pathOption({ argument: "FILE", help: "Genesis file: chain id, time, first balances. With --follow it comes from there.", group: "Chain" })),
	sequencerKey: optional(pathOption({ argument: "FILE", help: "Ed25519 key that signs blocks, made if missing (0600). Not with --follow.", group: "Chain" })),
	follow: optional(
		urlOption({
			help: "JSON-RPC of a ledger whose blocks this one follows: each is checked and executed again, transactions are handed on. Needs --checkpoint.",
			group: "Chain",
		}),
	),
	replay: optional(
		pathOption({
			argument: "DIR",
			help: "The chain folder of an exported network: its blocks are checked and executed, and no others come. Needs --checkpoint.",
			group: "Chain",
		}),
	),
	checkpoint: optional(pathOption({ argument: "FILE", help: "network.json or checkpoint.json: whom to trust when following.", group: "Chain" })),
	validatorHome: optional(
		pathOption({
			argument: "DIR",
			help: "CometBFT's folder (keys, genesis, settings): the ledger runs CometBFT in it and orders blocks with the other validators.",
			group: "Validators",
		}),
	),
	cometbft: optional(pathOption({ argument: "FILE", help: "CometBFT's program; without it the one that was built for this user.", group: "Validators" })),
	p2p: textOption({ argument: "HOST:PORT", default: "127.0.0.1:26656", help: "Where CometBFT listens for its peers.", group: "Validators" }),
	peers: textOption({ argument: "ID@HOST:PORT,…", default: "none", help: "Peers that CometBFT keeps connected to; none for none.", group: "Validators" }),
	enginePort: portOption({ default: 26657, help: "Loopback port of CometBFT's own JSON-RPC, for this ledger.", group: "Validators" }),
	snapshotBlocks: integerOption({
		default: 10_000,
		min: 0,
		max: 1_000_000_000,
		help: "Consensus blocks from one snapshot of the state to the next, for those who join; 0 for none.",
		group: "Validators",
	}),
	blockInterval: durationOption({ default: 20, help: "Least time between two blocks with transactions; under load they are batched by it.", group: "Chain" }),
	callThreads: integerOption({
		default: 2,
		min: 1,
		max: 64,
		help: "Threads for calls that only read; one of them is kept for callers who used little lately.",
		group: "Network",
	}),
	liveCalls: integerOption({
		default: 0,
		min: 0,
		max: 100_000,
		help: "Answers of models a minute that eth_call may ask for, without a transaction; 0: it gives placeholders. The key of --live-key pays for them.",
		group: "Models in calls",
	}),
	liveBudget: opgOption({ default: 10n ** 19n, help: "Most that these answers may cost in an hour; one of them a tenth of it.", group: "Models in calls" }),
	liveKey: optional(
		pathOption({
			argument: "FILE",
			help: "Private key of the account whose prepaid balance pays for these answers, made if missing (0600); default live.key in the data folder.",
			group: "Models in calls",
		}),
	),
	historyBlocks: integerOption({ default: 128, min: 1, max: 1_000_000, help: "Earlier EVM blocks whose state stays readable.", group: "Storage" }),
	host: textOption({ argument: "HOST", default: "127.0.0.1", help: "Address to listen on.", group: "Network" }),
	port: portOption({ default: 8545, help: "Port of JSON-RPC; 0 takes any.", group: "Network" }),
} as const;

type Context = ProgramContext<{ readonly [K in keyof typeof options]: ReturnType<(typeof options)[K]["parse"]> }>;

export const ledgerProgram = defineProgram({
	role: "ledger",
	summary: "State machine, blocks and JSON-RPC; orders blocks alone, or follows a ledger that does.",
	options,
	metrics: ledgerMetrics,
	crashPoints: ["ledger.genesis.committed", ...sequencerCrashPoints, ...followerCrashPoints, ...validatorCrashPoints],
	start: startLedger,
});

async function startLedger(context: Context) {
	const { config, clock, crashPoint, log } = context;
	const who = await readDriver(config, context.signal);
	const appState = who.genesis;
	const genesis = parseGenesisFile(Buffer.from(appState).toString("utf8"));
	if (who.kind !== "validates" && genesis.sequencer !== undefined && !equalBytes(genesis.sequencer, who.publicKey)) {
		throw new FreeholdError("config.invalid", {
			option: who.option,
			reason: `the genesis names the sequencer ${toHex(genesis.sequencer)}, not ${toHex(who.publicKey)}`,
		});
	}
	context.onChain(genesis.chainId);
	const unlocks = [config.data, ...(who.kind === "validates" ? [who.home] : [])].map((folder) => lockFolder(folder));
	const unlock = (): void => {
		for (const each of unlocks) each();
	};
	const place = { dir: join(config.data, "state"), historyBlocks: config.historyBlocks, mapSizeBytes: DEFAULT_MAP_SIZE_BYTES };
	const state = openStateMachine(place);
	const calls = new CallPool(
		{ ...place, chainId: BigInt(genesis.chainId), threads: config.callThreads, cacheEntries: CALL_CACHE_ENTRIES },
		{ now: () => performance.now() },
	);
	try {
		const events = ledgerEvents(log, context.metrics, () => performance.now(), context.fail);
		const application = new LedgerApplication(
			{ chainId: BigInt(genesis.chainId), feeRecipient: genesis.feeRecipient ?? fromHex(systemAddresses.rewardPool) },
			{ state, crypto: nativeCrypto, now: () => clock.now() },
		);
		events.watchPool(application.pool);
		const consensus = new ConsensusStore(state);
		const chainId = networkOf(genesis.chainId)?.consensusChainId ?? `freehold-${genesis.chainId}`;
		requireSigner(consensus.signer(), who);
		const genesisTime = { seconds: BigInt(genesis.timestamp), nanos: 0 };
		const signers = who.kind === "validates" ? [] : [{ publicKey: who.publicKey, power: 1n }];
		const joins = who.kind === "validates" && application.chain.isEmpty && (await joinsBySnapshot(who.home));
		if (!joins) application.initChain({ chainId, time: genesisTime, validators: signers, appState });
		crashPoint("ledger.genesis.committed");
		const common = { application, store: consensus, now: () => clock.now(), ticks: () => performance.now(), crashPoint, events };
		const genesisOf = () => genesisBlock({ chainId: BigInt(genesis.chainId), consensusChainId: chainId, time: genesisTime, appState }, nativeCrypto);
		const driver = driverOf(who, { chainId, genesisTime, config, common, genesisOf, openView: () => new StateStore({ ...place, readOnly: true }) });
		const startedAt = driver.height;
		await driver.start();
		if (joins) await untilRestored(application, driver);
		const closing = new AbortController();
		// Everybody who waits listens to it; how many may wait stands with each method.
		setMaxListeners(0, closing.signal);
		const notify = (): void => {
			if (!(driver instanceof ChainFollower)) driver.notify();
		};
		const pipe =
			driver instanceof ChainFollower
				? undefined
				: new PipeDesk({ application, state, calls, now: () => clock.now(), notify, onFault: events.probeFailed, signal: closing.signal });
		pipe?.start();
		const ticking = setInterval(() => pipe?.tick(), PIPE_TICK_MS).unref();
		const later = (ms: number, work: () => void) => {
			const timer = setTimeout(work, ms);
			return () => clearTimeout(timer);
		};
		const live =
			config.liveCalls === 0
				? undefined
				: openLiveCalls(
						{ dir: join(config.data, "live"), callsPerMinute: config.liveCalls, perHour: config.liveBudget },
						{
							...{ application, state, calls, later, events, random: context.random, fail: context.fail, now: () => clock.now() },
							signer: createDigestSigner(await readOrCreateKeyFile(config.liveKey ?? join(config.data, "live.key"))),
						},
					);
		const rpc: RpcContext = {
			application,
			state,
			calls,
			consensus: driver instanceof ValidatorDriver ? driver.archive : storedArchive(consensus, driver.validators),
			crypto: nativeCrypto,
			genesis: Buffer.from(appState).toString("utf8"),
			...(who.kind === "follows" && driver instanceof ChainFollower
				? { source: { submit: who.source.submit, highest: () => driver.highest, startedAt, height: () => driver.height } }
				: {}),
			...(driver instanceof ValidatorDriver ? { peers: () => driver.peers(), engineRuns: () => driver.enginePid !== undefined } : {}),
			pipe,
			live: live?.desk,
			notify,
			now: () => clock.now(),
			pace: {
				now: () => performance.now(),
				breathe: () => new Promise<void>((resolve) => setImmediate(resolve)),
			},
			closing: closing.signal,
			random: context.random,
			later,
		};
		const methods = rpcMethods(rpc, LEDGER_VERSION);
		const dispatching = {
			...rpc.pace,
			onFault: (error: unknown, method: string) => {
				const reference = Buffer.from(context.random(6)).toString("hex");
				events.rpcFailed(error, method, reference);
				return reference;
			},
		};
		const upgrade = rpcUpgrade(rpc, methods, dispatching);
		const server = await context.listen([rpcBinding(methods, dispatching)], { host: config.host, port: config.port, upgrade });
		live?.pay(server.url, closing.signal);
		events.started({ chainId: genesis.chainId, height: driver.height, evmNumber: application.chain.head.header.number });
		return {
			url: server.url,
			ready: async () => ({
				ready:
					(who.kind === "follows" && who.source.ends ? driver.height > 0n : events.healthy()) &&
					(!(driver instanceof ChainFollower) || driver.highest - driver.height <= IN_STEP) &&
					(!(driver instanceof ValidatorDriver) || (driver.height > 0n && (await driver.isInStep()))),
				detail: {
					chainId: genesis.chainId,
					consensusHeight: Number(driver.height),
					...(driver instanceof ChainFollower ? { following: config.follow ?? config.replay ?? "", highest: Number(driver.highest) } : {}),
					...(driver instanceof ValidatorDriver ? { peers: await driver.peers(), engine: driver.enginePid ?? 0 } : {}),
					evmNumber: Number(application.chain.head.header.number),
					pending: application.pool.size,
					quietMs: Math.round(events.quietMs()),
				},
			}),
			drain: async () => {
				clearInterval(ticking);
				pipe?.stop();
				closing.abort();
				await server.close(DRAIN_REQUESTS_MS);
				await live?.close();
				await driver.stop();
				await calls.close();
				await state.close();
				unlock();
			},
		};
	} catch (error) {
		await state.close();
		unlock();
		throw error;
	}
}

/** A chain that one key signs goes on with that key. */
function requireSigner(signer: Uint8Array | undefined, who: Driver): void {
	if (signer === undefined) return;
	if (who.kind === "validates")
		throw new FreeholdError("config.invalid", {
			option: "--validator-home",
			reason: `the chain in this data folder is ordered by one sequencer, ${toHex(signer)}`,
		});
	if (!equalBytes(signer, who.publicKey))
		throw new FreeholdError("config.invalid", { option: who.option, reason: `this chain is signed by ${toHex(signer)}, not by ${toHex(who.publicKey)}` });
}

interface DriverParts {
	readonly chainId: string;
	readonly genesisTime: { readonly seconds: bigint; readonly nanos: number };
	readonly config: Context["config"];
	readonly openView: () => StateStore;
	readonly genesisOf: () => Promise<{ readonly header: Uint8Array; readonly digest: Uint8Array }>;
	readonly common: Omit<ConstructorParameters<typeof Sequencer>[1], "key" | "hashes" | "crashPoint" | "events"> &
		Pick<Context, "crashPoint"> & { readonly events: LedgerEvents };
}

function driverOf(who: Driver, { chainId, genesisTime, config, common, openView, genesisOf }: DriverParts): Sequencer | ChainFollower | ValidatorDriver {
	if (who.kind === "orders")
		return new Sequencer({ chainId, blockIntervalMs: config.blockInterval, genesisTime }, { ...common, key: who.key, hashes: nativeCrypto });
	if (who.kind === "follows") return new ChainFollower({ chainId, checkpoint: who.checkpoint }, { ...common, source: who.source, crypto: nativeCrypto, pause });
	if (who.chainId !== chainId)
		throw new FreeholdError("config.invalid", { option: "--validator-home", reason: `its genesis is of chain ${who.chainId}, the ledger's of ${chainId}` });
	const { p2p, peers, enginePort } = config;
	const engine = { program: who.program, home: who.home, rpc: `127.0.0.1:${enginePort}`, p2p, peers: peers === "none" ? "" : peers };
	const { application, events } = common;
	const snapshots = new SnapshotSync(
		{ folder: join(config.data, "snapshots"), everyBlocks: config.snapshotBlocks },
		{ application, openView, genesis: genesisOf, events },
	);
	return new ValidatorDriver(engine, { ...common, version: LEDGER_VERSION, pause, snapshots });
}

/** Between two looks at nodes that are silent. */
const PIPE_TICK_MS = 250;

/** A ledger without a state has nothing to show. Throws `upstream.timeout` when no peer offers a snapshot that holds. */
async function untilRestored(application: LedgerApplication, driver: { readonly stop: () => Promise<void> }): Promise<void> {
	const deadline = performance.now() + RESTORE_DEADLINE_MS;
	while (application.chain.isEmpty && performance.now() < deadline) await pause(RESTORE_LOOK_MS);
	if (!application.chain.isEmpty) return;
	await driver.stop();
	throw new FreeholdError("upstream.timeout", { what: "The peers' snapshots", seconds: RESTORE_DEADLINE_MS / 1000 });
}

const RESTORE_DEADLINE_MS = 900_000;
const RESTORE_LOOK_MS = 100;

/** Blocks that a ready follower may be behind. */
const IN_STEP = 2n;
/** Per thread: roughly 15 MB. */
const CALL_CACHE_ENTRIES = 50_000;
/** Requests in flight may take this long to end. */
const DRAIN_REQUESTS_MS = 2_000;
