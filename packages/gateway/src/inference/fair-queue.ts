/** Places for calls under way. When all are taken, payers wait in turns: one who asks a thousand things delays others by one of them at a time. */
import { FreeholdError } from "@freehold/protocol";

export interface FairQueueOptions {
	readonly places: number;
	/** Calls that wait, of all payers together and of one. */
	readonly waiting: number;
	readonly waitingEach: number;
}

interface Waiting {
	readonly start: () => void;
}

export class FairQueue {
	readonly #options: FairQueueOptions;
	/** Payers in the order of their next turn. */
	readonly #lines = new Map<string, Waiting[]>();
	#taken = 0;
	#waiting = 0;

	constructor(options: FairQueueOptions) {
		this.#options = options;
	}

	/** Resolves with what gives the place back. Throws `gateway.overloaded` when too many wait already, or what the signal says. */
	async enter(payer: string, signal: AbortSignal): Promise<() => void> {
		if (this.#taken < this.#options.places) this.#taken++;
		else await this.#wait(payer, signal);
		let inside = true;
		return () => {
			if (inside) this.#leave();
			inside = false;
		};
	}

	#wait(payer: string, signal: AbortSignal): Promise<void> {
		const line = this.#lines.get(payer) ?? [];
		const { waiting, waitingEach } = this.#options;
		if (this.#waiting >= waiting || line.length >= waitingEach) return Promise.reject(new FreeholdError("gateway.overloaded", { seconds: 1 }));
		return new Promise((resolve, reject) => {
			const onAbort = (): void => {
				const at = line.indexOf(own);
				if (at < 0) return;
				line.splice(at, 1);
				this.#waiting--;
				if (line.length === 0) this.#lines.delete(payer);
				reject(signal.reason instanceof FreeholdError ? signal.reason : new FreeholdError("request.aborted"));
			};
			const own: Waiting = {
				start: () => {
					signal.removeEventListener("abort", onAbort);
					resolve();
				},
			};
			if (signal.aborted) {
				reject(new FreeholdError("request.aborted"));
				return;
			}
			signal.addEventListener("abort", onAbort, { once: true });
			line.push(own);
			this.#waiting++;
			this.#lines.set(payer, line);
		});
	}

	#leave(): void {
		const [next] = this.#lines;
		if (next === undefined) {
			this.#taken--;
			return;
		}
		const [payer, line] = next;
		const first = line.shift();
		this.#waiting--;
		// Behind everyone else who waits.
		this.#lines.delete(payer);
		if (line.length > 0) this.#lines.set(payer, line);
		first?.start();
	}
}
