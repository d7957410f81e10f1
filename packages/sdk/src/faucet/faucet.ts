/** Money for trying, on development networks. */
import { type FaucetBody, gatewayRoutes, type Hex } from "@freehold/protocol";
import type { Client } from "../client/client.js";
import { urlOf } from "../client/http.js";

export interface FaucetOptions {
	/** Default: the account's own. */
	readonly address?: Hex;
	/** In the smallest unit; the gateway's default when absent. */
	readonly amount?: bigint;
	readonly signal?: AbortSignal;
}

/**
 * Throws `faucet.unavailable` on networks with real money, `faucet.limit`.
 *
 * @example
 * await freehold.faucet({ amount: 20n * 10n ** 18n });
 */
export async function faucet(client: Client, { address, amount, signal }: FaucetOptions = {}): Promise<unknown> {
	const body: FaucetBody = {
		address: address ?? (client.account().address.toLowerCase() as Hex),
		...(amount === undefined ? {} : { amount: amount.toString() }),
	};
	return client.http.json(urlOf(client.network.gatewayUrl, gatewayRoutes.faucet.path), { what: "The gateway", json: body, signal });
}
