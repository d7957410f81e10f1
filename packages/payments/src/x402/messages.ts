/** Messages of x402 version 2 as they travel in headers: base64 of JSON. Written afresh for EVM chains; the wire is that of `@x402/core`. */
import { type Hex, limits, parseJson, toBase64, utf8 } from "@freehold/protocol";

/** A year. */
const MAX_VALIDITY_SECONDS = 31_536_000;

export interface PaymentRequirements {
	readonly scheme: string;
	/** CAIP-2: `eip155:10741`. */
	readonly network: string;
	/** Decimal, smallest unit: the most that the call can cost. */
	readonly amount: string;
	readonly asset: Hex;
	readonly payTo: Hex;
	readonly maxTimeoutSeconds: number;
	readonly extra?: Readonly<Record<string, unknown>>;
}

/** `PAYMENT-REQUIRED` of an answer with status 402. */
export interface PaymentRequired {
	readonly x402Version: 2;
	readonly error?: string;
	readonly resource: { readonly url: string; readonly description?: string; readonly mimeType?: string };
	readonly accepts: readonly PaymentRequirements[];
}

/** `PAYMENT-SIGNATURE` of a paid request. */
export interface PaymentPayload {
	readonly x402Version: 2;
	readonly accepted: PaymentRequirements;
	readonly payload: Readonly<Record<string, unknown>>;
	readonly resource?: PaymentRequired["resource"];
}

/** Part of a channel's state that both sides must agree on. Amounts are decimal strings. */
export interface ChannelStateMessage {
	readonly channelId: Hex;
	readonly balance: string;
	readonly totalClaimed: string;
	/** Unix seconds; 0 when no exit has begun. */
	readonly withdrawRequestedAt: number;
	readonly refundNonce: string;
	readonly chargedCumulativeAmount: string;
}

export interface VoucherStateMessage {
	readonly signedMaxClaimable: string;
	readonly signature: Hex;
}

/** `PAYMENT-RESPONSE` of an answer to a paid request. */
export interface SettleResponse {
	readonly success: boolean;
	readonly errorReason?: string;
	readonly errorMessage?: string;
	readonly payer?: Hex;
	/** Hash, or empty when nothing was sent to the chain. */
	readonly transaction: string;
	readonly network: string;
	readonly amount?: string;
	readonly extra?: Readonly<Record<string, unknown>>;
}

export const x402Headers = { required: "payment-required", signature: "payment-signature", response: "payment-response" } as const;

export function network(chainId: number): string {
	return `eip155:${chainId}`;
}

export function encodeHeader(message: PaymentRequired | PaymentPayload | SettleResponse): string {
	return toBase64(utf8(JSON.stringify(message)));
}

/** JSON object of a header; undefined when it is none or too long. */
function decodeHeader(header: string): Readonly<Record<string, unknown>> | undefined {
	if (header.length > limits.paymentHeaderChars) return undefined;
	try {
		const binary = atob(header);
		const ascii = !/[\u0080-\u00ff]/.test(binary);
		const value = parseJson(ascii ? binary : new TextDecoder().decode(Uint8Array.from(binary, (character) => character.charCodeAt(0))));
		return isObject(value) ? value : undefined;
	} catch {
		return undefined;
	}
}

/** Payment of a `PAYMENT-SIGNATURE` header; undefined when it is not one of version 2. */
export function decodePayment(header: string): PaymentPayload | undefined {
	const value = decodeHeader(header);
	if (value === undefined || value["x402Version"] !== 2 || !isObject(value["payload"])) return undefined;
	const accepted = parseRequirements(value["accepted"]);
	return accepted === undefined ? undefined : { x402Version: 2, accepted, payload: value["payload"] };
}

/** Requirements of a `PAYMENT-REQUIRED` header; undefined when it is not one of version 2. Entries that cannot be read are left out. */
export function decodePaymentRequired(header: string): PaymentRequired | undefined {
	const value = decodeHeader(header);
	if (value === undefined || value["x402Version"] !== 2 || !Array.isArray(value["accepts"])) return undefined;
	const { error, resource } = value;
	return {
		x402Version: 2,
		...(typeof error === "string" ? { error } : {}),
		resource: isObject(resource) && typeof resource["url"] === "string" ? { url: resource["url"] } : { url: "" },
		accepts: value["accepts"].slice(0, 32).flatMap((item: unknown) => parseRequirements(item) ?? []),
	};
}

/** Settlement of a `PAYMENT-RESPONSE` header; undefined when it is none. */
export function decodeSettleResponse(header: string): SettleResponse | undefined {
	const value = decodeHeader(header);
	if (value === undefined || typeof value["success"] !== "boolean") return undefined;
	const { success, errorReason, transaction, extra } = value;
	return {
		success,
		...(typeof errorReason === "string" ? { errorReason } : {}),
		transaction: typeof transaction === "string" ? transaction : "",
		network: typeof value["network"] === "string" ? value["network"] : "",
		...(isObject(extra) ? { extra } : {}),
	};
}

function parseRequirements(value: unknown): PaymentRequirements | undefined {
	if (!isObject(value)) return undefined;
	const { scheme, network: chain, amount, maxTimeoutSeconds, extra } = value;
	const asset = readAddress(value["asset"]);
	const payTo = readAddress(value["payTo"]);
	if (typeof scheme !== "string" || typeof chain !== "string" || readAmount(amount) === undefined || asset === undefined || payTo === undefined)
		return undefined;
	// Times are computed with it, and JSON spells infinity as 1e400.
	if (typeof maxTimeoutSeconds !== "number" || !Number.isSafeInteger(maxTimeoutSeconds) || maxTimeoutSeconds < 1 || maxTimeoutSeconds > MAX_VALIDITY_SECONDS)
		return undefined;
	return { scheme, network: chain, amount: amount as string, asset, payTo, maxTimeoutSeconds, ...(isObject(extra) ? { extra } : {}) };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Lower-case address of either spelling. */
export function readAddress(value: unknown): Hex | undefined {
	return readHex(value, 20);
}

/** Lower-case hex of `length` bytes. */
export function readHex(value: unknown, length: number): Hex | undefined {
	return typeof value === "string" && value.length === 2 + 2 * length && /^0x[0-9a-fA-F]+$/.test(value) ? (value.toLowerCase() as Hex) : undefined;
}

/** Unsigned integer of a decimal string, without leading zeros, that fits in `bits`. */
export function readAmount(value: unknown, bits = 128): bigint | undefined {
	if (typeof value !== "string" || value.length > 78 || !/^(0|[1-9][0-9]*)$/.test(value)) return undefined;
	const amount = BigInt(value);
	return amount >> BigInt(bits) === 0n ? amount : undefined;
}
