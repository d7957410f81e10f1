/** What a node keeps on disk, and how its records are written. */
import type { Hex } from "@freehold/protocol";
import { type DurableStore, packRecord, type StoreWriter, unpackRecord } from "@freehold/service";

export const tables = ["cursor", "releases", "operators", "exposure", "calls", "answers", "receipts", "expiry", "intents"] as const;
export type Table = (typeof tables)[number];
export type NodeStore = DurableStore<Table>;
export type Writer = StoreWriter<Table>;

/** `releases`: what the registry said of a release. Times in Unix seconds. */
export interface ReleaseRecord {
	readonly release: Hex;
	/** Id of the model that it is a release of; absent in records of earlier versions. */
	readonly model?: Hex;
	readonly manifest: Hex;
	readonly format: number;
	/** Bit `1 << mode` for each promise that nodes may make about it. */
	readonly modes: number;
	/** 0 while it is served. */
	readonly retiredAt: number;
	readonly prices: readonly PriceRecord[];
}

export interface PriceRecord {
	readonly version: number;
	readonly perCall: bigint;
	readonly perInputUnit: bigint;
	readonly perOutputUnit: bigint;
	readonly validFrom: number;
	/** 0 while it has no successor. */
	readonly validUntil: number;
	/** Replaced before it began. */
	readonly withdrawn: boolean;
}

/** `operators`: an operator of the node registry. */
export interface OperatorRecord {
	readonly address: Hex;
	readonly roles: number;
	readonly bond: bigint;
	readonly locked: bigint;
	readonly unbonding: bigint;
	/** What it asks for a call. */
	readonly nodeFee: bigint;
	/** Unix seconds; `validUntil` undefined while the key is not revoked. */
	readonly keys: Readonly<Record<Hex, { readonly validFrom: number; readonly validUntil: number | undefined }>>;
}

/** `calls`: which order stands under a gateway's call id. */
export interface CallRecord {
	readonly orderDigest: Hex;
}

/** `receipts`: what a gateway can be held to. */
export interface ReceiptRecord {
	readonly order: unknown;
	readonly orderSignature: Hex;
	readonly receipt: unknown;
	readonly receiptSignature: Hex;
}

export const pack = packRecord;
export const unpack = unpackRecord;

export function load<T>(store: Pick<NodeStore, "get">, table: Table, key: string): T | undefined {
	const bytes = store.get(table, key);
	return bytes === undefined ? undefined : unpackRecord<T>(bytes);
}

export function callKey(gateway: Hex, callId: Hex): string {
	return `${gateway}/${callId}`;
}
