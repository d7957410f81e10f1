/** Handing signed bytes to a node, and what its answer means. The words are geth's, which every node and tool uses. */
import { FreeholdError } from "@freehold/protocol";
import type { ChainClient } from "./chain-client.js";
import type { StoredIntent } from "./intent-store.js";
import { RpcError } from "./json-rpc.js";

/**
 * `accepted`: it has the transaction. `nonceUsed`: a transaction with this nonce, ours or another, is in a block. `later`: it cannot take it now.
 * `refused`: it will never take these bytes; `error` says why.
 */
export type BroadcastResult = { readonly kind: "accepted" | "nonceUsed" | "later" } | { readonly kind: "refused"; readonly error: FreeholdError };

const KNOWN = /already known|known transaction|already exists|already imported/i;
const NONCE_USED = /nonce too low/i;
const LATER = /nonce too high|nonce gap|full|replacement transaction underpriced|starting/i;

/** Sends the bytes once. Throws only when `signal` says so. */
export async function broadcast(client: ChainClient, intent: StoredIntent, signal?: AbortSignal): Promise<BroadcastResult> {
	try {
		await client.request("eth_sendRawTransaction", [intent.raw], { signal });
		return { kind: "accepted" };
	} catch (error) {
		if (!(error instanceof FreeholdError)) throw error;
		if (error.code === "request.aborted") throw error;
		const { cause } = error;
		if (!(cause instanceof RpcError) || KNOWN.test(cause.message)) return { kind: cause instanceof RpcError ? "accepted" : "later" };
		if (NONCE_USED.test(cause.message)) return { kind: "nonceUsed" };
		if (LATER.test(cause.message)) return { kind: "later" };
		return { kind: "refused", error: new FreeholdError("chain.reverted", { reason: cause.message }, { cause }) };
	}
}
