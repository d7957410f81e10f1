/** The sequences of one context: each holds what it last read, so that a prompt that begins alike is not read again. */
import type { AddonContext } from "./addon.js";

export interface Sequence {
	readonly id: number;
	/** Tokens in the model's memory, in order. */
	readonly tokens: number[];
}

export class Sequences {
	readonly #context: AddonContext;
	/** Longest unused first. */
	readonly #free: Sequence[];
	readonly #waiting: { readonly prompt: readonly number[]; readonly take: (sequence: Sequence) => void }[] = [];

	constructor(context: AddonContext, count: number) {
		this.#context = context;
		this.#free = Array.from({ length: count }, (_, id) => ({ id, tokens: [] }));
	}

	/** A sequence for a prompt, the one that knows most of its beginning; waits for one to come free. The abort signal ends the wait with its reason. */
	acquire(prompt: readonly number[], signal?: AbortSignal): Promise<Sequence> {
		signal?.throwIfAborted();
		const best = this.#best(prompt);
		if (best !== undefined) return Promise.resolve(best);
		return new Promise((resolve, reject) => {
			const onAbort = (): void => {
				this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
				reject(signal?.reason);
			};
			const waiting = {
				prompt,
				take: (sequence: Sequence): void => {
					signal?.removeEventListener("abort", onAbort);
					resolve(sequence);
				},
			};
			signal?.addEventListener("abort", onAbort, { once: true });
			this.#waiting.push(waiting);
		});
	}

	release(sequence: Sequence): void {
		this.#free.push(sequence);
		const next = this.#waiting.shift();
		const best = next && this.#best(next.prompt);
		if (best !== undefined) next?.take(best);
	}

	/** Forgets what the sequence knows beyond the prompt's beginning; gives how many of its tokens need not be read again. At least one always must be. */
	rewind(sequence: Sequence, prompt: readonly number[]): number {
		const shared = Math.min(common(sequence.tokens, prompt), prompt.length - 1);
		// Also behind what is known: a step that was given up may have left its beginning there.
		const cut = shared > 0 && this.#context.removeTokenCellsFromSequence(sequence.id, shared, -1);
		if (!cut) this.#context.disposeSequence(sequence.id);
		sequence.tokens.length = cut ? shared : 0;
		return sequence.tokens.length;
	}

	/** After a failure nobody knows what the memory holds. */
	forget(sequence: Sequence): void {
		this.#context.disposeSequence(sequence.id);
		sequence.tokens.length = 0;
	}

	#best(prompt: readonly number[]): Sequence | undefined {
		let best: Sequence | undefined;
		let most = -1;
		for (const sequence of this.#free) {
			const shared = common(sequence.tokens, prompt);
			// Of those that know nothing of it, the one whose memory was asked for least recently loses it.
			if (shared > most) {
				best = sequence;
				most = shared;
			}
		}
		if (best !== undefined) this.#free.splice(this.#free.indexOf(best), 1);
		return best;
	}
}

function common(a: readonly number[], b: readonly number[]): number {
	const most = Math.min(a.length, b.length);
	let index = 0;
	while (index < most && a[index] === b[index]) index++;
	return index;
}
