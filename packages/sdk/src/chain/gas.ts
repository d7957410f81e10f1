/** How much gas a transaction may use, and what it may cost. */
import type { ChainClient } from "./chain-client.js";
import { fromQuantity } from "./quantity.js";

/** Room for the base fee to rise while a transaction waits, and a floor so that an idle chain's fee does not become a trap. */
const BASE_FEE_ROOM = 4n;
const LEAST_MAX_FEE = 100_000_000n;

/** Fees as EIP-1559 has them, smallest unit for one gas. */
export async function priceOfGas(client: ChainClient): Promise<{ readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint }> {
	const [latest, tip] = await Promise.all([
		client.block("latest"),
		client.request("eth_maxPriorityFeePerGas").then((value) => fromQuantity(value, "priority fee")),
	]);
	const most = (latest?.baseFeePerGas ?? 0n) * BASE_FEE_ROOM + tip;
	return { maxFeePerGas: most > LEAST_MAX_FEE ? most : LEAST_MAX_FEE, maxPriorityFeePerGas: tip };
}

/** An estimate with a fifth added: the state may be another one by the time of the block. */
export function withRoom(gas: bigint): bigint {
	return gas + gas / 5n;
}
