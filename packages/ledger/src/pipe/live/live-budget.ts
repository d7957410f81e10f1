/** What strangers may spend of the operator's money and of its nodes' time, by asking models in calls without a transaction. */
import { formatOpg } from "@freehold/protocol";
import { limitExceeded } from "../../rpc/rpc-error.js";

export interface LiveBudgetOptions {
	readonly answersPerMinute: number;
	/** Smallest unit of OPG, for an hour. */
	readonly perHour: bigint;
}

/** Questions under way: of all, and of one caller. */
const MAX_RUNNING = 16;
const MAX_RUNNING_OF_CALLER = 4;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** One answer costs at most this share of an hour's money. */
const SHARE = 10n;

export interface Reservation {
	/** What the answer may cost at most. */
	readonly most: bigint;
	/** To be called once: what it did cost. */
	readonly spend: (price: bigint) => void;
}

export class LiveBudget {
	readonly #options: LiveBudgetOptions;
	readonly #now: () => number;
	readonly #running = new Map<string, number>();
	#runningNow = 0;
	#minute = { from: Number.NEGATIVE_INFINITY, answers: 0 };
	#hour = { from: Number.NEGATIVE_INFINITY, spent: 0n };
	#reserved = 0n;

	/** `now`: Unix milliseconds. */
	constructor(options: LiveBudgetOptions, now: () => number) {
		this.#options = options;
		this.#now = now;
	}

	/** Holds the most that an answer may cost. Throws `-32005` where too much is under way, asked, or spent. */
	reserve(caller: string): Reservation {
		const { answersPerMinute, perHour } = this.#options;
		const now = this.#now();
		if (now - this.#minute.from >= MINUTE_MS) this.#minute = { from: now, answers: 0 };
		if (now - this.#hour.from >= HOUR_MS) this.#hour = { from: now, spent: 0n };
		const ofCaller = this.#running.get(caller) ?? 0;
		if (this.#runningNow >= MAX_RUNNING || ofCaller >= MAX_RUNNING_OF_CALLER) throw limitExceeded("too many live model calls are under way: try again");
		if (this.#minute.answers >= answersPerMinute)
			throw limitExceeded(`this ledger answers ${answersPerMinute} model calls a minute: try again in ${inSeconds(this.#minute.from + MINUTE_MS - now)}`);
		const most = perHour / SHARE;
		if (this.#hour.spent + this.#reserved + most > perHour)
			throw limitExceeded(
				`what this ledger's operator pays for live model calls is used up (${formatOpg(perHour)} an hour): try again in ${inSeconds(this.#hour.from + HOUR_MS - now)}`,
			);
		this.#minute.answers++;
		this.#runningNow++;
		this.#running.set(caller, ofCaller + 1);
		this.#reserved += most;
		return {
			most,
			spend: (price) => {
				this.#runningNow--;
				this.#reserved -= most;
				this.#hour.spent += price;
				const left = (this.#running.get(caller) ?? 1) - 1;
				if (left === 0) this.#running.delete(caller);
				else this.#running.set(caller, left);
			},
		};
	}
}

const inSeconds = (ms: number): string => `${Math.ceil(ms / 1000)} s`;
