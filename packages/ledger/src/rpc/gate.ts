/**
 * Calls that may compute for long take turns, and blocks are made between the turns: a stranger's endless loop delays the chain by one call, never by all that wait.
 */
import { limitExceeded } from "./rpc-error.js";

export interface GateOptions {
	/** Milliseconds, rising. */
	readonly now: () => number;
	/** Lets other work run. */
	readonly breathe: () => Promise<void>;
	/** Leaves the processor to others for so many milliseconds. */
	readonly rest: (ms: number) => Promise<void>;
}

/** Work without a pause, in milliseconds, after which others come first. */
export const STRETCH_MS = 8;
/** After more than this the others get as much time as was taken: making one block needs several turns of the event loop. */
const LONG_MS = 25;
const MAX_WAITING = 1_000;

export class Gate {
	readonly #options: GateOptions;
	#last: Promise<unknown> | undefined;
	#waiting = 0;
	#spentMs = 0;

	constructor(options: GateOptions) {
		this.#options = options;
	}

	/** Runs at once when nothing waits and little was done since the last pause. */
	run<R>(work: () => R | Promise<R>, signal: () => AbortSignal): R | Promise<R> {
		if (this.#last === undefined && this.#spentMs < STRETCH_MS) return this.#timed(work);
		if (this.#waiting >= MAX_WAITING) throw limitExceeded(`${MAX_WAITING} calls wait already`);
		this.#waiting++;
		const turn = (this.#last ?? Promise.resolve()).then(async () => {
			try {
				if (this.#spentMs >= STRETCH_MS) {
					const { breathe, rest } = this.#options;
					await (this.#spentMs < LONG_MS ? breathe() : rest(this.#spentMs));
					this.#spentMs = 0;
				}
				if (signal().aborted) throw limitExceeded("the caller went away");
				return await this.#timed(work);
			} finally {
				this.#waiting--;
				if (this.#waiting === 0) this.#last = undefined;
			}
		});
		this.#last = turn.catch(() => undefined);
		return turn;
	}

	#timed<R>(work: () => R): R {
		const startedAt = this.#options.now();
		try {
			return work();
		} finally {
			this.#spentMs += this.#options.now() - startedAt;
		}
	}
}

/** To be awaited between small steps of long work; it pauses when it is time. */
export type Step = () => Promise<void> | undefined;

export function pacer({ now, breathe }: GateOptions): Step {
	let from = now();
	return () => {
		if (now() - from < STRETCH_MS) return undefined;
		return breathe().then(() => {
			from = now();
		});
	};
}
