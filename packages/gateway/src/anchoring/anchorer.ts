/**
 * Brings batches to the chain, one after another: seal → keep the leaves → anchor → pass royalties on → prove. Each step is durable before the next begins
 * and may be repeated; after a kill the work goes on where it was, with the same bytes.
 */
import { flowOrder } from "@freehold/payments";
import { encodeClaims } from "@freehold/payments/facilitator";
import { FreeholdError, type Hex, type Price, storageRoutes, toHex, utf8 } from "@freehold/protocol";
import { type ChainClient, contracts, type StoredIntent, type Transactor } from "@freehold/sdk/chain";
import { type DigestSigner, fetchBytes, nativeCrypto, pause, traceTogether } from "@freehold/service";
import { encodeFunctionData } from "viem";
import type { Catalogue } from "../catalogue/catalogue.js";
import type { GatewayEvents } from "../program/events.js";
import { type BatchRecord, type GatewayStore, load, type MemberRecord, pack, type RefundRecord, recordsOf, seqKey, unpack } from "../store/tables.js";
import type { BatchChannelRecord, BatchLog } from "./batch-log.js";
import { coverBatch } from "./cover.js";
import { proveBatch } from "./prove.js";
import { batchData, claimsOf, groupLines, type LineMembers, sealBatch } from "./seal.js";
import type { TracedCalls } from "./traced-calls.js";

export interface AnchorerModules {
	readonly gateway: Hex;
	readonly chainId: number;
	readonly signer: DigestSigner;
	readonly store: GatewayStore;
	readonly batches: BatchLog;
	readonly tracedCalls: TracedCalls;
	readonly catalogue: Catalogue;
	/** Price of a release's version. */
	readonly priceOf: (release: Hex, version: number) => Price | undefined;
	readonly client: ChainClient;
	readonly transactor: Transactor;
	readonly storageUrl: string;
	/** Age of its oldest entry at which a batch is sealed, in milliseconds. */
	readonly batchAgeMs: number;
	readonly events: GatewayEvents;
	readonly crashPoint: (name: string) => void;
	/** Unix milliseconds. */
	readonly now: () => number;
	/** In [0, 1). */
	readonly jitter: () => number;
}

/** Payment of owners comes before the second copy of the leaves: storage that does not answer does not hold a batch up for longer. */
const STORAGE_DEADLINE_MS = 2_000;
const STORAGE_RETRY_MS = 10_000;
const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 5_000;
const MAX_FLOW = 250;
/** Batches that are looked at for leaves that storage lacks. */
const REMEMBERED = 10_000;

export class Anchorer {
	readonly #modules: AnchorerModules;
	#wake: () => void = () => {};
	/** The batch log has changed since it was last looked at. */
	#changed = false;
	#failing = false;
	#storageRestsUntil = 0;
	/** Batches whose leaves storage has not taken yet. */
	readonly #unstored = new Set<number>();
	#atHand: { readonly seq: number; readonly lines: readonly LineMembers[] } | undefined;

	constructor(modules: AnchorerModules) {
		this.#modules = modules;
		modules.batches.onChange = () => {
			this.#changed = true;
			this.#wake();
		};
		for (const { value } of modules.store.scan("batches", { reverse: true, limit: REMEMBERED })) {
			const { seq, dataStored } = unpack<BatchRecord>(value);
			if (!dataStored) this.#unstored.add(seq);
		}
	}

	/** False while a batch cannot be brought to the chain. */
	get healthy(): boolean {
		return !this.#failing;
	}

	/** Seals what is open without waiting for its age. */
	hurry(): void {
		this.#modules.batches.close();
	}

	/** Works until the signal says so. */
	async run(signal: AbortSignal): Promise<void> {
		let failures = 0;
		while (!signal.aborted) {
			let seq: number | undefined;
			try {
				seq = this.#unfinished() ?? (await this.#nextToSeal(signal));
				if (seq === undefined) continue;
				await this.#bring(seq, signal);
				failures = 0;
				this.#failing = false;
			} catch (error) {
				if (signal.aborted) return;
				this.#failing = true;
				const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures++, 10)) * (0.5 + this.#modules.jitter() / 2);
				this.#modules.events.anchoringFailed(seq, error, waitMs);
				await pause(waitMs, signal).catch(() => undefined);
			}
		}
	}

	/** Seals and anchors all there is; for an orderly end. */
	async finish(signal: AbortSignal): Promise<void> {
		this.hurry();
		for (let seq = this.#unfinished() ?? this.#modules.batches.waiting[0]; seq !== undefined; seq = this.#unfinished() ?? this.#modules.batches.waiting[0]) {
			await this.#bring(seq, signal);
		}
	}

	/** The oldest batch that was sealed and is not done. */
	#unfinished(): number | undefined {
		// Batches are done in order, so only the newest ones can be open.
		let oldest: number | undefined;
		for (const { value } of this.#modules.store.scan("batches", { reverse: true })) {
			const { seq, state, flowed } = unpack<BatchRecord>(value);
			if (state === "final" && flowed === true) break;
			oldest = seq;
		}
		return oldest;
	}

	/** Number of a batch to be sealed, as soon as there is one; undefined when it is worth looking again. */
	async #nextToSeal(signal: AbortSignal): Promise<number | undefined> {
		const { batches, batchAgeMs } = this.#modules;
		this.#changed = false;
		const first = batches.waiting[0];
		if (first !== undefined) return first;
		const { entries, ageMs } = batches.open;
		if (entries > 0 && ageMs >= batchAgeMs) {
			batches.close();
			return batches.waiting[0];
		}
		await this.#storeLater();
		// Storage took its time: an entry that came meanwhile would wait for the next one.
		if (this.#changed) return undefined;
		await this.#change(entries > 0 ? batchAgeMs - ageMs : this.#unstored.size > 0 ? STORAGE_RETRY_MS : undefined, signal);
		return undefined;
	}

	/** Until the batch log changes, or `ms` have passed. */
	#change(ms: number | undefined, signal: AbortSignal): Promise<void> {
		return new Promise((resolve) => {
			const timer = ms === undefined ? undefined : setTimeout(done, Math.max(1, ms));
			const self = this;
			function done(): void {
				clearTimeout(timer);
				signal.removeEventListener("abort", done);
				self.#wake = () => {};
				resolve();
			}
			this.#wake = done;
			signal.addEventListener("abort", done, { once: true });
		});
	}

	async #bring(seq: number, signal: AbortSignal): Promise<void> {
		const { crashPoint } = this.#modules;
		let batch = load<BatchRecord>(this.#modules.store, "batches", seqKey(seq)) ?? (await this.#seal(seq));
		crashPoint("batch-sealed");
		if (!batch.dataStored) batch = await this.#storeData(batch);
		if (batch.state === "sealed") batch = await this.#anchorTraced(batch, signal);
		if (batch.flowed !== true) batch = await this.#flow(batch, signal);
		if (batch.state === "anchored") await this.#prove(batch, signal);
	}

	/** Fixes what the batch says. All transactions that placed something in it are on disk before it is read. */
	async #seal(seq: number): Promise<BatchRecord> {
		const { store, batches, signer, chainId, events, now } = this.#modules;
		await store.transact(() => undefined);
		const lines = this.#linesOf(seq);
		const sealed = sealBatch(lines, [...recordsOf<RefundRecord>(store, "refunds", seq)], nativeCrypto);
		const { claims, digest } = claimsOf(recordsOf<BatchChannelRecord>(store, "batchChannels", seq), chainId, nativeCrypto);
		const record: BatchRecord = {
			seq,
			state: "sealed",
			sealedAt: now(),
			...sealed,
			claims: encodeClaims(claims, toHex(signer.signDigest(digest))),
			data: toHex(nativeCrypto.sha256(this.#dataOf(seq))),
			dataStored: false,
		};
		await this.#put(record);
		batches.sealed(seq);
		events.batchSealed(
			seq,
			sealed.lines.reduce((calls, line) => calls + line.calls, 0n),
			sealed.lines.length,
			sealed.refunds.length,
		);
		return record;
	}

	#dataOf(seq: number): Uint8Array {
		const { gateway, chainId } = this.#modules;
		return utf8(batchData({ chainId, gateway, seq }, this.#linesOf(seq)));
	}

	/** The calls of a batch that nothing is added to any more; those of the batch at hand are read once. */
	#linesOf(seq: number): readonly LineMembers[] {
		if (this.#atHand?.seq !== seq) this.#atHand = { seq, lines: groupLines(recordsOf<MemberRecord>(this.#modules.store, "members", seq)) };
		return this.#atHand.lines;
	}

	/** Leaves go to storage before the batch is anchored; storage that is down is tried again later. */
	async #storeData(batch: BatchRecord): Promise<BatchRecord> {
		const { storageUrl, crashPoint, events, now } = this.#modules;
		if (now() < this.#storageRestsUntil) return batch;
		try {
			const url = `${storageUrl}${storageRoutes.put.path}?blob_id=later`;
			const body = this.#dataOf(batch.seq);
			const headers = { "content-type": "application/octet-stream" };
			const { status } = await fetchBytes(url, { method: "PUT", body, headers, what: "Storage", deadlineMs: STORAGE_DEADLINE_MS });
			if (status < 200 || status > 299) throw new FreeholdError("upstream.failed", { what: "Storage", reason: `HTTP ${status}` });
			crashPoint("batch-data-stored");
			this.#unstored.delete(batch.seq);
			const stored = await this.#put({ ...batch, dataStored: true });
			crashPoint("batch-data-recorded");
			return stored;
		} catch (error) {
			this.#unstored.add(batch.seq);
			this.#storageRestsUntil = now() + STORAGE_RETRY_MS;
			events.batchDataNotStored(batch.seq, error);
			return batch;
		}
	}

	/** Sends leaves again that storage did not take, oldest batch first. */
	async #storeLater(): Promise<void> {
		for (const seq of [...this.#unstored].sort((a, b) => a - b)) {
			const batch = load<BatchRecord>(this.#modules.store, "batches", seqKey(seq));
			if (batch !== undefined && !batch.dataStored) await this.#storeData(batch);
			if (this.#unstored.has(seq)) return;
		}
	}

	#anchorTraced(batch: BatchRecord, signal: AbortSignal): Promise<BatchRecord> {
		const { tracedCalls } = this.#modules;
		const { seq } = batch;
		const steps = tracedCalls.of(seq);
		const anchor = async (): Promise<BatchRecord> => {
			const anchored = await this.#anchor(batch, signal);
			tracedCalls.forget(seq);
			return anchored;
		};
		return traceTogether("anchor", steps, anchor, ({ transaction = "", block = 0n }) => ({
			"freehold.batch": seq,
			"freehold.transaction": transaction,
			"freehold.block": Number(block),
		}));
	}

	/** Exactly once: the chain keeps every root, and a transaction that was signed is the only one that is ever sent. */
	async #anchor(batch: BatchRecord, signal: AbortSignal): Promise<BatchRecord> {
		const { client, gateway, store, transactor, events, crashPoint, now } = this.#modules;
		const { seq, lines, refunds, claims, root } = batch;
		const key = `anchor:${seq}`;
		const kept = await client.read(contracts.UsageLedger, "batch", [gateway, BigInt(seq)], { signal });
		if (kept.root === root) {
			const transaction = load<StoredIntent>(store, "intents", key)?.hash;
			return this.#put({ ...batch, state: "anchored", block: kept.blockNumber, ...(transaction === undefined ? {} : { transaction }) });
		}
		if (BigInt(kept.root) !== 0n) throw new Error(`batch ${seq} of this gateway is on the chain with another root: its key is used twice`);
		const data = encodeFunctionData({
			abi: contracts.UsageLedger.abi,
			functionName: "anchor",
			args: [BigInt(seq), lines, refunds, claims, root],
		});
		const receipt = await transactor.send({ key, to: contracts.UsageLedger.address, data }, { signal }).catch(async (error: unknown) => {
			// Refused before it was sent. The one reason that can be mended is money that its payers have taken back.
			const covered = error instanceof FreeholdError && error.code === "chain.reverted" ? await coverBatch(batch, this.#modules, signal) : undefined;
			if (covered !== undefined) await this.#put(covered);
			throw error;
		});
		crashPoint("batch-anchored");
		events.batchAnchored(seq, receipt.blockNumber, receipt.hash, now() - batch.sealedAt);
		const anchored = await this.#put({ ...batch, state: "anchored", block: receipt.blockNumber, transaction: receipt.hash });
		crashPoint("batch-anchor-recorded");
		return anchored;
	}

	/** Passes on what the batch booked to ancestors, in an order in which one transaction moves all of it. */
	async #flow(batch: BatchRecord, signal: AbortSignal): Promise<BatchRecord> {
		const { catalogue, transactor, events, crashPoint } = this.#modules;
		const touched = batch.lines.map((line) => line.release);
		const lineage = new Map(catalogue.lineage(touched));
		// A release that stands for the batch: its "parents" are the lines.
		const batchRoot: Hex = "0x00";
		lineage.set(batchRoot, { parents: [...new Set(touched)].filter((release) => lineage.has(release)).map((release) => ({ release, bps: 0 })) });
		const order = flowOrder(batchRoot, lineage).slice(1);
		const isParent = new Set([...lineage].flatMap(([id, { parents }]) => (id === batchRoot ? [] : parents.map((parent) => parent.release))));
		const ancestors = order.filter((release) => isParent.has(release));
		for (let from = 0; from < ancestors.length; from += MAX_FLOW) {
			const releases = ancestors.slice(from, from + MAX_FLOW);
			const data = encodeFunctionData({ abi: contracts.Royalties.abi, functionName: "flow", args: [releases] });
			await transactor.send({ key: `flow:${batch.seq}:${from}`, to: contracts.Royalties.address, data }, { signal });
		}
		crashPoint("royalties-flowed");
		if (ancestors.length > 0) events.royaltiesFlowed(batch.seq, ancestors.length);
		const flowed = await this.#put({ ...batch, flowed: true });
		crashPoint("royalties-recorded");
		return flowed;
	}

	async #prove(batch: BatchRecord, signal: AbortSignal): Promise<void> {
		const { store, events, crashPoint } = this.#modules;
		const { anchors, block } = await proveBatch(batch, this.#linesOf(batch.seq), this.#modules, signal);
		this.#atHand = undefined;
		crashPoint("batch-proved");
		await store.transact((writer) => {
			for (const [key, anchor] of anchors) writer.put("anchors", key, pack(anchor));
			writer.put("batches", seqKey(batch.seq), pack({ ...batch, state: "final" } satisfies BatchRecord));
		});
		crashPoint("batch-final");
		events.batchFinal(batch.seq, block);
	}

	async #put(batch: BatchRecord): Promise<BatchRecord> {
		await this.#modules.store.transact((writer) => writer.put("batches", seqKey(batch.seq), pack(batch)));
		if (batch.state !== "sealed") this.#modules.batches.anchored(batch.seq);
		return batch;
	}
}
