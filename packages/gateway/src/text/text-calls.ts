/**
 * The journey of a call to a language model, whatever its door:
 *
 *   who pays → what is asked → plan (release, price) → hold the payment → order → the node's answer → receipt checked → recorded → last bytes
 *
 * A stream's pieces are handed on as they come; its last bytes leave after what was handed over is settled and recorded. Whoever leaves is charged for that alone.
 */
import { encodeHeader, type SettleResponse, x402Headers } from "@freehold/payments";
import { FreeholdError, formatOpg, type Hex, toHex } from "@freehold/protocol";
import {
	type BodySink,
	errorResponse,
	type Handler,
	type HttpRequest,
	type HttpResponse,
	jsonResponse,
	nativeCrypto,
	type RouteBinding,
	traceAttributes,
	traceStep,
} from "@freehold/service";
import type { TracedCalls } from "../anchoring/traced-calls.js";
import type { FairQueue } from "../inference/fair-queue.js";
import type { Idempotency } from "../inference/idempotency.js";
import { type CallLicence, licenceOf } from "../inference/licence.js";
import type { Ordering, ServedCall } from "../inference/ordering.js";
import type { Places } from "../inference/places.js";
import { type CallPlan, type PlanModules, planCall } from "../inference/plan.js";
import { answerKeyOf, type RecorderModules, recordCall } from "../inference/recorder.js";
import type { RunningStream } from "../inference/running-stream.js";
import { measureText } from "../inference/text-question.js";
import type { KeyPayments } from "../keys/key-payments.js";
import type { Payments } from "../payment/payments.js";
import type { Reservation } from "../payment/reservation.js";
import type { GatewayEvents } from "../program/events.js";
import type { CallRecord } from "../store/tables.js";
import { type Credential, readCredential } from "./credentials.js";
import { deltasOf } from "./deltas.js";
import type { Door, StreamVoice, TextAsk, Told } from "./door.js";

export interface TextModules {
	readonly chainId: number;
	readonly plan: PlanModules;
	readonly payments: Payments;
	readonly keys: KeyPayments;
	readonly ordering: Ordering;
	/** Places at the nodes. */
	readonly queue: FairQueue;
	readonly recorder: RecorderModules;
	readonly idempotency: Idempotency;
	readonly tracedCalls: TracedCalls;
	readonly events: GatewayEvents;
	/** For the calls under way. */
	readonly places: Places;
	/** Unix milliseconds. */
	readonly now: () => number;
}

/** The refusals of a route, in its client's own shape. */
export function refuseBy(door: Pick<Door, "refusal">): NonNullable<RouteBinding["refuse"]> {
	return (error) => {
		const { status, headers } = errorResponse(error);
		// Clients of OpenAI and Anthropic try 5xx again unless they are told.
		return { ...jsonResponse(door.refusal(error), status), headers: { ...headers, "x-should-retry": String(error.entry.retryable) } };
	};
}

export function textCalls(door: Door, modules: TextModules): Handler {
	return async (request) => {
		// Whoever sends slowly waits outside.
		await request.bytes();
		const leave = modules.places.enter();
		let held = false;
		try {
			const response = await answer(request, door, modules, () => {
				held = true;
				return leave;
			});
			return response;
		} finally {
			if (!held) leave();
		}
	};
}

/** A request on its way through this file. */
interface Journey {
	readonly request: HttpRequest;
	readonly door: Door;
	readonly ask: TextAsk;
	readonly modules: TextModules;
	readonly key: { readonly answerKey: string | undefined; readonly requestDigest: Hex };
	readonly startedAt: number;
	/** A stream keeps its place until it has ended. */
	readonly keepPlace: () => () => void;
}

async function answer(request: HttpRequest, door: Door, modules: TextModules, keepPlace: Journey["keepPlace"]): Promise<HttpResponse> {
	const { payments, keys, idempotency } = modules;
	const startedAt = performance.now();
	const credential = readCredential(request.headers);
	if (credential.kind === "key") keys.check(credential.id);
	const idempotencyKey = idempotency.keyOf(request);
	const body = await request.bytes();
	const ask = door.read(await request.json());
	const refusal = (error: FreeholdError): unknown => door.refusal(error);
	if (credential.kind === "none") return payments.demand(request, await planText(ask, modules), refusal);
	if (credential.kind === "x402" && credential.payment === undefined)
		return payments.refuse(request, await planText(ask, modules), { reason: "invalid_payload" }, refusal);
	const payer = idempotencyKey === undefined ? undefined : payerOf(credential, modules);
	const answerKey = idempotencyKey === undefined || payer === undefined ? undefined : answerKeyOf(payer, idempotencyKey);
	const requestDigest = answerKey === undefined ? NO_DIGEST : toHex(nativeCrypto.sha256(body));
	const journey: Journey = { request, door, ask, modules, key: { answerKey, requestDigest }, startedAt, keepPlace };
	if (answerKey === undefined) return serve(journey, credential);
	return idempotency.run(
		answerKey,
		requestDigest,
		(call) => again(journey, call, credential.kind === "x402" ? payments.replayed(call) : undefined),
		() => serve(journey, credential),
	);
}

const NO_DIGEST: Hex = `0x${"00".repeat(32)}`;

function payerOf(credential: Credential, { payments }: TextModules): Hex | undefined {
	if (credential.kind === "key") return credential.id;
	return credential.kind === "x402" && credential.payment !== undefined ? payments.signerOf(credential.payment) : undefined;
}

function planText(ask: TextAsk, { plan }: TextModules, offered?: bigint): Promise<CallPlan> {
	const { request, openEnded, terms } = ask;
	const asked = { request, openEnded, mode: terms.mode, require: terms.require };
	return planCall(terms, (manifest) => measureText(asked, manifest), plan, offered);
}

async function serve(journey: Journey, credential: Credential): Promise<HttpResponse> {
	const { request, ask, door, modules } = journey;
	const { payments, keys, chainId } = modules;
	const refusal = (error: FreeholdError): unknown => door.refusal(error);
	if (credential.kind === "key") {
		const plan = await planText(ask, modules);
		const licence = licenceOf(request, plan, chainId, keys.check(credential.id));
		const { reservation } = keys.accept(credential.id, plan);
		return spend(journey, plan, reservation, licence);
	}
	if (credential.kind !== "x402" || credential.payment === undefined) throw new FreeholdError("payment.required");
	const { payment } = credential;
	const plan = await planText(ask, modules, BigInt(payment.accepted.amount));
	const licence = licenceOf(request, plan, chainId);
	const accepted = await payments.accept(payment, plan);
	if ("refused" in accepted) return payments.refuse(request, plan, accepted.refused, refusal);
	return spend(journey, plan, accepted.reservation, licence);
}

async function spend(journey: Journey, plan: CallPlan, reservation: Reservation, licence: CallLicence): Promise<HttpResponse> {
	const { request, ask, modules } = journey;
	const key = { ...journey.key, licence: licence.accepted };
	const { ordering, events, payments, queue } = modules;
	// Who can ask again has an answer waiting; for anyone else a run without a reader is work for nobody.
	const signal = key.answerKey === undefined ? request.signal : undefined;
	let leave = (): void => undefined;
	let streams = false;
	try {
		licence.check(reservation.payer);
		leave = await queue.enter(reservation.payer, request.signal);
		if (ask.stream) {
			const running = await ordering.open(plan, reservation, { ...key, answerKey: undefined }, signal);
			streams = true;
			return streamed(journey, reservation, plan, running, leave);
		}
		const served = await ordering.run(plan, reservation, key, signal);
		const told = await record(served, reservation, journey);
		return whole(told, ask);
	} catch (error) {
		const settlement = await reservation.abandon();
		if (error instanceof FreeholdError) events.callFailed(plan.release.name, error);
		return payments.failure(error, settlement, request.path, refuseBy(journey.door));
	} finally {
		if (!streams) leave();
	}
}

async function record(served: ServedCall, reservation: Reservation, { modules, startedAt, key }: Journey): Promise<Told> {
	const order = { ...served.order, ...key };
	const { call, settlement } = await traceStep("record", {}, () => recordCall({ ...served, order }, reservation, modules.recorder));
	const totalMs = performance.now() - startedAt;
	const { callId, node } = call.order;
	modules.tracedCalls.recorded(call.seq);
	traceAttributes({ "freehold.call_id": callId, "freehold.batch": call.seq });
	modules.events.callAnswered({ callId, node, seq: call.seq, charge: call.receipt.charge, overheadMs: totalMs - served.nodeMs, totalMs });
	return told(call, reservation.link.kind === "key" ? undefined : settlement);
}

function told(call: CallRecord, settlement: SettleResponse | undefined): Told {
	if (!("textAnswer" in call)) throw new FreeholdError("internal", { reference: call.order.callId });
	return { call, answer: call.textAnswer, settlement: settlement === undefined ? undefined : encodeHeader(settlement) };
}

function whole(result: Told, { voice }: TextAsk): HttpResponse {
	return jsonResponse(voice.whole(result), 200, {
		...callHeaders(result.call.order.callId),
		"x-freehold-charge": formatOpg(result.call.receipt.charge),
		...(result.settlement === undefined ? {} : { [x402Headers.response]: result.settlement }),
	});
}

/** The call's id under our name, and under those that other systems' clients show in their errors. */
function callHeaders(callId: Hex): Readonly<Record<string, string>> {
	return { "x-freehold-call-id": callId, "x-request-id": callId, "request-id": callId };
}

function streamed(journey: Journey, reservation: Reservation, plan: CallPlan, running: RunningStream, leaveQueue: () => void): HttpResponse {
	const { ask, door, modules } = journey;
	const leave = journey.keepPlace();
	const { callId } = running.order.order;
	const voice = ask.voice.stream({ callId, createdAt: modules.now(), inputTokens: running.inputTokens });
	let resolve = (): void => undefined;
	const promise = new Promise<void>((done) => {
		resolve = done;
	});
	const { answerKey, requestDigest } = journey.key;
	// Whoever sends the same key meanwhile waits for the end, not for the head.
	if (answerKey !== undefined) modules.idempotency.hold(answerKey, requestDigest, promise);
	const end = (): void => {
		leaveQueue();
		leave();
		resolve();
	};
	return {
		status: 200,
		headers: { "content-type": door.streamType, "cache-control": "no-cache", "x-accel-buffering": "no", ...callHeaders(callId) },
		body: (sink) => pump(journey, reservation, plan, running, voice, sink).finally(end),
	};
}

async function pump(journey: Journey, reservation: Reservation, plan: CallPlan, running: RunningStream, voice: StreamVoice, sink: BodySink): Promise<void> {
	const { modules } = journey;
	let head = voice.open();
	const { served, failure, pieces } = await running.pump((deltas) => {
		let piece = head;
		for (const delta of deltas) piece += voice.delta(delta);
		head = "";
		return piece === "" ? true : sink.write(piece);
	}, journey.request.signal);
	let result: Told | undefined;
	let broken = failure;
	try {
		if (served === undefined) await reservation.abandon();
		else result = await record(served, reservation, journey);
	} catch (error) {
		await reservation.abandon();
		broken = error instanceof FreeholdError ? error : new FreeholdError("internal", { reference: running.order.order.callId }, { cause: error });
	}
	if (broken === undefined && result !== undefined) {
		await sink.write(head + voice.close(result));
		return;
	}
	const reason = broken?.message ?? "it could not be recorded";
	const error = new FreeholdError("text.brokenOff", { pieces, reason, charge: formatOpg(result?.call.receipt.charge ?? 0n) }, { cause: broken });
	modules.events.callFailed(plan.release.name, broken ?? error);
	await sink.write(head + voice.fail(error, result));
}

/** A call that was answered under the same key. */
function again(journey: Journey, call: CallRecord, settlement: SettleResponse | undefined): HttpResponse {
	const { ask, door } = journey;
	const result = told(call, settlement);
	if (!ask.stream) return whole(result, ask);
	const { order, receipt } = call;
	const voice = ask.voice.stream({ callId: order.callId, createdAt: Number(receipt.startedAt), inputTokens: Number(receipt.inputUnits) });
	const deltas = deltasOf(result.answer, Number(receipt.outputUnits));
	const body = voice.open() + deltas.map((delta) => voice.delta(delta)).join("") + voice.close(result);
	return { status: 200, headers: { "content-type": door.streamType, "cache-control": "no-cache", ...callHeaders(order.callId) }, body };
}
