/** The one transaction of a call: charge, order, receipt, place in a batch, answer key. After it the call is paid and can be replayed; before it, nothing was. */

import type { SettleResponse } from "@freehold/payments";
import type { Hex } from "@freehold/protocol";
import type { BatchLog } from "../anchoring/batch-log.js";
import type { Reservation } from "../payment/reservation.js";
import { type AnswerRecord, type CallRecord, type GatewayStore, type MemberRecord, pack } from "../store/tables.js";
import type { ServedCall } from "./ordering.js";

export interface RecorderModules {
	readonly store: GatewayStore;
	readonly batches: BatchLog;
	readonly crashPoint: (name: string) => void;
	/** Unix milliseconds. */
	readonly now: () => number;
}

export interface RecordedCall {
	readonly call: CallRecord;
	readonly settlement: SettleResponse | undefined;
}

export async function recordCall({ order: ordered, answer }: ServedCall, payment: Reservation, modules: RecorderModules): Promise<RecordedCall> {
	const { store, batches, crashPoint, now } = modules;
	const { order, orderSignature, orderKey, salt, payer, require, licence, answerKey, requestDigest } = ordered;
	const { receipt, receiptSignature, receiptDigest, nodeKey, engine, evidence } = answer;
	const { nodeFee, gatewayFee } = order;
	const { inputUnits, outputUnits } = receipt;
	const member: MemberRecord = {
		callId: order.callId,
		release: order.release,
		priceVersion: order.priceVersion,
		node: order.node,
		receipt: receiptDigest,
		nodeKey,
		...(orderKey === undefined ? {} : { gatewayKey: orderKey }),
		sums: { calls: 1n, inputUnits, outputUnits, nodeFee, gatewayFee },
	};
	crashPoint("call-recording");
	const { call, spending } = await store.transact((writer) => {
		const spent = payment.spend(receipt.charge, writer);
		const place = batches.place(member, spent.channel, spent.refund, writer);
		const record: CallRecord = {
			order,
			orderSignature,
			receipt,
			receiptSignature,
			receiptDigest,
			engine,
			evidence,
			salt,
			payer,
			require,
			...("inputs" in ordered ? { inputs: ordered.inputs } : { textRequest: ordered.textRequest }),
			...answer.content,
			payment: payment.link,
			...(licence === undefined ? {} : { licence }),
			...place,
		};
		spent.write(writer);
		writer.put("calls", order.callId, pack(record));
		writer.remove("orders", order.callId);
		if (answerKey !== undefined) writer.put("answers", answerKey, pack({ requestDigest, callId: order.callId, answeredAt: now() } satisfies AnswerRecord));
		return { call: record, spending: spent };
	});
	crashPoint("call-recorded");
	return { call, settlement: spending.finish() };
}

/** Key of an answer: of one payer, so that nobody reads another's. */
export function answerKeyOf(payer: Hex, idempotencyKey: string): string {
	return `${payer}:${idempotencyKey}`;
}
