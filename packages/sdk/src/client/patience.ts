/** Waiting out a program that is just being started again, where giving up would waste what was paid or signed already. */
import { FreeholdError } from "@freehold/protocol";
import { pause } from "../chain/deadline.js";

export interface Patience {
	/** Unix milliseconds, by `now`. */
	readonly deadline: number;
	readonly now: () => number;
	readonly signal?: AbortSignal | undefined;
}

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 2_000;

/** What a program that is away, and one that is not quite back, are told apart by. */
const away: ReadonlySet<string> = new Set(["network.down", "service.starting"]);

/** Repeats work that only reads for as long as nobody answers, until the deadline; then throws that. */
export async function patiently<T>({ deadline, now, signal }: Patience, read: () => Promise<T>): Promise<T> {
	for (let waitMs = FIRST_PAUSE_MS; ; waitMs = Math.min(LAST_PAUSE_MS, waitMs * 2)) {
		try {
			return await read();
		} catch (error) {
			if (!(error instanceof FreeholdError) || !away.has(error.code) || now() + waitMs > deadline) throw error;
		}
		await pause(waitMs, signal);
	}
}
