/** Paying what the gateway asks for a call, at most what was agreed to, and getting the answer that the payment bought. */
import { batchReasons, decodePaymentRequired, type PaymentRequired, x402Headers } from "@freehold/payments";
import type { PaymentOutcome, PreparedPayment } from "@freehold/payments/client";
import { FreeholdError, type QuoteBody, toHex } from "@freehold/protocol";
import { pause } from "../chain/deadline.js";
import type { Client } from "../client/client.js";
import { type HttpAnswer, type HttpStream, parseJson, refusalOf, urlOf } from "../client/http.js";

export interface Limits {
	readonly signal: AbortSignal | undefined;
	/** Unix milliseconds. */
	readonly deadline: number;
}

export interface CallRequest {
	/** Of the gateway's route. */
	readonly path: string;
	/** Sent as JSON. */
	readonly body: unknown;
	/** Most that was agreed to. */
	readonly most: bigint;
	/** Beside those of the payment. */
	readonly headers?: Readonly<Record<string, string>>;
}

export interface PaidAnswer {
	readonly answer: HttpAnswer;
	readonly charged: bigint;
	readonly deposited: bigint;
}

const MAX_PAYMENTS = 4;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 2_000;
const BUSY_PAUSE_MS = 250;

/** A whole answer. One idempotency key for all attempts: an answer that was lost on the way is given again instead of being paid twice. */
export async function payAndAsk(client: Client, quoted: QuoteBody, call: CallRequest, limits: Limits): Promise<PaidAnswer> {
	const idempotencyKey = toHex(client.random(16)).slice(2);
	const url = urlOf(client.network.gatewayUrl, call.path);
	const ask = (headers: Readonly<Record<string, string>>): Promise<HttpAnswer> =>
		patientlyAsk(client, limits, (timeoutMs) =>
			client.http.request(url, {
				what: "The gateway",
				json: call.body,
				headers: { ...headers, ...call.headers, "idempotency-key": idempotencyKey },
				timeoutMs,
				signal: limits.signal,
			}),
		);
	const settled = (answer: HttpAnswer, payment: PreparedPayment): Promise<PaymentOutcome> => payment.settle({ status: answer.status, header: answer.header });
	const { answer, outcome, deposited } = await payFor(client, quoted, call, limits, ask, settled);
	return { answer, deposited, charged: outcome.result === "paid" ? outcome.charged : 0n };
}

export interface PaidStream {
	readonly answer: HttpStream;
	/** What was put into the channel with it. */
	readonly deposited: bigint;
	/** To be settled with the end of the stream, or released without one. */
	readonly payment: PreparedPayment;
}

/** An answer that comes in pieces: its payment is settled when it has come. */
export async function payAndStream(client: Client, quoted: QuoteBody, call: CallRequest, limits: Limits): Promise<PaidStream> {
	const url = urlOf(client.network.gatewayUrl, call.path);
	let open: PreparedPayment | undefined;
	const ask = (headers: Readonly<Record<string, string>>): Promise<HttpStream> =>
		patientlyAsk(client, limits, (timeoutMs) =>
			client.http.stream(url, { what: "The gateway", json: call.body, headers: { ...headers, ...call.headers }, timeoutMs, signal: limits.signal }),
		);
	const settled = async (answer: HttpStream, payment: PreparedPayment): Promise<PaymentOutcome> => {
		if (answer.status >= 300) return payment.settle({ status: answer.status, header: answer.header });
		open = payment;
		return { result: "unpaid" };
	};
	const { answer, deposited } = await payFor(client, quoted, call, limits, ask, settled);
	if (open === undefined) throw new FreeholdError("upstream.failed", { what: "The gateway", reason: "an answer that nobody paid for" });
	return { answer, deposited: deposited + open.deposit, payment: open };
}

/** `A` of a 2xx status is what the payment bought; `settled` says how a payment ended. */
async function payFor<A extends { readonly status: number; readonly header: (name: string) => string | null; readonly body: Uint8Array }>(
	client: Client,
	{ gateway, release }: QuoteBody,
	{ most }: CallRequest,
	limits: Limits,
	ask: (headers: Readonly<Record<string, string>>) => Promise<A>,
	settled: (answer: A, payment: PreparedPayment) => Promise<PaymentOutcome>,
): Promise<{ readonly answer: A; readonly outcome: PaymentOutcome; readonly deposited: bigint }> {
	let required = client.offers.offer(release, most) ?? offerOf(await ask({}));
	let deposited = 0n;
	for (let attempt = 1; ; attempt++) {
		checkOffer(required, most);
		const payment = await client.payer().pay(required, gateway, limits.signal);
		let answer: A;
		try {
			answer = await ask(payment.headers);
		} catch (error) {
			payment.release();
			throw error;
		}
		const outcome = await settled(answer, payment);
		if (outcome.result === "paid") deposited += payment.deposit;
		if (answer.status < 300) {
			client.offers.keepOffer(release, most, required);
			return { answer, outcome, deposited };
		}
		if (answer.status !== 402 || attempt === MAX_PAYMENTS) throw refusalOf("The gateway", answer.status, parseJson(answer.body));
		if (outcome.result === "unpaid") {
			// New terms, perhaps since the price changed meanwhile; the same refusal twice is final.
			const next = offerOf(answer);
			// An earlier call of this payer, whose answer it never got, may still be under way after a gateway's restart.
			if (next.error === batchReasons.busy && limits.deadline > client.now()) {
				await pause(BUSY_PAUSE_MS, limits.signal);
				attempt -= 1;
				continue;
			}
			if (next.error !== undefined && next.error === required.error) throw refusalOf("The gateway", answer.status, parseJson(answer.body));
			required = next;
		}
	}
}

/** Waits out a gateway that restarts or is full, until the deadline. */
async function patientlyAsk<A extends { readonly status: number }>(client: Client, limits: Limits, send: (timeoutMs: number) => Promise<A>): Promise<A> {
	for (let waitMs = FIRST_PAUSE_MS; ; waitMs = Math.min(LAST_PAUSE_MS, waitMs * 2)) {
		const left = limits.deadline - client.now();
		try {
			const answer = await send(Math.max(1, left));
			if ((answer.status !== 503 && answer.status !== 429) || left <= waitMs) return answer;
		} catch (error) {
			if (!(error instanceof FreeholdError) || error.code !== "network.down" || left <= waitMs) throw error;
		}
		await pause(waitMs, limits.signal);
	}
}

/** Terms of a 402 answer; the gateway's refusal, when it is another. */
function offerOf(answer: { readonly status: number; readonly header: (name: string) => string | null; readonly body: Uint8Array }): PaymentRequired {
	const header = answer.status === 402 ? answer.header(x402Headers.required) : null;
	const required = header === null ? undefined : decodePaymentRequired(header);
	if (required !== undefined) return required;
	if (answer.status >= 300) throw refusalOf("The gateway", answer.status, parseJson(answer.body));
	throw new FreeholdError("upstream.failed", { what: "The gateway", reason: "an answer that nobody paid for" });
}

/** Before anything is signed. */
function checkOffer(required: PaymentRequired, most: bigint): void {
	for (const { scheme, amount } of required.accepts)
		if (scheme === "batch-settlement" && BigInt(amount) > most) throw new FreeholdError("payment.insufficient", { given: most, needed: amount });
}
