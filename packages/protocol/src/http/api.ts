/** Bodies of the HTTP routes (specification of the surface, §3). Money in decimal strings of the smallest unit, times in Unix milliseconds. */
import type { Hex } from "../bytes/bytes.js";
import type { ErrorBody } from "../errors/freehold-error.js";
import type { ManifestFile, TextAbilities } from "../manifest/manifest.js";
import type { EngineDescription, EvidenceKind } from "../receipt/commitment.js";
import type { Mode } from "../receipt/types.js";
import type { TensorSpec } from "../tensor/tensor.js";

/** Decimal string of a non-negative integer. */
export type Decimal = string;

/** A tensor as a client may spell it: the full form, or nested arrays where the schema fixes dtype and rank. */
export type JsonTensor = { readonly dtype: string; readonly shape: readonly number[]; readonly data: unknown } | readonly unknown[] | number | string | boolean;

/** `POST /v1/inference` */
export interface InferenceRequestBody {
	readonly model?: string;
	readonly release?: Hex;
	readonly inputs: Readonly<Record<string, JsonTensor>>;
	readonly mode?: Mode;
	readonly require?: readonly EvidenceKind[];
	readonly maxCharge?: Decimal;
	/** 32 bytes; drawn by the gateway when absent. */
	readonly salt?: Hex;
}

export interface InferenceResponseBody {
	readonly outputs: Readonly<Record<string, { readonly dtype: string; readonly shape: readonly number[]; readonly data: unknown }>>;
	readonly usage: { readonly inputUnits: number; readonly outputUnits: number; readonly charge: Decimal; readonly chargeOpg: string };
	readonly callId: Hex;
	/** The receipt file so far, as JSON (without `anchor` until the batch is in a block). */
	readonly receiptFile: unknown;
}

export type ReceiptState = "signed" | "anchored" | "final";

/** `GET /v1/calls/{callId}` */
export interface CallBody {
	readonly callId: Hex;
	readonly state: ReceiptState;
	readonly batch?: { readonly gateway: Hex; readonly seq: Decimal; readonly transaction: Hex };
	readonly receiptFile: unknown;
	/** The licence text (SHA-256) that the payer signed with the call. */
	readonly licence?: { readonly text: Hex; readonly signature: Hex };
}

/** `GET /v1/quotes/{release}`: `{release}` is an id, or a model's name with its slash as `%2F`. */
export interface QuoteBody {
	readonly release: Hex;
	readonly model: string;
	readonly priceVersion: number;
	readonly owner: { readonly perCall: Decimal; readonly perInputUnit: Decimal; readonly perOutputUnit: Decimal };
	/** The most that a node gets; charged is the fee of the one that answered. */
	readonly nodeFee: Decimal;
	readonly gatewayFee: Decimal;
	/** Basis points of the charge, paid out of the gateway's part. */
	readonly protocolFeeBps: number;
	readonly unit: { readonly input: "element" | "inputToken"; readonly output: "element" | "outputToken" };
	/** What one call costs when its units are known in advance (price per call only); absent otherwise. */
	readonly charge?: Decimal;
	readonly chargeOpg?: string;
	readonly validUntil: number;
	readonly gateway: Hex;
	readonly payTo: Hex;
	readonly inputs: readonly TensorSpec[];
	readonly outputs: readonly TensorSpec[];
}

/** `GET /v1/channels`: what a channel must say to be taken here. */
export interface ChannelTermsBody {
	readonly gateway: Hex;
	/** The gateway's till: the channel's receiver. */
	readonly payTo: Hex;
	readonly receiverAuthorizer: Hex;
	/** Seconds between the start of the payer's exit and its end. */
	readonly withdrawDelay: number;
	readonly minDeposit: Decimal;
	/** The token, with the name and version of its EIP-712 domain. */
	readonly token: { readonly address: Hex; readonly name: string; readonly version: string };
}

/** `GET /v1/channels/{channelId}`: a channel as its gateway sees it. */
export interface ChannelBody {
	readonly channelId: Hex;
	/** Deposited less given back, on the chain. */
	readonly balance: Decimal;
	/** Claimed, on the chain. */
	readonly totalClaimed: Decimal;
	/** Charged in all, anchored or not. */
	readonly charged: Decimal;
}

/** `POST /v1/orders` at a node: the order and what opens its commitments. Tensors in their full form with base64 data. */
export interface OrderRequestBody {
	readonly order: unknown;
	readonly orderSignature: Hex;
	readonly salt: Hex;
	readonly require: readonly EvidenceKind[];
	readonly inputs: Readonly<Record<string, { readonly dtype: string; readonly shape: readonly number[]; readonly data: string }>>;
}

export interface OrderResponseBody {
	readonly receipt: unknown;
	readonly receiptSignature: Hex;
	readonly engine: EngineDescription;
	readonly outputs: Readonly<Record<string, { readonly dtype: string; readonly shape: readonly number[]; readonly data: string }>>;
	readonly evidence: readonly unknown[];
}

/** `POST /v1/orders` at a node for a release of a language model: `text` is the JSON of a `TextRequest`. */
export interface TextOrderRequestBody extends Omit<OrderRequestBody, "inputs"> {
	readonly text: unknown;
}

/** Its answer: `text` is the JSON of a `TextAnswer`. */
export interface TextOrderResponseBody extends Omit<OrderResponseBody, "outputs"> {
	readonly text: unknown;
}

/**
 * A line of the stream (`application/x-ndjson`) with which a node answers an order of text whose request accepts that type: first `started`, then deltas, then
 * `ended` when all were sent (the receipt is then asked for with the settle route); or `answer` alone when the order had been answered before, or `error`.
 */
export type OrderStreamLine =
	| { readonly started: { readonly inputTokens: number } }
	| { readonly delta: unknown }
	| { readonly ended: { readonly deltas: number } }
	| { readonly answer: TextOrderResponseBody }
	| { readonly error: ErrorBody };

/**
 * `POST /v1/orders/{digest}/settle` at a node: how many deltas of the stream the caller received. The node stops a run that still goes on, signs the receipt for
 * exactly those, and answers with a `TextOrderResponseBody`; asked again, it gives the same one. What nobody settles by the order's deadline is signed for all
 * that was sent.
 */
export interface SettleOrderBody {
	readonly deltas: number;
}

/** `POST /v1/count-tokens` at a node: `text` is the JSON of a `TextRequest`. A gateway asks on behalf of callers who want to know the size of a request. */
export interface CountTokensBody {
	readonly release: Hex;
	readonly text: unknown;
}

export interface CountedTokensBody {
	readonly inputTokens: number;
}

/** `POST /v1/text`: a request to a language model in its exact form. */
export interface TextRequestBody {
	readonly model?: string;
	readonly release?: Hex;
	/** JSON of a `TextRequest`. */
	readonly request: unknown;
	readonly mode?: Mode;
	readonly require?: readonly EvidenceKind[];
	readonly maxCharge?: Decimal;
	/** 32 bytes; drawn by the gateway when absent. */
	readonly salt?: Hex;
	/** Answer line by line (`application/x-ndjson`); default false. */
	readonly stream?: boolean;
}

export interface TextUsage {
	readonly inputTokens: number;
	readonly outputTokens: number;
	readonly charge: Decimal;
	readonly chargeOpg: string;
}

/** Its answer; `answer` is the JSON of a `TextAnswer`. */
export interface TextResponseBody {
	readonly answer: unknown;
	readonly usage: TextUsage;
	readonly callId: Hex;
	/** The receipt file so far, as JSON (without `anchor` until the batch is in a block). */
	readonly receiptFile: unknown;
}

/**
 * A line of its stream: `started`, then deltas, then `ended` after the call is paid and recorded, or `error`. The settlement of an x402 payment, which a
 * whole answer has in a header, stands in the last line.
 */
export type TextStreamLine =
	| { readonly started: { readonly callId: Hex; readonly inputTokens: number } }
	| { readonly delta: unknown }
	| { readonly ended: TextResponseBody; readonly settlement?: string }
	| { readonly error: ErrorBody; readonly ended?: TextResponseBody; readonly settlement?: string };

/** What an owner signs about an API key (EIP-712 `KeyRequest`, see `keyRequestTypes`): canonical JSON in `terms`. */
export interface KeyTerms {
	/** SHA-256 of the key's text: the key's id. The key itself never reaches the owner's signature. */
	readonly key: Hex;
	/** For people: `laptop`. */
	readonly name: string;
	readonly budget: Decimal;
	/** Most at one day (UTC). */
	readonly daily?: Decimal;
	/** Names (`namespace/name`) or releases that it may ask; all when absent. */
	readonly models?: readonly string[];
	/** Unix milliseconds. */
	readonly expiresAt?: number;
	/** The lane that backs it. */
	readonly channelId: Hex;
}

/** A licence that the payer accepted: the text's SHA-256, and the signature over it (`LicenceAcceptance`). */
export interface AcceptedLicenceBody {
	readonly release: Hex;
	readonly text: Hex;
	readonly signature: Hex;
}

/** `POST /v1/keys/{id}/licences`: each is signed by the key's owner. */
export interface AcceptLicencesBody {
	readonly licences: readonly AcceptedLicenceBody[];
}

/** `POST /v1/keys`. Without a payment the answer is 402 with the terms of `tranche`. */
export interface CreateKeyBody {
	readonly terms: KeyTerms;
	readonly owner: Hex;
	readonly issuedAt: number;
	readonly signature: Hex;
	/** What the first voucher adds to what the lane was charged. */
	readonly tranche: Decimal;
	/** Licences of the models that it is for. */
	readonly licences?: readonly AcceptedLicenceBody[];
}

/** `POST /v1/keys/{id}/refill`: a voucher of the lane, higher than the last; a deposit, where the lane needs one, was made before. */
export interface RefillKeyBody {
	readonly maxClaimableAmount: Decimal;
	readonly signature: Hex;
}

/** `POST /v1/keys/{id}/revoke` and `POST /v1/keys/list`. */
export interface OwnKeysBody {
	readonly owner: Hex;
	readonly issuedAt: number;
	readonly signature: Hex;
}

export interface KeyBody {
	readonly id: Hex;
	readonly name: string;
	readonly owner: Hex;
	readonly state: "active" | "revoked" | "expired";
	readonly budget: Decimal;
	readonly spent: Decimal;
	readonly daily?: Decimal;
	/** Today (UTC). */
	readonly spentToday: Decimal;
	readonly models?: readonly string[];
	/** Releases whose licence the owner accepted for it. */
	readonly licences: readonly Hex[];
	readonly createdAt: number;
	readonly expiresAt?: number;
	readonly lastUsedAt?: number;
	readonly calls: number;
	readonly channelId: Hex;
	/** Charged on the lane in all, and most that the gateway may charge there: the difference is what the owner risks now. */
	readonly charged: Decimal;
	readonly signed: Decimal;
}

/** `POST /v1/heartbeats` at a hub: signed by the operator's key over the canonical text of `heartbeat` (EIP-191). */
export interface HeartbeatBody {
	readonly heartbeat: {
		readonly operator: Hex;
		readonly role: "inference" | "gateway" | "storage";
		readonly endpoint: string;
		readonly releases: readonly Hex[];
		readonly sentAt: number;
	};
	readonly signature: Hex;
}

export interface ReleaseSummary {
	readonly release: Hex;
	readonly version: string;
	readonly publishedAt: number;
	readonly retiredAt?: number;
	readonly manifest: Hex;
	readonly format: string;
	readonly licence: string;
	readonly parents: readonly { readonly release: Hex; readonly model: string; readonly bps: number }[];
	readonly prices: readonly {
		readonly version: number;
		readonly perCall: Decimal;
		readonly perInputUnit: Decimal;
		readonly perOutputUnit: Decimal;
		readonly from: number;
		readonly until?: number;
	}[];
	readonly calls: number;
	readonly gross: Decimal;
}

/** `GET /v1/models/{namespace}/{name}`; the list route gives these without `releases`, `files` and `card`. */
export interface ModelBody {
	readonly model: string;
	readonly id: Hex;
	readonly owner: Hex;
	/** The newest release that is served, with the price that counts now. */
	readonly latest?: {
		readonly release: Hex;
		readonly version: string;
		readonly perCall: Decimal;
		readonly perInputUnit: Decimal;
		readonly perOutputUnit: Decimal;
	};
	readonly title?: string;
	readonly task?: string;
	readonly tags: readonly string[];
	readonly licence?: string;
	readonly format?: string;
	readonly calls: number;
	readonly gross: Decimal;
	readonly updatedAt: number;
	readonly releases?: readonly ReleaseSummary[];
	/** `blobId`: the file's name on Walrus, once the storage has computed it. */
	readonly files?: readonly (ManifestFile & { readonly blobId?: string })[];
	readonly inputs?: readonly TensorSpec[];
	readonly outputs?: readonly TensorSpec[];
	/** What a language model can be asked. */
	readonly text?: TextAbilities;
	readonly card?: string;
}

/**
 * `GET /v1/models?q=&sort=&limit=&cursor=`, narrowed by `owner`, `namespace`, `task`, `licence`, `format`, `evidence`, `tag` (repeatable), `minBytes`, `maxBytes`
 * (size of the model file) and `maxPrice` (per call, smallest unit). Sorted by `calls` or `earnings`, calls to oneself do not pay: only money that left its
 * payer counts, the square root of each day, halved every 30 days.
 */
export interface ModelListBody {
	readonly models: readonly ModelBody[];
	readonly total: number;
	readonly cursor?: string;
	/** Words of `q` that stand nowhere, with the words that were looked for instead. */
	readonly corrected?: Readonly<Record<string, readonly string[]>>;
}

interface FacetBody {
	readonly value: string;
	readonly models: number;
}

/** `GET /v1/facets` */
export interface FacetsBody {
	readonly task: readonly FacetBody[];
	readonly licence: readonly FacetBody[];
	readonly format: readonly FacetBody[];
	readonly tag: readonly FacetBody[];
}

interface Changed<T> {
	readonly added: readonly T[];
	readonly removed: readonly T[];
}

/** `GET /v1/releases/{release}/diff?from={release}` */
export interface ReleaseDiffBody {
	readonly from: { readonly release: Hex; readonly model: string };
	readonly to: { readonly release: Hex; readonly model: string };
	readonly files: readonly {
		readonly path: string;
		readonly change: "added" | "removed" | "changed";
		readonly from?: ManifestFile;
		readonly to?: ManifestFile;
	}[];
	readonly inputs: Changed<TensorSpec>;
	readonly outputs: Changed<TensorSpec>;
	readonly licence?: { readonly from: string; readonly to: string };
	readonly parents: Changed<{ readonly release: Hex; readonly bps: number }>;
	/** Unified diff of the cards; absent where they are equal, or differ in too much to say how. */
	readonly card?: string;
}

/** `GET /v1/earnings/{address}` */
export interface EarningsBody {
	readonly address: Hex;
	/** What `Royalties.claim` would pay now. */
	readonly claimable: Decimal;
	/** Booked to releases of this owner and not yet moved by `flow`. */
	readonly upstream: Decimal;
	readonly claimed: Decimal;
	readonly byModel: readonly {
		readonly model: string;
		readonly calls: number;
		readonly gross: Decimal;
		readonly net: Decimal;
		readonly direct: Decimal;
		readonly fromDescendants: Decimal;
	}[];
	/** Credits by release and day (UTC), newest first. */
	readonly byDay?: readonly {
		readonly day: string;
		readonly release: Hex;
		/** `namespace/name@major.minor`. */
		readonly model: string;
		readonly direct: Decimal;
		readonly fromDescendants: Decimal;
	}[];
	/** True when the index agrees with the chain to the unit at `height`. */
	readonly reconciled: boolean;
	readonly height: number;
}

/** `GET /v1/namespaces/{namespace}` */
export interface NamespaceBody {
	readonly namespace: string;
	/** Absent while it is free. */
	readonly owner?: Hex;
	/** Namespaces that could be taken for it, the most used first. */
	readonly alike: readonly { readonly namespace: string; readonly owner: Hex; readonly models: number; readonly calls: number }[];
}

/** `GET /v1/nodes` */
export interface NodesBody {
	readonly nodes: readonly {
		readonly operator: Hex;
		readonly roles: readonly ("inference" | "gateway" | "storage" | "oracle")[];
		readonly endpoint: string;
		readonly nodeFee: Decimal;
		readonly bond: Decimal;
		/** Calls that its lines were paid for, and its part of them: a node's fees, a gateway's fees less the protocol's. */
		readonly calls: number;
		readonly earned: Decimal;
		readonly heartbeats: readonly {
			readonly role: string;
			readonly endpoint: string;
			readonly releases: number;
			readonly sentAt: number;
			readonly alive: boolean;
		}[];
	}[];
}

/** `POST /v1/faucet` of a gateway on a development network. */
export interface FaucetBody {
	readonly address: Hex;
	readonly amount?: Decimal;
}
