/** Waits that end: by the caller's signal, or by a deadline. */
import { FreeholdError } from "@freehold/protocol";

/** Resolves after `ms`, or rejects with `request.aborted` as soon as the signal says so. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
	return new Promise((resolve, reject) => {
		if (signal?.aborted === true) {
			reject(aborted(signal));
			return;
		}
		const onAbort = (): void => {
			clearTimeout(timer);
			reject(aborted(signal));
		};
		const timer = setTimeout(() => {
			signal?.removeEventListener("abort", onAbort);
			resolve();
		}, ms);
		signal?.addEventListener("abort", onAbort, { once: true });
	});
}

/** The same promise, given up as soon as the signal says so. What stands behind it goes on. */
export function withSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
	if (signal === undefined) return promise;
	return new Promise((resolve, reject) => {
		const onAbort = (): void => reject(aborted(signal));
		if (signal.aborted) onAbort();
		else signal.addEventListener("abort", onAbort, { once: true });
		promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
	});
}

export function aborted(signal: AbortSignal | undefined): FreeholdError {
	return new FreeholdError("request.aborted", {}, { cause: signal?.reason });
}
