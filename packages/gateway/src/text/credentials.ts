/** Who pays for a request: an x402 payment, an API key, or nobody yet. */
import type { IncomingHttpHeaders } from "node:http";
import { decodePayment, type PaymentPayload, x402Headers } from "@freehold/payments";
import { FreeholdError, type Hex, isKeyText, keyId } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";

export type Credential =
	| { readonly kind: "x402"; readonly payment: PaymentPayload | undefined }
	| { readonly kind: "key"; readonly id: Hex }
	| { readonly kind: "none" };

/** OpenGradient's clients send this kind of bearer token with every request, paid or not (its wire, 1.15). */
const PLACEHOLDER = /^0x[0-9a-fA-F]*$/;

/** Clients of Anthropic say `x-api-key`, all others `authorization: Bearer`. Throws `key.unknown` for what can be no key of ours. */
export function readCredential(headers: IncomingHttpHeaders): Credential {
	const payment = headers[x402Headers.signature];
	if (typeof payment === "string") return { kind: "x402", payment: decodePayment(payment) };
	const text = tokenOf(headers);
	if (text === undefined || PLACEHOLDER.test(text)) return { kind: "none" };
	if (!isKeyText(text)) throw new FreeholdError("key.unknown");
	return { kind: "key", id: keyId(text, nativeCrypto) };
}

function tokenOf({ authorization, "x-api-key": apiKey }: IncomingHttpHeaders): string | undefined {
	if (authorization !== undefined && /^bearer /i.test(authorization)) return authorization.slice(7).trim();
	return typeof apiKey === "string" && apiKey !== "" ? apiKey : undefined;
}
