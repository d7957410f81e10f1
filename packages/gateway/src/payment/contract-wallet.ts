/** Payers that are contracts sign as their code says (ERC-1271): the chain judges, before anything is sent, when the transaction's gas is estimated. */
import type { Hex } from "@freehold/protocol";
import type { ChainClient } from "@freehold/sdk/chain";

/** Whether code stands at the address. */
export async function isContract(client: ChainClient, address: Hex): Promise<boolean> {
	return (await client.request("eth_getCode", [address, "latest"])) !== "0x";
}
