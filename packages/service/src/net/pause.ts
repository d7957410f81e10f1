/** Waiting that ends with the caller. */
import { aborted } from "./limiter.js";

/** Resolves after `ms`, or rejects as soon as the signal says so. */
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
