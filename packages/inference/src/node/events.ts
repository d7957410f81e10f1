/** What happens in a node, for its operator: each event writes its log line and its metric together. */
import { FreeholdError, type Hex } from "@freehold/protocol";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { EngineMode } from "../engine/engine.js";

export interface NodeEvents {
	served(release: Hex, mode: EngineMode, runMs: number): void;
	replayed(orderDigest: Hex): void;
	refused(callId: Hex, release: Hex, error: unknown): void;
	ledgerUnreachable(error: unknown, waitMs: number): void;
	registryChanged(step: string, transaction: Hex): void;
	registrationFailed(error: unknown, waitMs: number): void;
	/** The operator signs elsewhere, and has not registered this node's key yet. */
	waitingForRegistration(operator: Hex, key: Hex, missing: string): void;
	keyChanged(key: Hex): void;
	keyUnreadable(error: unknown): void;
	fetched(sha256: Hex, bytes: number, tookMs: number): void;
	evicted(sha256: Hex, bytes: number): void;
	prepared(release: Hex): void;
	notPrepared(release: Hex, error: unknown): void;
	/** `failure` undefined: the hub took it. */
	heartbeat(hub: string, failure: string | undefined): void;
	watch(gauges: { readonly waiting: () => number; readonly running: () => number; readonly cacheBytes: () => number; readonly height: () => number }): void;
}

interface Log {
	info(data: object, text: string): void;
	warn(data: object, text: string): void;
	error(data: object, text: string): void;
}

const RUN_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function nodeEvents(log: Log, metrics: Registry): NodeEvents {
	const registers = [metrics];
	const runs = new Histogram({
		name: "freehold_node_run_seconds",
		help: "Time of a run in its engine.",
		labelNames: ["mode"],
		buckets: RUN_BUCKETS,
		registers,
	});
	const replays = new Counter({ name: "freehold_node_replays_total", help: "Orders that got their earlier answer again.", registers });
	const refusals = new Counter({
		name: "freehold_node_refusals_total",
		help: "Orders that were refused or failed, by error code.",
		labelNames: ["code"],
		registers,
	});
	const retries = new Counter({ name: "freehold_node_chain_retries_total", help: "Times the ledger did not answer.", registers });
	const registry = new Counter({ name: "freehold_node_registry_transactions_total", help: "Transactions that changed the node's registration.", registers });
	const fetched = new Counter({ name: "freehold_node_fetched_bytes_total", help: "Bytes fetched from storage.", registers });
	const evicted = new Counter({ name: "freehold_node_evicted_bytes_total", help: "Bytes removed from the cache for others.", registers });
	const prepared = new Counter({ name: "freehold_node_releases_prepared_total", help: "Releases loaded ahead of their first call.", registers });
	const beats = new Counter({ name: "freehold_node_heartbeats_total", help: "Heartbeats by outcome.", labelNames: ["outcome"], registers });
	const silentHubs = new Set<string>();
	return {
		served: (_, mode, runMs) => runs.observe({ mode }, runMs / 1000),
		replayed: () => replays.inc(),
		refused: (callId, release, error) => {
			const code = error instanceof FreeholdError ? error.code : "internal";
			refusals.inc({ code });
			// What a caller did wrong fills no log; what the node or its surroundings did wrong is worth reading.
			if (error instanceof FreeholdError && ["caller", "owner", "gateway"].includes(error.entry.fault)) return;
			log.warn({ callId, release, err: error }, "an order was not served");
		},
		ledgerUnreachable: (error, waitMs) => {
			retries.inc();
			log.warn({ err: error, waitMs }, "the ledger does not answer; asking again");
		},
		registryChanged: (step, transaction) => {
			registry.inc();
			log.info({ step, transaction }, "the node's registration changed");
		},
		registrationFailed: (error, waitMs) => log.error({ err: error, waitMs }, "the node could not be registered; trying again"),
		waitingForRegistration: (operator, key, missing) =>
			log.warn({ operator, key, missing }, "the registry does not name this node's key yet: freehold node register, or freehold node rotate"),
		keyChanged: (key) => log.info({ key }, "a new key signs from now on"),
		keyUnreadable: (error) => log.error({ err: error }, "the key file cannot be read; the key in memory goes on signing"),
		fetched: (sha256, bytes, tookMs) => {
			fetched.inc(bytes);
			log.info({ sha256, bytes, tookMs: Math.round(tookMs) }, "fetched from storage");
		},
		evicted: (sha256, bytes) => {
			evicted.inc(bytes);
			log.info({ sha256, bytes }, "removed from the cache to make room");
		},
		prepared: (release) => {
			prepared.inc();
			log.info({ release }, "a release is ready to run");
		},
		notPrepared: (release, error) => log.warn({ release, err: error }, "a release could not be loaded; its calls will be refused"),
		heartbeat: (hub, failure) => {
			beats.inc({ outcome: failure === undefined ? "taken" : "failed" });
			if (failure !== undefined && !silentHubs.has(hub)) log.warn({ hub, failure }, "a hub does not take heartbeats");
			if (failure === undefined && silentHubs.has(hub)) log.info({ hub }, "the hub takes heartbeats again");
			if (failure === undefined) silentHubs.delete(hub);
			else silentHubs.add(hub);
		},
		watch: ({ waiting, running, cacheBytes, height }) => {
			const gauge = (name: string, help: string, read: () => number): void => {
				new Gauge({
					name,
					help,
					registers,
					collect() {
						this.set(read());
					},
				});
			};
			gauge("freehold_node_calls_waiting", "Calls that wait for an engine.", waiting);
			gauge("freehold_node_calls_running", "Calls in an engine.", running);
			gauge("freehold_node_cache_bytes", "Bytes of releases on disk.", cacheBytes);
			gauge("freehold_node_block", "Last block that was taken over.", height);
		},
	};
}
