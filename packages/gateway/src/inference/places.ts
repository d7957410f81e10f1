/**
 * Places for calls of all kinds under way at one time. Whoever finds none is turned away at the door, before a byte of the body is read, a signature checked or
 * the store asked: under overload every refusal takes from the calls that are answered.
 */
import { FreeholdError } from "@freehold/protocol";
import type { HttpResponse } from "@freehold/service";

export class Places {
	readonly #most: number;
	#taken = 0;

	constructor(most: number) {
		this.#most = most;
	}

	/** Takes a place; the returned function gives it back, once. Throws `gateway.overloaded`. */
	readonly enter = (): (() => void) => {
		if (this.#taken >= this.#most) throw full();
		this.#taken++;
		let inside = true;
		return () => {
			if (inside) this.#taken--;
			inside = false;
		};
	};

	/** For a route: turns requests away while every place is taken. `refuse`: the refusal in the route's own shape, made once. */
	door(refuse: (error: FreeholdError) => HttpResponse): () => HttpResponse | undefined {
		const refusal = refuse(full());
		return () => (this.#taken >= this.#most ? refusal : undefined);
	}
}

function full(): FreeholdError {
	return new FreeholdError("gateway.overloaded", { seconds: 1 });
}
