/**
 * What a reading thread can be asked. A further kind of work is one line in `Jobs` and one in `perform`: the pool and the thread carry any of them.
 */
import type { ChainStore } from "../block/chain-store.js";
import { SYSTEM_ADDRESS, SYSTEM_CALL_GAS } from "../execution/history-contract.js";
import type { StateReader } from "../execution/state-reader.js";
import type { AccountAmendment, AccountProof, BlockEnv, CallRequest, ExecutableTx, HashBytes, Probed, TxOutcome } from "../execution/types.js";
import { INFERENCE_ADDRESS } from "../pipe/delivery.js";
import { findLogs, type LogFilter } from "../rpc/log-filter.js";
import { type AccessListFound, findAccessList } from "../tracing/access-list.js";
import { type SimulateJob, simulate } from "../tracing/simulate-job.js";
import { type TraceJob, traceTransactions } from "../tracing/trace-job.js";

export interface Jobs {
	/** Execution without effect on the state at the end of block `at`. */
	readonly call: { readonly input: CallJob; readonly output: TxOutcome };
	readonly accessList: { readonly input: CallJob; readonly output: AccessListFound };
	/** JSON. */
	readonly simulate: { readonly input: SimulateJob; readonly output: string };
	readonly trace: { readonly input: TraceJob; readonly output: string };
	readonly prove: { readonly input: { readonly address: Uint8Array; readonly keys: readonly HashBytes[]; readonly at: bigint }; readonly output: AccountProof };
	/** As `call`, with what models it asks, after results that are in no block were presumed: `presumed` is what each presumption gave. */
	readonly live: { readonly input: LiveJob; readonly output: Probed & { readonly presumed: readonly TxOutcome[] } };
	/** Waiting transactions, in order, on the state at the end of block `at`. */
	readonly probe: { readonly input: ProbeJob; readonly output: readonly Probed[] };
	/** Logs of [from, to] as JSON. */
	readonly logs: { readonly input: { readonly filter: LogFilter; readonly from: bigint; readonly to: bigint }; readonly output: readonly unknown[] };
}

interface CallJob {
	readonly request: CallRequest;
	readonly env: BlockEnv;
	readonly at: bigint;
	readonly amendments?: readonly AccountAmendment[];
}

export interface LiveJob extends CallJob {
	/** Calls by the protocol to the contract at `0x…F4`. */
	readonly presumed: readonly Uint8Array[];
}

export interface ProbeJob {
	readonly env: BlockEnv;
	readonly at: bigint;
	readonly txs: readonly ExecutableTx[];
}

export type JobKind = keyof Jobs;

export type Job = { readonly [K in JobKind]: { readonly kind: K; readonly input: Jobs[K]["input"] } }[JobKind];

/** What a thread says first. */
export interface Loaded {
	readonly kind: "loaded";
}

/** What is sent back: times in milliseconds. `refused` is a block outside the history window, `limit` an answer larger than is given. */
export type Reply = { readonly tookMs: number } & (
	| { readonly kind: "done"; readonly output: Jobs[JobKind]["output"] }
	| { readonly kind: "refused" | "failed"; readonly reason: string }
	/** An error that the caller gets as it is. */
	| { readonly kind: "error"; readonly code: number; readonly reason: string; readonly data: string | undefined }
);

/** What a thread is started with. */
export interface ThreadData {
	readonly dir: string;
	readonly chainId: bigint;
	readonly historyBlocks: number;
	readonly mapSizeBytes: number;
	/** Accounts and slots that one thread caches between calls on one block. */
	readonly cacheEntries: number;
}

/** Does the work, in the thread. */
export function perform({ reader, chain }: { readonly reader: StateReader; readonly chain: ChainStore }, job: Job): Jobs[JobKind]["output"] {
	switch (job.kind) {
		case "call":
			return call(reader, job.input);
		case "accessList":
			return reader.scratch(job.input.env, job.input.at, (engine) => {
				engine.amend(job.input.amendments ?? []);
				return findAccessList(engine, job.input.env, job.input.request);
			});
		case "simulate":
			return simulate(reader, job.input);
		case "trace":
			return traceTransactions(reader, job.input);
		case "prove":
			return reader.prove(job.input.address, job.input.keys, job.input.at);
		case "live":
			return reader.scratch(job.input.env, job.input.at, (engine) => {
				const { env, request, amendments = [] } = job.input;
				engine.amend(amendments);
				const presumed = job.input.presumed.map((data) => engine.system(env, { from: SYSTEM_ADDRESS, to: INFERENCE_ADDRESS, data, gasLimit: SYSTEM_CALL_GAS }));
				return { ...engine.asking(env, request.gasLimit > env.gasLimit ? { ...request, gasLimit: env.gasLimit } : request), presumed };
			});
		case "probe":
			return reader.scratch(job.input.env, job.input.at, (engine) => engine.probe(job.input.env, job.input.txs));
		case "logs":
			return findLogs(chain, job.input.filter, job.input.from, job.input.to);
	}
}

function call(reader: StateReader, { request, env, at, amendments = [] }: CallJob): TxOutcome {
	return amendments.length === 0 ? reader.call(request, env, at) : reader.callAmended(request, env, at, amendments);
}
