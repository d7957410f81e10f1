/** What happens in a gateway, for operators: one function per event writes log line and metric together. */
import type { FreeholdError, Hex } from "@freehold/protocol";
import { counter, gauge, histogram, type MetricTable, registerMetrics } from "@freehold/service";
import type { Logger } from "pino";
import type { Registry } from "prom-client";

export interface AnsweredCall {
	readonly callId: Hex;
	readonly node: Hex;
	/** Batch that anchors it: the log of the batch names its transaction. */
	readonly seq: number;
	/** Smallest unit of OPG. */
	readonly charge: bigint;
	/** Time that was not the node's. */
	readonly overheadMs: number;
	readonly totalMs: number;
}

export interface GatewayEvents {
	callAnswered(call: AnsweredCall): void;
	callFailed(release: string, error: FreeholdError): void;
	orderFailed(callId: Hex, node: Hex, attempt: number, error: unknown): void;
	orderRecovered(callId: Hex): void;
	orderAbandoned(callId: Hex, reason: string): void;
	/** A call that nobody was charged for: this gateway paid owner and node. */
	orphanPaid(callId: Hex, node: Hex, charge: bigint): void;
	orphanRefused(callId: Hex, node: Hex, why: string): void;
	orphansUnknown(node: Hex, error: unknown): void;
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
	orderKeyChanged(key: Hex): void;
	orderKeyUnreadable(error: unknown): void;
	keyMade(key: Hex, owner: Hex, budget: bigint): void;
	keyEnded(key: Hex, owner: Hex): void;
	licencesAccepted(key: Hex, owner: Hex, releases: readonly string[]): void;
	faucetGave(address: Hex, amount: bigint): void;
	/** Asked at every scrape. */
	watch(gauges: { readonly unanchoredCalls: () => number; readonly unanchoredAgeMs: () => number; readonly silenceMs: () => number }): void;
}

const OPG = 1e18;
const OVERHEAD_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1];
const CALL_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];
const ANCHOR_BUCKETS = [0.05, 0.1, 0.5, 1, 2, 5, 10];

export const gatewayMetrics = {
	calls: counter("freehold_gateway_calls_total", "Calls that were answered, and calls that failed by whose doing it was.", {
		outcome: ["answered", "caller", "owner", "node", "gateway", "network"],
	}),
	overhead: histogram("freehold_gateway_overhead_seconds", "Time of a call that was not the node's.", OVERHEAD_BUCKETS),
	total: histogram("freehold_gateway_call_seconds", "Time of a call.", CALL_BUCKETS),
	charged: counter("freehold_gateway_charged_opg_total", "What answered calls cost their payers, in OPG."),
	orderFailures: counter("freehold_gateway_order_failures_total", "Orders that a node did not answer."),
	orphans: counter("freehold_gateway_orphans_paid_total", "Answers of orders that were given up, paid by this gateway itself."),
	batches: counter("freehold_gateway_batches_total", "Batches by the state they reached.", { state: ["sealed", "anchored", "final"] }),
	unanchored: gauge("freehold_gateway_unanchored_calls", "Calls that wait for anchoring."),
	unanchoredAge: gauge("freehold_gateway_unanchored_age_seconds", "Age of the oldest entry that waits for anchoring; 0 when there is none."),
	anchoring: histogram("freehold_gateway_anchor_seconds", "From sealing to the block.", ANCHOR_BUCKETS),
	anchorFailures: counter("freehold_gateway_anchor_failures_total", "Attempts to bring a batch to the chain that failed."),
	chainRetries: counter("freehold_gateway_chain_retries_total", "Times the ledger did not answer."),
	looks: counter("freehold_gateway_node_looks_total", "Looks at nodes by outcome.", { outcome: ["answered", "failed"] }),
	silence: gauge("freehold_gateway_chain_silence_seconds", "Time since a block of the ledger was taken over."),
} as const satisfies MetricTable;

export function gatewayEvents(log: Logger, registry: Registry): GatewayEvents {
	const metrics = registerMetrics(gatewayMetrics, registry);
	const unwell = new Set<Hex>();
	const round = (ms: number): number => Math.round(ms * 10) / 10;
	const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
	return {
		callAnswered: ({ callId, node, seq, charge, overheadMs, totalMs }) => {
			metrics.calls.add(1, { outcome: "answered" });
			metrics.charged.add(Number(charge) / OPG);
			metrics.overhead.observe(overheadMs / 1000);
			metrics.total.observe(totalMs / 1000);
			log.info({ callId, node, seq, tookMs: round(totalMs) }, "call answered");
		},
		callFailed: (release, error) => {
			metrics.calls.add(1, { outcome: error.entry.fault });
			log.info({ release, code: error.code }, "call failed and cost nothing");
		},
		orderFailed: (callId, node, attempt, error) => {
			metrics.orderFailures.add(1);
			log.warn({ callId, node, attempt, reason: reason(error) }, "a node did not answer an order");
		},
		orderRecovered: (callId) => log.info({ callId }, "an order from before the restart was completed"),
		orderAbandoned: (callId, why) => log.info({ callId, reason: why }, "an order was given up; nothing is charged for it"),
		orphanPaid: (callId, node, charge) => {
			metrics.orphans.add(1);
			log.warn({ callId, node, charge: charge.toString() }, "a node had answered an order that was given up: this gateway paid owner and node itself");
		},
		orphanRefused: (callId, node, why) => log.warn({ callId, node, reason: why }, "a node keeps an answer that is owed nothing"),
		orphansUnknown: (node, error) => log.warn({ node, reason: reason(error) }, "a node does not say which given up orders it has answered; it is asked again"),
		depositReceived: (channelId, amount, transaction) => log.info({ channelId, amount: amount.toString(), transaction }, "deposit received"),
		channelLeaving: (channelId) => log.info({ channelId }, "a payer began to leave: its charges are claimed now"),
		channelRefunded: (channelId, amount, transaction) => log.info({ channelId, amount: amount.toString(), transaction }, "channel refunded"),
		exactSettled: (id, amount, transaction) => log.info({ payment: id, amount: amount.toString(), transaction }, "exact payment settled"),
		paymentRefunded: (id, amount) => log.info({ payment: id, amount: amount.toString() }, "what was paid and not used goes back with the next batch"),
		batchSealed: (seq, count, lines, refunds) => {
			metrics.batches.add(1, { state: "sealed" });
			log.info({ seq, calls: Number(count), lines, refunds }, "batch sealed");
		},
		batchDataNotStored: (seq, error) => log.warn({ seq, reason: reason(error) }, "storage did not take the batch's leaves; they are kept here and sent again"),
		batchAnchored: (seq, block, transaction, tookMs) => {
			metrics.batches.add(1, { state: "anchored" });
			metrics.anchoring.observe(tookMs / 1000);
			log.info({ seq, block: Number(block), transaction }, "batch anchored");
		},
		batchFinal: (seq, block) => {
			metrics.batches.add(1, { state: "final" });
			log.info({ seq, block: Number(block) }, "batch proved");
		},
		batchCovered: (seq, amount) =>
			log.warn({ seq, amount: amount.toString() }, "payers left while this gateway was away: it paid what their channels lack into its till"),
		anchoringFailed: (seq, error, waitMs) => {
			metrics.anchorFailures.add(1);
			log.error({ seq, reason: reason(error), waitMs: Math.round(waitMs) }, "anchoring failed; it is tried again");
		},
		royaltiesFlowed: (seq, releases) => log.info({ seq, releases }, "royalties passed on"),
		ledgerUnreachable: (error, waitMs) => {
			metrics.chainRetries.add(1);
			log.warn({ reason: reason(error), waitMs: Math.round(waitMs) }, "the ledger does not answer; it is asked again");
		},
		registered: (address, endpoint) => log.info({ address, endpoint }, "registered as a gateway"),
		waitingForFunds: (address, needed) => log.warn({ address, neededOpg: needed }, "the gateway's account cannot pay its bond yet: send it OPG"),
		nodeUnwell: (node, endpoint, error) => {
			metrics.looks.add(1, { outcome: "failed" });
			if (!unwell.has(node)) log.warn({ node, endpoint, reason: reason(error) }, "a bonded node does not say what it can run");
			unwell.add(node);
		},
		nodeWell: (node) => {
			metrics.looks.add(1, { outcome: "answered" });
			if (unwell.delete(node)) log.info({ node }, "the node answers again");
		},
		orderKeyChanged: (key) => log.info({ key }, "a new key signs orders from now on"),
		orderKeyUnreadable: (error) => log.error({ reason: reason(error) }, "the file of the order key cannot be read; the key in memory goes on signing"),
		keyMade: (key, owner, budget) => log.info({ key, owner, budget: budget.toString() }, "an API key was made"),
		keyEnded: (key, owner) => log.info({ key, owner }, "an API key was revoked"),
		licencesAccepted: (key, owner, releases) => log.info({ key, owner, releases }, "licences were accepted for an API key"),
		faucetGave: (address, amount) => log.info({ address, amount: amount.toString() }, "faucet gave"),
		watch: ({ unanchoredCalls, unanchoredAgeMs, silenceMs }) => {
			metrics.unanchored.follow(unanchoredCalls);
			metrics.unanchoredAge.follow(() => unanchoredAgeMs() / 1000);
			metrics.silence.follow(() => silenceMs() / 1000);
		},
	};
}
