/** The part of a gateway's offer that a channel pays, and the channel that it means. What would pay anyone but the gateway's till is refused. */
import { contractAddresses, FreeholdError, fromHex, type Hex } from "@freehold/protocol";
import { type ChannelConfig, laneSalt, tillAddress } from "../channel/channel.js";
import { network, type PaymentRequired, type PaymentRequirements, readAddress } from "../x402/messages.js";

/** The offer that channels can pay. Throws `payment.invalid` when there is none, or when it would pay anyone but the gateway's till. */
export function channelOffer(required: PaymentRequired, chainId: number, gateway: Hex): PaymentRequirements {
	const accepted = required.accepts.find((item) => item.scheme === "batch-settlement" && item.network === network(chainId));
	if (accepted === undefined) throw refuseOffer(`it offers no channel on chain ${chainId}`);
	if (accepted.asset !== contractAddresses.OPG) throw refuseOffer(`it asks for another token than OPG: ${accepted.asset}`);
	if (accepted.payTo !== tillAddress(gateway)) throw refuseOffer(`its payee ${accepted.payTo} is not the till of gateway ${gateway}`);
	return accepted;
}

export function configOf(accepted: PaymentRequirements, payer: Hex, lane: number): ChannelConfig {
	const receiverAuthorizer = readAddress(accepted.extra?.["receiverAuthorizer"]);
	const withdrawDelay = accepted.extra?.["withdrawDelay"];
	if (receiverAuthorizer === undefined || fromHex(receiverAuthorizer).every((byte) => byte === 0)) throw refuseOffer("it names no receiver authorizer");
	if (typeof withdrawDelay !== "number") throw refuseOffer("it names no withdrawal delay");
	return { payer, payerAuthorizer: payer, receiver: accepted.payTo, receiverAuthorizer, token: accepted.asset, withdrawDelay, salt: laneSalt(lane) };
}

export function atLeast(wish: bigint | undefined, least: bigint): bigint {
	return wish !== undefined && wish > least ? wish : least;
}

export function refuseOffer(reason: string): FreeholdError {
	return new FreeholdError("payment.invalid", { reason: `the gateway's offer is not followed: ${reason}` });
}
