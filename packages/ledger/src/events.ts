/** What the ledger tells its operators: one function per event writes log and metric together. */

import { counter, gauge, histogram, type MetricTable, registerMetrics } from "@freehold/service";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { ValidatorEvents } from "./engine/validator.js";
import type { FollowerEvents } from "./follower/follower.js";
import type { Mempool } from "./mempool/mempool.js";
import type { LivePaymentEvents } from "./pipe/live/live-payments.js";
import type { SequencerEvents } from "./sequencer/sequencer.js";
import type { SnapshotEvents } from "./snapshot/sync.js";

export interface LedgerEvents extends LivePaymentEvents, SequencerEvents, FollowerEvents, ValidatorEvents, SnapshotEvents {
	readonly started: (at: { readonly chainId: number; readonly height: bigint; readonly evmNumber: bigint }) => void;
	readonly rpcFailed: (error: unknown, method: string, reference: string) => void;
	readonly probeFailed: (error: unknown) => void;
	/** Models may be asked in calls without a transaction, and who pays for it. */
	readonly liveOffered: (payer: string, callsPerMinute: number) => void;
	readonly watchPool: (pool: Mempool) => void;
	/** Time since a block was written last: also without transactions there is one every few seconds. */
	readonly quietMs: () => number;
	/** False once the sequencer has stopped by a fault, or while the height does not advance. */
	readonly healthy: () => boolean;
}

/** Several times the pace of a chain without transactions. */
const MAX_QUIET_MS = 30_000;
const BLOCK_BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export const ledgerMetrics = {
	height: gauge("freehold_ledger_height_blocks", "Height of the last consensus block."),
	quiet: gauge("freehold_ledger_block_age_seconds", "Time since a block was written to disk last."),
	transactions: counter("freehold_ledger_transactions_total", "Transactions in consensus blocks."),
	blockTime: histogram("freehold_ledger_block_seconds", "Time to make a block durable.", BLOCK_BUCKETS),
	pool: gauge("freehold_ledger_pool_transactions", "Transactions that wait for a block."),
	engineEnds: counter("freehold_ledger_engine_ends_total", "Times that CometBFT ended without being asked to."),
	faults: counter("freehold_ledger_faults_total", "Blocks and calls that failed by a fault of the program."),
} as const satisfies MetricTable;

/** `ticks`: milliseconds of a steady clock. */
export function ledgerEvents(log: Logger, registry: Registry, ticks: () => number, fail: (error: unknown) => void): LedgerEvents {
	const metrics = registerMetrics(ledgerMetrics, registry);
	let isHealthy = true;
	let wroteAt = ticks();
	const quietMs = (): number => ticks() - wroteAt;
	metrics.quiet.follow(() => quietMs() / 1000);
	return {
		started: (at) => log.info({ chainId: at.chainId, height: Number(at.height), evmNumber: Number(at.evmNumber) }, "the chain goes on"),
		blockMade: (block) => {
			wroteAt = ticks();
			metrics.height.set(Number(block.height));
			metrics.transactions.add(block.transactions);
			metrics.blockTime.observe(block.tookMs / 1000);
			const line = { height: Number(block.height), transactions: block.transactions, tookMs: Math.round(block.tookMs * 10) / 10 };
			if (block.hashes.length === 0) log.debug(line, "block");
			else log.info({ ...line, hashes: block.hashes }, "block");
		},
		blockFailed: (error, count) => {
			metrics.faults.add(1);
			log.error({ err: error, transactions: count }, "a block failed; its transactions were dropped");
		},
		stopped: (error) => {
			isHealthy = false;
			metrics.faults.add(1);
			log.fatal({ err: error }, "no further block can be made or followed");
			fail(error);
		},
		probeFailed: (error) => log.warn({ err: error }, "a transaction could not be simulated; it goes into a block as it is"),
		liveOffered: (payer, callsPerMinute) =>
			log.info({ payer, callsPerMinute }, "calls may ask models; the payer's prepaid balance in UsageLedger pays for them"),
		liveUnpaid: (error, waiting) => log.warn({ err: error, waiting }, "live model calls could not be paid; it is tried again"),
		liveDropped: (release, error) => log.error({ err: error, release }, "a live model call cannot be paid any more"),
		sourceAway: (error, waitMs) => log.warn({ err: error, waitMs }, "the ledger that is followed does not answer; it is asked again"),
		engineStarted: (pid) => log.info({ pid }, "CometBFT was started"),
		engineEnded: (how, lastWords, waitMs) => {
			metrics.engineEnds.add(1);
			log.error({ how, lastWords, waitMs }, "CometBFT ended; it is started again");
		},
		refused: (what, error) => {
			metrics.faults.add(1);
			log.error({ err: error, what }, "a question of CometBFT failed by a fault of the program and was refused");
		},
		relayWaits: (error, waiting) => log.debug({ err: error, waiting }, "CometBFT takes no transactions now; they are sent again"),
		snapshotFailed: (error) => log.error({ err: error }, "a snapshot could not be written, or one that was given was refused"),
		restored: (height) => log.info({ height: Number(height) }, "the state was taken from a snapshot"),
		strangerRefused: (error) => log.warn({ err: error }, "a connection to the application's socket was closed: no engine speaks so"),
		rpcFailed: (error, method, reference) => {
			metrics.faults.add(1);
			log.error({ err: error, method, reference }, "a call failed unexpectedly");
		},
		watchPool: (pool) => metrics.pool.follow(() => pool.size),
		quietMs,
		healthy: () => isHealthy && quietMs() < MAX_QUIET_MS,
	};
}
