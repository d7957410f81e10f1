/** `GET /v1/channels/{channelId}`: what this gateway knows of a channel. All of it but the charges of the open batch stands on the chain too. */

import { spendable } from "@freehold/payments/server";
import { FreeholdError, formatOpg, isHex } from "@freehold/protocol";
import { type Handler, jsonResponse } from "@freehold/service";
import type { ChannelBook } from "../channels/channel-book.js";

export function channelPage(channels: ChannelBook): Handler {
	return ({ params }) => {
		const id = params["channelId"] ?? "";
		const state = isHex(id, 32) ? channels.state(id) : undefined;
		const messages = isHex(id, 32) ? channels.messages(id) : undefined;
		if (state === undefined || messages === undefined) throw new FreeholdError("channel.notFound", { channelId: id });
		const left = spendable(state) > state.charged ? spendable(state) - state.charged : 0n;
		return jsonResponse({ ...messages.channelState, config: state.config, spendable: left.toString(), spendableOpg: formatOpg(left) });
	};
}
