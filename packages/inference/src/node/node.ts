/** The inference node: follows the chain, keeps itself registered, and answers orders. Assembles the parts in one place. */
import { join } from "node:path";
import { FreeholdError, type Hex } from "@freehold/protocol";
import { type ChainClient, createChainClient, createTransactor } from "@freehold/sdk/chain";
import {
	type Clock,
	createDigestSigner,
	createLimiter,
	type DigestSigner,
	nativeCrypto,
	OperatorKey,
	openStore,
	pause,
	type ReadyReport,
	type RouteBinding,
} from "@freehold/service";
import type { Registry } from "prom-client";
import type { EnginePool } from "../engine/engine.js";
import { engineFences } from "../engine/isolation/engine-process.js";
import { writeOnceMore } from "../engine/pool/once-more.js";
import { createEnginePool } from "../engine/pool/pool.js";
import { createTextPool, type TextPool } from "../engine/pool/text-pool.js";
import type { Provider } from "../engine/upstream/providers.js";
import { UpstreamPool } from "../engine/upstream/upstream-pool.js";
import { WorkflowExecutor } from "../pipe/executor.js";
import { LiveService } from "../pipe/live-service.js";
import { PipeService } from "../pipe/pipe-service.js";
import { BlobCache } from "./blob-cache.js";
import { type NodeEvents, nodeEvents } from "./events.js";
import { Exposure } from "./exposure.js";
import { Follower } from "./follower.js";
import { beat } from "./heartbeat.js";
import { storedIntents } from "./intents.js";
import { Models } from "./models.js";
import { OperatorBook } from "./operators.js";
import { OrderDesk } from "./order-desk.js";
import { Preparation } from "./prepare.js";
import { ensureRegistered } from "./registration.js";
import { orderPrice, ReleaseBook } from "./releases.js";
import { type Retention, removeExpired } from "./retention.js";
import { nodeBindings } from "./routes.js";
import { StreamJournal } from "./stream-journal.js";
import { type NodeStore, tables } from "./tables.js";
import type { TextRunner } from "./text-desk.js";

/** Every step between two durable effects of a node. */
export const nodeCrashPoints = [
	"inference.transaction.signed",
	"inference.transaction.included",
	"inference.registry.changed",
	"inference.block.stored",
	"inference.blob.synced",
	"inference.blob.named",
	"inference.run.finished",
	"inference.answer.stored",
] as const;

export interface NodeOptions {
	readonly data: string;
	readonly rpcUrl: string;
	readonly storageUrl: string;
	readonly hubUrls: readonly string[];
	readonly chainId: number | undefined;
	/** Smallest unit of OPG. */
	readonly bond: bigint;
	/** The fee that is registered; where the operator signs elsewhere, the registry's counts. */
	readonly nodeFee: bigint;
	/** Operator that the key signs for; undefined: the key itself. */
	readonly operator: Hex | undefined;
	/** Resident bytes of one engine process. */
	readonly memoryLimit: number;
	/** Longest run, in milliseconds. */
	readonly timeLimit: number;
	readonly maxWaiting: number;
	/** Of language models. */
	readonly text: {
		readonly sequences: number;
		readonly windowTokens: number;
		readonly threads: number;
		readonly memoryBytes: number;
		readonly maxReleases: number;
		readonly runTimeoutMs: number;
	};
	/** Providers that this node has an account with. */
	readonly upstreams: readonly Provider[];
	readonly cacheBytes: number;
	/** Calls scheduled workflows that are due, for what they were funded with. */
	readonly runWorkflows: boolean;
	/** Answers a minute for calls without a transaction, at most; 0: none. */
	readonly liveCalls: number;
	readonly heartbeatMs: number;
	readonly retention: Retention;
}

export interface NodeModules {
	readonly privateKey: Uint8Array;
	/** Where it was read; may be replaced while the node runs. */
	readonly keyFile: string;
	readonly log: Parameters<typeof nodeEvents>[0];
	readonly metrics: Registry;
	readonly clock: Clock;
	readonly random: (length: number) => Uint8Array;
	/** Aborted when the program must stop at once. */
	readonly signal: AbortSignal;
	readonly onChain: (chainId: number) => void;
	readonly crashPoint: (name: string) => void;
	/** Told of a fault after which the node must not go on. */
	readonly fail: (error: unknown) => void;
}

/** Before the node's private key: the hash of both is the key of the account that runs workflows. */
const EXECUTOR_KEY = Buffer.from("freehold workflow executor");
/** Orders whose bodies are in memory at one time; the rest waits unread. */
const MAX_ORDERS = 64;
const DOWNLOAD_TIMEOUT_MS = 300_000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 10_000;
const CLEANING_MS = 60_000;
const REGISTRY_LOOK_MS = 250;
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
	readonly #limiter;
	#tasks: Promise<unknown> = Promise.resolve();
	#desk: OrderDesk | undefined;
	#registered = false;

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
		const tasks = [this.#follow(signal), this.#joinNetwork(endpoint, signal), this.#clean(signal), this.#preparation.run(signal), this.#key.watch(signal)];
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
			nodeFee: () => this.#nodeFee(),
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
			ready: this.#desk?.restored === true && this.#registered && this.#follower.caughtUp && this.#follower.silenceMs < MAX_SILENCE_MS,
			detail: {
				operator: this.address,
				key: this.#key.address,
				registered: this.#registered,
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
		const chainId = await this.#chainId(signal);
		if (chainId === undefined) return;
		this.#modules.onChain(chainId);
		const { clock, crashPoint } = this.#modules;
		this.#desk = new OrderDesk({
			chainId,
			rules: {
				node: this.address,
				nodeFee: () => this.#nodeFee(),
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

	/** Runs a language model where its release runs. */
	readonly #write: TextRunner = (files, request, listener, signal) =>
		files.format === "upstream" ? this.#upstreams.run(files, request, listener, signal) : writeOnceMore(this.#textPool, files, request, listener, signal);

	/** Undefined when the program stopped before the ledger answered. Throws `chain.wrongNetwork`. */
	async #chainId(signal: AbortSignal): Promise<number | undefined> {
		for (let failures = 0; !signal.aborted; failures++) {
			try {
				return await this.#client.chainId({ signal });
			} catch (error) {
				if (error instanceof FreeholdError && error.code === "chain.wrongNetwork") throw error;
				await this.#retry(failures, signal, (waitMs) => this.#events.ledgerUnreachable(error, waitMs));
			}
		}
		return undefined;
	}

	/** Registers, then tells the hubs. What is wrong in the configuration ends the program; all else is tried again. */
	async #joinNetwork(endpoint: string, signal: AbortSignal): Promise<void> {
		await Promise.race([this.#follower.untilCaughtUp(), new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))]);
		const { crashPoint, clock, random } = this.#modules;
		const { bond, nodeFee, hubUrls, heartbeatMs } = this.#options;
		const transactor = createTransactor({ client: this.#client, signer: this.#signer, store: storedIntents(this.#store, crashPoint) });
		for (let failures = 0; !signal.aborted && !this.#registered; failures++) {
			const run = `registration/${clock.now()}-${Buffer.from(random(4)).toString("hex")}`;
			try {
				const modules = { client: this.#client, transactor, events: this.#events, crashPoint, run };
				if (this.address === this.#signer.address) await ensureRegistered({ operator: this.address, endpoint, nodeFee, bond }, modules, signal);
				else await this.#untilRegistered(signal);
				this.#registered = true;
			} catch (error) {
				if (error instanceof FreeholdError && error.code === "config.invalid") throw error;
				await this.#retry(failures, signal, (waitMs) => this.#events.registrationFailed(error, waitMs));
			}
		}
		const releases = (): readonly Hex[] =>
			this.#releases
				.all()
				.filter((record) => record.retiredAt === 0 && this.#models.isHere(record.manifest))
				.map(({ release }) => release);
		const beating = {
			hubUrls,
			endpoint,
			intervalMs: heartbeatMs,
			operator: this.address,
			signer: this.#key,
			crypto: nativeCrypto,
			clock,
			events: this.#events,
		};
		await Promise.all([beat({ ...beating, releases }, signal), this.#answerContracts(signal)]);
	}

	/** Contracts' calls come from the ledger, not from gateways. */
	async #answerContracts(signal: AbortSignal): Promise<void> {
		const transactor = createTransactor({ client: this.#client, signer: this.#key });
		const common = { operator: this.address, client: this.#client, clock: this.#modules.clock, events: this.#events };
		const runners = { models: this.#models, pool: this.#pool, write: this.#write };
		const terms = { releases: this.#releases, height: () => this.#follower.height, runners, nodeFee: () => this.#nodeFee() };
		const service = new PipeService({
			...common,
			...terms,
			transactor,
		});
		const executor = createDigestSigner(nativeCrypto.keccak256(Buffer.concat([EXECUTOR_KEY, this.#modules.privateKey])));
		const executing = { ...common, transactor: createTransactor({ client: this.#client, signer: executor }), treasurer: transactor };
		const workflows = this.#options.runWorkflows ? new WorkflowExecutor(executing).run(signal) : undefined;
		const { liveCalls } = this.#options;
		const live =
			liveCalls === 0
				? undefined
				: new LiveService({ ...common, ...terms, key: this.#key, chainId: () => this.#client.chainId({ signal }), perMinute: liveCalls }).run(signal);
		await Promise.all([service.run(signal), workflows, live]);
	}

	/** Where the operator's key is elsewhere, it is the operator who registers: `freehold node register`. */
	async #untilRegistered(signal: AbortSignal): Promise<void> {
		let told: string | undefined;
		for (let missing = this.#missing(); missing !== undefined; missing = this.#missing()) {
			if (missing !== told) this.#events.waitingForRegistration(this.address, this.#key.address, missing);
			told = missing;
			await pause(REGISTRY_LOOK_MS, signal);
			await this.#key.look();
		}
	}

	/** What the registry lacks for this node to serve. */
	#missing(): string | undefined {
		if (!this.#operators.isActive(this.address, "inference")) return "a bond for the role inference";
		const now = Math.floor(this.#modules.clock.now() / 1000);
		return this.#operators.isKeyValid(this.address, this.#key.address, now) ? undefined : "the key";
	}

	/** What a call costs here: the operator's own word where this is its key, else the registry's. */
	#nodeFee(): bigint {
		if (this.address === this.#signer.address) return this.#options.nodeFee;
		return this.#operators.get(this.address)?.nodeFee ?? this.#options.nodeFee;
	}

	async #clean(signal: AbortSignal): Promise<void> {
		while (!signal.aborted) {
			while (!signal.aborted && (await removeExpired(this.#store, this.#modules.clock.now())) > 0);
			await pause(CLEANING_MS, signal).catch(() => undefined);
		}
	}

	async #retry(failures: number, signal: AbortSignal, tell: (waitMs: number) => void): Promise<void> {
		if (signal.aborted) return;
		const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 8));
		tell(waitMs);
		await pause(waitMs, signal).catch(() => undefined);
	}
}
