/** What accepting a licence means, with the very text whose digest is signed. */
import type { Hex } from "@freehold/protocol";
import { shortHash } from "../format/hash.js";
import { shownLicence } from "../licences/shown.js";
import type { Explanation } from "./explain.js";

type Words = Pick<Explanation, "kind" | "title" | "sentences" | "rows" | "document" | "yes">;

/** Undefined: a text that this page does not have is not accepted here. */
export function licenceWords({ release, text, payer }: Readonly<Record<string, unknown>>): Words | undefined {
	const shown = shownLicence(release, text);
	if (shown === undefined) return undefined;
	return {
		kind: "licence",
		title: `Accept the licence of ${shown.model}`,
		sentences: [
			"Whoever asks this model uses it under its owner's licence, which stands below. You are asked once; nothing is paid for this.",
			"Your signature over the text's digest goes along with your calls, so that you and the owner can both show what was agreed to.",
		],
		rows: [
			["Licence", shown.licence],
			["Release", shortHash(String(release)), String(release)],
			["Digest of the text", shortHash(String(text)), String(text)],
			["Accepted by", shortHash(String(payer)), String(payer) as Hex],
		],
		document: { label: "Text of the licence", text: shown.text },
		yes: "Accept it",
	};
}
