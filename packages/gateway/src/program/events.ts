/** What happens in a gateway, for operators: one function per event writes log line and metric together. */
import type { FreeholdError, Hex } from "@freehold/protocol";
import type { Logger } from "pino";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export interface GatewayEvents {
	callAnswered(callId: Hex, node: Hex, overheadMs: number, totalMs: number): void;
	callFailed(release: string, error: FreeholdError): void;
	orderFailed(callId: Hex, node: Hex, attempt: number, error: unknown): void;
	orderRecovered(callId: Hex): void;
	orderAbandoned(callId: Hex, reason: string): void;
	depositReceived(channelId: Hex, amount: bigint, transaction: Hex): void;
	channelLeaving(channelId: Hex): void;
	channelRefunded(channelId: Hex, amount: bigint, transaction: Hex): void;
	exactSettled(id: string, amount: bigint, transaction: Hex): void;
	paymentRefunded(id: string, amount: bigint): void;
	batchSealed(seq: number, calls: bigint, lines: number, refunds: number): void;
	batchDataNotStored(seq: number, error: unknown): void;
	batchAnchored(seq: number, block: bigint, transaction: Hex, tookMs: number): void;
	batchFinal(seq: number, block: bigint): void;
	batchCovered(seq: number, amount: bigint): void;
	anchoringFailed(seq: number | undefined, error: unknown, waitMs: number): void;
	royaltiesFlowed(seq: number, releases: number): void;
	ledgerUnreachable(error: unknown, waitMs: number): void;
	registered(address: Hex, endpoint: string): void;
	waitingForFunds(address: Hex, needed: string): void;
	/** A look at a node failed; told once until one succeeds. */
	nodeUnwell(node: Hex, endpoint: string, error: unknown): void;
	nodeWell(node: Hex): void;
	faucetGave(address: Hex, amount: bigint): void;
	openBatch(calls: number): void;
}

export function gatewayEvents(log: Logger, metrics: Registry): GatewayEvents {
	const registers = [metrics];
	const calls = new Counter({ name: "freehold_gateway_calls_total", help: "Calls by outcome.", labelNames: ["outcome"], registers });
	const overhead = new Histogram({
		name: "freehold_gateway_overhead_seconds",
		help: "Time of a call that was not the node's.",
		buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1],
		registers,
	});
	const total = new Histogram({
		name: "freehold_gateway_call_seconds",
		help: "Time of a call.",
		buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
		registers,
	});
	const batches = new Counter({ name: "freehold_gateway_batches_total", help: "Batches by the state they reached.", labelNames: ["state"], registers });
	const open = new Gauge({ name: "freehold_gateway_open_batch_calls", help: "Calls that wait for anchoring.", registers });
	const anchoring = new Histogram({
		name: "freehold_gateway_anchor_seconds",
		help: "From sealing to the block.",
		buckets: [0.05, 0.1, 0.5, 1, 2, 5, 10],
		registers,
	});
	const looks = new Counter({ name: "freehold_gateway_node_looks_total", help: "Looks at nodes by outcome.", labelNames: ["outcome"], registers });
	const unwell = new Set<Hex>();
	const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
	return {
		callAnswered: (callId, node, overheadMs, totalMs) => {
			calls.inc({ outcome: "answered" });
			overhead.observe(overheadMs / 1000);
			total.observe(totalMs / 1000);
			log.debug({ callId, node, totalMs }, "call answered");
		},
		callFailed: (release, error) => {
			calls.inc({ outcome: error.entry.fault });
			log.info({ release, code: error.code }, "call failed and cost nothing");
		},
		orderFailed: (callId, node, attempt, error) => log.warn({ callId, node, attempt, reason: reason(error) }, "a node did not answer an order"),
		orderRecovered: (callId) => log.info({ callId }, "an order from before the restart was completed"),
		orderAbandoned: (callId, why) => log.info({ callId, reason: why }, "an order was given up; nothing is charged for it"),
		depositReceived: (channelId, amount, transaction) => log.info({ channelId, amount: amount.toString(), transaction }, "deposit received"),
		channelLeaving: (channelId) => log.info({ channelId }, "a payer began to leave: its charges are claimed now"),
		channelRefunded: (channelId, amount, transaction) => log.info({ channelId, amount: amount.toString(), transaction }, "channel refunded"),
		exactSettled: (id, amount, transaction) => log.info({ payment: id, amount: amount.toString(), transaction }, "exact payment settled"),
		paymentRefunded: (id, amount) => log.info({ payment: id, amount: amount.toString() }, "what was paid and not used goes back with the next batch"),
		batchSealed: (seq, count, lines, refunds) => {
			batches.inc({ state: "sealed" });
			log.info({ seq, calls: Number(count), lines, refunds }, "batch sealed");
		},
		batchDataNotStored: (seq, error) => log.warn({ seq, reason: reason(error) }, "storage did not take the batch's leaves; they are kept here and sent again"),
		batchAnchored: (seq, block, transaction, tookMs) => {
			batches.inc({ state: "anchored" });
			anchoring.observe(tookMs / 1000);
			log.info({ seq, block: Number(block), transaction }, "batch anchored");
		},
		batchFinal: (seq, block) => {
			batches.inc({ state: "final" });
			log.info({ seq, block: Number(block) }, "batch proved");
		},
		batchCovered: (seq, amount) =>
			log.warn({ seq, amount: amount.toString() }, "payers left while this gateway was away: it paid what their channels lack into its till"),
		anchoringFailed: (seq, error, waitMs) => log.error({ seq, reason: reason(error), waitMs: Math.round(waitMs) }, "anchoring failed; it is tried again"),
		royaltiesFlowed: (seq, releases) => log.info({ seq, releases }, "royalties passed on"),
		ledgerUnreachable: (error, waitMs) => log.warn({ reason: reason(error), waitMs: Math.round(waitMs) }, "the ledger does not answer; it is asked again"),
		registered: (address, endpoint) => log.info({ address, endpoint }, "registered as a gateway"),
		waitingForFunds: (address, needed) => log.warn({ address, neededOpg: needed }, "the gateway's account cannot pay its bond yet: send it OPG"),
		nodeUnwell: (node, endpoint, error) => {
			looks.inc({ outcome: "failed" });
			if (!unwell.has(node)) log.warn({ node, endpoint, reason: reason(error) }, "a bonded node does not say what it can run");
			unwell.add(node);
		},
		nodeWell: (node) => {
			looks.inc({ outcome: "answered" });
			if (unwell.delete(node)) log.info({ node }, "the node answers again");
		},
		faucetGave: (address, amount) => log.info({ address, amount: amount.toString() }, "faucet gave"),
		openBatch: (count) => open.set(count),
	};
}
