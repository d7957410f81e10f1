/** What a gateway and a node say to each other. */
import type { Hex } from "../../bytes/bytes.js";
import type { ErrorBody } from "../../errors/freehold-error.js";
import type { EngineDescription, EvidenceKind } from "../../receipt/commitment.js";

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
