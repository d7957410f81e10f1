/** `fetch` that outlives a program's restart: what is asked of a process that is just being started again is asked once more. */
import { setTimeout as delay } from "node:timers/promises";

const FIRST_PAUSE_MS = 50;
const LAST_PAUSE_MS = 500;

/**
 * Repeats a request that met nobody, or a program that starts or stops (503), for up to `patienceMs`. For requests that may be made twice: reading,
 * putting blobs, sending signed transactions, and paid calls under an idempotency key.
 */
export function patientFetch(patienceMs: number): (url: string, init: RequestInit) => Promise<Response> {
	return async (url, init) => {
		const deadline = performance.now() + patienceMs;
		for (let waitMs = FIRST_PAUSE_MS; ; waitMs = Math.min(LAST_PAUSE_MS, waitMs * 2)) {
			const last = performance.now() + waitMs > deadline || init.body instanceof ReadableStream;
			try {
				const response = await fetch(url, init);
				if (response.status !== 503 || last) return response;
				await response.arrayBuffer();
			} catch (error) {
				if (last || init.signal?.aborted === true) throw error;
			}
			await delay(waitMs);
		}
	};
}
