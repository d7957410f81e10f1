/** Asking a model through a gateway: price, question, answer, and what became of the call. */
import type { Hex } from "../../bytes/bytes.js";
import type { EvidenceKind } from "../../receipt/commitment.js";
import type { Mode } from "../../receipt/types.js";
import type { TensorSpec } from "../../tensor/tensor.js";
import type { Decimal, JsonTensor } from "./values.js";

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
