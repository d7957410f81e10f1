/** The inference node: follows the chain, keeps itself registered, and answers orders. Assembles the parts in one place. */
import { join } from "node:path";
import { FreeholdError, type Hex } from "@freehold/protocol";
import { type ChainClient, createChainClient } from "@freehold/sdk/chain";
import {
	createDigestSigner,
	createLimiter,
	type DigestSigner,
	nativeCrypto,
	OperatorKey,
	openStore,
	type ReadyReport,
	type RouteBinding,
} from "@freehold/service";
import type { EnginePool } from "../engine/engine.js";
import { engineFences } from "../engine/isolation/engine-process.js";
import { writeOnceMore } from "../engine/pool/once-more.js";
import { createEnginePool } from "../engine/pool/pool.js";
import { createTextPool, type TextPool } from "../engine/pool/text-pool.js";
import { UpstreamPool } from "../engine/upstream/upstream-pool.js";
import { BlobCache } from "./blob-cache.js";
import { chainIdOf } from "./chain-id.js";
import { answerContracts } from "./contract-calls.js";
import { type NodeEvents, nodeEvents } from "./events.js";
import { Exposure } from "./exposure.js";
import { Follower } from "./follower.js";
import { Membership } from "./membership.js";
import { Models } from "./models.js";
import type { NodeModules, NodeOptions } from "./node-options.js";
import { OperatorBook } from "./operators.js";
import { OrderDesk } from "./order-desk.js";
import { Preparation } from "./prepare.js";
import { orderPrice, ReleaseBook } from "./releases.js";
import { keepClean } from "./retention.js";
import { nodeBindings } from "./routes.js";
import { StreamJournal } from "./stream-journal.js";
import { type NodeStore, tables } from "./tables.js";
import type { TextRunner } from "./text-desk.js";

/** Orders whose bodies are in memory at one time; the rest waits unread. */
const MAX_ORDERS = 64;
const DOWNLOAD_TIMEOUT_MS = 300_000;
/** A new key waits this long beyond the registry's own grace, so that a gateway some blocks behind knows it too. */
const KEY_SETTLE_SECONDS = 8;
/** Without a new block for this long the node says that it is not ready. */
const MAX_SILENCE_MS = 30_000;

export class InferenceNode {
	readonly #options: NodeOptions;
	readonly #modules: NodeModules;
	/** The key of the start; in most nodes the operator itself. */
	readonly #signer: DigestSigner;
	readonly #key: OperatorKey;
	/** Address of the operator. */
	readonly address: Hex;
	readonly #store: NodeStore;
	readonly #pool: EnginePool;
	readonly #textPool: TextPool;
	readonly #upstreams: UpstreamPool;
	readonly #client: ChainClient;
	readonly #events: NodeEvents;
	readonly #releases: ReleaseBook;
	readonly #operators: OperatorBook;
	readonly #exposure: Exposure;
	readonly #models: Models;
	readonly #journal: StreamJournal;
	readonly #follower: Follower;
	readonly #stopping: AbortController;
	readonly #preparation: Preparation;
	readonly #membership: Membership;
	readonly #limiter;
	#tasks: Promise<unknown> = Promise.resolve();
	#desk: OrderDesk | undefined;

	private constructor(
		options: NodeOptions,
		modules: NodeModules,
		store: NodeStore,
		cache: BlobCache,
		pool: EnginePool,
		textPool: TextPool,
		journal: StreamJournal,
		events: NodeEvents,
		stopping: AbortController,
	) {
		this.#journal = journal;
		this.#options = options;
		this.#modules = modules;
		this.#store = store;
		this.#pool = pool;
		this.#textPool = textPool;
		this.#upstreams = new UpstreamPool(options.upstreams, { runTimeoutMs: options.text.runTimeoutMs });
		this.#events = events;
		this.#stopping = stopping;
		this.#signer = createDigestSigner(modules.privateKey);
		this.#client = createChainClient({ rpcUrl: options.rpcUrl, ...(options.chainId === undefined ? {} : { chainId: options.chainId }) });
		this.#releases = new ReleaseBook(store);
		this.#operators = new OperatorBook(store);
		this.address = options.operator ?? this.#signer.address;
		this.#key = new OperatorKey(this.#signer, {
			file: modules.keyFile,
			isValid: (key) => this.#operators.isKeyValid(this.address, key, Math.floor(modules.clock.now() / 1000) - KEY_SETTLE_SECONDS),
			onChange: events.keyChanged,
			onUnreadable: events.keyUnreadable,
		});
		this.#exposure = new Exposure(store, this.address);
		this.#models = new Models(cache);
		this.#preparation = new Preparation({ releases: this.#releases, models: this.#models, pool, textPool, upstreams: this.#upstreams, events });
		this.#follower = new Follower({
			client: this.#client,
			store,
			releases: this.#releases,
			operators: this.#operators,
			exposure: this.#exposure,
			events,
			crashPoint: modules.crashPoint,
			ticks: () => performance.now(),
			onRelease: (release) => this.#preparation.add(release),
		});
		this.#membership = new Membership(options, {
			...modules,
			operator: this.address,
			signer: this.#signer,
			key: this.#key,
			client: this.#client,
			store,
			operators: this.#operators,
			served: () => this.#served(),
			events,
		});
		this.#limiter = createLimiter({
			concurrency: MAX_ORDERS,
			maxWaiting: options.maxWaiting,
			refuse: (waiting) => new FreeholdError("engine.busy", { waiting }),
		});
		events.watch({
			waiting: () => this.#limiter.depth.waiting + pool.depth.waiting,
			running: () => pool.depth.running + textPool.depth + this.#upstreams.depth,
			cacheBytes: () => cache.bytes,
			height: () => Number(this.#follower.height ?? 0n),
		});
	}

	static async open(options: NodeOptions, modules: NodeModules): Promise<InferenceNode> {
		const events = nodeEvents(modules.log, modules.metrics);
		const stopping = new AbortController();
		const store = openStore(join(options.data, "store"), tables, { onFailure: modules.fail });
		const cache = await BlobCache.open({
			folder: join(options.data, "blobs"),
			storageUrl: options.storageUrl,
			maxBytes: options.cacheBytes,
			downloadTimeoutMs: DOWNLOAD_TIMEOUT_MS,
			signal: AbortSignal.any([modules.signal, stopping.signal]),
			onFetched: events.fetched,
			onEvicted: events.evicted,
			crashPoint: modules.crashPoint,
		});
		const modelFolders = [join(options.data, "blobs")];
		events.confined(await engineFences(modelFolders));
		const pool = await createEnginePool({ modelFolders, memoryBytes: options.memoryLimit, runTimeoutMs: options.timeLimit, maxWaiting: options.maxWaiting });
		const textPool = await createTextPool({ modelFolders, ...options.text });
		const journal = await StreamJournal.open(join(options.data, "streams"), events.streamNotKept);
		return new InferenceNode(options, modules, store, cache, pool, textPool, journal, events, stopping);
	}

	/** Starts what runs beside the orders. `endpoint` is where gateways reach this node. */
	start(endpoint: string): void {
		const signal = AbortSignal.any([this.#modules.signal, this.#stopping.signal]);
		const tasks = [
			this.#follow(signal),
			this.#joinNetwork(endpoint, signal),
			keepClean(this.#store, this.#modules.clock, signal),
			this.#preparation.run(signal),
			this.#key.watch(signal),
		];
		this.#tasks = Promise.all(
			tasks.map((task) =>
				task.catch((error: unknown) => {
					if (!signal.aborted) this.#modules.fail(error);
				}),
			),
		);
	}

	bindings(): readonly RouteBinding[] {
		return nodeBindings({
			node: this.address,
			key: this.#key,
			nodeFee: () => this.#membership.nodeFee,
			desk: () => this.#openDesk(),
			limiter: this.#limiter,
			models: this.#models,
			releases: this.#releases,
			operators: this.#operators,
			pool: this.#pool,
			textPool: this.#textPool,
			upstreams: this.#upstreams,
			store: this.#store,
			retention: this.#options.retention,
			clock: this.#modules.clock,
		});
	}

	ready(): ReadyReport {
		const { waiting, running } = this.#pool.depth;
		return {
			ready: this.#desk?.restored === true && this.#membership.registered && this.#follower.caughtUp && this.#follower.silenceMs < MAX_SILENCE_MS,
			detail: {
				operator: this.address,
				key: this.#key.address,
				registered: this.#membership.registered,
				caughtUp: this.#follower.caughtUp,
				block: Number(this.#follower.height ?? -1n),
				ledgerSilentMs: Math.round(this.#follower.silenceMs),
				releases: this.#releases.size,
				waiting,
				running,
			},
		};
	}

	/** Lets running orders finish, then closes. No new ones may come any more. */
	async close(): Promise<void> {
		await this.#limiter.idle();
		await this.#desk?.close();
		this.#stopping.abort(new FreeholdError("request.aborted"));
		await this.#tasks;
		await Promise.all([this.#pool.close(), this.#textPool.close()]);
		await this.#store.close();
	}

	#openDesk(): OrderDesk {
		if (this.#desk === undefined || !this.#follower.caughtUp) throw new FreeholdError("service.starting", { service: "The node" });
		return this.#desk;
	}

	async #follow(signal: AbortSignal): Promise<void> {
		const chainId = await chainIdOf(this.#client, signal, this.#events.ledgerUnreachable);
		if (chainId === undefined) return;
		this.#modules.onChain(chainId);
		const { clock, crashPoint } = this.#modules;
		this.#desk = new OrderDesk({
			chainId,
			rules: {
				node: this.address,
				nodeFee: () => this.#membership.nodeFee,
				isGateway: (address) => this.#operators.isActive(address, "gateway"),
				isKeyValid: (operator, key, time) => this.#operators.isKeyValid(operator, key, time),
				served: (release) => this.#releases.served(release),
				priceOf: orderPrice,
			},
			signer: this.#key,
			crypto: nativeCrypto,
			store: this.#store,
			operators: this.#operators,
			exposure: this.#exposure,
			models: this.#models,
			pool: this.#pool,
			runText: this.#write,
			journal: this.#journal,
			retention: this.#options.retention,
			events: this.#events,
			clock,
			crashPoint,
			signal: this.#modules.signal,
		});
		const desk = this.#desk;
		void this.#follower
			.untilCaughtUp()
			.then(() => desk.restore())
			.catch((error: unknown) => this.#modules.fail(error));
		await this.#follower.run(signal);
	}

	/** Takes its place in the network once it knows the chain: as a node that gateways order from, and as one that contracts ask. */
	async #joinNetwork(endpoint: string, signal: AbortSignal): Promise<void> {
		await Promise.race([this.#follower.untilCaughtUp(), new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))]);
		await this.#membership.register(endpoint, signal);
		await Promise.all([this.#membership.beat(endpoint, signal), this.#answerContracts(signal)]);
	}

	#answerContracts(signal: AbortSignal): Promise<void> {
		const { privateKey, clock } = this.#modules;
		const runners = { models: this.#models, pool: this.#pool, write: this.#write };
		const own = { operator: this.address, key: this.#key, privateKey, client: this.#client, clock, events: this.#events, releases: this.#releases, runners };
		const { runWorkflows, liveCalls } = this.#options;
		return answerContracts({ ...own, height: () => this.#follower.height, nodeFee: () => this.#membership.nodeFee, runWorkflows, liveCalls }, signal);
	}

	/** Releases whose files are here. */
	#served(): readonly Hex[] {
		const records = this.#releases.all().filter((record) => record.retiredAt === 0 && this.#models.isHere(record.manifest));
		return records.map(({ release }) => release);
	}

	/** Runs a language model where its release runs. */
	readonly #write: TextRunner = (files, request, listener, signal) =>
		files.format === "upstream" ? this.#upstreams.run(files, request, listener, signal) : writeOnceMore(this.#textPool, files, request, listener, signal);
}
