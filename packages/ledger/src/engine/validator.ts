/**
 * The driver of a ledger that is one of several: CometBFT decides blocks with its peers and drives the application over a socket. This file starts both in the
 * right order, brings transactions to the engine, and ends both.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AbciAdapter, type AdapterEvents, adapterCrashPoints } from "../abci/adapter.js";
import { type AbciServer, type AbciServerOptions, serveAbci } from "../abci/server.js";
import type { LedgerApplication } from "../application/application.js";
import type { BlockArchive } from "../sequencer/archive.js";
import type { SnapshotSync } from "../snapshot/sync.js";
import { engineArchive } from "./engine-archive.js";
import { type EngineClient, engineClient } from "./engine-client.js";
import { type EngineEvents, type EngineOptions, EngineProcess } from "./engine-process.js";
import { Relay, type RelayEvents } from "./relay.js";

export const validatorCrashPoints = adapterCrashPoints;

export type ValidatorOptions = Omit<EngineOptions, "abciPath">;

export interface ValidatorEvents extends AdapterEvents, EngineEvents, RelayEvents {
	/** Something that is no engine spoke to the socket. */
	readonly strangerRefused: (error: unknown) => void;
}

export interface ValidatorModules {
	readonly application: LedgerApplication;
	readonly version: string;
	/** Milliseconds that only rise. */
	readonly ticks: () => number;
	readonly crashPoint: (name: (typeof validatorCrashPoints)[number]) => void;
	readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
	readonly events: ValidatorEvents;
	readonly snapshots?: SnapshotSync | undefined;
	/** Sees every message of the engine, for recording. */
	readonly tap?: AbciServerOptions["tap"];
}

export class ValidatorDriver {
	readonly archive: BlockArchive;
	readonly #modules: ValidatorModules;
	readonly #folder: string;
	readonly #client: EngineClient;
	readonly #adapter: AbciAdapter;
	readonly #engine: EngineProcess;
	readonly #relay: Relay;
	#server: AbciServer | undefined;
	#unlisten = (): void => {};
	#isFromEngine = false;

	constructor(options: ValidatorOptions, modules: ValidatorModules) {
		this.#modules = modules;
		const { application, events, ticks } = modules;
		// Readable by this user only, and short: the system limits paths of sockets to about a hundred bytes.
		this.#folder = mkdtempSync(join(tmpdir(), "freehold-abci-"));
		this.#client = engineClient(`http://${options.rpc}`, () => application.height);
		this.archive = engineArchive(this.#client, () => application.height);
		this.#relay = new Relay({ client: this.#client, pool: application.pool, pause: modules.pause, events });
		this.#adapter = new AbciAdapter({
			application,
			version: modules.version,
			ticks,
			pause: modules.pause,
			crashPoint: modules.crashPoint,
			snapshots: modules.snapshots,
			events,
			fromEngine: (work) => {
				this.#isFromEngine = true;
				try {
					return work();
				} finally {
					this.#isFromEngine = false;
				}
			},
		});
		const engineEvents: EngineEvents = {
			engineEnded: events.engineEnded,
			engineStarted: (pid) => {
				events.engineStarted(pid);
				this.#relay.addAll();
			},
		};
		this.#engine = new EngineProcess({ ...options, abciPath: this.#path }, engineEvents, ticks);
	}

	get #path(): string {
		return join(this.#folder, "abci.sock");
	}

	/** To be called when a transaction may enter a block that could not before. */
	notify(): void {
		this.#adapter.notify();
	}

	/** Height of the last durable consensus block. */
	get height(): bigint {
		return this.#modules.application.height;
	}

	/** The engine's process id; undefined while it is not there. */
	get enginePid(): number | undefined {
		return this.#engine.pid;
	}

	/** The application listens before the engine is started: an engine that finds nobody asks only every three seconds. */
	async start(): Promise<void> {
		const { application, events, tap } = this.#modules;
		this.#server = await serveAbci({
			path: this.#path,
			answer: (request) => this.#adapter.answer(request),
			refused: events.strangerRefused,
			...(tap === undefined ? {} : { tap }),
		});
		this.#unlisten = application.onTransaction((tx) => {
			if (!this.#isFromEngine) this.#relay.add(tx);
			this.#adapter.notify();
		});
		this.#engine.start();
	}

	/** The engine ends first: without its application it would end by itself, and complain. */
	async stop(): Promise<void> {
		this.#unlisten();
		await this.#relay.stop();
		await this.#engine.stop();
		await this.#server?.close();
		await this.#adapter.settled();
		await this.#modules.snapshots?.keeper.settled();
		rmSync(this.#folder, { recursive: true, force: true });
	}

	/** True when the engine answers and has no blocks to catch up with. */
	isInStep(): Promise<boolean> {
		return this.#client.isCatchingUp().then(
			(isBehind) => !isBehind,
			() => false,
		);
	}

	/** Peers that the engine is connected to; 0 while it does not answer. */
	peers(): Promise<number> {
		return this.#client.peers().catch(() => 0);
	}
}
