/**
 * Continuous batching: whatever every sequence has to read next goes into one step of the model. Sequences that write come first, since each of their tokens is
 * somebody's wait; long prompts share what is left of the step, so that none of them holds up the others.
 */
import { FreeholdError } from "@freehold/protocol";
import type { AddonContext } from "./addon.js";

interface Feed {
	readonly sequence: number;
	position: number;
	/** Not decoded yet. */
	tokens: readonly number[];
	readonly signal: AbortSignal | undefined;
	/** Reads the logits of the last token before anything else is decoded. */
	readonly use: (logitIndex: number) => Promise<void>;
	readonly reject: (reason: unknown) => void;
}

const NO_LOGITS = new Uint32Array(0);

export class DecodeLoop {
	readonly #context: AddonContext;
	readonly #batchSize: number;
	readonly #feeds = new Set<Feed>();
	#running = false;
	/** Where the next prompt's turn begins. */
	#turn = 0;

	constructor(context: AddonContext, batchSize: number) {
		this.#context = context;
		this.#batchSize = batchSize;
	}

	/** Decodes tokens of a sequence from a position on, and resolves with what `use` makes of the logits behind the last of them. */
	decode<R>(sequence: number, position: number, tokens: readonly number[], use: (logitIndex: number) => Promise<R>, signal?: AbortSignal): Promise<R> {
		return new Promise((resolve, reject) => {
			this.#feeds.add({ sequence, position, tokens, signal, reject, use: (index) => use(index).then(resolve, reject) });
			if (!this.#running) void this.#run();
		});
	}

	async #run(): Promise<void> {
		this.#running = true;
		while (this.#feeds.size > 0) {
			for (const feed of this.#feeds) if (feed.signal?.aborted === true) this.#drop(feed, feed.signal.reason);
			if (this.#feeds.size > 0) await this.#step();
			// Those who were served say what comes next, and the pipe to the parent is read.
			await new Promise((resolve) => setImmediate(resolve));
		}
		this.#running = false;
	}

	async #step(): Promise<void> {
		const shares = this.#shares();
		this.#context.initBatch(shares.reduce((sum, { count }) => sum + count, 0));
		const ready: { readonly feed: Feed; readonly index: number }[] = [];
		try {
			for (const { feed, count } of shares) {
				const last = count === feed.tokens.length;
				const piece = Uint32Array.from(last ? feed.tokens : feed.tokens.slice(0, count));
				const indexes = this.#context.addToBatch(feed.sequence, feed.position, piece, last ? Uint32Array.of(count - 1) : NO_LOGITS);
				if (last) ready.push({ feed, index: indexes[0] ?? -1 });
			}
			await this.#context.decodeBatch();
		} catch (error) {
			const reason = new FreeholdError("engine.failed", { reason: error instanceof Error ? error.message.slice(0, 200) : "unknown" }, { cause: error });
			for (const { feed } of shares) this.#drop(feed, reason);
			return;
		}
		for (const { feed, count } of shares) {
			feed.position += count;
			feed.tokens = feed.tokens.slice(count);
		}
		for (const { feed } of ready) this.#feeds.delete(feed);
		// One after the other: samplers of one context share its buffers.
		for (const { feed, index } of ready) await feed.use(index);
	}

	#shares(): { readonly feed: Feed; readonly count: number }[] {
		const writing = [...this.#feeds].filter(({ tokens }) => tokens.length === 1).slice(0, this.#batchSize);
		const reading = [...this.#feeds].filter(({ tokens }) => tokens.length > 1);
		const shares = writing.map((feed) => ({ feed, count: 1 }));
		let room = this.#batchSize - writing.length;
		for (let index = 0; index < reading.length && room > 0; index++) {
			const feed = reading[(this.#turn + index) % reading.length] as Feed;
			const count = Math.min(feed.tokens.length, Math.max(1, Math.floor(room / (reading.length - index))));
			shares.push({ feed, count });
			room -= count;
		}
		this.#turn++;
		return shares;
	}

	#drop(feed: Feed, reason: unknown): void {
		this.#feeds.delete(feed);
		feed.reject(reason);
	}
}
