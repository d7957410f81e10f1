/** The prepaid channel that calls are paid from, and money for trying. */
import type { Hex } from "../../bytes/bytes.js";
import type { Decimal } from "./values.js";

/** `GET /v1/channels`: what a channel must say to be taken here. */
export interface ChannelTermsBody {
	readonly gateway: Hex;
	/** The gateway's till: the channel's receiver. */
	readonly payTo: Hex;
	readonly receiverAuthorizer: Hex;
	/** Seconds between the start of the payer's exit and its end. */
	readonly withdrawDelay: number;
	readonly minDeposit: Decimal;
	/** The token, with the name and version of its EIP-712 domain. */
	readonly token: { readonly address: Hex; readonly name: string; readonly version: string };
}

/** `GET /v1/channels/{channelId}`: a channel as its gateway sees it. */
export interface ChannelBody {
	readonly channelId: Hex;
	/** Deposited less given back, on the chain. */
	readonly balance: Decimal;
	/** Claimed, on the chain. */
	readonly totalClaimed: Decimal;
	/** Charged in all, anchored or not. */
	readonly charged: Decimal;
}

/** `POST /v1/faucet` of a gateway on a development network. */
export interface FaucetBody {
	readonly address: Hex;
	readonly amount?: Decimal;
}
