/**
 * Whether a channel payment is good for a call. Pure: the channel's state is what the server follows from the chain and remembers itself, so no node is
 * asked. One signature is recovered.
 */
import { type Crypto, equalBytes, fromHex } from "@freehold/protocol";
import { type ChannelConfig, channelId, type SignedVoucher, voucherDigest, withdrawDelayBounds } from "../channel/channel.js";
import { network, type PaymentRequirements } from "../x402/messages.js";
import { batchReasons, type PaymentReason } from "../x402/reasons.js";
import type { TillTerms } from "./offer.js";

/** A channel as the server knows it. */
export interface ChannelState {
	readonly config: ChannelConfig;
	/** On the chain: deposited less given back. */
	readonly balance: bigint;
	/** On the chain: claimed so far. */
	readonly totalClaimed: bigint;
	/** On the chain: what an exit that has begun would take; 0 when none has. */
	readonly withdrawing: bigint;
	/** Here: charged in all, anchored or not. Never below `totalClaimed`. */
	readonly charged: bigint;
}

export type Verdict = { readonly ok: true } | { readonly ok: false; readonly reason: PaymentReason };

const good: Verdict = { ok: true };
const bad = (reason: PaymentReason): Verdict => ({ ok: false, reason });

/** What the voucher may reach: the balance without what an exit would take, so that whatever is charged can still be claimed after it. */
export function spendable(state: ChannelState): bigint {
	return state.balance > state.withdrawing ? state.balance - state.withdrawing : 0n;
}

/** Whether the channel pays this gateway under its terms and is the one that the voucher names. */
export function checkConfig(config: ChannelConfig, voucher: SignedVoucher, terms: TillTerms, crypto: Crypto): Verdict {
	if (config.receiver !== terms.payTo) return bad(batchReasons.receiver);
	if (config.receiverAuthorizer !== terms.receiverAuthorizer) return bad(batchReasons.receiverAuthorizer);
	if (config.token !== terms.token.address) return bad(batchReasons.token);
	// A voucher that the payer's contract must confirm could be made void later; the ledger refuses those in a batch.
	if (BigInt(config.payerAuthorizer) === 0n) return bad(batchReasons.payerAuthorizer);
	if (config.withdrawDelay < withdrawDelayBounds.min || config.withdrawDelay > withdrawDelayBounds.max) return bad(batchReasons.withdrawDelayRange);
	if (config.withdrawDelay !== terms.withdrawDelay) return bad(batchReasons.withdrawDelay);
	return channelId(config, terms.chainId, crypto) === voucher.channelId ? good : bad(batchReasons.channelId);
}

/** Whether the requirements that a client signed for are ours. */
export function checkAccepted(accepted: PaymentRequirements, terms: TillTerms): Verdict {
	if (accepted.network !== network(terms.chainId)) return bad(batchReasons.network);
	if (accepted.payTo !== terms.payTo) return bad(batchReasons.receiver);
	return accepted.asset === terms.token.address ? good : bad(batchReasons.token);
}

/** Whether the voucher's signature is the one of the channel's authorizer. */
export function checkSignature(config: ChannelConfig, voucher: SignedVoucher, chainId: number, crypto: Crypto): Verdict {
	const signer = crypto.recover(voucherDigest(voucher.channelId, voucher.maxClaimableAmount, chainId, crypto), fromHex(voucher.signature));
	return signer !== undefined && equalBytes(signer, fromHex(config.payerAuthorizer)) ? good : bad(batchReasons.signature);
}

/**
 * Whether a voucher pays for one more call of at most `amount` on a known channel. The voucher must be exactly what was charged and `amount` more: a lower
 * one does not pay, a higher one shows that the client's view is not ours, and is corrected before it costs anything.
 */
export function checkVoucher(voucher: SignedVoucher, amount: bigint, state: ChannelState, chainId: number, crypto: Crypto): Verdict {
	if (voucher.maxClaimableAmount !== state.charged + amount) return bad(batchReasons.cumulative);
	if (voucher.maxClaimableAmount <= state.totalClaimed) return bad(batchReasons.belowClaimed);
	if (voucher.maxClaimableAmount > spendable(state)) return bad(batchReasons.exceedsBalance);
	return checkSignature(state.config, voucher, chainId, crypto);
}

/** True when both name the same channel; cheaper than computing its id again. */
export function sameConfig(a: ChannelConfig, b: ChannelConfig): boolean {
	return (
		a.payer === b.payer &&
		a.salt === b.salt &&
		a.payerAuthorizer === b.payerAuthorizer &&
		a.receiver === b.receiver &&
		a.receiverAuthorizer === b.receiverAuthorizer &&
		a.token === b.token &&
		a.withdrawDelay === b.withdrawDelay
	);
}
