/** The ledger as a program: one data folder, one chain, one sequencer, JSON-RPC in front. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { equalBytes, FreeholdError, fromHex, networkOf, systemAddresses, toHex } from "@freehold/protocol";
import {
	defineProgram,
	durationOption,
	integerOption,
	lockFolder,
	nativeCrypto,
	type ProgramContext,
	pathOption,
	portOption,
	readOrCreateKeyFile,
	textOption,
} from "@freehold/service";
import { LedgerApplication } from "./application/application.js";
import { CallPool } from "./calls/call-pool.js";
import { ledgerEvents, ledgerMetrics } from "./events.js";
import { DEFAULT_MAP_SIZE_BYTES, openStateMachine } from "./execution/execution.js";
import { parseGenesisFile } from "./genesis/genesis-file.js";
import type { RpcContext } from "./rpc/context.js";
import { rpcBinding, rpcMethods } from "./rpc/rpc.js";
import { rpcUpgrade } from "./rpc/websocket.js";
import { ConsensusStore } from "./sequencer/consensus-store.js";
import { Sequencer, sequencerCrashPoints } from "./sequencer/sequencer.js";
import { signingKey } from "./sequencer/signing-key.js";

export const LEDGER_VERSION = "0.1.0";

const options = {
	data: pathOption({ argument: "DIR", help: "Folder of the chain's data.", group: "Storage" }),
	genesis: pathOption({ argument: "FILE", help: "Genesis file: chain id, time, first balances.", group: "Chain" }),
	sequencerKey: pathOption({ argument: "FILE", help: "Ed25519 key that signs blocks, made if missing (0600).", group: "Chain" }),
	blockInterval: durationOption({ default: 20, help: "Least time between two blocks with transactions; under load they are batched by it.", group: "Chain" }),
	callThreads: integerOption({
		default: 2,
		min: 1,
		max: 64,
		help: "Threads for calls that only read; one of them is kept for callers who used little lately.",
		group: "Network",
	}),
	historyBlocks: integerOption({ default: 128, min: 1, max: 1_000_000, help: "Earlier EVM blocks whose state stays readable.", group: "Storage" }),
	host: textOption({ argument: "HOST", default: "127.0.0.1", help: "Address to listen on.", group: "Network" }),
	port: portOption({ default: 8545, help: "Port of JSON-RPC; 0 takes any.", group: "Network" }),
} as const;

type Context = ProgramContext<{ readonly [K in keyof typeof options]: ReturnType<(typeof options)[K]["parse"]> }>;

export const ledgerProgram = defineProgram({
	role: "ledger",
	summary: "State machine, blocks and JSON-RPC; orders blocks alone.",
	options,
	metrics: ledgerMetrics,
	crashPoints: ["ledger.genesis.committed", ...sequencerCrashPoints],
	start: startLedger,
});

async function startLedger(context: Context) {
	const { config, clock, crashPoint, log } = context;
	const appState = await readGenesis(config.genesis);
	const genesis = parseGenesisFile(Buffer.from(appState).toString("utf8"));
	const key = signingKey(await readOrCreateKeyFile(config.sequencerKey));
	if (genesis.sequencer !== undefined && !equalBytes(genesis.sequencer, key.publicKey)) {
		throw new FreeholdError("config.invalid", {
			option: "--sequencer-key",
			reason: `the genesis names the sequencer ${toHex(genesis.sequencer)}, this key is ${toHex(key.publicKey)}`,
		});
	}
	context.onChain(genesis.chainId);
	const unlock = lockFolder(config.data);
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
		const signer = consensus.signer();
		if (signer !== undefined && !equalBytes(signer, key.publicKey)) {
			throw new FreeholdError("config.invalid", {
				option: "--sequencer-key",
				reason: `this chain is signed by ${toHex(signer)}, not by ${toHex(key.publicKey)}`,
			});
		}
		const chainId = networkOf(genesis.chainId)?.consensusChainId ?? `freehold-${genesis.chainId}`;
		const genesisTime = { seconds: BigInt(genesis.timestamp), nanos: 0 };
		application.initChain({ chainId, time: genesisTime, validators: [{ publicKey: key.publicKey, power: 1n }], appState });
		crashPoint("ledger.genesis.committed");
		const sequencer = new Sequencer(
			{ chainId, blockIntervalMs: config.blockInterval, genesisTime },
			{ application, store: consensus, key, hashes: nativeCrypto, now: () => clock.now(), ticks: () => performance.now(), crashPoint, events },
		);
		await sequencer.start();
		const closing = new AbortController();
		const rpc: RpcContext = {
			application,
			state,
			calls,
			consensus,
			crypto: nativeCrypto,
			validators: sequencer.validators,
			notify: () => sequencer.notify(),
			now: () => clock.now(),
			pace: {
				now: () => performance.now(),
				breathe: () => new Promise<void>((resolve) => setImmediate(resolve)),
			},
			closing: closing.signal,
			random: context.random,
			later: (ms, work) => {
				const timer = setTimeout(work, ms);
				return () => clearTimeout(timer);
			},
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
		events.started({ chainId: genesis.chainId, height: sequencer.height, evmNumber: application.chain.head.header.number });
		return {
			url: server.url,
			ready: () => ({
				ready: events.healthy(),
				detail: {
					chainId: genesis.chainId,
					consensusHeight: Number(sequencer.height),
					evmNumber: Number(application.chain.head.header.number),
					pending: application.pool.size,
					quietMs: Math.round(events.quietMs()),
				},
			}),
			drain: async () => {
				closing.abort();
				await server.close(DRAIN_REQUESTS_MS);
				await sequencer.stop();
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

/** Per thread: roughly 15 MB. */
const CALL_CACHE_ENTRIES = 50_000;
/** Requests in flight may take this long to end. */
const DRAIN_REQUESTS_MS = 2_000;
const MAX_GENESIS_BYTES = 4 * 1024 * 1024;

async function readGenesis(path: string): Promise<Uint8Array> {
	let bytes: Uint8Array;
	try {
		bytes = await readFile(path);
	} catch (cause) {
		throw new FreeholdError("config.invalid", { option: "--genesis", reason: `${path} cannot be read` }, { cause });
	}
	if (bytes.length > MAX_GENESIS_BYTES)
		throw new FreeholdError("config.invalid", { option: "--genesis", reason: `${path} is larger than ${MAX_GENESIS_BYTES} bytes` });
	return bytes;
}
