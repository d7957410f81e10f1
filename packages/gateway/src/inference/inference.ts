/**
 * `POST /v1/inference`: the journey of a call, from top to bottom.
 *
 *   read the ask → plan it (release, inputs, price) → no payment: say what it costs → payment: hold it → order and run → record, in one transaction → answer
 *
 * Whatever fails before the recording costs the payer nothing.
 */
import { decodePayment, encodeHeader, type PaymentPayload, type SettleResponse, x402Headers } from "@freehold/payments";
import { FreeholdError, type Hex, toHex } from "@freehold/protocol";
import { type Handler, type HttpRequest, type HttpResponse, jsonResponse, nativeCrypto, traceAttributes, traceStep } from "@freehold/service";
import type { TracedCalls } from "../anchoring/traced-calls.js";
import type { Payments } from "../payment/payments.js";
import type { GatewayEvents } from "../program/events.js";
import type { CallRecord } from "../store/tables.js";
import { answerBody } from "./answer.js";
import { type Ask, readAsk } from "./ask.js";
import type { Idempotency } from "./idempotency.js";
import { licenceOf } from "./licence.js";
import type { Ordering } from "./ordering.js";
import { type CallPlan, type PlanModules, planCall } from "./plan.js";
import { answerKeyOf, type RecorderModules, recordCall } from "./recorder.js";
import { measureTensors } from "./tensor-question.js";

export interface InferenceModules {
	readonly chainId: number;
	readonly plan: PlanModules;
	readonly payments: Payments;
	readonly ordering: Ordering;
	readonly recorder: RecorderModules;
	readonly idempotency: Idempotency;
	readonly tracedCalls: TracedCalls;
	readonly events: GatewayEvents;
	/** Takes a place among the calls under way; throws `gateway.overloaded`. */
	readonly enter: () => () => void;
}

export function inference(modules: InferenceModules): Handler {
	return async (request) => {
		// Whoever sends slowly waits outside.
		await request.bytes();
		const leave = modules.enter();
		try {
			return await answer(request, modules);
		} finally {
			leave();
		}
	};
}

async function answer(request: HttpRequest, modules: InferenceModules): Promise<HttpResponse> {
	const { payments, idempotency, chainId } = modules;
	const key = idempotency.keyOf(request);
	const body = await request.bytes();
	const ask = readAsk(await request.json());
	const header = request.headers[x402Headers.signature];
	if (typeof header !== "string") return payments.demand(request, await planTensors(ask, modules));
	const payment = decodePayment(header);
	if (payment === undefined) return payments.refuse(request, await planTensors(ask, modules), { reason: "invalid_payload" });

	const requestDigest = toHex(nativeCrypto.sha256(body));
	const payer = key === undefined ? undefined : payments.signerOf(payment);
	if (key === undefined || payer === undefined) return serve({ request, ask, payment, requestDigest, answerKey: undefined }, modules);
	const answerKey = answerKeyOf(payer, key);
	return idempotency.run(
		answerKey,
		requestDigest,
		(call) => answered(call, chainId, payments.replayed(call)),
		() => serve({ request, ask, payment, requestDigest, answerKey }, modules),
	);
}

function planTensors(ask: Ask, { plan }: InferenceModules, offered?: bigint): Promise<CallPlan> {
	return planCall(ask, (manifest) => measureTensors(ask, manifest), plan, offered);
}

interface PaidAsk {
	readonly request: HttpRequest;
	readonly ask: Ask;
	readonly payment: PaymentPayload;
	readonly requestDigest: Hex;
	/** Under which the answer can be asked for again. */
	readonly answerKey: string | undefined;
}

async function serve({ request, ask, payment, requestDigest, answerKey }: PaidAsk, modules: InferenceModules): Promise<HttpResponse> {
	const startedAt = performance.now();
	const { payments, chainId, events } = modules;
	const plan = await planTensors(ask, modules, BigInt(payment.accepted.amount));
	const licence = licenceOf(request, plan, chainId);
	const accepted = await traceStep("accept payment", {}, () => payments.accept(payment, plan));
	if ("refused" in accepted) return payments.refuse(request, plan, accepted.refused);
	const { reservation } = accepted;
	let served: Awaited<ReturnType<typeof modules.ordering.run>>;
	let recorded: Awaited<ReturnType<typeof recordCall>>;
	try {
		licence.check(reservation.payer);
		served = await modules.ordering.run(plan, reservation, { answerKey, requestDigest, licence: licence.accepted });
		recorded = await traceStep("record", {}, () => recordCall(served, reservation, modules.recorder));
	} catch (error) {
		return failed(error, plan, await reservation.abandon(), modules);
	}
	// It is paid from here on: nothing that fails below may give the money back.
	const { call, settlement } = recorded;
	const totalMs = performance.now() - startedAt;
	const { callId, node } = call.order;
	modules.tracedCalls.recorded(call.seq);
	traceAttributes({ "freehold.call_id": callId, "freehold.batch": call.seq });
	events.callAnswered({ callId, node, seq: call.seq, charge: call.receipt.charge, overheadMs: totalMs - served.nodeMs, totalMs });
	return answered(call, chainId, settlement);
}

function answered(call: CallRecord, chainId: number, settlement: SettleResponse | undefined): HttpResponse {
	return jsonResponse(answerBody(call, chainId), 200, settlement === undefined ? undefined : { [x402Headers.response]: encodeHeader(settlement) });
}

/** The call's failure. Where the payment had effects of its own (a deposit, a refund that is due), the client is told of them in the header. */
function failed(error: unknown, plan: CallPlan, settlement: SettleResponse | undefined, { events, payments }: InferenceModules): HttpResponse {
	if (error instanceof FreeholdError) events.callFailed(plan.release.name, error);
	return payments.failure(error, settlement, "/v1/inference");
}
