/**
 * Follows a chain that another ledger orders: fetches its consensus blocks, checks each one against the checkpoint and the blocks before, and executes it again.
 * The next header proves the same state, or the follower stops: nobody's word is taken for what is owned here.
 */
import { type Checkpoint, type Crypto, FreeholdError, fromHex, type Validator } from "@freehold/protocol";
import { type LedgerApplication, nanosOf } from "../application/application.js";
import { blockIdOf, resultsHash } from "../sequencer/consensus-block.js";
import type { ConsensusStore, Tip } from "../sequencer/consensus-store.js";
import type { SequencerEvents } from "../sequencer/sequencer.js";
import { checkBlock } from "./check-block.js";
import type { BlockSource } from "./source.js";

export const followerCrashPoints = ["ledger.followed.checked", "ledger.followed.committed"] as const;

export interface FollowerOptions {
	/** Chain id in headers, such as `freehold-10741`. */
	readonly chainId: string;
	readonly checkpoint: Checkpoint;
}

export interface FollowerModules {
	readonly application: LedgerApplication;
	readonly store: ConsensusStore;
	readonly source: BlockSource;
	readonly crypto: Crypto;
	/** Unix milliseconds. */
	readonly now: () => number;
	/** Milliseconds that only rise. */
	readonly ticks: () => number;
	readonly crashPoint: (name: (typeof followerCrashPoints)[number]) => void;
	readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
	readonly events: FollowerEvents;
}

export interface FollowerEvents {
	readonly blockMade: SequencerEvents["blockMade"];
	readonly sourceAway: (error: unknown, waitMs: number) => void;
	/** A block was refused, or the disk refuses: nothing more is followed. */
	readonly stopped: (error: unknown) => void;
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 10_000;
/** The block that proves the last one follows at once. */
const PROOF_PAUSE_MS = 20;

export class ChainFollower {
	readonly validators: readonly Validator[];
	readonly #options: FollowerOptions;
	readonly #modules: FollowerModules;
	readonly #stop = new AbortController();
	#tip: Tip | undefined;
	#lastTimeNs = 0n;
	#proved: Uint8Array | undefined;
	/** Height of the source, when it was asked last. */
	#known = 0n;
	#running: Promise<void> | undefined;

	/** Throws `config.invalid` for a checkpoint that names a set of validators: their blocks come by CometBFT. */
	constructor(options: FollowerOptions, modules: FollowerModules) {
		this.#options = options;
		this.#modules = modules;
		this.validators = validatorsOf(options.checkpoint);
		this.#tip = modules.store.tip();
		if (this.#tip === undefined) return;
		const last = modules.store.lightBlock(this.#tip.height, this.validators);
		if (last === undefined) throw new Error(`consensus block ${this.#tip.height} is missing`);
		this.#lastTimeNs = nanosOf(last.header.time);
		this.#proved = last.header.appHash;
	}

	/** Height of the last durable consensus block. */
	get height(): bigint {
		return this.#tip?.height ?? 0n;
	}

	/** Height of the last block that the source is known to have. */
	get highest(): bigint {
		return this.#known > this.height ? this.#known : this.height;
	}

	/** The first block is durable when this resolves: it shows that genesis is the one that the checkpoint means. */
	async start(): Promise<void> {
		const { height } = this.#modules.application.info();
		if (height !== this.height) throw new Error(`the application is at height ${height}, the consensus blocks at ${this.height}`);
		if (this.#tip === undefined) await this.#patiently(() => this.#fetch());
		this.#running = this.#run();
	}

	async stop(): Promise<void> {
		this.#stop.abort(new FreeholdError("request.aborted"));
		await this.#running;
	}

	async #run(): Promise<void> {
		const { application, source, events, pause } = this.#modules;
		const { signal } = this.#stop;
		try {
			while (!signal.aborted) {
				await this.#patiently(async () => {
					if (await this.#fetch()) return;
					const head = application.chain.head;
					const unproved = this.#proved === undefined || Buffer.compare(this.#proved, head.hash) !== 0;
					if (unproved && !source.ends) await pause(PROOF_PAUSE_MS, signal);
					else await source.waitForBlock(head.header.number, signal);
				});
			}
		} catch (error) {
			if (!signal.aborted) events.stopped(error);
		}
	}

	/** Tries again while the source is away. What it sends and is wrong is not waited out. */
	async #patiently(work: () => Promise<unknown>): Promise<void> {
		const { events, pause } = this.#modules;
		const { signal } = this.#stop;
		for (let failures = 0; !signal.aborted; failures++) {
			try {
				await work();
				return;
			} catch (error) {
				if (signal.aborted) return;
				if (!(error instanceof FreeholdError) || !error.entry.retryable) throw error;
				const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
				events.sourceAway(error, waitMs);
				await pause(waitMs, signal).catch(() => undefined);
			}
		}
	}

	/** True when there was something to follow. */
	async #fetch(): Promise<boolean> {
		const { source } = this.#modules;
		const { signal } = this.#stop;
		const sent = await source.blocks(this.height + 1n, signal);
		const reached = this.height + BigInt(sent.length);
		if (reached > this.#known) this.#known = sent.length > 1 ? await source.height(signal) : reached;
		for (const { block, commit } of sent) {
			if (signal.aborted) break;
			await this.#take(block, commit);
		}
		return sent.length > 0;
	}

	async #take(encoded: Uint8Array, encodedCommit: Uint8Array): Promise<void> {
		const { application, store, crypto, crashPoint, ticks, now, events } = this.#modules;
		const startedAt = ticks();
		const expected = {
			tip: this.#tip,
			lastTimeNs: this.#lastTimeNs,
			appHash: application.chain.head.hash,
			checkpoint: this.#options.checkpoint,
			validators: this.validators,
			chainId: this.#options.chainId,
			now: now(),
		};
		const { block, commit } = checkBlock(encoded, encodedCommit, expected, crypto);
		const { header, txs } = block;
		const { height } = header;
		if (txs.length > 0 && !application.processProposal({ ...header, txs }))
			throw new FreeholdError("chain.invalid", { height, reason: "no honest ledger proposes these transactions" });
		crashPoint("ledger.followed.checked");
		const blockId = blockIdOf(header, encoded, crypto);
		const { txResults } = application.finalizeBlock({ ...header, txs, hash: blockId.hash, misbehaviour: [], absent: [] });
		const tip: Tip = { height, blockId, lastResultsHash: resultsHash(txResults, crypto) };
		const signer = this.#tip === undefined ? this.validators.map(({ publicKey }) => store.signerWrite(publicKey)) : [];
		await application.commit([...store.writes(tip, encoded, commit), ...signer]);
		crashPoint("ledger.followed.committed");
		this.#tip = tip;
		this.#lastTimeNs = nanosOf(header.time);
		this.#proved = header.appHash;
		events.blockMade({ height, transactions: txs.length, hashes: [], tookMs: ticks() - startedAt });
	}
}

function validatorsOf(checkpoint: Checkpoint): readonly Validator[] {
	if (checkpoint.kind === "sequencer") return [{ publicKey: fromHex(checkpoint.signer), power: 1n }];
	throw new FreeholdError("config.invalid", { option: "--checkpoint", reason: "names a set of validators; follow these with CometBFT" });
}
