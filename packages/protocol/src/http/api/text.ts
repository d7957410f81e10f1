/** Asking a language model through a gateway, whole or line by line. */
import type { Hex } from "../../bytes/bytes.js";
import type { ErrorBody } from "../../errors/freehold-error.js";
import type { EvidenceKind } from "../../receipt/commitment.js";
import type { Mode } from "../../receipt/types.js";
import type { Decimal } from "./values.js";

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
