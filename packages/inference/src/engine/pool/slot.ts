/** A place in the pool: one engine process at a time, its loaded releases, and a successor when it is worn out or gone. */
import { checkTensors, type EngineDescription, FreeholdError, type TensorSchema, type Tensors } from "@freehold/protocol";
import type { ReleaseFiles } from "../engine.js";
import { EngineProcess, type EngineProcessOptions } from "../isolation/engine-process.js";

export interface SlotOptions extends EngineProcessOptions {
	readonly loadTimeoutMs: number;
	readonly runTimeoutMs: number;
	/** Releases kept loaded; the least recently used one makes room. */
	readonly maxSessions: number;
	/** Calls after which a fresh process takes over. */
	readonly recycleAfter: number;
}

interface LoadedSession {
	readonly files: ReleaseFiles;
	readonly schema: TensorSchema;
}

/** A process and what is loaded in it, least recently used first. */
interface Stand {
	readonly process: EngineProcess;
	readonly sessions: Map<string, LoadedSession>;
	calls: number;
}

export interface SlotAnswer {
	readonly engine: EngineDescription;
	readonly schema: TensorSchema;
	readonly outputs: Tensors | undefined;
}

export class EngineSlot {
	readonly #options: SlotOptions;
	#stand: Stand | undefined;
	#successor: Stand | undefined;
	#renewing: Promise<void> | undefined;
	/** What was loaded in a process that ended, to be loaded again. */
	#lost: readonly ReleaseFiles[] = [];
	#closed = false;

	constructor(options: SlotOptions) {
		this.#options = options;
	}

	holds(release: string): boolean {
		return this.#stand?.sessions.has(release) ?? false;
	}

	get sessions(): number {
		return this.#stand?.sessions.size ?? 0;
	}

	/** True when a process ended that had other releases loaded. */
	get needsRecovery(): boolean {
		return this.#stand === undefined && this.#lost.length > 0;
	}

	get pid(): number | undefined {
		return this.#stand?.process.alive === true ? this.#stand.process.pid : undefined;
	}

	/** The running engine's description, starting it if need be. */
	async describe(): Promise<EngineDescription> {
		return (await this.#ready()).process.description;
	}

	/** Loads the release if it is not, then runs the inputs, if there are any. One call at a time. */
	async perform(files: ReleaseFiles, inputs: Tensors | undefined): Promise<SlotAnswer> {
		const stand = await this.#ready();
		try {
			const { schema } = await this.#load(stand, files);
			const engine = stand.process.description;
			if (inputs === undefined) return { engine, schema, outputs: undefined };
			checkTensors(inputs, schema.inputs);
			stand.calls++;
			const reply = await stand.process.request({ kind: "run", session: files.id, tensors: inputs }, { timeoutMs: this.#options.runTimeoutMs });
			if (reply.kind !== "outputs") throw new FreeholdError("engine.crashed", { reason: `it answered ${reply.kind}` });
			return { engine, schema, outputs: reply.tensors };
		} finally {
			if (!stand.process.alive) await this.#lose(stand, files.id);
			else if (stand.calls >= this.#options.recycleAfter) this.#renew(stand);
		}
	}

	/** Ends the call in progress together with its process. */
	interrupt(): void {
		void this.#stand?.process.end();
	}

	/** After a loss: a fresh process with the other releases loaded again, as long as nobody waits for the slot. */
	async recover(wanted: () => boolean): Promise<void> {
		try {
			const stand = await this.#ready();
			for (const files of this.#lost) {
				if (wanted()) break;
				await this.#load(stand, files);
			}
		} catch {
			// Whoever asks next for a release that does not load is told why.
		}
		this.#lost = [];
	}

	/** Lets the process go; the next call starts another. */
	async rest(): Promise<void> {
		const stands = [this.#stand, this.#successor];
		this.#stand = undefined;
		this.#successor = undefined;
		await Promise.all(stands.map((stand) => stand?.process.end()));
	}

	async close(): Promise<void> {
		this.#closed = true;
		await this.#renewing;
		await this.rest();
	}

	async #ready(): Promise<Stand> {
		if (this.#successor?.process.alive === true) {
			const worn = this.#stand;
			this.#stand = this.#successor;
			this.#successor = undefined;
			await worn?.process.end();
		}
		if (this.#stand?.process.alive !== true) this.#stand = await this.#start();
		return this.#stand;
	}

	async #start(): Promise<Stand> {
		const process = await EngineProcess.start(this.#options).catch((error: unknown) => {
			// No release is to blame for an engine that does not start.
			throw new FreeholdError("service.starting", { service: "The engine" }, { cause: error });
		});
		const stand: Stand = { process, sessions: new Map(), calls: 0 };
		if (this.#closed) await process.end();
		return stand;
	}

	async #load(stand: Stand, files: ReleaseFiles): Promise<LoadedSession> {
		const known = stand.sessions.get(files.id);
		stand.sessions.delete(files.id);
		if (known !== undefined) {
			stand.sessions.set(files.id, known);
			return known;
		}
		const limits = { timeoutMs: this.#options.loadTimeoutMs };
		const oldest = stand.sessions.keys().next();
		if (stand.sessions.size >= this.#options.maxSessions && !oldest.done) {
			stand.sessions.delete(oldest.value);
			await stand.process.request({ kind: "unload", session: oldest.value }, limits);
		}
		const reply = await stand.process.request({ kind: "load", session: files.id, modelPath: files.modelPath }, limits);
		if (reply.kind !== "loaded") throw new FreeholdError("engine.crashed", { reason: `it answered ${reply.kind}` });
		const session: LoadedSession = { files, schema: reply.schema };
		stand.sessions.set(files.id, session);
		return session;
	}

	async #lose(stand: Stand, culprit: string): Promise<void> {
		if (this.#stand === stand) this.#stand = undefined;
		this.#lost = [...stand.sessions.values()].map(({ files }) => files).filter(({ id }) => id !== culprit);
		await stand.process.end();
	}

	/** Prepares a successor while the worn process goes on serving. */
	#renew(worn: Stand): void {
		if (this.#renewing !== undefined || this.#successor !== undefined) return;
		const releases = [...worn.sessions.values()].map(({ files }) => files);
		const prepare = async (): Promise<void> => {
			const fresh = await this.#start();
			for (const files of releases) {
				await this.#load(fresh, files).catch((error: unknown) => {
					if (!fresh.process.alive) throw error;
				});
			}
			if (this.#closed) await fresh.process.end();
			else this.#successor = fresh;
		};
		this.#renewing = prepare()
			// The worn process still serves; the next call tries again.
			.catch(() => {})
			.finally(() => {
				this.#renewing = undefined;
			});
	}
}
