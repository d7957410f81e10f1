/** Small helpers of the routes: JSON answers, and query parameters with bounds. */
import { FreeholdError } from "@freehold/protocol";
import type { HttpRequest, HttpResponse } from "@freehold/service";

/** `maxAgeSeconds` 0: always asked again. */
export function json(body: unknown, maxAgeSeconds = 0): HttpResponse {
	return {
		status: 200,
		headers: { "content-type": "application/json; charset=utf-8", "cache-control": maxAgeSeconds === 0 ? "no-cache" : `public, max-age=${maxAgeSeconds}` },
		body: JSON.stringify(body),
	};
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
