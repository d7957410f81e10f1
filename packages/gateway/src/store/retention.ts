/** How long things are kept: idempotency keys a day; the questions and answers of calls a month, after which receipt and proofs stay and what was said goes. */
import { pause } from "@freehold/service";
import { type AnswerRecord, type CallFacts, type CallRecord, type GatewayStore, pack, type Table, unpack } from "./tables.js";

const DAY_MS = 86_400_000;
const ANSWERS_MS = DAY_MS;
const CONTENT_MS = 30 * DAY_MS;
const INTERVAL_MS = 3_600_000;
/** Records looked at in one step, so that calls never wait for it. */
const STEP = 200;

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
	seq,
	index,
}: CallFacts): CallRecord {
	return { order, orderSignature, receipt, receiptSignature, receiptDigest, engine, evidence, salt, payer, require, payment, seq, index, stripped: true };
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
