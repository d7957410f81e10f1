/** The id of the ledger's chain, however long the ledger takes to answer. */
import { FreeholdError } from "@freehold/protocol";
import type { ChainClient } from "@freehold/sdk/chain";
import { pauseBeforeRetry } from "./retry.js";

/** Undefined when the program stopped before the ledger answered. Throws `chain.wrongNetwork`. */
export async function chainIdOf(client: ChainClient, signal: AbortSignal, unreachable: (error: unknown, waitMs: number) => void): Promise<number | undefined> {
	for (let failures = 0; !signal.aborted; failures++) {
		try {
			return await client.chainId({ signal });
		} catch (error) {
			if (error instanceof FreeholdError && error.code === "chain.wrongNetwork") throw error;
			await pauseBeforeRetry(failures, signal, (waitMs) => unreachable(error, waitMs));
		}
	}
	return undefined;
}
