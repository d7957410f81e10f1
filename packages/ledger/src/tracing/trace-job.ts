/** Tracing as a reading thread does it: the state before, what came first in the block, then the transactions to be watched. Gives JSON. */
import type { Engine, Traced } from "../execution/engine.js";
import { HISTORY_ADDRESS, SYSTEM_ADDRESS, SYSTEM_CALL_GAS } from "../execution/history-contract.js";
import type { StateReader } from "../execution/state-reader.js";
import type { AccountAmendment, BlockEnv, ExecutableTx } from "../execution/types.js";
import { limitExceeded, serverError } from "../rpc/rpc-error.js";
import { callFrames } from "./call-tracer.js";
import { prestate } from "./prestate-tracer.js";
import { structLogs } from "./struct-logger.js";
import { type TracerOptions, wantsOf } from "./tracer-options.js";

export interface TraceJob {
	/** Block on whose state the work begins. */
	readonly at: bigint;
	readonly env: BlockEnv;
	/** What is repeated unwatched: a block's system call, and the transactions before the watched ones. Absent for calls. */
	readonly before?: readonly ExecutableTx[];
	readonly amendments: readonly AccountAmendment[];
	/** One call; or transactions, each on the effects of the one before. Those of a block have their ids. */
	readonly watched: readonly { readonly tx: ExecutableTx; readonly id?: string }[];
	/** Gives a list with the ids, as for a block. */
	readonly asList: boolean;
	readonly tracer: TracerOptions;
}

export const traceBounds = {
	/** Of what the core records of one transaction. */
	recordBytes: 16 * 1024 * 1024,
	steps: 1_000_000,
	answerCharacters: 32 * 1024 * 1024,
} as const;

export function traceTransactions(reader: StateReader, job: TraceJob): string {
	return reader.scratch(job.env, job.at, (engine) => {
		const codes = new Map<string, Uint8Array>();
		if (job.before !== undefined) repeat(engine, job.env, job.before);
		if (job.amendments.length > 0) engine.amend(job.amendments);
		const isBlock = job.before !== undefined;
		const texts: string[] = [];
		let size = 0;
		for (const { tx, id } of job.watched) {
			for (const { hash, code } of engine.changes().codes) codes.set(Buffer.from(hash).toString("hex"), code);
			const rules = isBlock ? { funds: true, nonce: true, fee: true, keep: true } : {};
			const traced = engine.trace(job.env, tx, wantsOf(job.tracer), rules, traceBounds);
			const text = format(
				traced,
				tx,
				job.tracer,
				(hash) => codes.get(Buffer.from(hash).toString("hex")) ?? reader.code(hash),
				traceBounds.answerCharacters - size,
			);
			size += text.length;
			if (size > traceBounds.answerCharacters) throw limitExceeded(`the trace is longer than ${traceBounds.answerCharacters} characters`);
			texts.push(job.asList ? `{"txHash":${JSON.stringify(id)},"result":${text}}` : text);
		}
		return job.asList ? `[${texts.join(",")}]` : (texts[0] ?? "null");
	});
}

function repeat(engine: Engine, env: BlockEnv, before: readonly ExecutableTx[]): void {
	engine.system(env, { from: SYSTEM_ADDRESS, to: HISTORY_ADDRESS, data: env.parentHash, gasLimit: SYSTEM_CALL_GAS });
	engine.execute(env, env.gasLimit, before);
}

function format(
	{ outcome, isFull, records, touched }: Traced,
	tx: ExecutableTx,
	tracer: TracerOptions,
	code: (hash: Uint8Array) => Uint8Array,
	maxCharacters: number,
): string {
	if (outcome.kind === "invalid") throw serverError(`err: ${outcome.reason}`);
	if (isFull) throw limitExceeded(`the trace needs more than ${traceBounds.recordBytes} bytes or ${traceBounds.steps} steps`);
	const { gasUsed, success, output } = outcome;
	switch (tracer.kind) {
		case "calls":
			return JSON.stringify(callFrames(records(), { gasLimit: tx.gasLimit, gasUsed }));
		case "prestate":
			return JSON.stringify(prestate(touched, tracer, code));
		case "steps":
			return structLogs(records(), tracer, { gasUsed, isFailed: !success, output }, maxCharacters);
		case "none":
			return "{}";
	}
}
