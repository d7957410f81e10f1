/**
 * Whose turn it is. Among those who wait, whoever used the least time lately goes first; one caller's own work stays in order. A caller who has used much is
 * heavy until that is forgotten, so that a thread can be kept for all others.
 */
import { limitExceeded } from "../rpc/rpc-error.js";

export interface TurnsOptions {
	/** Milliseconds, rising. */
	readonly now: () => number;
	readonly maxWaiting: number;
	/** Bytes of input that may wait. */
	readonly maxBytes: number;
}

export interface Turn<W> {
	readonly caller: string;
	readonly bytes: number;
	readonly work: W;
}

interface Account {
	spentMs: number;
	at: number;
}

/** Half of what was used is forgotten after this time. */
const HALF_LIFE_MS = 10_000;
/** More than this makes a caller heavy: ordinary reads take less than a millisecond each. */
const HEAVY_MS = 250;
/** What a caller counts for of whom nothing is known: after those who are known to be quick, before the heavy. */
const UNKNOWN_MS = 50;
const MAX_ACCOUNTS = 10_000;

export class Turns<W> {
	readonly #options: TurnsOptions;
	readonly #waiting = new Map<string, Set<Turn<W>>>();
	/** In order of last use. */
	readonly #accounts = new Map<string, Account>();
	#count = 0;
	#bytes = 0;

	constructor(options: TurnsOptions) {
		this.#options = options;
	}

	get waiting(): number {
		return this.#count;
	}

	/**
	 * When no place is left, whoever used the most time gives up the last of theirs, which is returned; when that is the caller itself, throws `-32005`.
	 */
	add(turn: Turn<W>): readonly Turn<W>[] {
		const evicted: Turn<W>[] = [];
		while (this.#isFull(turn.bytes)) {
			const loser = this.#lastOfHeaviest();
			if (loser === undefined || this.#spent(loser.caller) <= this.#spent(turn.caller)) {
				for (const back of evicted) this.#place(back);
				throw limitExceeded(`${this.#count} calls wait already`);
			}
			this.remove(loser);
			evicted.push(loser);
		}
		this.#place(turn);
		return evicted;
	}

	#isFull(bytes: number): boolean {
		return this.#count >= this.#options.maxWaiting || this.#bytes + bytes > this.#options.maxBytes;
	}

	#lastOfHeaviest(): Turn<W> | undefined {
		let heaviest: Set<Turn<W>> | undefined;
		let most = -1;
		for (const [caller, own] of this.#waiting) {
			const spent = this.#spent(caller);
			if (spent <= most) continue;
			most = spent;
			heaviest = own;
		}
		return heaviest === undefined ? undefined : [...heaviest].at(-1);
	}

	#place(turn: Turn<W>): void {
		const own = this.#waiting.get(turn.caller) ?? new Set();
		own.add(turn);
		this.#waiting.set(turn.caller, own);
		this.#count++;
		this.#bytes += turn.bytes;
	}

	/** True when it was still waiting. */
	remove(turn: Turn<W>): boolean {
		const own = this.#waiting.get(turn.caller);
		if (own?.delete(turn) !== true) return false;
		if (own.size === 0) this.#waiting.delete(turn.caller);
		this.#count--;
		this.#bytes -= turn.bytes;
		return true;
	}

	/** The next turn, no longer waiting; of those who are not heavy only, if so asked. */
	take(onlyLight: boolean): Turn<W> | undefined {
		let best: Turn<W> | undefined;
		let least = onlyLight ? HEAVY_MS : Number.POSITIVE_INFINITY;
		for (const [caller, own] of this.#waiting) {
			const spent = this.#spent(caller);
			if (spent >= least) continue;
			least = spent;
			[best] = own;
		}
		if (best !== undefined) this.remove(best);
		return best;
	}

	isHeavy(caller: string): boolean {
		return this.#spent(caller) >= HEAVY_MS;
	}

	/** Puts time to a caller's account. */
	charge(caller: string, ms: number): void {
		const spentMs = (this.#accounts.has(caller) ? this.#spent(caller) : 0) + ms;
		this.#accounts.delete(caller);
		this.#accounts.set(caller, { spentMs, at: this.#options.now() });
		const [eldest] = this.#accounts.keys();
		if (this.#accounts.size > MAX_ACCOUNTS && eldest !== undefined) this.#accounts.delete(eldest);
	}

	/** Everything that waits, taken out. */
	clear(): readonly Turn<W>[] {
		const all = [...this.#waiting.values()].flatMap((own) => [...own]);
		for (const turn of all) this.remove(turn);
		return all;
	}

	#spent(caller: string): number {
		const account = this.#accounts.get(caller);
		return account === undefined ? UNKNOWN_MS : account.spentMs * 0.5 ** ((this.#options.now() - account.at) / HALF_LIFE_MS);
	}
}
