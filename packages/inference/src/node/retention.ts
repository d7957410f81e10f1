/** How long answers and receipts are kept, and their removal in bounded steps. */
import type { Hex } from "@freehold/protocol";
import { type Clock, pause } from "@freehold/service";
import { type CallRecord, load, type NodeStore, pack, type ReceiptRecord, unpack, type Writer } from "./tables.js";

export interface Retention {
	/** Time after its deadline in which an order gets its answer again, in milliseconds. */
	readonly answersMs: number;
	/** Time after its deadline in which order and receipt can be shown against a gateway. */
	readonly receiptsMs: number;
}

export interface AnswerRecord {
	/** Key of table `calls`. */
	readonly key: string;
	readonly digest: Hex;
	readonly body: string;
	readonly record: ReceiptRecord;
	/** Unix milliseconds. */
	readonly deadline: number;
}

interface ExpiryRecord {
	readonly table: "answers" | "receipts";
	readonly digest: Hex;
	readonly key: string;
}

const STEP = 500;
const CLEANING_MS = 60_000;

/** Writes all that an answer leaves behind. */
export function recordAnswer({ key, digest, body, record, deadline }: AnswerRecord, retention: Retention, writer: Writer): void {
	writer.put("calls", key, pack({ orderDigest: digest } satisfies CallRecord));
	writer.put("answers", digest, Buffer.from(body, "utf8"));
	writer.put("receipts", digest, pack(record));
	writer.put("expiry", expiryKey(deadline + retention.answersMs, "answers", digest), pack({ table: "answers", digest, key } satisfies ExpiryRecord));
	writer.put("expiry", expiryKey(deadline + retention.receiptsMs, "receipts", digest), pack({ table: "receipts", digest, key } satisfies ExpiryRecord));
}

/** Orders and receipts by their deadlines, oldest first; `at` is where to go on after each. */
export function* keptReceipts(
	store: NodeStore,
	{ receiptsMs }: Retention,
	{ since, until, after }: { readonly since: number; readonly until: number; readonly after?: string },
): Iterable<{ readonly at: string; readonly record: ReceiptRecord }> {
	const start = after === undefined ? timeKey(since + receiptsMs) : `${after}\0`;
	for (const { key, value } of store.scan("expiry", { start, end: timeKey(until + receiptsMs) })) {
		const { table, digest } = unpack<ExpiryRecord>(value);
		const record = table === "receipts" ? load<ReceiptRecord>(store, "receipts", digest) : undefined;
		if (record !== undefined) yield { at: key, record };
	}
}

/** Removes what expires, until it is told to stop. */
export async function keepClean(store: NodeStore, clock: Clock, signal: AbortSignal): Promise<void> {
	while (!signal.aborted) {
		while (!signal.aborted && (await removeExpired(store, clock.now())) > 0);
		await pause(CLEANING_MS, signal).catch(() => undefined);
	}
}

/** Removes what has expired at `now`, oldest first; resolves with how many entries went. Call again while it returns something. */
export async function removeExpired(store: NodeStore, now: number): Promise<number> {
	const due = [...store.scan("expiry", { end: timeKey(now), limit: STEP })];
	if (due.length === 0) return 0;
	await store.transact((writer) => {
		for (const { key: expiry, value } of due) {
			const { table, digest, key } = unpack<ExpiryRecord>(value);
			writer.remove(table, digest);
			// The call id is free again when nothing of the call is left.
			if (table === "receipts") writer.remove("calls", key);
			writer.remove("expiry", expiry);
		}
	});
	return due.length;
}

function timeKey(time: number): string {
	return time.toString().padStart(16, "0");
}

function expiryKey(time: number, table: ExpiryRecord["table"], digest: Hex): string {
	return `${timeKey(time)}/${table}/${digest}`;
}
