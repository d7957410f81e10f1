/** Consensus blocks as a ledger hands them out: nothing that it says is believed. */
import type { BlockSource } from "@freehold/proofs/light";
import { FreeholdError, type LightBlock, lightBlockShape } from "@freehold/protocol";
import type { ChainClient } from "../chain/chain-client.js";

/** Throws `upstream.failed` where the ledger has no such block. */
export function lightBlocks(chain: Pick<ChainClient, "request">, signal: AbortSignal | undefined): BlockSource {
	return async (height) => {
		const answer = await chain.request("freehold_getLightBlock", [height.toString()], { signal });
		if (answer === null) throw new FreeholdError("upstream.failed", { what: "The ledger", reason: `consensus block ${height} is not there` });
		return lightBlockShape.read(answer, "lightBlock") as LightBlock;
	};
}
