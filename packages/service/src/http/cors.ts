/**
 * Browsers on other origins may call: no route relies on cookies or on where a request comes from, so there is no authority to borrow.
 * The headers of x402 version 2 must be exposed, or a browser client cannot see what it has to pay.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { HttpResponse } from "./server.js";

export const exposedHeaders = {
	"access-control-allow-origin": "*",
	"access-control-expose-headers":
		"PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, X-FREEHOLD-CALL-ID, X-FREEHOLD-CHARGE, X-REQUEST-ID, REQUEST-ID, RETRY-AFTER, ETAG, CONTENT-RANGE, LOCATION",
	"x-content-type-options": "nosniff",
} as const;

const USUAL_HEADERS = "content-type, authorization, idempotency-key, payment-signature, x-payment, x-api-key, anthropic-version, range";
const HEADER_LIST = /^[A-Za-z0-9-]{1,64}(, ?[A-Za-z0-9-]{1,64}){0,63}$/;

/** Answer to the question a browser asks before it sends. */
export function preflight(headers: IncomingHttpHeaders, allowed: readonly string[]): HttpResponse {
	const wanted = headers["access-control-request-headers"];
	return {
		status: 204,
		headers: {
			allow: [...allowed, "OPTIONS"].join(", "),
			"access-control-allow-methods": allowed.join(", "),
			// Clients of other systems send headers of their own; naming them here grants nothing.
			"access-control-allow-headers": typeof wanted === "string" && HEADER_LIST.test(wanted) ? wanted : USUAL_HEADERS,
			"access-control-max-age": "7200",
		},
	};
}
