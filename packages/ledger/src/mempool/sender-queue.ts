/** The pooled transactions of one sender, by nonce. Those that follow the account's nonce without a gap are pending; the rest are queued. */
import { maximalCost, type Transaction } from "../transaction/transaction.js";

export interface PooledTransaction {
	readonly tx: Transaction;
	/** Unix milliseconds. */
	readonly addedAt: number;
	/** Order of arrival. */
	readonly sequence: number;
	readonly cost: bigint;
	/** It does not enter a block yet: what it asks of models is not known or not there. */
	isHeld: boolean;
	/** Pooled transactions that stand before it in the block: results that it uses. */
	needs: readonly string[];
	/** It stands before all others: a result, or an opening. */
	isResult: boolean;
	/** Of a delivery: the transaction that it is for. */
	readonly resultOf: string | undefined;
}

export class SenderQueue {
	readonly address: Uint8Array;
	readonly #byNonce = new Map<bigint, PooledTransaction>();
	/** The account's nonce at the head of the chain. */
	#next: bigint;
	#cost = 0n;

	constructor(address: Uint8Array, next: bigint) {
		this.address = address;
		this.#next = next;
	}

	get size(): number {
		return this.#byNonce.size;
	}

	get next(): bigint {
		return this.#next;
	}

	/** Most that all its transactions can cost together. */
	get cost(): bigint {
		return this.#cost;
	}

	get(nonce: bigint): PooledTransaction | undefined {
		return this.#byNonce.get(nonce);
	}

	all(): Iterable<PooledTransaction> {
		return this.#byNonce.values();
	}

	/** The first nonce that no pending transaction uses. */
	pendingNonce(): bigint {
		let nonce = this.#next;
		while (this.#byNonce.has(nonce)) nonce++;
		return nonce;
	}

	/** The one with the greatest nonce. */
	last(): PooledTransaction | undefined {
		let last: PooledTransaction | undefined;
		for (const entry of this.#byNonce.values()) if (last === undefined || entry.tx.nonce > last.tx.nonce) last = entry;
		return last;
	}

	put(tx: Transaction, arrival: Pick<PooledTransaction, "addedAt" | "sequence" | "resultOf">): PooledTransaction {
		this.remove(tx.nonce);
		const entry = { tx, ...arrival, cost: maximalCost(tx), isHeld: false, needs: [], isResult: false };
		this.#byNonce.set(tx.nonce, entry);
		this.#cost += entry.cost;
		return entry;
	}

	remove(nonce: bigint): PooledTransaction | undefined {
		const entry = this.#byNonce.get(nonce);
		if (entry === undefined) return undefined;
		this.#byNonce.delete(nonce);
		this.#cost -= entry.cost;
		return entry;
	}

	/** Moves to the account's new nonce; gives back what can never be included now. */
	advance(next: bigint): PooledTransaction[] {
		this.#next = next;
		const gone: PooledTransaction[] = [];
		for (const { tx } of this.#byNonce.values()) {
			if (tx.nonce >= next) continue;
			const entry = this.remove(tx.nonce);
			if (entry !== undefined) gone.push(entry);
		}
		return gone;
	}
}
