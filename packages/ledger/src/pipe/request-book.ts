/** Open requests to nodes. A node asks for those above the last number that it has seen, and may wait for the next one. */
import type { Hex } from "@freehold/protocol";

/** What a transaction asks of a model. */
export interface AskedModel {
	/** Of the call. */
	readonly id: Hex;
	/** Hash of the transaction that makes it, and its place among that transaction's calls. */
	readonly transaction: Hex;
	readonly index: number;
	/** 0 model, 1 completion, 2 chat. */
	readonly kind: number;
	readonly payer: Hex;
	/** ABI-encoded request. */
	readonly request: Hex;
}

export interface ModelRequest extends AskedModel {
	/** A call is opened first, which draws the one who answers it. */
	readonly step: "open" | "answer";
	/** Who is to do it; `0x` while no node is enrolled. */
	readonly operator: Hex;
	/** Of an answer: 0 the drawn operator, 1 and 2 those after it. Of an opening: whose turn it is. */
	readonly attempt: number;
}

export interface NumberedRequest extends ModelRequest {
	readonly number: number;
}

interface Entry extends NumberedRequest {
	/** Unix milliseconds: when the call was found, and when its node has had its time. */
	readonly seenAt: number;
	readonly dueAt: number;
}

export class RequestBook {
	readonly #now: () => number;
	readonly #byId = new Map<Hex, Entry>();
	readonly #listeners = new Set<() => void>();
	#number = 0;

	/** `now`: Unix milliseconds. */
	constructor(now: () => number) {
		this.#now = now;
	}

	get size(): number {
		return this.#byId.size;
	}

	/** Number of the newest request. */
	get newest(): number {
		return this.#number;
	}

	get(id: Hex): (ModelRequest & { readonly seenAt: number }) | undefined {
		return this.#byId.get(id);
	}

	/** Enters a request, or what has become of it. */
	put(request: ModelRequest, times: { readonly seenAt: number; readonly dueAt: number }): void {
		this.#byId.set(request.id, { ...request, ...times, number: ++this.#number });
		for (const listener of this.#listeners) listener();
	}

	/** Forgets those of a transaction that are not among these. */
	keepOnly(transaction: Hex, ids: ReadonlySet<Hex>): void {
		for (const entry of this.#byId.values()) if (entry.transaction === transaction && !ids.has(entry.id)) this.#byId.delete(entry.id);
	}

	/** Whose node has had its time. */
	late(): readonly (ModelRequest & { readonly seenAt: number })[] {
		const now = this.#now();
		return [...this.#byId.values()].filter(({ dueAt }) => now >= dueAt);
	}

	/** What an operator has to do, numbered above `after`, in order. */
	of(operator: Hex, after: number): readonly NumberedRequest[] {
		return [...this.#byId.values()].filter((entry) => entry.operator === operator && entry.number > after).sort((a, b) => a.number - b.number);
	}

	/** Called after each new request. Returns the way to stop. */
	onRequest(listener: () => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}
}
