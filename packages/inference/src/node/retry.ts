/** Waits between tries of what must come to pass for the node to serve. */
import { pause } from "@freehold/service";

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 10_000;

/** Each failure in a row doubles the wait. `tell` hears how long it will be, in milliseconds. */
export async function pauseBeforeRetry(failures: number, signal: AbortSignal, tell: (waitMs: number) => void): Promise<void> {
	if (signal.aborted) return;
	const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 8));
	tell(waitMs);
	await pause(waitMs, signal).catch(() => undefined);
}
