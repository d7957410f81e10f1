/** What happens in a node, for its operator: each event writes its log line and its metric together. */
import { errorCatalogue, FreeholdError, type Hex } from "@freehold/protocol";
import { counter, gauge, histogram, type MetricTable, registerMetrics } from "@freehold/service";
import type { Registry } from "prom-client";
import type { EngineMode } from "../engine/engine.js";
import type { Fences } from "../engine/isolation/confinement.js";

export interface NodeEvents {
	served(callId: Hex, release: Hex, mode: EngineMode, runMs: number): void;
	replayed(orderDigest: Hex): void;
	refused(callId: Hex, release: Hex, error: unknown): void;
	ledgerUnreachable(error: unknown, waitMs: number): void;
	registryChanged(step: string, transaction: Hex): void;
	registrationFailed(error: unknown, waitMs: number): void;
	/** The operator signs elsewhere, and has not registered this node's key yet. */
	waitingForRegistration(operator: Hex, key: Hex, missing: string): void;
	keyChanged(key: Hex): void;
	keyUnreadable(error: unknown): void;
	/** A stream of a run that was killed can be settled. */
	streamRestored(callId: Hex, deltas: number): void;
	streamLost(digest: string, error: unknown): void;
	/** It goes on; a kill would lose it. */
	streamNotKept(digest: string, error: unknown): void;
	fetched(sha256: Hex, bytes: number, tookMs: number): void;
	evicted(sha256: Hex, bytes: number): void;
	/** What the system lets the node take away from its engines. */
	confined(fences: Fences): void;
	prepared(release: Hex): void;
	notPrepared(release: Hex, error: unknown): void;
	/** `failure` undefined: the hub took it. */
	heartbeat(hub: string, failure: string | undefined): void;
	/** A contract's call was answered, or refused (`ok` false). */
	contractAnswered(id: Hex, ok: boolean, tookMs: number): void;
	contractFailed(id: Hex, error: unknown): void;
	contractsUnreachable(error: unknown, waitMs: number): void;
	liveAnswered(id: Hex, ok: boolean, tookMs: number): void;
	workflowRan(id: Hex, tookMs: number): void;
	workflowFailed(id: Hex, error: unknown): void;
	/** What a due workflow was funded with does not pay its run. */
	workflowUnfunded(id: Hex, purse: bigint): void;
	watch(gauges: { readonly waiting: () => number; readonly running: () => number; readonly cacheBytes: () => number; readonly height: () => number }): void;
}

interface Log {
	info(data: object, text: string): void;
	warn(data: object, text: string): void;
	error(data: object, text: string): void;
}

const RUN_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const errorCodes = [...(Object.keys(errorCatalogue) as (keyof typeof errorCatalogue)[]), "internal"] as const;

export const nodeMetrics = {
	runs: histogram("freehold_node_run_seconds", "Time of a run in its engine.", RUN_BUCKETS, { mode: ["fast", "bit-exact"] }),
	replays: counter("freehold_node_replays_total", "Orders that got their earlier answer again."),
	refusals: counter("freehold_node_refusals_total", "Orders that were refused or failed, by error code.", { code: errorCodes }),
	retries: counter("freehold_node_chain_retries_total", "Times the ledger did not answer."),
	registry: counter("freehold_node_registry_transactions_total", "Transactions that changed the node's registration."),
	fetched: counter("freehold_node_fetched_bytes_total", "Bytes fetched from storage."),
	evicted: counter("freehold_node_evicted_bytes_total", "Bytes removed from the cache for others."),
	prepared: counter("freehold_node_releases_prepared_total", "Releases loaded ahead of their first call."),
	beats: counter("freehold_node_heartbeats_total", "Heartbeats by outcome.", { outcome: ["taken", "failed"] }),
	contracts: counter("freehold_node_contract_calls_total", "Calls of contracts by outcome.", { outcome: ["answered", "refused", "failed"] }),
	workflows: counter("freehold_node_workflow_runs_total", "Scheduled workflows that were due, by outcome.", { outcome: ["ran", "failed", "unfunded"] }),
	waiting: gauge("freehold_node_waiting_calls", "Calls that wait for an engine."),
	running: gauge("freehold_node_running_calls", "Calls in an engine."),
	cache: gauge("freehold_node_cache_bytes", "Bytes of releases on disk."),
	height: gauge("freehold_node_height_blocks", "Last block that was taken over."),
} as const satisfies MetricTable;

export function nodeEvents(log: Log, registry: Registry): NodeEvents {
	const metrics = registerMetrics(nodeMetrics, registry);
	const silentHubs = new Set<string>();
	return {
		served: (callId, release, mode, runMs) => {
			metrics.runs.observe(runMs / 1000, { mode });
			log.info({ callId, release, mode, runMs: Math.round(runMs) }, "order answered");
		},
		replayed: () => metrics.replays.add(1),
		refused: (callId, release, error) => {
			const code = error instanceof FreeholdError ? error.code : "internal";
			metrics.refusals.add(1, { code });
			// What a caller did wrong fills no log; what the node or its surroundings did wrong is worth reading.
			if (error instanceof FreeholdError && ["caller", "owner", "gateway"].includes(error.entry.fault)) return;
			log.warn({ callId, release, err: error }, "an order was not served");
		},
		ledgerUnreachable: (error, waitMs) => {
			metrics.retries.add(1);
			log.warn({ err: error, waitMs }, "the ledger does not answer; asking again");
		},
		registryChanged: (step, transaction) => {
			metrics.registry.add(1);
			log.info({ step, transaction }, "the node's registration changed");
		},
		registrationFailed: (error, waitMs) => log.error({ err: error, waitMs }, "the node could not be registered; trying again"),
		waitingForRegistration: (operator, key, missing) =>
			log.warn({ operator, key, missing }, "the registry does not name this node's key yet: freehold node register, or freehold node rotate"),
		keyChanged: (key) => log.info({ key }, "a new key signs from now on"),
		keyUnreadable: (error) => log.error({ err: error }, "the key file cannot be read; the key in memory goes on signing"),
		streamRestored: (callId, deltas) => log.info({ callId, deltas }, "a stream from before the restart can be settled for what was sent"),
		streamLost: (digest, error) => log.warn({ digest, err: error }, "a stream from before the restart cannot be settled any more"),
		streamNotKept: (digest, error) =>
			log.error({ digest, err: error }, "a stream cannot be kept on disk; if this process were killed now, it would not be paid"),
		fetched: (sha256, bytes, tookMs) => {
			metrics.fetched.add(bytes);
			log.info({ sha256, bytes, tookMs: Math.round(tookMs) }, "fetched from storage");
		},
		evicted: (sha256, bytes) => {
			metrics.evicted.add(bytes);
			log.info({ sha256, bytes }, "removed from the cache to make room");
		},
		confined: (fences) => {
			const missing = Object.entries(fences).flatMap(([fence, there]) => (there ? [] : [fence]));
			if (missing.length === 0) log.info({ fences }, "engines run without network, rights and this user");
			else log.warn({ fences }, `engines run with more than they need: this system, or this user, cannot fence off ${missing.join(", ")}`);
		},
		prepared: (release) => {
			metrics.prepared.add(1);
			log.info({ release }, "a release is ready to run");
		},
		notPrepared: (release, error) => log.warn({ release, err: error }, "a release could not be loaded; its calls will be refused"),
		heartbeat: (hub, failure) => {
			metrics.beats.add(1, { outcome: failure === undefined ? "taken" : "failed" });
			if (failure !== undefined && !silentHubs.has(hub)) log.warn({ hub, failure }, "a hub does not take heartbeats");
			if (failure === undefined && silentHubs.has(hub)) log.info({ hub }, "the hub takes heartbeats again");
			if (failure === undefined) silentHubs.delete(hub);
			else silentHubs.add(hub);
		},
		contractAnswered: (id, ok, tookMs) => {
			metrics.contracts.add(1, { outcome: ok ? "answered" : "refused" });
			log.info({ id, ok, tookMs: Math.round(tookMs) }, "a contract's call was delivered");
		},
		contractFailed: (id, error) => {
			metrics.contracts.add(1, { outcome: "failed" });
			log.warn({ id, err: error }, "a contract's call could not be delivered");
		},
		liveAnswered: (id, ok, tookMs) => {
			metrics.contracts.add(1, { outcome: ok ? "answered" : "refused" });
			log.info({ id, ok, tookMs: Math.round(tookMs) }, "a call without a transaction was answered");
		},
		workflowRan: (id, tookMs) => {
			metrics.workflows.add(1, { outcome: "ran" });
			log.info({ id, tookMs: Math.round(tookMs) }, "a scheduled workflow was run");
		},
		workflowFailed: (id, error) => {
			metrics.workflows.add(1, { outcome: "failed" });
			log.warn({ id, err: error }, "a scheduled workflow could not be run; it is left alone for a while");
		},
		workflowUnfunded: (id, purse) => {
			metrics.workflows.add(1, { outcome: "unfunded" });
			log.info({ id, purse: purse.toString() }, "a scheduled workflow is due, and its funds do not pay the run");
		},
		contractsUnreachable: (error, waitMs) => log.warn({ err: error, waitMs }, "contracts' calls cannot be asked for; asking again"),
		watch: ({ waiting, running, cacheBytes, height }) => {
			metrics.waiting.follow(waiting);
			metrics.running.follow(running);
			metrics.cache.follow(cacheBytes);
			metrics.height.follow(height);
		},
	};
}
