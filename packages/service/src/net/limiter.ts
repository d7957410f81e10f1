/** At most so many at once, at most so many waiting; the rest is refused at once instead of piling up. */
import { FreeholdError } from "@freehold/protocol";

export interface LimiterOptions {
	readonly concurrency: number;
	readonly maxWaiting: number;
	/** What a caller is told when there is no place to wait. */
	readonly refuse: (waiting: number) => FreeholdError;
}

export interface Limiter {
	/** Runs `work` when its turn comes. An abort gives the place in the queue back; running work must look at its own signal. */
	run<R>(work: () => Promise<R>, signal?: AbortSignal): Promise<R>;
	readonly depth: { readonly waiting: number; readonly running: number };
	/** Resolves when nothing runs or waits. */
	idle(): Promise<void>;
}

interface Waiting {
	readonly start: () => void;
}

export function createLimiter({ concurrency, maxWaiting, refuse }: LimiterOptions): Limiter {
	const queue = new Set<Waiting>();
	const watchers: (() => void)[] = [];
	let running = 0;

	const release = (): void => {
		running -= 1;
		const [next] = queue;
		if (next !== undefined) {
			queue.delete(next);
			next.start();
		} else if (running === 0) for (const watcher of watchers.splice(0)) watcher();
	};

	const turn = (signal: AbortSignal | undefined): Promise<void> =>
		new Promise((resolve, reject) => {
			const onAbort = (): void => {
				queue.delete(waiting);
				reject(aborted(signal));
			};
			const waiting: Waiting = {
				start: () => {
					signal?.removeEventListener("abort", onAbort);
					running += 1;
					resolve();
				},
			};
			queue.add(waiting);
			signal?.addEventListener("abort", onAbort, { once: true });
		});

	return {
		async run(work, signal) {
			if (signal?.aborted === true) throw aborted(signal);
			if (running < concurrency) running += 1;
			else if (queue.size >= maxWaiting) throw refuse(queue.size);
			else await turn(signal);
			try {
				return await work();
			} finally {
				release();
			}
		},
		get depth() {
			return { waiting: queue.size, running };
		},
		idle: () => (running === 0 ? Promise.resolve() : new Promise((resolve) => watchers.push(resolve))),
	};
}

/** The refusal that an aborted signal stands for: its own reason where that is one of ours. */
export function aborted(signal: AbortSignal | undefined): FreeholdError {
	const reason: unknown = signal?.reason;
	return reason instanceof FreeholdError ? reason : new FreeholdError("request.aborted", {}, { cause: reason });
}
