/** What an owner earned, as the hub counts it and the chain confirms it. */
import { type EarningsBody, type Hex, hubRoutes } from "@freehold/protocol";
import { contracts } from "../chain/contracts.js";
import type { Client } from "../client/client.js";
import { urlOf } from "../client/http.js";

export interface Earnings extends EarningsBody {
	/** What `UsageLedger` owes the address: a node's or gateway's fees and refunds. Decimal, smallest unit. */
	readonly credit: string;
}

/**
 * @example
 * const { claimable, byModel } = await freehold.earnings.show();
 */
export async function showEarnings(client: Client, options: { readonly address?: Hex; readonly signal?: AbortSignal } = {}): Promise<Earnings> {
	const address = options.address ?? (client.account().address.toLowerCase() as Hex);
	const { signal } = options;
	const [body, credit] = await Promise.all([
		client.http.json(urlOf(client.network.hubUrl, hubRoutes.earnings.path, { address }), { what: "The hub", signal }) as Promise<EarningsBody>,
		client.chain.read(contracts.UsageLedger, "credit", [address], { signal }),
	]);
	return { ...body, credit: credit.toString() };
}
