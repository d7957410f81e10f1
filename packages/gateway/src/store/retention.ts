/**
 * How long things are kept: idempotency keys a day; payments of exact amounts until two days after their signatures expired, when the chain refuses them for
 * good; the questions and answers of calls a month, after which receipt and proofs stay and what was said goes.
 */
import type { StoredIntent } from "@freehold/sdk/chain";
import { pause } from "@freehold/service";
import { type AnswerRecord, type CallFacts, type CallRecord, type GatewayStore, type PaymentRecord, pack, type Table, unpack } from "./tables.js";

const DAY_MS = 86_400_000;
const ANSWERS_MS = DAY_MS;
const CONTENT_MS = 30 * DAY_MS;
/** A clock that was a day off by mistake does not bring a payment back. */
const PAYMENTS_MS = 2 * DAY_MS;
const INTERVAL_MS = 3_600_000;
/** Records looked at in one step, so that calls never wait for it. */
const STEP = 200;

/** How the intents of `ExactPayments` are named. */
const EXACT_INTENT = "exact:";

/** Tidies every hour until the signal says so. */
export async function keepTidy(store: GatewayStore, now: () => number, signal: AbortSignal): Promise<void> {
	while (!signal.aborted) {
		await tidy(store, now(), signal).catch(() => undefined);
		await pause(INTERVAL_MS, signal).catch(() => undefined);
	}
}

/** One pass over what may have expired. */
export async function tidy(store: GatewayStore, now: number, signal?: AbortSignal): Promise<void> {
	await walk(store, "answers", signal, (value) => (now - unpack<AnswerRecord>(value).answeredAt > ANSWERS_MS ? "remove" : undefined));
	await walk(store, "payments", signal, (value) => {
		const { state, payment } = unpack<PaymentRecord>(value);
		const isOver = state === "spent" || state === "refunded" || state === "void";
		return isOver && now - Number(payment.validBefore) * 1_000 > PAYMENTS_MS ? "remove" : undefined;
	});
	// The transaction that brought a payment is of use for as long as the payment is.
	for (const { key, value } of store.scan("intents", { start: EXACT_INTENT, end: `${EXACT_INTENT}~` })) {
		if (signal?.aborted === true) return;
		const { state } = unpack<StoredIntent>(value);
		if (state === "included" && store.get("payments", key.slice(EXACT_INTENT.length)) === undefined)
			await store.transact((writer) => writer.remove("intents", key));
	}
	await walk(store, "calls", signal, (value) => {
		const call = unpack<CallRecord>(value);
		return "stripped" in call || now - Number(call.receipt.finishedAt) <= CONTENT_MS ? undefined : pack(stripped(call));
	});
}

function stripped({
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
	payment,
	licence,
	seq,
	index,
}: CallFacts): CallRecord {
	const facts = { order, orderSignature, receipt, receiptSignature, receiptDigest, engine, evidence, salt, payer, require, payment, seq, index };
	return { ...facts, ...(licence === undefined ? {} : { licence }), stripped: true };
}

async function walk(
	store: GatewayStore,
	table: Table,
	signal: AbortSignal | undefined,
	judge: (value: Uint8Array) => Uint8Array | "remove" | undefined,
): Promise<void> {
	for (let start = ""; signal?.aborted !== true; ) {
		const records = [...store.scan(table, { start, limit: STEP })];
		const last = records.at(-1);
		if (last === undefined) return;
		const changes = records.map(({ key, value }) => ({ key, change: judge(value) })).filter(({ change }) => change !== undefined);
		if (changes.length > 0) {
			await store.transact((writer) => {
				for (const { key, change } of changes) {
					if (change === "remove") writer.remove(table, key);
					else if (change !== undefined) writer.put(table, key, change);
				}
			});
		}
		start = `${last.key}\0`;
	}
}
