/** What a gateway asks for one call: the requirements of each scheme that can pay it. */
import { contractAddresses, type Hex } from "@freehold/protocol";
import { type ChannelStateMessage, network, type PaymentRequired, type PaymentRequirements, type VoucherStateMessage } from "../x402/messages.js";

/** What stays the same for all calls at a gateway. */
export interface TillTerms {
	readonly chainId: number;
	/** The gateway's till: the only receiver. */
	readonly payTo: Hex;
	readonly gateway: Hex;
	readonly receiverAuthorizer: Hex;
	/** Seconds. */
	readonly withdrawDelay: number;
	readonly minDeposit: bigint;
	/** Validity of a payment's signature, in seconds. */
	readonly maxTimeoutSeconds: number;
	/** EIP-712 name and version of the token. */
	readonly token: { readonly name: string; readonly version: string; readonly address: Hex };
}

export interface CallTerms {
	/** The least that a payment must allow: the most that the call can cost where it is expected to run. `exact` asks this. */
	readonly amount: bigint;
	/** What a channel's payment is asked to allow, where that is more: it stays with the payer until it is used. */
	readonly asked?: bigint;
	/** True when the price is certain before the run: `exact` is offered too. */
	readonly known: boolean;
}

/** Terms of OPG, which is the only token that tills take. */
export const opgToken = { name: "OpenGradient", version: "1", address: contractAddresses.OPG } as const;

/** Requirements in the order of preference: channels first. `state` corrects a client whose view of its channel is not ours. */
export function offer(
	terms: TillTerms,
	call: CallTerms,
	state?: { readonly channelState: ChannelStateMessage; readonly voucherState?: VoucherStateMessage },
): readonly PaymentRequirements[] {
	const { asked = call.amount } = call;
	const common = {
		network: network(terms.chainId),
		amount: asked.toString(),
		asset: terms.token.address,
		payTo: terms.payTo,
		maxTimeoutSeconds: terms.maxTimeoutSeconds,
	};
	const domain = { name: terms.token.name, version: terms.token.version, gateway: terms.gateway };
	// The reference client deposits what `minDeposit` says; ours asks its owner, and may go down to the least.
	const deposits = { minDeposit: leastDeposit(terms, asked * SUGGESTED_CALLS).toString(), leastDeposit: leastDeposit(terms, asked).toString() };
	const { receiverAuthorizer, withdrawDelay } = terms;
	const channel = { scheme: "batch-settlement", ...common, extra: { ...domain, receiverAuthorizer, withdrawDelay, ...deposits, ...state } };
	if (!call.known) return [channel];
	const exact = { scheme: "exact", ...common, amount: call.amount.toString() };
	return [channel, { ...exact, extra: domain }, { ...exact, extra: { ...domain, assetTransferMethod: "permit2" } }];
}

/** Calls that the suggested deposit pays for, so that not every call opens or fills a channel. Smaller deposits are taken too, down to `leastDeposit`. */
const SUGGESTED_CALLS = 10n;

/** What a deposit must hold: enough for its own transaction, and for the call. */
export function leastDeposit(terms: TillTerms, amount: bigint): bigint {
	return [terms.minDeposit, amount].reduce((most, candidate) => (candidate > most ? candidate : most));
}

export function paymentRequired(url: string, accepts: readonly PaymentRequirements[], error?: string): PaymentRequired {
	return { x402Version: 2, ...(error === undefined ? {} : { error }), resource: { url, mimeType: "application/json" }, accepts };
}
