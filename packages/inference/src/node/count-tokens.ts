/** The body of a question for the size of a request: nobody pays for it, so it is only read strictly. */
import { FreeholdError, type Hex, isHex, type TextRequest, textRequestShape } from "@freehold/protocol";

/** Throws `request.invalid` naming the field. */
export function readCountTokens(body: unknown): { readonly release: Hex; readonly text: TextRequest } {
	if (typeof body !== "object" || body === null || Array.isArray(body)) throw invalid("body", "must be a JSON object");
	const { release, text, ...rest } = body as Readonly<Record<string, unknown>>;
	const [stranger] = Object.keys(rest);
	if (stranger !== undefined) throw invalid(stranger.slice(0, 100), "is not a field of this request");
	if (!isHex(release, 32)) throw invalid("release", "must be 32 bytes of lower-case 0x hex");
	try {
		return { release, text: textRequestShape.read(text, "text") };
	} catch (error) {
		throw invalid("text", error instanceof Error ? error.message : "malformed");
	}
}

function invalid(field: string, reason: string): FreeholdError {
	return new FreeholdError("request.invalid", { field, reason });
}
