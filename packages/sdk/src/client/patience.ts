/** Waiting out a program that is just being started again, where giving up would waste what was paid or signed already. */
import { FreeholdError } from "@freehold/protocol";
import { pause } from "../chain/deadline.js";
import { RpcError } from "../chain/json-rpc.js";

export interface Patience {
	/** Unix milliseconds, by `now`. */
	readonly deadline: number;
	readonly now: () => number;
	readonly signal?: AbortSignal | undefined;
	/** What is waited out; default: a program that is away. */
	readonly passes?: (error: FreeholdError) => boolean;
}

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 2_000;

/** What a program that is away, and one that is not quite back, are told apart by. */
const awayCodes: ReadonlySet<string> = new Set(["network.down", "service.starting"]);
const isAway = ({ code }: FreeholdError): boolean => awayCodes.has(code);

/**
 * For the check of an answer that is paid: also a ledger that is too busy to say what it knows is waited out, since giving up would cost the answer. What it is
 * asked there never depends on a mistake of the caller.
 */
export const untilLedgerSays = (error: FreeholdError): boolean =>
	isAway(error) || error.code === "upstream.timeout" || (error.code === "upstream.failed" && error.cause instanceof RpcError);

/** Repeats work that only reads for as long as nobody answers, until the deadline; then throws that. */
export async function patiently<T>({ deadline, now, signal, passes = isAway }: Patience, read: () => Promise<T>): Promise<T> {
	for (let waitMs = FIRST_PAUSE_MS; ; waitMs = Math.min(LAST_PAUSE_MS, waitMs * 2)) {
		try {
			return await read();
		} catch (error) {
			if (!(error instanceof FreeholdError) || !passes(error) || now() + waitMs > deadline) throw error;
		}
		await pause(waitMs, signal);
	}
}
