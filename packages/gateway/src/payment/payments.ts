/** The payment side of a call, whatever the scheme: what is asked, what is accepted, and how a client is told. */
import { batchReasons, encodeHeader, exactReasons, type PaymentPayload, type SettleResponse, x402Headers } from "@freehold/payments";
import {
	type CallTerms,
	channelSettlement,
	checkAccepted,
	checkSignature,
	exactSettlement,
	isSignedByPayer,
	offer,
	paymentRequired,
	readBatchPayload,
	readExactPayload,
	type TillTerms,
} from "@freehold/payments/server";
import { type Crypto, errorBody, FreeholdError, type Hex } from "@freehold/protocol";
import { errorResponse, type HttpRequest, type HttpResponse, jsonResponse, toFreeholdError } from "@freehold/service";
import type { Logger } from "pino";
import type { ChannelBook } from "../channels/channel-book.js";
import { type CallRecord, type GatewayStore, load, type PaymentRecord } from "../store/tables.js";
import type { ChannelPayments } from "./channel-payments.js";
import type { ExactPayments } from "./exact-payments.js";
import { type Acceptance, type Refusal, refused } from "./reservation.js";

/** Body of a refusal in a client's own shape. */
export type Say = (error: FreeholdError) => unknown;

export interface PaymentModules {
	readonly terms: TillTerms;
	readonly channels: ChannelBook;
	readonly channelPayments: ChannelPayments;
	readonly exactPayments: ExactPayments;
	readonly store: GatewayStore;
	readonly publicUrl: () => string;
	readonly log: Logger;
	readonly crypto: Crypto;
}

/** What a refused payment means in our own words. */
const words: Readonly<Record<string, string>> = {
	[batchReasons.cumulative]: "the voucher does not continue from what was charged on the channel",
	[batchReasons.belowClaimed]: "the voucher is below what was claimed of the channel",
	[batchReasons.exceedsBalance]: "the channel's balance is too small",
	[batchReasons.busy]: "the channel carries another call; open a second lane for calls at the same time",
	[batchReasons.missing]: "the channel has no deposit",
	[batchReasons.minDeposit]: "the deposit is too small to pay for its own transaction",
	[batchReasons.depositFailed]: "the chain refused the deposit",
	[batchReasons.signature]: "the voucher is not signed by the channel's authorizer",
	[batchReasons.receiver]: "the payee is not this gateway's till",
	[exactReasons.failed]: "the chain refused the payment",
	[exactReasons.used]: "the authorization has been used",
};

export class Payments {
	readonly #modules: PaymentModules;

	constructor(modules: PaymentModules) {
		this.#modules = modules;
	}

	/** Says what a call costs. */
	demand(request: HttpRequest, plan: CallTerms, say?: Say): HttpResponse {
		return this.#required(request, plan, new FreeholdError("payment.required"), undefined, say);
	}

	/** Says why a payment is not good, and what would be. */
	refuse(request: HttpRequest, plan: CallTerms, refusal: Refusal, say?: Say): HttpResponse {
		const error = new FreeholdError("payment.invalid", { reason: words[refusal.reason] ?? refusal.reason });
		return this.#required(request, plan, error, refusal, say);
	}

	/** Holds a payment for the call, after moving money where its scheme wants that first. */
	async accept(payment: PaymentPayload, plan: CallTerms): Promise<Acceptance> {
		const { terms, channelPayments, exactPayments } = this.#modules;
		const ours = checkAccepted(payment.accepted, terms);
		if (!ours.ok) return refused(ours.reason);
		const amount = BigInt(payment.accepted.amount);
		// The price may have fallen since it was asked; it cannot have risen unannounced.
		if (amount < plan.amount) return refused(exactReasons.requirements);
		switch (payment.accepted.scheme) {
			case "batch-settlement": {
				const payload = readBatchPayload(payment.payload);
				if (payload === undefined || payload.type === "refund") return refused(batchReasons.payload);
				return channelPayments.accept(payload, amount);
			}
			case "exact": {
				const payload = readExactPayload(payment.payload);
				if (payload === undefined) return refused(exactReasons.payload);
				if (!plan.known) return refused(exactReasons.scheme);
				return exactPayments.accept(payload, amount);
			}
			default:
				return refused(exactReasons.scheme);
		}
	}

	/** Who signed the payment; undefined when the signature is not theirs. Answers are replayed to nobody else. */
	signerOf({ accepted, payload }: PaymentPayload): Hex | undefined {
		if (accepted.scheme === "exact") {
			const exact = readExactPayload(payload);
			return exact !== undefined && isSignedByPayer(exact, this.#modules.terms, this.#modules.crypto) ? exact.from : undefined;
		}
		const batch = readBatchPayload(payload);
		if (batch === undefined) return undefined;
		return checkSignature(batch.config, batch.voucher, this.#modules.terms.chainId, this.#modules.crypto).ok ? batch.config.payer : undefined;
	}

	/** What was said of the payment of a call that is answered again. */
	replayed(call: CallRecord): SettleResponse | undefined {
		const { terms, channels, store } = this.#modules;
		const { chainId } = terms;
		const { payer, payment, receipt } = call;
		if (payment.kind === "exact") {
			const transaction = load<PaymentRecord>(store, "payments", payment.id)?.transaction ?? "0x";
			return exactSettlement({ chainId, payer, amount: payment.amount, charged: receipt.charge, transaction });
		}
		if (payment.kind === "key") return undefined;
		const state = channels.messages(payment.channelId)?.channelState;
		if (state === undefined) throw new FreeholdError("internal", { reference: call.order.callId });
		return channelSettlement({ chainId, payer, charged: receipt.charge, state });
	}

	/** A failed call: its error, and what happened to the payment, where something did. */
	failure(error: unknown, settlement: SettleResponse | undefined, where: string, respond = errorResponse): HttpResponse {
		const response = respond(toFreeholdError(error, this.#modules.log, `POST ${where}`));
		return settlement === undefined ? response : { ...response, headers: { ...response.headers, [x402Headers.response]: encodeHeader(settlement) } };
	}

	#required(request: HttpRequest, plan: CallTerms, error: FreeholdError, refusal: Refusal | undefined, say: Say | undefined): HttpResponse {
		const { terms, channels, publicUrl } = this.#modules;
		const state = refusal?.channelId === undefined ? undefined : channels.messages(refusal.channelId);
		const accepts = offer(terms, plan, state);
		const header = encodeHeader(paymentRequired(`${publicUrl()}${request.path}`, accepts, refusal?.reason));
		return jsonResponse(say?.(error) ?? { error: errorBody(error), accepts }, 402, { [x402Headers.required]: header, "cache-control": "no-store" });
	}
}
