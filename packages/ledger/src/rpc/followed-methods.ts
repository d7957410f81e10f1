/** What a ledger that follows another one answers otherwise: transactions go to where blocks are made. */
import { FreeholdError } from "@freehold/protocol";
import { RpcError as PeerError } from "@freehold/sdk/chain";
import type { Methods, RpcContext } from "./context.js";
import { bytesParameter } from "./parameters.js";
import { RpcError, serverError } from "./rpc-error.js";
import { quantity } from "./views.js";

/** Blocks that a follower may be behind and still count as in step. */
const IN_STEP = 2n;

export function followedMethods({ application, source }: RpcContext): Methods {
	if (source === undefined) return {};
	return {
		eth_sendRawTransaction: async ([raw], asker) => {
			const bytes = bytesParameter(raw, "transaction");
			const hash = await source.submit(raw as string, asker.signal()).catch((error: unknown) => {
				throw asRpcError(error);
			});
			// It waits here too, so that this ledger counts the sender's pending transactions.
			application.checkTx(bytes, { onlyReplayProtected: true });
			return hash;
		},
		eth_syncing: () => {
			const [height, highest] = [source.height(), source.highest()];
			if (highest <= height + IN_STEP) return false;
			return { startingBlock: quantity(source.startedAt), currentBlock: quantity(height), highestBlock: quantity(highest) };
		},
	};
}

/** The other ledger's own refusal; else that it could not be asked. */
function asRpcError(error: unknown): unknown {
	if (!(error instanceof FreeholdError)) return error;
	if (error.cause instanceof PeerError)
		return new RpcError(error.cause.code, error.cause.message, typeof error.cause.data === "string" ? error.cause.data : undefined);
	return serverError(error.message);
}
