/** Refusals as Anthropic's clients read them. */
import { errorBody, type FreeholdError } from "@freehold/protocol";

const types: Readonly<Record<number, string>> = {
	400: "invalid_request_error",
	401: "authentication_error",
	402: "billing_error",
	403: "permission_error",
	404: "not_found_error",
	413: "request_too_large",
	429: "rate_limit_error",
	503: "overloaded_error",
	504: "timeout_error",
};

/** `{type: "error", error: {type, message}}`, with our code and where it is explained. */
export function anthropicError(error: FreeholdError): unknown {
	const { code, message, field, limit, retryable, docs } = errorBody(error);
	const { status } = error.entry;
	const type = types[status] ?? (status < 500 ? "invalid_request_error" : "api_error");
	return {
		type: "error",
		error: { type, message, code, ...(field === undefined ? {} : { field }), ...(limit === undefined ? {} : { limit }), retryable, docs },
	};
}
