/** Open requests to nodes. A node asks for those above the last number that it has seen, and may wait for the next one. */
import type { Hex } from "@freehold/protocol";

export interface ModelRequest {
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
	/** Who is to answer; `0x` while no node is enrolled. */
	readonly operator: Hex;
	/** Block whose hash took part in the sortition. */
	readonly dispatchBlock: bigint;
	readonly attempt: number;
}

export interface NumberedRequest extends ModelRequest {
	readonly number: number;
}

interface Entry extends NumberedRequest {
	readonly dispatchedAt: number;
}

export class RequestBook {
	readonly #options: { readonly now: () => number; readonly attemptMs: number };
	readonly #byId = new Map<Hex, Entry>();
	readonly #listeners = new Set<() => void>();
	#number = 0;

	constructor(options: { readonly now: () => number; readonly attemptMs: number }) {
		this.#options = options;
	}

	get size(): number {
		return this.#byId.size;
	}

	/** Number of the newest request. */
	get newest(): number {
		return this.#number;
	}

	has(id: Hex): boolean {
		return this.#byId.has(id);
	}

	put(request: ModelRequest): void {
		this.#byId.set(request.id, { ...request, number: ++this.#number, dispatchedAt: this.#options.now() });
		for (const listener of this.#listeners) listener();
	}

	/** Forgets those of a transaction that are not among these. */
	keepOnly(transaction: Hex, ids: ReadonlySet<Hex>): void {
		for (const entry of this.#byId.values()) if (entry.transaction === transaction && !ids.has(entry.id)) this.#byId.delete(entry.id);
	}

	/** Whose node has had its time. */
	late(): readonly ModelRequest[] {
		const { now, attemptMs } = this.#options;
		return [...this.#byId.values()].filter(({ dispatchedAt }) => now() - dispatchedAt >= attemptMs);
	}

	/** What an operator has to answer, numbered above `after`, in order. */
	of(operator: Hex, after: number): readonly NumberedRequest[] {
		return [...this.#byId.values()].filter((entry) => entry.operator === operator && entry.number > after);
	}

	/** Called after each new request. Returns the way to stop. */
	onRequest(listener: () => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}
}
