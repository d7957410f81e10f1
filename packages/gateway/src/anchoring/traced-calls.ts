/** Calls that are traced and not anchored yet: their batch's way to the chain is the last step of each of their traces. */
import { type LateStep, tracePlace } from "@freehold/service";

/** What does not fit is traced without its anchoring. */
const MOST = 10_000;

export class TracedCalls {
	readonly #now: () => number;
	readonly #steps = new Map<number, LateStep[]>();
	#count = 0;

	/** `now`: Unix milliseconds. */
	constructor(now: () => number) {
		this.#now = now;
	}

	/** To be called in the request of a call that was placed in batch `seq`. */
	recorded(seq: number): void {
		const place = tracePlace();
		if (place === undefined || this.#count >= MOST) return;
		const step = { place, startedAt: this.#now() };
		const steps = this.#steps.get(seq);
		if (steps === undefined) this.#steps.set(seq, [step]);
		else steps.push(step);
		this.#count += 1;
	}

	of(seq: number): readonly LateStep[] {
		return this.#steps.get(seq) ?? [];
	}

	forget(seq: number): void {
		this.#count -= this.of(seq).length;
		this.#steps.delete(seq);
	}
}
