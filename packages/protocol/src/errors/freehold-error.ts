/** The one error class: a code of the catalogue and the detail that fills its message. */
import { type ErrorCode, type ErrorEntry, errorCatalogue } from "./catalogue.js";

export type ErrorDetail = Readonly<Record<string, string | number | bigint | boolean>>;

/** What `{error: …}` holds on every HTTP route of our own (specification of the surface, §3). */
export interface ErrorBody {
	readonly code: ErrorCode;
	readonly message: string;
	readonly field?: string;
	readonly limit?: string | number;
	readonly retryable: boolean;
	readonly docs: string;
}

export class FreeholdError extends Error {
	override readonly name = "FreeholdError";
	readonly code: ErrorCode;
	readonly detail: ErrorDetail;

	constructor(code: ErrorCode, detail: ErrorDetail = {}, options?: ErrorOptions) {
		super(fill(errorCatalogue[code].message, detail), options);
		this.code = code;
		this.detail = detail;
	}

	get entry(): ErrorEntry {
		return errorCatalogue[this.code];
	}
}

export function errorBody(error: FreeholdError): ErrorBody {
	const { field, limit } = error.detail;
	return {
		code: error.code,
		message: error.message,
		...(field === undefined ? {} : { field: String(field) }),
		...(limit === undefined ? {} : { limit: typeof limit === "number" ? limit : String(limit) }),
		retryable: error.entry.retryable,
		docs: `docs/reference/errors.md#${error.code.toLowerCase().replaceAll(".", "-")}`,
	};
}

/** The error that a body of ours describes; undefined when it is not one. */
export function errorFromBody(body: unknown): FreeholdError | undefined {
	if (typeof body !== "object" || body === null || !("error" in body)) return undefined;
	const { error } = body;
	if (typeof error !== "object" || error === null || !("code" in error) || !("message" in error)) return undefined;
	const { code, message } = error;
	if (typeof code !== "string" || typeof message !== "string" || !Object.hasOwn(errorCatalogue, code)) return undefined;
	const known = new FreeholdError(code as ErrorCode);
	known.message = message;
	return known;
}

function fill(template: string, detail: ErrorDetail): string {
	return template.replace(/\{(\w+)\}/g, (whole, name: string) => {
		const value = detail[name];
		return value === undefined ? whole : String(value);
	});
}
