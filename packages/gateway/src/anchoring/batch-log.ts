/**
 * Which batch a call belongs to. Calls and refunds are placed in the open batch within the transaction that records them; a batch that is full or old is
 * left behind for sealing, and nothing is added to it any more.
 */

import type { Hex } from "@freehold/protocol";
import { limits } from "@freehold/protocol";
import {
	type BatchRecord,
	type ChannelRecord,
	type GatewayStore,
	type MemberRecord,
	memberKey,
	pack,
	type RefundRecord,
	seqKey,
	unpack,
	type Writer,
} from "../store/tables.js";

export interface BatchBounds {
	readonly calls: number;
	/** Each costs gas; all of a batch must fit a block. */
	readonly lines: number;
	readonly refunds: number;
	readonly channels: number;
}

export const batchBounds: BatchBounds = {
	calls: limits.batchCalls,
	lines: limits.batchSealedLines,
	refunds: limits.batchSealedRefunds,
	channels: limits.batchClaims,
};

/** `batchChannels`: a channel with all that was charged on it when the last call of the batch was recorded. */
export interface BatchChannelRecord extends ChannelRecord {
	readonly channelId: Hex;
}

interface OpenBatch {
	readonly seq: number;
	calls: number;
	refunds: number;
	readonly lines: Set<string>;
	readonly channels: Set<Hex>;
	/** Unix milliseconds of the first entry; undefined while it is empty. */
	since: number | undefined;
}

export class BatchLog {
	readonly #bounds: BatchBounds;
	readonly #now: () => number;
	readonly #startedAt: number;
	readonly #waiting: number[] = [];
	/** Batches that nothing is added to any more and that are not on the chain yet. */
	readonly #closed = new Map<number, { readonly calls: number; readonly since: number }>();
	#open: OpenBatch;
	/** Told when a batch may be sealed, or the open one got its first entry. */
	onChange: () => void = () => {};

	/** `nextSeq`: what the chain expects next. */
	constructor(store: GatewayStore, nextSeq: number, now: () => number, bounds: BatchBounds = batchBounds) {
		this.#bounds = bounds;
		this.#now = now;
		this.#startedAt = now();
		const first = Math.max(nextSeq, lastSealed(store) + 1);
		const entries = new Map<number, OpenBatch>();
		const batch = (seq: number): OpenBatch => {
			const found = entries.get(seq) ?? emptyBatch(seq);
			// After a restart everything that waits is old.
			found.since = 0;
			entries.set(seq, found);
			return found;
		};
		const from = { start: seqKey(first) };
		for (const { key, value } of store.scan("members", from)) note(batch(seqOf(key)), unpack<MemberRecord>(value));
		for (const { key } of store.scan("refunds", from)) batch(seqOf(key)).refunds = indexOf(key) + 1;
		for (const { key } of store.scan("batchChannels", from)) batch(seqOf(key)).channels.add(key.slice(key.indexOf("/") + 1) as Hex);
		const left = [...entries.keys()].sort((a, b) => a - b);
		const last = left.pop();
		this.#waiting.push(...left);
		for (const seq of left) this.#closed.set(seq, { calls: entries.get(seq)?.calls ?? 0, since: now() });
		for (const { value } of store.scan("batches", { reverse: true })) {
			const { seq, state, lines, sealedAt } = unpack<BatchRecord>(value);
			if (state !== "sealed") break;
			this.#closed.set(seq, { calls: lines.reduce((sum, line) => sum + Number(line.calls), 0), since: sealedAt });
		}
		this.#open = last === undefined ? emptyBatch(first) : (entries.get(last) as OpenBatch);
	}

	/** Entries of the open batch and its age in milliseconds. */
	get open(): { readonly seq: number; readonly calls: number; readonly entries: number; readonly ageMs: number } {
		const { seq, calls, refunds, since } = this.#open;
		return { seq, calls, entries: calls + refunds, ageMs: since === undefined ? 0 : this.#now() - since };
	}

	/** Calls that are not on the chain yet, and how long the oldest of what waits has waited; from before a restart it is counted from the restart. */
	get unanchored(): { readonly calls: number; readonly ageMs: number } {
		const closed = [...this.#closed.values()];
		const { calls, since } = this.#open;
		const oldest = Math.min(...closed.map((batch) => batch.since), ...(since === undefined ? [] : [Math.max(since, this.#startedAt)]));
		return {
			calls: closed.reduce((sum, batch) => sum + batch.calls, calls),
			ageMs: Number.isFinite(oldest) ? Math.max(0, this.#now() - oldest) : 0,
		};
	}

	/** Numbers of batches to be sealed, oldest first. */
	get waiting(): readonly number[] {
		return this.#waiting;
	}

	/** Places a call. `channel`: the one that pays, after the charge. To be called inside the transaction that records the call. */
	place(
		member: MemberRecord,
		channel: BatchChannelRecord | undefined,
		refund: RefundRecord | undefined,
		writer: Writer,
	): { readonly seq: number; readonly index: number } {
		const lineKey = lineOf(member);
		const { calls, lines, refunds, channels } = this.#open;
		const full =
			calls >= this.#bounds.calls ||
			(!lines.has(lineKey) && lines.size >= this.#bounds.lines) ||
			(refund !== undefined && refunds >= this.#bounds.refunds) ||
			(channel !== undefined && !channels.has(channel.channelId) && channels.size >= this.#bounds.channels);
		if (full) this.close();
		const open = this.#open;
		const index = open.calls;
		note(open, member);
		writer.put("members", memberKey(open.seq, index), pack(member));
		if (channel !== undefined) {
			open.channels.add(channel.channelId);
			writer.put("batchChannels", `${seqKey(open.seq)}/${channel.channelId}`, pack(channel));
		}
		if (refund !== undefined) this.#addRefund(refund, writer);
		this.#touch();
		return { seq: open.seq, index };
	}

	/** Places a refund of a payment that bought nothing. */
	placeRefund(refund: RefundRecord, writer: Writer): void {
		if (this.#open.refunds >= this.#bounds.refunds) this.close();
		this.#addRefund(refund, writer);
		this.#touch();
	}

	/** Leaves the open batch for sealing; nothing when it is empty. */
	close(): void {
		if (this.open.entries === 0) return;
		this.#waiting.push(this.#open.seq);
		this.#closed.set(this.#open.seq, { calls: this.#open.calls, since: Math.max(this.#open.since ?? 0, this.#startedAt) });
		this.#open = emptyBatch(this.#open.seq + 1);
		this.onChange();
	}

	/** Says that a batch has been sealed. */
	sealed(seq: number): void {
		const index = this.#waiting.indexOf(seq);
		if (index >= 0) this.#waiting.splice(index, 1);
	}

	/** Says that a batch is on the chain. */
	anchored(seq: number): void {
		this.#closed.delete(seq);
	}

	#addRefund(refund: RefundRecord, writer: Writer): void {
		writer.put("refunds", memberKey(this.#open.seq, this.#open.refunds), pack(refund));
		this.#open.refunds += 1;
	}

	#touch(): void {
		if (this.#open.since !== undefined) return;
		this.#open.since = this.#now();
		this.onChange();
	}
}

export function lineOf({ release, priceVersion, node }: Pick<MemberRecord, "release" | "priceVersion" | "node">): string {
	return `${release}/${priceVersion}/${node}`;
}

function emptyBatch(seq: number): OpenBatch {
	return { seq, calls: 0, refunds: 0, lines: new Set(), channels: new Set(), since: undefined };
}

function note(batch: OpenBatch, member: MemberRecord): void {
	batch.calls += 1;
	batch.lines.add(lineOf(member));
}

function lastSealed(store: GatewayStore): number {
	for (const { value } of store.scan("batches", { reverse: true, limit: 1 })) return unpack<BatchRecord>(value).seq;
	return 0;
}

function seqOf(key: string): number {
	return Number(key.slice(0, key.indexOf("/")));
}

function indexOf(key: string): number {
	return Number(key.slice(key.indexOf("/") + 1));
}
