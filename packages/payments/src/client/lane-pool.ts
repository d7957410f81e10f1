/** Which lanes are free: a channel carries one call at a time. */
import { FreeholdError, type Hex } from "@freehold/protocol";

/** Calls that may wait for a lane. */
const WAITING = 1_000;

/** Lane numbers that are free, per till; the lowest first, so that few channels are opened. */
export class LanePool {
	readonly #size: number;
	readonly #busy = new Map<Hex, Set<number>>();
	readonly #waiting = new Map<Hex, (() => void)[]>();

	constructor(size: number) {
		this.#size = size;
	}

	async take(till: Hex, signal?: AbortSignal): Promise<number> {
		for (;;) {
			const busy = this.#busy.get(till) ?? new Set<number>();
			this.#busy.set(till, busy);
			for (let lane = 0; lane < this.#size; lane++) {
				if (busy.has(lane)) continue;
				busy.add(lane);
				return lane;
			}
			await this.#wait(till, signal);
		}
	}

	give(till: Hex, lane: number): void {
		this.#busy.get(till)?.delete(lane);
		this.#waiting.get(till)?.shift()?.();
	}

	#wait(till: Hex, signal: AbortSignal | undefined): Promise<void> {
		const queue = this.#waiting.get(till) ?? [];
		this.#waiting.set(till, queue);
		if (queue.length >= WAITING) throw new FreeholdError("gateway.overloaded", { seconds: 1 });
		return new Promise((resolve, reject) => {
			const proceed = (): void => {
				signal?.removeEventListener("abort", give);
				resolve();
			};
			const give = (): void => {
				const index = queue.indexOf(proceed);
				if (index >= 0) queue.splice(index, 1);
				reject(new FreeholdError("request.aborted"));
			};
			if (signal?.aborted === true) return give();
			signal?.addEventListener("abort", give, { once: true });
			queue.push(proceed);
		});
	}
}
