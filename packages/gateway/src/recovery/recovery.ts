/** After a restart: orders that a node may have answered are asked for again, and paid or given up; payments without a call go back. */
import { FreeholdError } from "@freehold/protocol";
import { pause } from "@freehold/service";
import type { Idempotency } from "../inference/idempotency.js";
import type { Ordering } from "../inference/ordering.js";
import { type RecorderModules, recordCall } from "../inference/recorder.js";
import type { KeyPayments } from "../keys/key-payments.js";
import type { ChannelPayments } from "../payment/channel-payments.js";
import type { ExactPayments } from "../payment/exact-payments.js";
import type { Reservation } from "../payment/reservation.js";
import type { GatewayEvents } from "../program/events.js";
import { type GatewayStore, type OrderRecord, unpack } from "../store/tables.js";
import type { Orphans } from "./orphans.js";

export interface RecoveryModules {
	readonly store: GatewayStore;
	readonly ordering: Ordering;
	readonly orphans: Pick<Orphans, "expect">;
	readonly channelPayments: ChannelPayments;
	readonly exactPayments: ExactPayments;
	readonly keyPayments: KeyPayments;
	readonly recorder: RecorderModules;
	readonly idempotency: Idempotency;
	readonly events: GatewayEvents;
	readonly crashPoint: (name: string) => void;
}

const RECONCILE_MS = 5_000;

/** Orders from before the restart. Their payments are held from now on, so that nothing else can be paid with them; the promise ends when all are decided. */
export function recoverOrders(modules: RecoveryModules): Promise<unknown> {
	const { store, idempotency } = modules;
	const records = [...store.scan("orders", {})].map(({ value }) => unpack<OrderRecord>(value));
	return Promise.all(
		records.map((record) => {
			// Without a key nobody can ask for the answer again: such a call has failed, and a failed call costs nothing.
			const payment = record.answerKey === undefined ? undefined : hold(record, modules);
			const reason = record.answerKey === undefined ? "its caller cannot ask for the answer again" : "its payment is not good any more";
			const work = payment === undefined ? giveUp(record, reason, modules) : complete(record, payment, modules);
			if (record.answerKey !== undefined) idempotency.hold(record.answerKey, record.requestDigest, work);
			return work;
		}),
	);
}

/** Decides payments of exact amounts that were interrupted, by a restart or by a chain that stayed silent, until the signal says so. */
export async function reconcilePayments({ exactPayments }: RecoveryModules, signal: AbortSignal): Promise<void> {
	while (!signal.aborted) {
		// What cannot be decided now is looked at again.
		await exactPayments.reconcile().catch(() => undefined);
		await pause(RECONCILE_MS, signal).catch(() => undefined);
	}
}

function hold(record: OrderRecord, { channelPayments, exactPayments, keyPayments }: RecoveryModules): Reservation | undefined {
	const { payment, order } = record;
	// What the order can cost was found good before the restart; the node's answer is checked against the price again.
	const allowed = order.nodeFee + order.gatewayFee;
	if (payment.kind === "exact") return exactPayments.resume(payment.id);
	return payment.kind === "key" ? keyPayments.resume(payment, allowed) : channelPayments.resume(payment, allowed);
}

async function complete(record: OrderRecord, payment: Reservation, modules: RecoveryModules): Promise<void> {
	try {
		const served = await modules.ordering.resume(record);
		await recordCall(served, payment, modules.recorder);
		modules.events.orderRecovered(record.order.callId);
	} catch (error) {
		await payment.abandon();
		await giveUp(record, error instanceof FreeholdError ? error.message : String(error), modules);
	}
}

async function giveUp(record: OrderRecord, reason: string, { store, orphans, events, crashPoint }: RecoveryModules): Promise<void> {
	await store.transact((writer) => writer.remove("orders", record.order.callId));
	crashPoint("order-abandoned");
	// Its node may have answered, or do so yet.
	orphans.expect(record.order);
	events.orderAbandoned(record.order.callId, reason);
}
