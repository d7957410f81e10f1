/** The hub as a program: its options, its events for operators, and its routes. */
import { type Hex, hubRoutes } from "@freehold/protocol";
import { type ChainClient, createChainClient } from "@freehold/sdk/chain";
import {
	counter,
	defineProgram,
	fetchBytes,
	gauge,
	type HttpRequest,
	type MetricTable,
	nativeCrypto,
	pathOption,
	pause,
	portOption,
	type RouteBinding,
	registerMetrics,
	textOption,
	urlOption,
} from "@freehold/service";
import type { Registry } from "prom-client";
import { type Connection, openDatabase } from "./database/database.js";
import { type FetchBlob, type FindBlobId, Indexer, type IndexerEvents } from "./indexing/indexer.js";
import { openapiDocument } from "./openapi/openapi.js";
import { showDiff } from "./routes/diff.js";
import { listFacets } from "./routes/facets.js";
import { atomFeed, jsonFeed } from "./routes/feeds.js";
import { showLineage } from "./routes/lineage.js";
import { listModels, showCard, showModel, showRelease } from "./routes/models.js";
import { listCalls, showEarnings, showUsage } from "./routes/money.js";
import { showNamespace } from "./routes/namespaces.js";
import { listNodes, takeHeartbeat } from "./routes/nodes.js";
import { json, withEtag } from "./routes/respond.js";

const BLOB_DEADLINE_MS = 10_000;
const CHAIN_RETRY_MS = 500;
/** Without a new block for this long the hub says that it is not ready. */
const MAX_SILENCE_MS = 30_000;

export const hubMetrics = {
	height: gauge("freehold_hub_height_blocks", "Last EVM block in the index."),
	indexed: counter("freehold_hub_events_total", "Events of the chain that were indexed."),
	retries: counter("freehold_hub_chain_retries_total", "Times the ledger did not answer."),
	refused: counter("freehold_hub_manifest_failures_total", "Manifests that could not be fetched or were refused."),
} as const satisfies MetricTable;

export const hubProgram = defineProgram({
	role: "hub",
	summary: "Finds models: an index of chain and storage, which can be rebuilt from them.",
	options: {
		data: pathOption({ argument: "DIR", default: ".freehold/hub", help: "Folder of the index.", group: "Hub" }),
		host: textOption({ argument: "HOST", default: "127.0.0.1", help: "Address to listen on.", group: "Hub" }),
		port: portOption({ default: 8547, help: "Port to listen on.", group: "Hub" }),
		rpcUrl: urlOption({ default: "http://127.0.0.1:8545", help: "JSON-RPC of the ledger.", group: "Hub" }),
		storageUrl: urlOption({ default: "http://127.0.0.1:8548", help: "Where manifests and cards are fetched.", group: "Hub" }),
	},
	metrics: hubMetrics,
	crashPoints: ["hub.block.indexed", "hub.manifest.fetched", "hub.manifest.indexed"],
	async start({ config, log, metrics, clock, signal, onChain, crashPoint, listen }) {
		const db = openDatabase(config.data, (reason) => log.warn({ reason }, "the index is damaged: it is made anew from chain and storage"));
		const client = createChainClient({ rpcUrl: config.rpcUrl });
		const stopping = new AbortController();
		const stop = AbortSignal.any([signal, stopping.signal]);
		const indexer = new Indexer({
			db,
			client,
			clock,
			ticks: () => performance.now(),
			fetchBlob: blobsOf(config.storageUrl),
			findBlobId: blobIdsOf(config.storageUrl),
			events: operatorEvents(log, metrics),
			crashPoint,
		});
		let failed: unknown;
		void knowChain(client, onChain, stop);
		const following = indexer.run(stop).catch((error: unknown) => {
			failed = error;
			log.error({ err: error }, "the index stopped following the chain; delete the hub's folder to rebuild it");
		});
		const server = await listen(bindings(db, client, indexer, clock, config), { host: config.host, port: config.port });
		return {
			url: server.url,
			ready: () => ({
				ready: failed === undefined && indexer.atHead && indexer.silenceMs < MAX_SILENCE_MS,
				detail: {
					height: Number(indexer.height ?? -1),
					atHead: indexer.atHead,
					following: failed === undefined,
					ledgerSilentMs: Math.round(indexer.silenceMs),
				},
			}),
			async drain() {
				stopping.abort();
				await following;
				db.close();
			},
		};
	},
});

/** Crash points work on development networks only, so the network is asked which one it is. */
async function knowChain(client: ChainClient, onChain: (chainId: number) => void, signal: AbortSignal): Promise<void> {
	while (!signal.aborted) {
		try {
			return onChain(await client.chainId({ signal }));
		} catch {
			await pause(CHAIN_RETRY_MS, signal).catch(() => undefined);
		}
	}
}

function bindings(
	db: Connection,
	client: ChainClient,
	indexer: Indexer,
	clock: { now(): number },
	config: { readonly host: string; readonly port: number },
): readonly RouteBinding[] {
	const origin = ({ headers }: HttpRequest): string => `http://${headers.host ?? `${config.host}:${config.port}`}`;
	const reads: readonly RouteBinding[] = [
		{ route: hubRoutes.models, handler: listModels(db, clock) },
		{ route: hubRoutes.model, handler: showModel(db, clock) },
		{ route: hubRoutes.facets, handler: listFacets(db) },
		{ route: hubRoutes.release, handler: showRelease(db, clock) },
		{ route: hubRoutes.card, handler: showCard(db) },
		{ route: hubRoutes.diff, handler: showDiff(db) },
		{ route: hubRoutes.lineage, handler: showLineage(db) },
		{ route: hubRoutes.usage, handler: showUsage(db) },
		{ route: hubRoutes.earnings, handler: showEarnings(db, client, indexer) },
		{ route: hubRoutes.calls, handler: listCalls(db) },
		{ route: hubRoutes.namespace, handler: showNamespace(db) },
		{ route: hubRoutes.nodes, handler: listNodes(db, clock) },
		{ route: hubRoutes.atom, handler: atomFeed(db, origin) },
		{ route: hubRoutes.jsonFeed, handler: jsonFeed(db, origin) },
		{ route: hubRoutes.openapi, handler: (request) => json(openapiDocument(origin(request))) },
	];
	return [
		...reads.map((binding) => ({ ...binding, handler: withEtag(binding.handler) })),
		{ route: hubRoutes.heartbeat, handler: takeHeartbeat(db, nativeCrypto, clock) },
	];
}

function blobsOf(storageUrl: string): FetchBlob {
	return async (sha256: Hex, maxBytes, signal) => {
		const answer = await fetchBytes(`${storageUrl}/v1/blobs/by-sha256/${sha256}`, { what: "The storage", deadlineMs: BLOB_DEADLINE_MS, maxBytes, signal });
		return answer.status === 200 ? answer.body : undefined;
	};
}

function blobIdsOf(storageUrl: string): FindBlobId {
	return async (sha256, signal) => {
		const url = `${storageUrl}/v1/blobs/by-sha256/${sha256}`;
		const answer = await fetchBytes(url, { method: "HEAD", what: "The storage", deadlineMs: BLOB_DEADLINE_MS, signal });
		const blobId = answer.headers["x-walrus-blob-id"];
		return answer.status === 200 && typeof blobId === "string" && /^[A-Za-z0-9_-]{43}$/.test(blobId) ? blobId : undefined;
	};
}

/** One function per event: log line and metric together. */
function operatorEvents(log: { info(data: object, text: string): void; warn(data: object, text: string): void }, registry: Registry): IndexerEvents {
	const metrics = registerMetrics(hubMetrics, registry);
	return {
		indexed: (block, events) => {
			metrics.height.set(Number(block));
			metrics.indexed.add(events);
		},
		chainUnreachable: (error, waitMs) => {
			metrics.retries.add(1);
			log.warn({ err: error, waitMs }, "the ledger did not answer; asking again");
		},
		manifestRefused: (release, error) => {
			metrics.refused.add(1);
			log.warn({ err: error, release }, "a release's manifest could not be read; trying again later");
		},
	};
}
