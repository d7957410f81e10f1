/** Quotes and terms of payment that still hold, so that a further call is one request: no question about the price before it. */
import type { PaymentRequired } from "@freehold/payments";
import { isHex, parseModelName, type QuoteBody } from "@freehold/protocol";

/** A name without a version may mean another release soon. */
const NAME_MS = 5_000;
const RELEASE_MS = 60_000;
const MAX_ENTRIES = 256;

export class OfferBook {
	readonly #now: () => number;
	readonly #quotes = new Map<string, { readonly quote: QuoteBody; readonly until: number }>();
	readonly #offers = new Map<string, PaymentRequired>();
	#reached = false;

	constructor(now: () => number) {
		this.#now = now;
	}

	/** Whether the network has ever answered: one that did is waited for when it is away, another is perhaps not there at all. */
	get reached(): boolean {
		return this.#reached;
	}

	quote(model: string): QuoteBody | undefined {
		const kept = this.#quotes.get(model);
		return kept !== undefined && kept.until > this.#now() ? kept.quote : undefined;
	}

	keepQuote(model: string, quote: QuoteBody): void {
		this.#reached = true;
		const fixed = isHex(model, 32) || parseModelName(model)?.version !== undefined;
		const until = Math.min(quote.validUntil, this.#now() + (fixed ? RELEASE_MS : NAME_MS));
		keep(this.#quotes, model, { quote, until });
	}

	/** Terms for a call of a release that costs at most `most`. */
	offer(release: string, most: bigint): PaymentRequired | undefined {
		return this.#offers.get(`${release} ${most}`);
	}

	/** Terms that correct a channel's state are for one call only. */
	keepOffer(release: string, most: bigint, offer: PaymentRequired): void {
		if (offer.error === undefined) keep(this.#offers, `${release} ${most}`, offer);
	}

	/** After a refusal everything about the model is asked again. */
	forget(model: string, release: string, most: bigint): void {
		this.#quotes.delete(model);
		this.#offers.delete(`${release} ${most}`);
	}
}

function keep<T>(map: Map<string, T>, key: string, value: T): void {
	map.set(key, value);
	for (const oldest of map.keys()) {
		if (map.size <= MAX_ENTRIES) break;
		map.delete(oldest);
	}
}
