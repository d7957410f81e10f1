/** What the ledger tells its operators: one function per event writes log and metric together. */
import type { Logger } from "pino";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Mempool } from "./mempool/mempool.js";
import type { SequencerEvents } from "./sequencer/sequencer.js";

export interface LedgerEvents extends SequencerEvents {
	readonly started: (at: { readonly chainId: number; readonly height: bigint; readonly evmNumber: bigint }) => void;
	readonly rpcFailed: (error: unknown, method: string, reference: string) => void;
	readonly watchPool: (pool: Mempool) => void;
	/** False once the sequencer has stopped by a fault. */
	readonly healthy: () => boolean;
}

export function ledgerEvents(log: Logger, metrics: Registry, fail: (error: unknown) => void): LedgerEvents {
	const registers = [metrics];
	const height = new Gauge({ name: "freehold_ledger_height", help: "Height of the last consensus block.", registers });
	const transactions = new Counter({ name: "freehold_ledger_transactions_total", help: "Transactions in consensus blocks.", registers });
	const seconds = new Histogram({
		name: "freehold_ledger_block_seconds",
		help: "Time to make a block durable.",
		buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
		registers,
	});
	const faults = new Counter({ name: "freehold_ledger_faults_total", help: "Blocks and calls that failed by a fault of the program.", registers });
	let isHealthy = true;
	return {
		started: (at) => log.info({ chainId: at.chainId, height: Number(at.height), evmNumber: Number(at.evmNumber) }, "the chain goes on"),
		blockMade: (block) => {
			height.set(Number(block.height));
			transactions.inc(block.transactions);
			seconds.observe(block.tookMs / 1000);
			log.debug({ height: Number(block.height), transactions: block.transactions, tookMs: block.tookMs }, "block");
		},
		blockFailed: (error, count) => {
			faults.inc();
			log.error({ err: error, transactions: count }, "a block failed; its transactions were dropped");
		},
		stopped: (error) => {
			isHealthy = false;
			faults.inc();
			log.fatal({ err: error }, "the sequencer cannot go on");
			fail(error);
		},
		rpcFailed: (error, method, reference) => {
			faults.inc();
			log.error({ err: error, method, reference }, "a call failed unexpectedly");
		},
		watchPool: (pool) => {
			new Gauge({
				name: "freehold_ledger_pool_transactions",
				help: "Transactions that wait for a block.",
				registers,
				collect() {
					this.set(pool.size);
				},
			});
		},
		healthy: () => isHealthy,
	};
}
