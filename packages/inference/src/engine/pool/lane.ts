/** The slots of one mode behind one bounded queue, first come, first served. */
import { type EngineDescription, FreeholdError, type Tensors } from "@freehold/protocol";
import type { EngineMode, ReleaseFiles } from "../engine.js";
import { EngineSlot, type SlotAnswer, type SlotOptions } from "./slot.js";
import type { Strikes } from "./strikes.js";

export interface LaneOptions extends SlotOptions {
	readonly mode: EngineMode;
	readonly processes: number;
	readonly maxWaiting: number;
	/** How long an aborted call may go on before its process is ended: shorter than a restart would cost the next call. */
	readonly abortGraceMs: number;
	/** Rest after which a slot lets its process go. */
	readonly idleMs: number;
}

interface Job {
	/** Release that the work is for, if it is for one. */
	readonly release: string | undefined;
	readonly signal: AbortSignal | undefined;
	/** Does the work in a slot. Never rejects. */
	perform(slot: EngineSlot): Promise<Outcome>;
	reject(reason: unknown): void;
}

interface Outcome {
	readonly error: unknown;
	/** Tells the caller. */
	settle(): void;
}

const bringsDown: ReadonlySet<string> = new Set(["engine.crashed", "engine.timeout", "engine.outOfMemory"]);

export class Lane {
	readonly #options: LaneOptions;
	readonly #strikes: Strikes;
	readonly #slots: readonly EngineSlot[];
	readonly #idle: Set<EngineSlot>;
	readonly #resting = new Map<EngineSlot, NodeJS.Timeout>();
	readonly #active = new Set<Promise<void>>();
	readonly #waiting: Job[] = [];
	#description: EngineDescription | undefined;
	#closed = false;

	constructor(options: LaneOptions, strikes: Strikes) {
		this.#options = options;
		this.#strikes = strikes;
		this.#slots = Array.from({ length: options.processes }, () => new EngineSlot(options));
		this.#idle = new Set(this.#slots);
	}

	get waiting(): number {
		return this.#waiting.length;
	}

	get running(): number {
		return this.#slots.length - this.#idle.size;
	}

	/** Process ids of the running engines. */
	get pids(): number[] {
		return this.#slots.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
	}

	/** Loads the release if it is not and runs the inputs, if there are any. */
	submit(files: ReleaseFiles, inputs: Tensors | undefined, signal: AbortSignal | undefined): Promise<SlotAnswer> {
		const waitMs = this.#strikes.waitMs(files.id);
		if (waitMs > 0) return Promise.reject(new FreeholdError("engine.quarantined", { count: this.#strikes.count(files.id), seconds: Math.ceil(waitMs / 1000) }));
		return this.#enqueue(files.id, (slot) => slot.perform(files, inputs), signal);
	}

	/** The engine's description, starting a process if none has run yet. */
	async describe(): Promise<EngineDescription> {
		this.#description ??= await this.#enqueue(undefined, (slot) => slot.describe(), undefined);
		return this.#description;
	}

	/** Waits for running calls, refuses waiting ones, ends the processes. */
	async close(): Promise<void> {
		this.#closed = true;
		for (const job of this.#waiting.splice(0)) job.reject(new FreeholdError("service.stopping", { service: "The engine pool" }));
		await Promise.all(this.#active);
		for (const timer of this.#resting.values()) clearTimeout(timer);
		await Promise.all(this.#slots.map((slot) => slot.close()));
	}

	#enqueue<Answer>(release: string | undefined, work: (slot: EngineSlot) => Promise<Answer>, signal: AbortSignal | undefined): Promise<Answer> {
		if (signal?.aborted === true) return Promise.reject(signal.reason);
		if (this.#closed) return Promise.reject(new FreeholdError("service.stopping", { service: "The engine pool" }));
		if (this.#slots.length === 0)
			return Promise.reject(new FreeholdError("engine.unsupported", { mode: this.#options.mode, reason: "this node runs no such engine" }));
		if (this.#idle.size === 0 && this.#waiting.length >= this.#options.maxWaiting)
			return Promise.reject(new FreeholdError("engine.busy", { waiting: this.#waiting.length }));
		return new Promise((resolve, reject) => {
			const leave = (): void => {
				const place = this.#waiting.indexOf(job);
				if (place >= 0) this.#waiting.splice(place, 1);
				reject(signal?.reason);
			};
			const job: Job = {
				release,
				signal,
				reject,
				perform: async (slot) => {
					try {
						const answer = await work(slot);
						return { error: undefined, settle: () => resolve(answer) };
					} catch (error) {
						return { error, settle: () => reject(error) };
					} finally {
						signal?.removeEventListener("abort", leave);
					}
				},
			};
			signal?.addEventListener("abort", leave, { once: true });
			this.#waiting.push(job);
			this.#dispatch();
		});
	}

	#dispatch(): void {
		for (let job = this.#waiting[0]; job !== undefined; job = this.#waiting[0]) {
			const slot = this.#choose(job.release);
			if (slot === undefined) return;
			this.#waiting.shift();
			this.#idle.delete(slot);
			clearTimeout(this.#resting.get(slot));
			const work = this.#work(slot, job);
			this.#active.add(work);
			void work.finally(() => this.#active.delete(work));
		}
	}

	/** An idle slot that has the release loaded, else one whose process runs, with most room, else one that must start. */
	#choose(release: string | undefined): EngineSlot | undefined {
		let best: EngineSlot | undefined;
		for (const slot of this.#idle) {
			if (release !== undefined && slot.holds(release)) return slot;
			const better = best === undefined || (slot.pid !== undefined && (best.pid === undefined || slot.sessions < best.sessions));
			if (better) best = slot;
		}
		return best;
	}

	async #work(slot: EngineSlot, job: Job): Promise<void> {
		let grace: NodeJS.Timeout | undefined;
		const interrupt = (): void => {
			grace = setTimeout(() => slot.interrupt(), this.#options.abortGraceMs);
		};
		job.signal?.addEventListener("abort", interrupt, { once: true });
		const { error, settle } = await job.perform(slot);
		clearTimeout(grace);
		job.signal?.removeEventListener("abort", interrupt);
		if (job.release !== undefined) this.#judge(job.release, error, job.signal?.aborted === true);
		const recovering = slot.needsRecovery && !this.#closed;
		// Who was served may ask again at once, and finds the slot free.
		if (!recovering) this.#release(slot);
		settle();
		if (!recovering) return;
		await slot.recover(() => this.#waiting.length > 0 || this.#closed);
		this.#release(slot);
	}

	#judge(release: string, error: unknown, aborted: boolean): void {
		if (error === undefined) this.#strikes.clear(release);
		else if (!aborted && error instanceof FreeholdError && bringsDown.has(error.code)) this.#strikes.strike(release);
	}

	#release(slot: EngineSlot): void {
		this.#idle.add(slot);
		const timer = setTimeout(() => void this.#rest(slot), this.#options.idleMs);
		timer.unref();
		clearTimeout(this.#resting.get(slot));
		this.#resting.set(slot, timer);
		this.#dispatch();
	}

	async #rest(slot: EngineSlot): Promise<void> {
		if (!this.#idle.delete(slot)) return;
		await slot.rest();
		this.#idle.add(slot);
		this.#dispatch();
	}
}
