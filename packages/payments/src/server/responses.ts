/** What the server tells a client about its payment and its channel. */
import type { Hex } from "@freehold/protocol";
import type { SignedVoucher } from "../channel/channel.js";
import { type ChannelStateMessage, network, type SettleResponse, type VoucherStateMessage } from "../x402/messages.js";
import type { ChannelState } from "./voucher.js";

/** Facts of the chain that a client is told beside `ChannelState`. */
export interface ChannelFacts {
	/** Unix seconds; 0 when no exit has begun. */
	readonly withdrawRequestedAt: number;
	readonly refundNonce: bigint;
}

export function channelStateMessage(channelId: Hex, state: ChannelState, facts: ChannelFacts): ChannelStateMessage {
	return {
		channelId,
		balance: state.balance.toString(),
		totalClaimed: state.totalClaimed.toString(),
		withdrawRequestedAt: facts.withdrawRequestedAt,
		refundNonce: facts.refundNonce.toString(),
		chargedCumulativeAmount: state.charged.toString(),
	};
}

/** Proof of what the client itself signed last, so that it need not believe us. */
export function voucherStateMessage(voucher: Pick<SignedVoucher, "maxClaimableAmount" | "signature">): VoucherStateMessage {
	return { signedMaxClaimable: voucher.maxClaimableAmount.toString(), signature: voucher.signature };
}

/** Answer to a call that a channel paid: `charged` of it. `transaction`: of the deposit, where one was made for it. */
export function channelSettlement(parts: {
	readonly chainId: number;
	readonly payer: Hex;
	readonly charged: bigint;
	readonly state: ChannelStateMessage;
	readonly transaction?: Hex;
}): SettleResponse {
	return {
		success: true,
		payer: parts.payer,
		transaction: parts.transaction ?? "",
		network: network(parts.chainId),
		amount: "",
		extra: { channelState: parts.state, chargedAmount: parts.charged.toString() },
	};
}

/** Answer to a call that one payment of an exact amount paid. What was not used is refunded as credit: `refunded`. */
export function exactSettlement(parts: {
	readonly chainId: number;
	readonly payer: Hex;
	readonly amount: bigint;
	readonly charged: bigint;
	readonly transaction: Hex;
}): SettleResponse {
	const refunded = parts.amount - parts.charged;
	return {
		success: true,
		payer: parts.payer,
		transaction: parts.transaction,
		network: network(parts.chainId),
		amount: parts.amount.toString(),
		extra: { chargedAmount: parts.charged.toString(), ...(refunded === 0n ? {} : { refundedAmount: refunded.toString() }) },
	};
}

/** Answer to a refund of a channel. */
export function refundSettlement(parts: {
	readonly chainId: number;
	readonly payer: Hex;
	readonly amount: bigint;
	readonly state: ChannelStateMessage;
	readonly transaction: Hex;
}): SettleResponse {
	return {
		success: true,
		payer: parts.payer,
		transaction: parts.transaction,
		network: network(parts.chainId),
		amount: parts.amount.toString(),
		extra: { channelState: parts.state },
	};
}

export function failedSettlement(chainId: number, errorReason: string): SettleResponse {
	return { success: false, errorReason, transaction: "", network: network(chainId) };
}
