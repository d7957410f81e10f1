/**
 * Answers ABCI requests with the application: the same object, in the same order, as the solo sequencer drives it.
 *
 * The engine dies of an answer that says "exception", so only a broken invariant of a decided block gives one. What strangers can cause is refused as a value.
 */
import { FreeholdError } from "@freehold/protocol";
import type { LedgerApplication } from "../application/application.js";
import { type CheckResult, txCodes } from "../application/types.js";
import {
	CheckTxType,
	type Request,
	type Response,
	ResponseApplySnapshotChunk_Result,
	ResponseOfferSnapshot_Result,
	ResponseProcessProposal_ProposalStatus,
	ResponseVerifyVoteExtension_VerifyStatus,
} from "../generated/abci_pb.js";
import { MAX_BLOCK_BYTES } from "../sequencer/consensus-block.js";
import type { SnapshotSync } from "../snapshot/sync.js";
import { keccak256 } from "../state/keccak.js";
import { KnownBytes } from "./known-bytes.js";
import { absentOf, finalized, misbehaviourOf, type RequestCase, type RequestOf, response, timeOf, validatorsOf } from "./requests.js";

export const adapterCrashPoints = ["ledger.abci.finalizing", "ledger.abci.finalized", "ledger.abci.committing", "ledger.abci.committed"] as const;

export interface AdapterModules {
	readonly application: LedgerApplication;
	/** Shown to the engine as the application's version. */
	readonly version: string;
	/** Milliseconds that only rise. */
	readonly ticks: () => number;
	readonly crashPoint: (name: (typeof adapterCrashPoints)[number]) => void;
	/** Runs what admits a transaction that the engine has already, so that nobody sends it there again. */
	readonly fromEngine: <T>(work: () => T) => T;
	/** Resolves after that time, or rejects when the signal says so. */
	readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
	/** Where snapshots are offered and taken. */
	readonly snapshots?: SnapshotSync | undefined;
	readonly events: AdapterEvents;
}

export interface AdapterEvents {
	readonly blockMade: (block: { readonly height: bigint; readonly transactions: number; readonly hashes: readonly string[]; readonly tookMs: number }) => void;
	/** A proposal or a question of the engine broke an invariant; it was refused. */
	readonly refused: (what: string, error: unknown) => void;
	/** A decided block cannot be executed or kept: this node must not go on. */
	readonly stopped: (error: unknown) => void;
}

const EMPTY = new Uint8Array(0);
const MAX_NAMED = 8;
/** Protobuf overhead of a transaction in a block. */
const TX_OVERHEAD_BYTES = 5;
/** How long a proposer waits when all that there is waits for models: the engine would make one empty block after the other meanwhile. Below its own patience. */
const PATIENCE_MS = 250;

export class AbciAdapter {
	readonly #modules: AdapterModules;
	readonly #bytes = new KnownBytes(keccak256);
	/** Of the block that is finalized and not committed yet. */
	#decided: { readonly height: bigint; readonly txs: readonly Uint8Array[]; readonly startedAt: number } | undefined;
	#committing: Promise<unknown> = Promise.resolve();
	/** Wakes a proposer that waits for something to propose. */
	#wake = (): void => {};

	constructor(modules: AdapterModules) {
		this.#modules = modules;
	}

	/** One answer for one request, of the matching kind. */
	async answer(request: Request): Promise<Response> {
		const { value: asked } = request;
		if (asked.case === undefined) throw new FreeholdError("request.invalid", { field: "request", reason: "is of no known kind" });
		const handler = this.#handlers[asked.case] as (value: typeof asked.value) => Response | Promise<Response>;
		return handler(asked.value);
	}

	/** To be called when a transaction may enter a block that could not before. */
	notify(): void {
		this.#wake();
	}

	/** Resolves when no commit is under way. */
	async settled(): Promise<void> {
		await this.#committing;
	}

	readonly #handlers: { readonly [C in RequestCase]: (value: RequestOf<C>) => Response | Promise<Response> } = {
		echo: ({ message }) => response({ case: "echo", value: { message } }),
		flush: () => response({ case: "flush", value: {} }),
		info: async () => {
			// A new engine asks first of all: the last one may have gone in the middle of a commit.
			await this.#committing;
			this.#decided = undefined;
			const { height, appHash, appVersion } = this.#modules.application.info();
			const value = {
				data: "freehold",
				version: this.#modules.version,
				appVersion,
				lastBlockHeight: height,
				lastBlockAppHash: height === 0n ? EMPTY : appHash,
			};
			return response({ case: "info", value });
		},
		initChain: ({ chainId, time, validators, appStateBytes }) => {
			const { appHash } = this.#modules.application.initChain({ chainId, time: timeOf(time), validators: validatorsOf(validators), appState: appStateBytes });
			return response({ case: "initChain", value: { appHash } });
		},
		query: ({ path, data, height }) => {
			const answer = this.#guarded("query", () => this.#modules.application.query({ path, data, height }), {
				code: 1,
				log: "failed",
				value: EMPTY,
				height: 0n,
			});
			return response({ case: "query", value: { ...answer, key: data } });
		},
		checkTx: ({ tx, type }) => {
			const { code, log, gasWanted } = this.#check(this.#bytes.same(tx), type === CheckTxType.RECHECK);
			return response({ case: "checkTx", value: { code, log, gasWanted } });
		},
		prepareProposal: async (request) => {
			const { application, fromEngine } = this.#modules;
			const proposal = {
				height: request.height,
				time: timeOf(request.time),
				proposerAddress: request.proposerAddress,
				txs: request.txs.map((tx) => this.#bytes.same(tx)),
				maxTxBytes: Number(request.maxTxBytes),
			};
			const propose = (): readonly Uint8Array[] => this.#guarded("proposal", () => fromEngine(() => application.prepareProposal(proposal)), []);
			let txs = propose();
			if (txs.length === 0 && request.txs.length > 0) {
				await this.#somethingToPropose();
				txs = propose();
			}
			return response({ case: "prepareProposal", value: { txs: [...txs] } });
		},
		processProposal: (request) => {
			const txs = request.txs.map((tx) => this.#bytes.same(tx));
			const { height, proposerAddress } = request;
			const size = txs.reduce((sum, tx) => sum + tx.length + TX_OVERHEAD_BYTES, 0);
			const isGood = this.#guarded(
				"proposal",
				() => size <= MAX_BLOCK_BYTES && this.#modules.application.processProposal({ height, time: timeOf(request.time), proposerAddress, txs }),
				false,
			);
			const { ACCEPT, REJECT } = ResponseProcessProposal_ProposalStatus;
			return response({ case: "processProposal", value: { status: isGood ? ACCEPT : REJECT } });
		},
		extendVote: () => response({ case: "extendVote", value: {} }),
		verifyVoteExtension: ({ voteExtension }) => {
			// Nobody here says anything beside a vote.
			const { ACCEPT, REJECT } = ResponseVerifyVoteExtension_VerifyStatus;
			return response({ case: "verifyVoteExtension", value: { status: voteExtension.length === 0 ? ACCEPT : REJECT } });
		},
		finalizeBlock: (request) => this.#vital(() => this.#finalize(request)),
		commit: () => this.#vital(() => this.#commit()),
		listSnapshots: async () => response({ case: "listSnapshots", value: { snapshots: [...((await this.#modules.snapshots?.keeper.list()) ?? [])] } }),
		offerSnapshot: ({ snapshot, appHash }) => {
			const result = this.#modules.snapshots?.offer(snapshot, appHash) ?? ResponseOfferSnapshot_Result.REJECT;
			return response({ case: "offerSnapshot", value: { result } });
		},
		loadSnapshotChunk: async ({ height, format, chunk }) =>
			response({ case: "loadSnapshotChunk", value: { chunk: (await this.#modules.snapshots?.keeper.chunk(height, format, chunk)) ?? EMPTY } }),
		applySnapshotChunk: async ({ index, chunk, sender }) => {
			const answer = await this.#modules.snapshots?.apply(index, chunk, sender);
			return response({ case: "applySnapshotChunk", value: answer ?? { result: ResponseApplySnapshotChunk_Result.ABORT } });
		},
	};

	async #somethingToPropose(): Promise<void> {
		const { application, pause } = this.#modules;
		const woken = new AbortController();
		this.#wake = () => {
			if (application.pool.hasExecutable(application.nextBaseFee())) woken.abort();
		};
		this.#wake();
		await pause(PATIENCE_MS, woken.signal).catch(() => undefined);
		this.#wake = () => {};
	}

	/** In the pool already is as good as admitted; what a block took out of the pool leaves the engine's as well. */
	#check(tx: Uint8Array, isRecheck: boolean): Pick<CheckResult, "code" | "log" | "gasWanted"> {
		const { application, fromEngine } = this.#modules;
		const known = application.waiting(tx);
		if (known !== undefined) return { code: txCodes.ok, log: "", gasWanted: known.gasLimit };
		if (isRecheck) return { code: txCodes.invalid, log: "no longer in the pool", gasWanted: 0n };
		const failed = { code: txCodes.invalid, log: "failed", gasWanted: 0n, hash: EMPTY };
		return this.#guarded("transaction", () => fromEngine(() => application.checkTx(tx, { onlyReplayProtected: true })), failed);
	}

	#finalize({ height, time, txs: raws, hash, proposerAddress, misbehavior, decidedLastCommit }: RequestOf<"finalizeBlock">): Response {
		const { application, crashPoint, ticks } = this.#modules;
		crashPoint("ledger.abci.finalizing");
		const startedAt = ticks();
		const txs = raws.map((tx) => this.#bytes.same(tx));
		const block = application.finalizeBlock({
			height,
			time: timeOf(time),
			txs,
			hash: Uint8Array.from(hash),
			proposerAddress: Uint8Array.from(proposerAddress),
			misbehaviour: misbehaviourOf(misbehavior),
			absent: absentOf(decidedLastCommit),
		});
		this.#decided = { height, txs, startedAt };
		crashPoint("ledger.abci.finalized");
		return finalized(block);
	}

	async #commit(): Promise<Response> {
		const { application, crashPoint, events, ticks } = this.#modules;
		const decided = this.#decided;
		if (decided === undefined) throw new Error("nothing is finalized");
		crashPoint("ledger.abci.committing");
		const committing = application.commit();
		this.#committing = committing.catch(() => undefined);
		const { retainHeight } = await committing;
		this.#decided = undefined;
		crashPoint("ledger.abci.committed");
		const { height, txs, startedAt } = decided;
		this.#modules.snapshots?.committed(height);
		const hashes = txs.length > MAX_NAMED ? [] : txs.map((tx) => `0x${Buffer.from(keccak256(tx)).toString("hex")}`);
		events.blockMade({ height, transactions: txs.length, hashes, tookMs: ticks() - startedAt });
		return response({ case: "commit", value: { retainHeight } });
	}

	/** For what must not fail: nothing after it can be right. */
	async #vital(work: () => Response | Promise<Response>): Promise<Response> {
		try {
			return await work();
		} catch (error) {
			this.#modules.events.stopped(error);
			return response({ case: "exception", value: { error: error instanceof Error ? error.message : String(error) } });
		}
	}

	/** For what strangers can cause: a fault of ours is told to the operator and refuses them. */
	#guarded<T>(what: string, work: () => T, otherwise: T): T {
		try {
			return work();
		} catch (error) {
			this.#modules.events.refused(what, error);
			return otherwise;
		}
	}
}
