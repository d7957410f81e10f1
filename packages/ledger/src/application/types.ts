/**
 * The state machine as a consensus engine drives it: shaped after ABCI 2.0, with plain data in place of its wire types. The solo sequencer calls it in-process;
 * an adapter for a socket translates and calls the same object.
 *
 * One driver at a time, in the order info → (initChain) → {prepareProposal | processProposal}* → finalizeBlock → commit. `checkTx` and `query` may come at any
 * time between calls.
 */
import type { Timestamp, Validator } from "@freehold/protocol";
import type { TableWrite } from "../execution/types.js";

export interface Info {
	/** Height of the last committed consensus block; 0 before the first. */
	readonly height: bigint;
	/** Hash of the latest EVM header; empty before genesis. */
	readonly appHash: Uint8Array;
	readonly appVersion: bigint;
}

export interface CheckResult {
	/** 0: in the pool. */
	readonly code: number;
	/** Why not, in geth's words. */
	readonly log: string;
	readonly gasWanted: bigint;
	/** Transaction hash; empty when the bytes are no transaction. */
	readonly hash: Uint8Array;
}

export interface Proposal {
	readonly height: bigint;
	readonly time: Timestamp;
	readonly txs: readonly Uint8Array[];
	/** Validator that proposes, 20 bytes. */
	readonly proposerAddress: Uint8Array;
}

export interface Misbehaviour {
	readonly kind: "duplicateVote" | "lightClientAttack";
	readonly validatorAddress: Uint8Array;
	readonly height: bigint;
}

export interface DecidedBlock extends Proposal {
	/** Hash of the consensus header. */
	readonly hash: Uint8Array;
	readonly misbehaviour: readonly Misbehaviour[];
	/** Addresses of validators whose vote is not in the commit of the block before. */
	readonly absent: readonly Uint8Array[];
}

/** What the next header's `last_results_hash` commits to: code, data and gas. */
export interface TxResult {
	/** See `txCodes`. */
	readonly code: number;
	readonly data: Uint8Array;
	readonly gasWanted: bigint;
	readonly gasUsed: bigint;
}

/** 0 executed; 1 executed and failed or reverted; 2 could not be included (nonce, funds, gas); 3 no transaction at all. */
export const txCodes = { ok: 0, failed: 1, invalid: 2, malformed: 3 } as const;

export interface FinalizedBlock {
	readonly appHash: Uint8Array;
	/** Result i belongs to transaction i. */
	readonly txResults: readonly TxResult[];
	/** Validators whose power is another from the next block but one on; 0 takes one out. A driver that orders alone has nobody to tell. */
	readonly validatorUpdates: readonly Validator[];
}

export interface QueryResult {
	readonly code: number;
	readonly log: string;
	readonly value: Uint8Array;
	/** EVM block that the value was read at. */
	readonly height: bigint;
}

export interface Application {
	info(): Info;
	/** Makes genesis durable; repeating it with the same input gives the same hash. */
	initChain(request: { readonly chainId: string; readonly time: Timestamp; readonly validators: readonly Validator[]; readonly appState: Uint8Array }): {
		readonly appHash: Uint8Array;
	};
	/** Judges a transaction and keeps it in the pool. Never throws for what a stranger sends. */
	checkTx(raw: Uint8Array): CheckResult;
	/** Transactions for the next block, of those offered and those in the pool. */
	prepareProposal(request: Proposal & { readonly maxTxBytes: number }): readonly Uint8Array[];
	/** False when a proposal could not come from an honest proposer. */
	processProposal(proposal: Proposal): boolean;
	/** Computes the block's effects; nothing is durable yet. Throws only when an invariant is broken. */
	finalizeBlock(block: DecidedBlock): FinalizedBlock;
	/** Makes the finalized block durable, together with what the driver keeps of its own; resolves when it is on disk. */
	commit(alongside?: readonly TableWrite[]): Promise<{ readonly retainHeight: bigint }>;
	query(request: { readonly path: string; readonly data: Uint8Array; readonly height: bigint }): QueryResult;
}
