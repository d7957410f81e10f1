/** Channels at this gateway: the terms on which it takes them, and what it knows of one. All of it but the charges of the open batch stands on the chain too. */

import { spendable, type TillTerms } from "@freehold/payments/server";
import { type ChannelBody, type ChannelTermsBody, FreeholdError, formatOpg, isHex } from "@freehold/protocol";
import { type Handler, jsonResponse } from "@freehold/service";
import type { ChannelBook } from "../channels/channel-book.js";

/** `GET /v1/channels` */
export function channelTermsPage({ gateway, payTo, receiverAuthorizer, withdrawDelay, minDeposit, token }: TillTerms): Handler {
	const { address, name, version } = token;
	const body: ChannelTermsBody = { gateway, payTo, receiverAuthorizer, withdrawDelay, minDeposit: minDeposit.toString(), token: { address, name, version } };
	return () => jsonResponse(body);
}

/** `GET /v1/channels/{channelId}` */
export function channelPage(channels: ChannelBook): Handler {
	return ({ params }) => {
		const id = params["channelId"] ?? "";
		const state = isHex(id, 32) ? channels.state(id) : undefined;
		if (!isHex(id, 32) || state === undefined) throw new FreeholdError("channel.notFound", { channelId: id });
		const { balance, totalClaimed, charged, withdrawing, config } = state;
		const reach = spendable(state);
		const left = reach > charged ? reach - charged : 0n;
		const body: ChannelBody = { channelId: id, balance: balance.toString(), totalClaimed: totalClaimed.toString(), charged: charged.toString() };
		return jsonResponse({ ...body, withdrawing: withdrawing.toString(), spendable: left.toString(), spendableOpg: formatOpg(left), config });
	};
}
