/** What the account has in channels. */
import { type ChannelBody, FreeholdError, gatewayRoutes, type Hex } from "@freehold/protocol";
import { contracts } from "../chain/contracts.js";
import { type Client, readChannel } from "../client/client.js";
import { urlOf } from "../client/http.js";
import { findLanes } from "./lanes.js";

export interface ChannelView {
	readonly channelId: Hex;
	/** The till that it pays into. */
	readonly receiver: Hex;
	/** On the chain: deposited less given back. */
	readonly balance: bigint;
	/** On the chain. */
	readonly claimed: bigint;
	/** Charged for calls in all. */
	readonly charged: bigint;
	/** For further calls, or to be given back. */
	readonly left: bigint;
	/** Most that the receiver could claim with what was signed. */
	readonly signed: bigint;
	/** Undefined when no exit has begun. Unix milliseconds. */
	readonly exit: { readonly amount: bigint; readonly from: number } | undefined;
}

/**
 * @example
 * const [channel] = await freehold.channels.show();
 */
export async function showChannels(client: Client, { signal }: { readonly signal?: AbortSignal } = {}): Promise<readonly ChannelView[]> {
	const lanes = await findLanes(client, signal);
	return Promise.all(
		lanes.map(async ({ channelId, config, charged: remembered, signed }): Promise<ChannelView> => {
			const [chain, [exitAmount, initiatedAt], charged] = await Promise.all([
				readChannel(client.chain, channelId),
				client.chain.read(contracts.Channels, "pendingWithdrawals", [channelId], { signal }),
				chargedAt(client, channelId, signal),
			]);
			// The gateway's word counts as far as it was signed for.
			const spent = charged !== undefined && charged <= signed && charged > remembered ? charged : remembered;
			const total = spent > chain.totalClaimed ? spent : chain.totalClaimed;
			return {
				channelId,
				receiver: config.receiver,
				balance: chain.balance,
				claimed: chain.totalClaimed,
				charged: total,
				left: chain.balance > total ? chain.balance - total : 0n,
				signed,
				exit: initiatedAt === 0 ? undefined : { amount: exitAmount, from: (initiatedAt + config.withdrawDelay) * 1000 },
			};
		}),
	);
}

/** What the gateway charged; undefined when it does not know the channel or does not answer. */
export async function chargedAt(client: Client, channelId: Hex, signal: AbortSignal | undefined): Promise<bigint | undefined> {
	try {
		const url = urlOf(client.network.gatewayUrl, gatewayRoutes.channel.path, { channelId });
		const body = (await client.http.json(url, { what: "The gateway", signal })) as ChannelBody;
		return typeof body.charged === "string" && /^\d{1,39}$/.test(body.charged) ? BigInt(body.charged) : undefined;
	} catch (error) {
		if (error instanceof FreeholdError && error.code !== "request.aborted") return undefined;
		throw error;
	}
}
