/** Waits that end: by the caller's signal, or by a deadline. */
import { FreeholdError } from "@freehold/protocol";

/** Resolves after `ms`, or rejects with `request.aborted` as soon as the signal says so. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
	return new Promise((resolve, reject) => {
		const timer = setTimeout(() => {
			forget();
			resolve();
		}, ms);
		const forget = onAbort(signal, () => {
			clearTimeout(timer);
			reject(aborted(signal));
		});
	});
}

/** The same promise, given up as soon as the signal says so. What stands behind it goes on. */
export function withSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
	if (signal === undefined) return promise;
	return new Promise((resolve, reject) => {
		const forget = onAbort(signal, () => reject(aborted(signal)));
		promise.then(resolve, reject).finally(forget);
	});
}

export function aborted(signal: AbortSignal | undefined): FreeholdError {
	return new FreeholdError("request.aborted", {}, { cause: signal?.reason });
}

interface Watched {
	readonly callbacks: Set<() => void>;
	readonly listener: () => void;
}

const watched = new WeakMap<AbortSignal, Watched>();

/**
 * Calls `callback` when the signal aborts, at once when it has. The result takes it back. A signal gets one listener however many wait for it: hundreds of
 * requests share one, and engines warn of listeners in such numbers.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
	if (signal === undefined) return () => undefined;
	if (signal.aborted) {
		callback();
		return () => undefined;
	}
	const entry = watched.get(signal) ?? watch(signal);
	entry.callbacks.add(callback);
	return () => {
		entry.callbacks.delete(callback);
		if (entry.callbacks.size > 0 || watched.get(signal) !== entry) return;
		signal.removeEventListener("abort", entry.listener);
		watched.delete(signal);
	};
}

function watch(signal: AbortSignal): Watched {
	const callbacks = new Set<() => void>();
	const listener = (): void => {
		watched.delete(signal);
		for (const callback of callbacks) callback();
	};
	signal.addEventListener("abort", listener, { once: true });
	const entry: Watched = { callbacks, listener };
	watched.set(signal, entry);
	return entry;
}
