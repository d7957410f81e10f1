/** A hub sends large files from other hosts: redirects are followed, and a token never leaves the host that it is for. */
import type { Readable } from "node:stream";
import { FreeholdError } from "@freehold/protocol";
import { type Answer, fetchStream } from "@freehold/service";
import { accessHeaders, type HubAccess } from "./repository.js";

export interface FollowOptions {
	/** Time until the last byte. */
	readonly deadlineMs: number;
	readonly maxBytes: number;
	readonly headers?: Readonly<Record<string, string>>;
	readonly signal?: AbortSignal;
}

const MAX_REDIRECTS = 5;

/** The answer behind all redirects, whatever its status. */
export async function followRedirects(
	url: string,
	access: HubAccess,
	{ deadlineMs, maxBytes, headers = {}, signal }: FollowOptions,
): Promise<Answer<Readable>> {
	const home = new URL(access.endpoint).origin;
	let target = new URL(url);
	for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
		const own = target.origin === home ? accessHeaders(access) : {};
		const answer = await fetchStream(target.href, {
			what: "The hub of models",
			headers: { ...headers, ...own },
			deadlineMs,
			maxBytes,
			signal: signal ?? access.signal,
		});
		const { location } = answer.headers;
		if (answer.status < 300 || answer.status > 399 || answer.status === 304 || location === undefined) return answer;
		answer.body.destroy();
		const next = URL.canParse(location, target.href) ? new URL(location, target) : undefined;
		// From https to plain http a stranger could answer.
		if (next === undefined || !/^https?:$/.test(next.protocol) || (target.protocol === "https:" && next.protocol === "http:"))
			throw failed("a redirect to where nothing may be asked");
		target = next;
	}
	throw failed("redirects without an end");
}

function failed(reason: string): FreeholdError {
	return new FreeholdError("upstream.failed", { what: "The hub of models", reason });
}
