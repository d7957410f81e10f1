/** Closing a channel together: what is left goes back at once. What was charged and not claimed yet stays, so that the next batch can claim it. */
import { batchReasons, decodePayment, encodeHeader, type PaymentRequirements, refundDigest, type SettleResponse, x402Headers } from "@freehold/payments";
import { refundCall } from "@freehold/payments/facilitator";
import {
	checkConfig,
	checkSignature,
	failedSettlement,
	offer,
	paymentRequired,
	readBatchPayload,
	refundSettlement,
	sameConfig,
	type TillTerms,
} from "@freehold/payments/server";
import { errorBody, FreeholdError, type Hex, isHex, toHex } from "@freehold/protocol";
import type { Transactor } from "@freehold/sdk/chain";
import { type DigestSigner, type Handler, type HttpRequest, type HttpResponse, jsonResponse, nativeCrypto, pause } from "@freehold/service";
import type { GatewayEvents } from "../program/events.js";
import type { ChannelBook } from "./channel-book.js";

export interface RefundModules {
	readonly terms: TillTerms;
	readonly channels: ChannelBook;
	readonly signer: DigestSigner;
	readonly transactor: Transactor;
	readonly events: GatewayEvents;
	readonly crashPoint: (name: string) => void;
	readonly publicUrl: () => string;
}

const DEADLINE_MS = 20_000;
const FOLLOW_MS = 5_000;

/** Both the channel's own route and the URL of the calls that it paid, where reference clients send a refund. */
export function refundPage(modules: RefundModules): Handler {
	return async (request) => {
		const header = request.headers[x402Headers.signature];
		if (typeof header !== "string") return required(request, modules, undefined);
		const payment = decodePayment(header);
		const payload = payment === undefined || payment.accepted.scheme !== "batch-settlement" ? undefined : readBatchPayload(payment.payload);
		if (payload?.type !== "refund") return required(request, modules, batchReasons.payload);
		const named = request.params["channelId"];
		if (named !== undefined && (!isHex(named, 32) || named !== payload.voucher.channelId)) return required(request, modules, batchReasons.channelId);

		const { channels, terms } = modules;
		const { config, voucher } = payload;
		const id = voucher.channelId;
		const state = channels.state(id);
		if (state === undefined) return required(request, modules, batchReasons.missing);
		if (!sameConfig(state.config, config)) {
			const verdict = checkConfig(config, voucher, terms, nativeCrypto);
			return required(request, modules, verdict.ok ? batchReasons.channelId : verdict.reason);
		}
		const signed = checkSignature(config, voucher, terms.chainId, nativeCrypto);
		if (!signed.ok) return required(request, modules, signed.reason);
		if (voucher.maxClaimableAmount !== state.charged) return required(request, modules, batchReasons.cumulative, id);
		const free = state.balance - state.charged;
		if (free <= 0n) return required(request, modules, batchReasons.refundNothing);
		if (payload.amount === 0n) return required(request, modules, batchReasons.refundAmount);
		const amount = payload.amount === undefined || payload.amount > free ? free : payload.amount;
		if (!channels.reserve(id)) return required(request, modules, batchReasons.busy);
		try {
			return settled(await refund(id, amount, modules));
		} catch (error) {
			if (error instanceof FreeholdError && error.code === "chain.reverted") return settled(failedSettlement(terms.chainId, batchReasons.refundFailed), 402);
			throw error;
		} finally {
			channels.release(id);
		}
	};
}

/** The nonce makes it happen once, whoever asks how often. */
async function refund(id: Hex, amount: bigint, modules: RefundModules): Promise<SettleResponse> {
	const { channels, signer, transactor, terms, events, crashPoint } = modules;
	const onchain = channels.onchain(id);
	if (onchain === undefined) throw new FreeholdError("internal", { reference: id });
	const nonce = onchain.refundNonce;
	const signature = toHex(signer.signDigest(refundDigest(id, nonce, amount, terms.chainId, nativeCrypto)));
	const receipt = await transactor.send({ key: `refund:${id}:${nonce}`, ...refundCall(onchain.config, amount, nonce, signature) }, { timeoutMs: DEADLINE_MS });
	crashPoint("channel-refunded");
	// The follower sees the refund a moment later; until then the channel must not serve on its old balance.
	for (let waited = 0; (channels.onchain(id)?.refundNonce ?? 0n) <= nonce && waited < FOLLOW_MS; waited += 10) await pause(10);
	events.channelRefunded(id, amount, receipt.hash);
	const state = channels.messages(id)?.channelState;
	if (state === undefined) throw new FreeholdError("internal", { reference: id });
	return refundSettlement({ chainId: terms.chainId, payer: onchain.config.payer, amount, state, transaction: receipt.hash });
}

function settled(settlement: SettleResponse, status = 200): HttpResponse {
	return jsonResponse(settlement, status, { [x402Headers.response]: encodeHeader(settlement) });
}

function required(request: HttpRequest, { terms, channels, publicUrl }: RefundModules, reason: string | undefined, channelId?: Hex): HttpResponse {
	const state = channelId === undefined ? undefined : channels.messages(channelId);
	const accepts: readonly PaymentRequirements[] = offer(terms, { amount: 0n, known: false }, state);
	const error = reason === undefined ? new FreeholdError("payment.required") : new FreeholdError("payment.invalid", { reason });
	const header = encodeHeader(paymentRequired(`${publicUrl()}${request.path}`, accepts, reason));
	return jsonResponse({ error: errorBody(error), accepts }, 402, { [x402Headers.required]: header });
}
