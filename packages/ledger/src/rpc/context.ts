/** What the JSON-RPC methods work with. */
import type { Crypto } from "@freehold/protocol";
import type { LedgerApplication } from "../application/application.js";
import type { Asker, CallPool } from "../calls/call-pool.js";
import type { StateMachine } from "../execution/types.js";
import type { PipeDesk } from "../pipe/desk.js";
import type { LiveDesk } from "../pipe/live/live-desk.js";
import type { BlockArchive } from "../sequencer/archive.js";
import type { PaceOptions } from "./pace.js";
import type { Parameters } from "./parameters.js";

export interface RpcContext {
	readonly application: LedgerApplication;
	readonly state: StateMachine;
	/** Reading that may take long. */
	readonly calls: CallPool;
	readonly crypto: Pick<Crypto, "recover">;
	readonly consensus: BlockArchive;
	/** Text of the genesis file, for those who follow. */
	readonly genesis: string;
	/** Whether the consensus engine beside this ledger runs, where there is one. */
	readonly engineRuns?: (() => boolean) | undefined;
	/** Connected peers, where this ledger is a validator. */
	readonly peers?: (() => Promise<number>) | undefined;
	/** Where blocks come from, when another ledger orders them. */
	readonly source?: FollowedSource | undefined;
	/** Where contracts' model calls wait; absent where another ledger orders blocks. */
	readonly pipe?: PipeDesk | undefined;
	/** Asks models in calls without a transaction; absent where the operator did not let it. */
	readonly live?: LiveDesk | undefined;
	/** Called when a transaction has entered the pool. */
	readonly notify: () => void;
	/** Unix milliseconds. */
	readonly now: () => number;
	/** Rising milliseconds and a pause, for long work. */
	readonly pace: PaceOptions;
	/** Cryptographically secure bytes. */
	readonly random: (length: number) => Uint8Array;
	/** Aborted when the program drains: waits end then. */
	readonly closing: AbortSignal;
	/** Runs `work` after `ms`; the result cancels. */
	readonly later: (ms: number, work: () => void) => () => void;
}

/** The ledger that this one follows. */
export interface FollowedSource {
	/** Hands a transaction over; gives its answer, or throws what it refused with. */
	readonly submit: (raw: string, signal: AbortSignal) => Promise<unknown>;
	/** Height of its last block, as far as it is known. */
	readonly highest: () => bigint;
	/** Height at which this process began to follow. */
	readonly startedAt: bigint;
	/** Height here. */
	readonly height: () => bigint;
}

export type Method = (params: Parameters, asker: Asker) => unknown;
export type Methods = Readonly<Record<string, Method>>;
