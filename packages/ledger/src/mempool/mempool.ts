/**
 * Transactions that wait for a block. Admission is judged at the head of the chain; refusals are values, in geth's words.
 * Bounded in count, bytes, nonces per sender and age; when it is full, the cheapest transactions that nobody's later nonce waits for leave first.
 */
import { LEAST_BASE_FEE } from "../block/base-fee.js";
import { MAX_RESULTS_PER_BLOCK, readDelivery } from "../pipe/delivery.js";
import { checkStateless } from "../transaction/intrinsic.js";
import { effectiveTip, maximalCost, type Transaction, TransactionError } from "../transaction/transaction.js";
import { MaxHeap } from "./max-heap.js";
import { type PooledTransaction, SenderQueue } from "./sender-queue.js";

export interface MempoolOptions {
	readonly maxTransactions: number;
	readonly maxBytes: number;
	/** A sender's transactions have nonces in [n, n + window), n being the account's. */
	readonly nonceWindow: bigint;
	/** A replacement pays at least this much more, in percent, both in fee and in tip. */
	readonly priceBumpPercent: bigint;
	/** A transaction older than this leaves. Milliseconds. */
	readonly lifetimeMs: number;
	readonly blockGasLimit: bigint;
}

export const defaultMempoolOptions = {
	maxTransactions: 32_768,
	maxBytes: 64 * 1024 * 1024,
	nonceWindow: 64n,
	priceBumpPercent: 10n,
	lifetimeMs: 3 * 3_600_000,
} as const;

/** What admission needs to know of a sender at the head. */
export interface SenderState {
	readonly nonce: bigint;
	readonly balance: bigint;
	/** True for contracts; false for plain accounts and those that delegate by EIP-7702. */
	readonly isContract: boolean;
}

export interface MempoolModules {
	readonly senderState: (address: Uint8Array) => SenderState;
	/** Unix milliseconds. */
	readonly now: () => number;
}

export type Admission = { readonly kind: "accepted" } | { readonly kind: "refused"; readonly reason: string };

export interface SelectionLimits {
	readonly baseFeePerGas: bigint;
	readonly gasLimit: bigint;
	/** Sum over the transactions of their bytes and of the overhead for each. */
	readonly maxBytes: number;
	readonly overheadBytes: number;
}

const refused = (reason: string): Admission => ({ kind: "refused", reason });
const MAX_BARRED = 8_192;
/** Share of the pool that one eviction frees. */
const EVICTION_SHARE = 100;

interface Head {
	readonly entry: PooledTransaction;
	readonly tip: bigint;
	readonly queue: SenderQueue;
}

export class Mempool {
	readonly #options: MempoolOptions;
	readonly #modules: MempoolModules;
	readonly #senders = new Map<string, SenderQueue>();
	readonly #byId = new Map<string, PooledTransaction>();
	/** Transactions that may not come back for a while, oldest first. */
	readonly #barred = new Map<string, { readonly untilMs: number; readonly reason: string }>();
	#bytes = 0;
	#sequence = 0;
	/** While the pool is full: a fee at or below which nothing can enter until the next block. */
	#entryFee: bigint | undefined;

	constructor(options: MempoolOptions, modules: MempoolModules) {
		this.#options = options;
		this.#modules = modules;
	}

	get size(): number {
		return this.#byId.size;
	}

	get bytes(): number {
		return this.#bytes;
	}

	get(id: string): Transaction | undefined {
		return this.#byId.get(id)?.tx;
	}

	/** The nonce that follows the sender's pending transactions; undefined when the pool holds none of theirs. */
	pendingNonce(sender: string): bigint | undefined {
		return this.#senders.get(sender)?.pendingNonce();
	}

	/** What waits, sender by sender, in order of nonce: one sender's, or everybody's. `isPending` where no earlier nonce is missing. */
	*waiting(only?: string): Iterable<{ readonly tx: Transaction; readonly isPending: boolean }> {
		for (const [sender, queue] of this.#senders) {
			if (only !== undefined && only !== sender) continue;
			const pendingNonce = queue.pendingNonce();
			const inOrder = [...queue.all()].sort((a, b) => (a.tx.nonce < b.tx.nonce ? -1 : 1));
			for (const { tx } of inOrder) yield { tx, isPending: tx.nonce < pendingNonce };
		}
	}

	add(tx: Transaction): Admission {
		if (this.#byId.has(tx.id)) return refused("already known");
		const bar = this.#barred.get(tx.id);
		if (bar !== undefined && bar.untilMs > this.#modules.now()) return refused(bar.reason);
		try {
			checkStateless(tx, this.#options.blockGasLimit);
		} catch (error) {
			if (error instanceof TransactionError) return refused(error.message);
			throw error;
		}
		// It could never pay for a place, and would cost its sender nothing.
		if (tx.maxFeePerGas < LEAST_BASE_FEE) return refused(`transaction underpriced: gas fee cap ${tx.maxFeePerGas}, minimum needed ${LEAST_BASE_FEE}`);
		const account = this.#modules.senderState(tx.sender);
		if (account.isContract) return refused(`sender not an eoa: address ${tx.from}`);
		if (tx.nonce < account.nonce) return refused(`nonce too low: next nonce ${account.nonce}, tx nonce ${tx.nonce}`);
		if (tx.nonce >= account.nonce + this.#options.nonceWindow) return refused(`nonce too high: next nonce ${account.nonce}, tx nonce ${tx.nonce}`);
		const queue = this.#senders.get(tx.from) ?? new SenderQueue(tx.sender, account.nonce);
		if (queue.next !== account.nonce) this.#forget(queue.advance(account.nonce));
		const replaced = queue.get(tx.nonce);
		if (replaced !== undefined && !this.#outbids(tx, replaced.tx)) return refused("replacement transaction underpriced");
		const poverty = lackOfFunds(tx, account.balance, queue.cost - (replaced?.cost ?? 0n));
		if (poverty !== undefined) return refused(poverty);
		if (replaced !== undefined) this.#remove(queue, replaced);
		else if (!this.#makeRoom(tx)) return refused("transaction underpriced: the pool is full");
		this.#senders.set(tx.from, queue);
		this.#byId.set(tx.id, queue.put(tx, { addedAt: this.#modules.now(), sequence: this.#sequence++, resultOf: readDelivery(tx)?.transaction }));
		this.#bytes += tx.raw.length;
		return { kind: "accepted" };
	}

	/** Keeps a transaction, and its sender's later ones, out of blocks until it is released. */
	hold(id: string): void {
		const entry = this.#byId.get(id);
		if (entry !== undefined) entry.isHeld = true;
	}

	/** Lets it into a block, after those of `needs` that still wait here. */
	release(id: string, needs: readonly string[]): void {
		const entry = this.#byId.get(id);
		if (entry === undefined) return;
		entry.isHeld = false;
		entry.needs = needs;
	}

	/** A result or an opening of a model call: it goes before what pays more, since others wait for it. */
	promote(id: string): void {
		const entry = this.#byId.get(id);
		if (entry !== undefined) entry.isResult = true;
	}

	/** The best-paying transactions that fit, each sender's in order of nonce; equal tips in order of arrival. */
	select(limits: SelectionLimits): Transaction[] {
		const heads = new MaxHeap<Head>((a, b) =>
			a.entry.isResult !== b.entry.isResult
				? Number(a.entry.isResult) - Number(b.entry.isResult)
				: a.tip === b.tip
					? b.entry.sequence - a.entry.sequence
					: a.tip > b.tip
						? 1
						: -1,
		);
		/** By the result that they wait for. */
		const parked = new Map<string, Head[]>();
		const taken = new Set<string>();
		let results = 0;
		const offer = (queue: SenderQueue, nonce: bigint): void => {
			const entry = queue.get(nonce);
			if (entry === undefined || entry.isHeld) return;
			const tip = effectiveTip(entry.tx, limits.baseFeePerGas);
			if (tip >= 0n) put({ entry, tip, queue });
		};
		const put = (head: Head): void => {
			const missing = head.entry.needs.find((id) => !taken.has(id) && this.#byId.has(id));
			if (missing === undefined) heads.push(head);
			else parked.set(missing, [...(parked.get(missing) ?? []), head]);
		};
		for (const queue of this.#senders.values()) offer(queue, queue.next);
		const chosen: Transaction[] = [];
		let gas = limits.gasLimit;
		let bytes = limits.maxBytes;
		for (let head = heads.pop(); head !== undefined && gas >= 21_000n; head = heads.pop()) {
			const { tx } = head.entry;
			const size = tx.raw.length + limits.overheadBytes;
			const { isResult, resultOf } = head.entry;
			// A result behind its consumer, or one too many, would have the proposal refused: it waits for the next block.
			if (resultOf !== undefined && taken.has(resultOf)) continue;
			if (tx.gasLimit > gas || size > bytes || ((isResult || resultOf !== undefined) && results === MAX_RESULTS_PER_BLOCK)) continue;
			if (isResult || resultOf !== undefined) results++;
			gas -= tx.gasLimit;
			bytes -= size;
			chosen.push(tx);
			taken.add(tx.id);
			for (const waiting of parked.get(tx.id) ?? []) put(waiting);
			offer(head.queue, tx.nonce + 1n);
		}
		return chosen;
	}

	/** True when some transaction could enter a block at this base fee. */
	hasExecutable(baseFeePerGas: bigint): boolean {
		for (const queue of this.#senders.values()) {
			const entry = queue.get(queue.next);
			if (entry !== undefined && !entry.isHeld && effectiveTip(entry.tx, baseFeePerGas) >= 0n) return true;
		}
		return false;
	}

	/** Drops these, whatever they wait for. */
	drop(txs: readonly Transaction[]): void {
		for (const { from, id } of txs) {
			const queue = this.#senders.get(from);
			const entry = this.#byId.get(id);
			if (queue !== undefined && entry !== undefined) this.#remove(queue, entry);
		}
	}

	/** Drops a transaction and refuses it with this reason for so long, wherever it comes from: peers hand on what they still have. */
	bar(tx: Transaction, reason: string, forMs: number): void {
		this.drop([tx]);
		this.#barred.delete(tx.id);
		this.#barred.set(tx.id, { untilMs: this.#modules.now() + forMs, reason });
		for (const [oldest, { untilMs }] of this.#barred) {
			if (this.#barred.size <= MAX_BARRED && untilMs > this.#modules.now()) break;
			this.#barred.delete(oldest);
		}
	}

	/** After a block: senders whose nonce may have moved are looked at again, at the new head. */
	settle(senders: ReadonlyMap<string, Uint8Array>): void {
		this.#entryFee = undefined;
		for (const [from, address] of senders) {
			const queue = this.#senders.get(from);
			if (queue === undefined) continue;
			this.#forget(queue.advance(this.#modules.senderState(address).nonce));
			if (queue.size === 0) this.#senders.delete(from);
		}
	}

	/** Drops what has waited too long. */
	expire(): void {
		const oldest = this.#modules.now() - this.#options.lifetimeMs;
		const old: Transaction[] = [];
		for (const { tx, addedAt } of this.#byId.values()) if (addedAt < oldest) old.push(tx);
		this.drop(old);
	}

	#outbids(tx: Transaction, replaced: Transaction): boolean {
		const factor = 100n + this.#options.priceBumpPercent;
		const beats = (offer: bigint, former: bigint): boolean => offer > former && offer * 100n >= former * factor;
		return beats(tx.maxFeePerGas, replaced.maxFeePerGas) && (tx.type < 2 || replaced.type < 2 || beats(tx.maxPriorityFeePerGas, replaced.maxPriorityFeePerGas));
	}

	/** Evicts the cheapest when there is no room; false when the newcomer is not dearer than they are. */
	#makeRoom(tx: Transaction): boolean {
		const { maxTransactions, maxBytes } = this.#options;
		if (this.#byId.size < maxTransactions && this.#bytes + tx.raw.length <= maxBytes) return true;
		if (this.#entryFee !== undefined && tx.maxFeePerGas <= this.#entryFee) return false;
		const tails: { readonly queue: SenderQueue; readonly entry: PooledTransaction }[] = [];
		for (const [from, queue] of this.#senders) {
			const entry = from === tx.from ? undefined : queue.last();
			if (entry !== undefined) tails.push({ queue, entry });
		}
		tails.sort((a, b) =>
			a.entry.tx.maxFeePerGas < b.entry.tx.maxFeePerGas ? -1 : a.entry.tx.maxFeePerGas > b.entry.tx.maxFeePerGas ? 1 : b.entry.sequence - a.entry.sequence,
		);
		const enough = Math.ceil(maxTransactions / EVICTION_SHARE);
		let evicted = 0;
		for (const { queue, entry } of tails) {
			if (entry.tx.maxFeePerGas >= tx.maxFeePerGas || evicted >= enough) break;
			this.#remove(queue, entry);
			evicted++;
		}
		this.#entryFee = tails[0]?.entry.tx.maxFeePerGas;
		return this.#byId.size < maxTransactions && this.#bytes + tx.raw.length <= maxBytes;
	}

	#remove(queue: SenderQueue, entry: PooledTransaction): void {
		if (queue.get(entry.tx.nonce) === entry) queue.remove(entry.tx.nonce);
		if (queue.size === 0) this.#senders.delete(entry.tx.from);
		this.#forget([entry]);
	}

	#forget(entries: readonly PooledTransaction[]): void {
		for (const { tx } of entries) if (this.#byId.delete(tx.id)) this.#bytes -= tx.raw.length;
	}
}

function lackOfFunds(tx: Transaction, balance: bigint, queued: bigint): string | undefined {
	const cost = maximalCost(tx);
	if (balance < cost) return `insufficient funds for gas * price + value: balance ${balance}, tx cost ${cost}, overshot ${cost - balance}`;
	if (balance >= cost + queued) return undefined;
	return `insufficient funds for gas * price + value: balance ${balance}, queued cost ${queued}, tx cost ${cost}, overshot ${cost + queued - balance}`;
}
