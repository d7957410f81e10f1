/** Failures in words: what happened, for people; the catalogue's code beside it. */
import { FreeholdError } from "@freehold/protocol";
import { Declined } from "../account/consent.js";
import type { Trouble } from "../design/states.js";

export function troubleOf(error: unknown, doing: string): Trouble {
	if (error instanceof Declined) return { title: "Not signed", detail: "You said no, so nothing was sent.", retryable: true };
	if (error instanceof FreeholdError) {
		const { code, message, entry } = error;
		if (code === "network.down")
			return {
				title: "The network does not answer",
				detail: "It may be stopped or starting again. What you see is the last that was known.",
				code,
				retryable: true,
			};
		return { title: `${doing} did not work`, detail: message, code, retryable: entry.retryable };
	}
	if (error instanceof TypeError && /fetch|import|module/i.test(error.message))
		return { title: "A part of this page could not be loaded", detail: "The network may be stopped. Try again when it is back.", retryable: true };
	return { title: `${doing} did not work`, detail: error instanceof Error ? error.message : String(error), retryable: true };
}
