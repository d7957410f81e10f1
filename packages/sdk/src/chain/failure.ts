/** Why a transaction that is in a block failed: the same call on the state before its block. */
import { FreeholdError, type Hex } from "@freehold/protocol";
import type { ChainClient, TransactionReceipt } from "./chain-client.js";

/** `chain.reverted` with the contract's reason, where it can still be found out. */
export async function failureOf(
	client: ChainClient,
	{ hash, from }: { readonly hash: Hex; readonly from: Hex },
	receipt: TransactionReceipt,
): Promise<FreeholdError> {
	try {
		const transaction = (await client.request("eth_getTransactionByHash", [hash])) as { to?: Hex; input?: Hex; value?: string } | null;
		if (transaction?.to !== undefined && transaction.to !== null) {
			const call = { from, to: transaction.to, data: transaction.input ?? "0x", value: BigInt(transaction.value ?? "0x0") };
			await client.call(call, { block: receipt.blockNumber - 1n });
		}
	} catch (error) {
		if (error instanceof FreeholdError && error.code === "chain.reverted") return error;
	}
	return new FreeholdError("chain.reverted", { reason: `transaction ${hash} failed in block ${receipt.blockNumber}` });
}
