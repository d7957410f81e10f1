/**
 * Orders blocks alone: drives the application as a consensus engine would and emits real CometBFT headers and commits for a set of one, so that one verifier
 * serves both modes. Block times are the sequencer's clock, strictly rising.
 *
 * A block is made when transactions wait, when the last block's effects are not proved by a header yet, and every five seconds without an EVM block; never
 * otherwise.
 */
import {
	type BlockId,
	type Commit,
	type ConsensusHeader,
	commitHash,
	type Hashes,
	type Timestamp,
	toHex,
	type Validator,
	validatorAddress,
	validatorsHash,
	voteSignBytes,
} from "@freehold/protocol";
import { APP_VERSION, EVM_HEARTBEAT_MS, type LedgerApplication, nanosOf } from "../application/application.js";
import type { FinalizedBlock } from "../application/types.js";
import { BLOCK_GAS_LIMIT } from "../block/block.js";
import {
	BLOCK_PROTOCOL,
	blockIdOf,
	consensusParamsHash,
	dataHash,
	encodeBlock,
	MAX_BLOCK_BYTES,
	MAX_TX_BYTES,
	NO_BLOCK,
	NO_COMMIT,
	resultsHash,
} from "./consensus-block.js";
import type { ConsensusStore, Tip } from "./consensus-store.js";
import type { SigningKey } from "./signing-key.js";

export const sequencerCrashPoints = [
	"ledger.block.proposed",
	"ledger.block.signed",
	"ledger.block.finalized",
	"ledger.block.committed",
	"ledger.proof.signed",
	"ledger.proof.committed",
] as const;

export type SequencerCrashPoint = (typeof sequencerCrashPoints)[number];

export interface SequencerOptions {
	/** Chain id in headers, such as `freehold-10741`. */
	readonly chainId: string;
	/** Least time between the starts of two blocks with transactions, which batches them under load. Milliseconds. */
	readonly blockIntervalMs: number;
	/** Time of the first block: the genesis file's. */
	readonly genesisTime: Timestamp;
}

export interface SequencerModules {
	readonly application: LedgerApplication;
	readonly store: ConsensusStore;
	readonly key: SigningKey;
	readonly hashes: Hashes;
	/** Unix milliseconds. */
	readonly now: () => number;
	/** Milliseconds that only rise, for pacing. */
	readonly ticks: () => number;
	readonly crashPoint: (name: SequencerCrashPoint) => void;
	readonly events: SequencerEvents;
}

/** What operators get to know. */
export interface SequencerEvents {
	readonly blockMade: (block: { readonly height: bigint; readonly transactions: number; readonly hashes: readonly string[]; readonly tookMs: number }) => void;
	/** Execution broke an invariant; the transactions of that block were dropped and nothing of it remains. */
	readonly blockFailed: (error: unknown, transactions: number) => void;
	/** The sequencer cannot go on: the disk refuses. */
	readonly stopped: (error: unknown) => void;
}

const MAX_NAMED = 8;
const NANOS_PER_MS = 1_000_000n;

export class Sequencer {
	readonly validators: readonly Validator[];
	readonly #options: SequencerOptions;
	readonly #modules: SequencerModules;
	readonly #address: Uint8Array;
	readonly #validatorsHash: Uint8Array;
	readonly #consensusHash: Uint8Array;
	readonly #emptyHash: Uint8Array;
	#tip: Tip | undefined;
	#lastTimeNs = 0n;
	#lastCommit: Commit = NO_COMMIT;
	/** Application hash that the last header proves. */
	#proved: Uint8Array | undefined;
	#lastStart = Number.NEGATIVE_INFINITY;
	#wake: (() => void) | undefined;
	#onStop: (() => void) | undefined;
	#stopping = false;
	#running: Promise<void> | undefined;

	constructor(options: SequencerOptions, modules: SequencerModules) {
		this.#options = options;
		this.#modules = modules;
		const { key, store, hashes } = modules;
		this.validators = [{ publicKey: key.publicKey, power: 1n }];
		this.#address = validatorAddress(key.publicKey, hashes);
		this.#validatorsHash = validatorsHash(this.validators, hashes);
		this.#consensusHash = consensusParamsHash(MAX_BLOCK_BYTES, BLOCK_GAS_LIMIT, hashes);
		this.#emptyHash = dataHash([], hashes);
		this.#tip = store.tip();
		if (this.#tip === undefined) return;
		const last = store.lightBlock(this.#tip.height, this.validators);
		if (last === undefined) throw new Error(`consensus block ${this.#tip.height} is missing`);
		this.#lastTimeNs = nanosOf(last.header.time);
		this.#lastCommit = last.commit;
		this.#proved = last.header.appHash;
	}

	/** Height of the last durable consensus block. */
	get height(): bigint {
		return this.#tip?.height ?? 0n;
	}

	/** Makes blocks until `stop`. The first block of a new chain is durable when this resolves. */
	async start(): Promise<void> {
		const { height } = this.#modules.application.info();
		if (height !== this.height) throw new Error(`the application is at height ${height}, the consensus blocks at ${this.height}`);
		if (this.#tip === undefined) await this.#produce([]);
		this.#running = this.#run();
	}

	/** To be called when a transaction has entered the pool. */
	notify(): void {
		this.#wake?.();
	}

	/** Finishes the block under way, proves it, and ends. */
	async stop(): Promise<void> {
		this.#stopping = true;
		this.#onStop?.();
		await this.#running;
	}

	async #run(): Promise<void> {
		const { application, now, events } = this.#modules;
		try {
			for (;;) {
				const hasWork = !this.#stopping && application.pool.size > 0 && application.pool.hasExecutable(application.nextBaseFee());
				const unproved = this.#proved === undefined || Buffer.compare(this.#proved, application.chain.head.hash) !== 0;
				const untilHeartbeat = Number(application.evmTimeNs / NANOS_PER_MS) + EVM_HEARTBEAT_MS - now();
				const untilInterval = this.#untilInterval();
				if (hasWork && untilInterval <= 0) {
					// What arrived together goes into one block.
					await new Promise(setImmediate);
					await this.#produceFromPool();
				} else if (unproved) await this.#produce([]);
				else if (this.#stopping) return;
				else if (hasWork) await this.#sleep(untilInterval, false);
				else if (untilHeartbeat <= 0) await this.#produce([]);
				else await this.#sleep(untilHeartbeat, true);
			}
		} catch (error) {
			events.stopped(error);
		}
	}

	/** Under load a block starts a whole interval after the last, so that they are batched. */
	#untilInterval(): number {
		return this.#lastStart + this.#options.blockIntervalMs - this.#modules.ticks();
	}

	/** At most `ms`; until a transaction comes where that makes a difference, in any case until the stop. */
	#sleep(ms: number, untilTransaction: boolean): Promise<void> {
		return new Promise((resolve) => {
			const end = (): void => {
				clearTimeout(timer);
				this.#wake = undefined;
				this.#onStop = undefined;
				resolve();
			};
			const timer = setTimeout(end, ms);
			this.#onStop = end;
			if (untilTransaction) this.#wake = end;
		});
	}

	async #produceFromPool(): Promise<void> {
		const { application, crashPoint, ticks } = this.#modules;
		this.#lastStart = ticks();
		const proposal = { height: this.height + 1n, time: this.#nextTime(), proposerAddress: this.#address };
		const txs = application.prepareProposal({ ...proposal, maxTxBytes: MAX_TX_BYTES, txs: [] });
		if (txs.length === 0) return;
		crashPoint("ledger.block.proposed");
		await this.#produce(txs);
	}

	async #produce(txs: readonly Uint8Array[]): Promise<void> {
		const { application, store, key, hashes, crashPoint, ticks, events } = this.#modules;
		const startedAt = ticks();
		const header = this.#header(txs, this.#nextTime());
		if (txs.length > 0 && !application.processProposal({ ...header, txs })) {
			application.drop(txs);
			events.blockFailed(new Error("the application refuses its own proposal"), txs.length);
			return;
		}
		const encoded = encodeBlock({ header, txs, lastCommit: this.#lastCommit });
		const blockId = blockIdOf(header, encoded, hashes);
		const commit = this.#sign(header, blockId);
		crashPoint(txs.length > 0 ? "ledger.block.signed" : "ledger.proof.signed");
		let finalized: FinalizedBlock;
		try {
			finalized = application.finalizeBlock({ ...header, txs, hash: blockId.hash, misbehaviour: [], absent: [] });
		} catch (error) {
			if (txs.length === 0) throw error;
			application.drop(txs);
			events.blockFailed(error, txs.length);
			return;
		}
		if (txs.length > 0) crashPoint("ledger.block.finalized");
		const tip: Tip = { height: header.height, blockId, lastResultsHash: resultsHash(finalized.txResults, hashes) };
		const signer = this.#tip === undefined ? [store.signerWrite(key.publicKey)] : [];
		await application.commit([...store.writes(tip, encoded, commit), ...signer]);
		crashPoint(txs.length > 0 ? "ledger.block.committed" : "ledger.proof.committed");
		this.#tip = tip;
		this.#lastCommit = commit;
		this.#lastTimeNs = nanosOf(header.time);
		this.#proved = header.appHash;
		// So few that the log can name them: whoever looks for a transaction finds its block there.
		const named = txs.length <= MAX_NAMED ? txs.map((tx) => toHex(hashes.keccak256(tx))) : [];
		events.blockMade({ height: header.height, transactions: txs.length, hashes: named, tookMs: ticks() - startedAt });
	}

	#header(txs: readonly Uint8Array[], time: Timestamp): ConsensusHeader {
		const { application, hashes } = this.#modules;
		return {
			versionBlock: BLOCK_PROTOCOL,
			versionApp: APP_VERSION,
			chainId: this.#options.chainId,
			height: this.height + 1n,
			time,
			lastBlockId: this.#tip?.blockId ?? NO_BLOCK,
			lastCommitHash: commitHash(this.#lastCommit, hashes),
			dataHash: dataHash(txs, hashes),
			validatorsHash: this.#validatorsHash,
			nextValidatorsHash: this.#validatorsHash,
			consensusHash: this.#consensusHash,
			appHash: application.chain.head.hash,
			lastResultsHash: this.#tip?.lastResultsHash ?? this.#emptyHash,
			evidenceHash: this.#emptyHash,
			proposerAddress: this.#address,
		};
	}

	#sign(header: ConsensusHeader, blockId: BlockId): Commit {
		const unsigned = { height: header.height, round: 0, blockId, signatures: [] };
		const vote = { flag: 2, validatorAddress: this.#address, timestamp: header.time } as const;
		const signature = this.#modules.key.sign(voteSignBytes(unsigned, vote, header.chainId));
		return { ...unsigned, signatures: [{ ...vote, signature }] };
	}

	/** The clock's, but later than the last block's; the first block has the time of genesis. */
	#nextTime(): Timestamp {
		if (this.#tip === undefined) return this.#options.genesisTime;
		const clock = BigInt(Math.trunc(this.#modules.now())) * NANOS_PER_MS;
		const ns = clock > this.#lastTimeNs ? clock : this.#lastTimeNs + NANOS_PER_MS;
		return { seconds: ns / 1_000_000_000n, nanos: Number(ns % 1_000_000_000n) };
	}
}
