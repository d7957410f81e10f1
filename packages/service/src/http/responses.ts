/** Responses that every program gives: JSON, and refusals in the catalogue's words. */
import { randomBytes } from "node:crypto";
import { errorBody, FreeholdError } from "@freehold/protocol";
import type { Logger } from "pino";
import type { HttpResponse } from "./server.js";

const JSON_TYPE = { "content-type": "application/json; charset=utf-8" } as const;

/** A value as JSON. Bigints must have been spelt as decimal strings before. */
export function jsonResponse(value: unknown, status = 200, headers?: Readonly<Record<string, string>>): HttpResponse {
	return { status, headers: headers === undefined ? JSON_TYPE : { ...JSON_TYPE, ...headers }, body: JSON.stringify(value) };
}

/** `{error: …}` with the status of the catalogue; `retry-after` where the refusal says when to come back. */
export function errorResponse(error: FreeholdError): HttpResponse {
	const { retryable, status } = error.entry;
	const { seconds } = error.detail;
	const wait = retryable && (status === 429 || status === 503) ? { "retry-after": String(Math.max(1, Math.ceil(Number(seconds ?? 1)))) } : undefined;
	return jsonResponse({ error: errorBody(error) }, status, wait);
}

/** The refusal that an error is; one that nobody foresaw becomes `internal` with a reference under which the log has it. */
export function toFreeholdError(error: unknown, log: Logger, where: string): FreeholdError {
	if (error instanceof FreeholdError) return error;
	const reference = randomBytes(6).toString("hex");
	log.error({ err: error, reference, where }, "a request failed unexpectedly");
	return new FreeholdError("internal", { reference }, { cause: error });
}
