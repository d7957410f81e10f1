/** Small helpers of the routes: JSON answers, copies that callers may keep, and query parameters with bounds. */
import { createHash } from "node:crypto";
import { FreeholdError } from "@freehold/protocol";
import type { Handler, HttpRequest, HttpResponse } from "@freehold/service";

/** `maxAgeSeconds` 0: always asked again. */
export function json(body: unknown, maxAgeSeconds = 0): HttpResponse {
	return {
		status: 200,
		headers: { "content-type": "application/json; charset=utf-8", "cache-control": maxAgeSeconds === 0 ? "no-cache" : `public, max-age=${maxAgeSeconds}` },
		body: JSON.stringify(body),
	};
}

/** Gives each answer an ETag of its bytes, and a caller that has them already only the word that they are still good (RFC 9110, §13). */
export function withEtag(handler: Handler): Handler {
	return async (request) => {
		const response = await handler(request);
		if (response.status !== 200 || typeof response.body !== "string") return response;
		const etag = `"${createHash("sha256").update(response.body).digest("base64url").slice(0, 22)}"`;
		const headers = { ...response.headers, etag };
		return isHeld(request.headers["if-none-match"], etag) ? { status: 304, headers } : { ...response, headers };
	};
}

function isHeld(header: string | undefined, etag: string): boolean {
	return header?.split(",").some((item) => item.trim() === "*" || item.trim().replace(/^W\//, "") === etag) ?? false;
}

export function wholeNumber(request: HttpRequest, name: string, bounds: { readonly min: number; readonly max: number; readonly default: number }): number {
	const text = request.query.get(name);
	if (text === null) return bounds.default;
	const value = Number(text);
	if (!/^\d+$/.test(text) || value < bounds.min || value > bounds.max)
		throw new FreeholdError("request.invalid", { field: name, reason: `must be a whole number from ${bounds.min} to ${bounds.max}`, limit: bounds.max });
	return value;
}

export function choice<T extends string>(request: HttpRequest, name: string, options: readonly T[], fallback: T): T {
	const text = request.query.get(name);
	if (text === null) return fallback;
	const found = options.find((option) => option === text);
	if (found === undefined) throw new FreeholdError("request.invalid", { field: name, reason: `must be one of ${options.join(", ")}` });
	return found;
}
