/** JSON from this origin, with a deadline, a limit, and failures in the words of the catalogue. */
import { errorFromBody, FreeholdError } from "@freehold/protocol";

export interface AskOptions {
	/** Whom is asked, for error texts. */
	readonly what: string;
	readonly signal?: AbortSignal | undefined;
	readonly timeoutMs?: number;
	/** Sent as JSON by POST. */
	readonly json?: unknown;
}

const TIMEOUT_MS = 15_000;
const MAX_CHARACTERS = 16 * 1024 * 1024;

export async function askJson(path: string, { what, signal, timeoutMs = TIMEOUT_MS, json }: AskOptions): Promise<unknown> {
	const deadline = AbortSignal.timeout(timeoutMs);
	let status: number;
	let text: string;
	try {
		const response = await fetch(path, {
			signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
			...(json === undefined
				? { headers: { accept: "application/json" } }
				: { method: "POST", headers: { accept: "application/json", "content-type": "application/json" }, body: JSON.stringify(json) }),
		});
		status = response.status;
		text = await response.text();
	} catch (error) {
		if (signal?.aborted === true) throw error;
		if (deadline.aborted) throw new FreeholdError("upstream.timeout", { what, seconds: timeoutMs / 1000 }, { cause: error });
		throw new FreeholdError("network.down", { what, url: location.origin }, { cause: error });
	}
	if (text.length > MAX_CHARACTERS) throw new FreeholdError("upstream.failed", { what, reason: "an answer that is too long" });
	const body = parse(text);
	if (status >= 300) throw errorFromBody(body) ?? new FreeholdError("upstream.failed", { what, reason: `HTTP ${status}` });
	if (body === undefined) throw new FreeholdError("upstream.failed", { what, reason: "an answer that is not JSON" });
	return body;
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text) as unknown;
	} catch {
		return undefined;
	}
}
