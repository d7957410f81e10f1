/** What a long-lived command may still spend. */
import { FreeholdError, formatOpg } from "@freehold/protocol";

export class Purse {
	readonly #budget: bigint;
	#spent = 0n;

	constructor(budget: bigint) {
		this.#budget = budget;
	}

	get spent(): bigint {
		return this.#spent;
	}

	/** Throws `key.overBudget` when nothing is left. */
	get left(): bigint {
		const left = this.#budget - this.#spent;
		if (left <= 0n) throw new FreeholdError("key.overBudget", { left: "0", needed: formatOpg(1n) });
		return left;
	}

	spend(amount: bigint): void {
		this.#spent += amount;
	}
}
