/** Everything that a gateway keeps: one store, so that a call's voucher, charge, order, receipt and place in a batch are written together or not at all. */
import type { ChannelConfig, PriceVersion } from "@freehold/payments";
import type { ExactPayload } from "@freehold/payments/server";
import type {
	BatchRefund,
	EngineDescription,
	EvidenceItem,
	EvidenceKind,
	Hex,
	Line,
	Order,
	Receipt,
	ReceiptAnchor,
	Sums,
	Tensors,
	TextAnswer,
	TextRequest,
} from "@freehold/protocol";
import { type DurableStore, packRecord, type StoreWriter, unpackRecord } from "@freehold/service";

export const tables = [
	"answers",
	"anchors",
	"batches",
	"batchChannels",
	"calls",
	"channels",
	"cursor",
	"faucet",
	"intents",
	"keys",
	"manifests",
	"members",
	"onchain",
	"operators",
	"orders",
	"orphans",
	"payments",
	"refunds",
	"releases",
	"models",
] as const;

export type Table = (typeof tables)[number];
export type GatewayStore = DurableStore<Table>;
export type Writer = StoreWriter<Table>;

/** How a call is paid. */
export type PaymentLink =
	| { readonly kind: "channel"; readonly channelId: Hex; readonly maxClaimableAmount: bigint; readonly signature: Hex }
	| { readonly kind: "exact"; readonly id: string; readonly amount: bigint }
	/** An API key, charged on the lane that backs it. */
	| { readonly kind: "key"; readonly id: Hex; readonly channelId: Hex };

/** What a call asks: tensors, or a language model. */
export type Question = { readonly inputs: Tensors } | { readonly textRequest: TextRequest };
export type Answer = { readonly outputs: Tensors } | { readonly textAnswer: TextAnswer };

/** SHA-256 of a licence's text, and the payer's signature that accepts it. */
export interface SignedLicence {
	readonly text: Hex;
	readonly signature: Hex;
}

/** `orders`: an order on its way. Written before the node can answer; removed in the transaction that records the call, or when it failed. */
export type OrderRecord = Question & {
	readonly order: Order;
	readonly orderSignature: Hex;
	/** Key that signed the order, where it is not the operator's own. */
	readonly orderKey?: Hex;
	readonly salt: Hex;
	readonly require: readonly EvidenceKind[];
	readonly payer: Hex;
	readonly payment: PaymentLink;
	readonly licence?: SignedLicence;
	readonly answerKey: string | undefined;
	readonly requestDigest: Hex;
};

/** `calls`: a call that was answered; question and answer are not kept for ever. */
export type CallRecord = CallFacts & ((Question & Answer) | { readonly stripped: true });

export interface CallFacts {
	readonly order: Order;
	readonly orderSignature: Hex;
	readonly receipt: Receipt;
	readonly receiptSignature: Hex;
	readonly receiptDigest: Hex;
	readonly engine: EngineDescription;
	readonly evidence: readonly EvidenceItem[];
	readonly salt: Hex;
	readonly payer: Hex;
	readonly require: readonly EvidenceKind[];
	readonly payment: PaymentLink;
	/** The licence text that the payer accepted. */
	readonly licence?: SignedLicence;
	readonly seq: number;
	/** Position among the leaves of the batch. */
	readonly index: number;
}

/** `orphans`: a call that a node answered and this gateway had given up. Nobody was charged for it; the gateway pays what it ordered. */
export interface OrphanRecord {
	readonly order: Order;
	readonly charge: bigint;
	readonly seq: number;
	readonly index: number;
}

/** `answers`: which call an idempotency key of a payer stands for. */
export interface AnswerRecord {
	readonly requestDigest: Hex;
	readonly callId: Hex;
	readonly answeredAt: number;
}

/** `channels`: what this gateway charged, and the voucher that lets it claim that. */
export interface ChannelRecord {
	readonly config: ChannelConfig;
	readonly charged: bigint;
	readonly maxClaimableAmount: bigint;
	readonly signature: Hex;
}

/** `keys`: an API key by the SHA-256 of its text. Amounts in the smallest unit, times in Unix milliseconds. */
export interface KeyRecord {
	readonly id: Hex;
	readonly name: string;
	readonly owner: Hex;
	readonly channelId: Hex;
	readonly budget: bigint;
	readonly daily?: bigint;
	readonly models?: readonly string[];
	/** By release: the owner accepted them. */
	readonly licences?: Readonly<Record<Hex, SignedLicence>>;
	readonly createdAt: number;
	readonly expiresAt?: number;
	readonly revokedAt?: number;
	readonly lastUsedAt?: number;
	readonly spent: bigint;
	/** Days since 1970 (UTC) of the last call, and what was spent on that day. */
	readonly day: number;
	readonly spentOnDay: bigint;
	readonly calls: number;
}

/** `onchain`: a channel as the chain has it after `block` and `logIndex`. */
export interface OnchainRecord {
	readonly config: ChannelConfig;
	readonly balance: bigint;
	readonly totalClaimed: bigint;
	readonly withdrawing: bigint;
	/** Unix seconds; 0 when no exit has begun. */
	readonly withdrawRequestedAt: number;
	readonly refundNonce: bigint;
	readonly block: bigint;
	readonly logIndex: number;
}

/** `members`: a leaf of a batch. */
export interface MemberRecord {
	readonly callId: Hex;
	readonly release: Hex;
	readonly priceVersion: number;
	readonly node: Hex;
	readonly receipt: Hex;
	/** Key that signed the receipt. */
	readonly nodeKey: Hex;
	/** Key that signed the order, where it is not the gateway's own. */
	readonly gatewayKey?: Hex;
	readonly sums: Sums;
}

/** `refunds`: a part of a payment that goes back with a batch. */
export interface RefundRecord extends BatchRefund {
	readonly payment: string;
}

export type BatchState = "sealed" | "anchored" | "final";

/** `batches`: a batch from its sealing on; nothing in it changes but the state and what the chain adds. */
export interface BatchRecord {
	readonly seq: number;
	readonly state: BatchState;
	readonly sealedAt: number;
	readonly lines: readonly Line[];
	readonly refunds: readonly BatchRefund[];
	/** Encoded vouchers and signature for `anchor`. */
	readonly claims: Hex;
	readonly root: Hex;
	/** SHA-256 of the leaves as they are kept in storage. */
	readonly data: Hex;
	readonly dataStored: boolean;
	readonly transaction?: Hex;
	readonly block?: bigint;
	/** Royalties of this batch have flowed. */
	readonly flowed?: boolean;
}

/** `anchors`: what places the calls of one line in the chain, without the leaf's own path. */
export type AnchorRecord = Omit<ReceiptAnchor, "leafProof">;

export type PaymentState = "intended" | "settled" | "spent" | "refunded" | "void";

/** `payments`: a payment of an exact amount. */
export interface PaymentRecord {
	readonly payment: ExactPayload;
	readonly state: PaymentState;
	/** Newest block when the payment came: it cannot have landed in an earlier one. */
	readonly since: bigint;
	readonly transaction?: Hex;
}

/** `releases`: a release as the registry announced it. */
export interface ReleaseRecord {
	readonly release: Hex;
	readonly modelId: Hex;
	readonly major: number;
	readonly minor: number;
	readonly format: number;
	readonly modes: number;
	readonly manifest: Hex;
	readonly publishedAt: number;
	/** Unix seconds; 0 while it is served. */
	readonly retiredAt: number;
	readonly parents: readonly { readonly release: Hex; readonly bps: number }[];
	readonly prices: readonly PriceVersion[];
}

/** `models`: a name by its id. */
export interface ModelRecord {
	readonly id: Hex;
	/** `namespace/name`. */
	readonly name: string;
	/** Releases in the order of their publication. */
	readonly releases: readonly Hex[];
}

/** `operators`: an operator of the node registry. Times in Unix seconds. */
export interface OperatorRecord {
	readonly address: Hex;
	readonly roles: number;
	readonly endpoint: string;
	readonly nodeFee: bigint;
	readonly bond: bigint;
	readonly unbonding: bigint;
	readonly keys: Readonly<Record<Hex, { readonly validFrom: number; readonly validUntil: number }>>;
}

export const pack = packRecord;
export const unpack = unpackRecord;

export function load<T>(store: Pick<GatewayStore, "get">, table: Table, key: string): T | undefined {
	const bytes = store.get(table, key);
	return bytes === undefined ? undefined : unpackRecord<T>(bytes);
}

/** Keys that sort as their numbers. */
export function seqKey(seq: number): string {
	return seq.toString().padStart(16, "0");
}

export function memberKey(seq: number, index: number): string {
	return `${seqKey(seq)}/${index.toString().padStart(8, "0")}`;
}

/** All records of a batch in a table whose keys begin with its number. */
export function* recordsOf<T>(store: GatewayStore, table: Table, seq: number): Iterable<T> {
	for (const { value } of store.scan(table, { start: `${seqKey(seq)}/`, end: `${seqKey(seq)}0` })) yield unpackRecord<T>(value);
}
