/** What a verdict means, in sentences for people: what is known, and what is not. */
import { type EvidenceKind, formatOpg, modeName, type ReceiptFile } from "@freehold/protocol";
import type { AnchorVerdict } from "./anchored-facts.js";
import type { Outcome } from "./verify-receipt.js";

export interface WordsQuestion {
	readonly file: ReceiptFile;
	readonly outcome: Outcome;
	readonly kinds: readonly EvidenceKind[];
	/** Kinds that were required and do not hold. */
	readonly missing: readonly EvidenceKind[];
	readonly anchor: AnchorVerdict | undefined;
	/** The node offers inference with a bond in the proven state. */
	readonly bonded: boolean;
}

export interface Words {
	readonly known: readonly string[];
	readonly notKnown: readonly string[];
}

const BEYOND = {
	older: "it is older than the checkpoint",
	expired: "it is beyond a checkpoint that is too old",
	elsewhere: "the way to it does not pass the checkpoint",
} as const;

/** What a kind would say, for the list of what is not known. */
const MEANING: Readonly<Record<EvidenceKind, string>> = {
	routed: "which outside provider answered",
	signed: "that a bonded node answers for it with its own engine",
	attested: "that measured code ran inside protected hardware",
	audited: "that independent nodes scored the answer against the claimed weights",
	replayed: "that another machine agrees",
	proved: "a mathematical proof of the computation",
};

export function wordsOf({ file, outcome, kinds, missing, anchor, bonded }: WordsQuestion): Words {
	if (outcome === "forged")
		return { known: ["The file is not genuine: something in it was altered or was never signed."], notKnown: ["What really was asked and answered."] };
	const { order, receipt, holder, request, response, engine } = file;
	const known: string[] = [];
	const notKnown: string[] = [];
	if (kinds.includes("routed")) known.push(`Node ${order.node} says that an outside provider, ${String(engine.options["provider"])}, answered.`);
	if (kinds.includes("signed"))
		known.push(`One bonded node, ${order.node}, vouches that its engine ${engine.name} ${engine.version} ran release ${order.release}.`);
	if (anchor !== undefined && anchor.beyond === undefined) {
		const { batch } = anchor.facts;
		if (batch !== undefined) known.push(`The chain recorded it in block ${batch.blockNumber} on ${new Date(Number(batch.timestamp) * 1000).toISOString()}.`);
		known.push(`It cost ${formatOpg(receipt.charge)} OPG, as the owner's price and the quoted fees say.`);
	}
	if (request !== undefined) known.push("The request in the file is the one that was asked, to the bit.");
	if (response !== undefined) known.push("The answer in the file is the one that was given, to the bit.");
	const text = textWords(file);
	known.push(...text.known);
	if (holder !== undefined) known.push(`${holder.payer} paid for it.`);

	if (anchor === undefined) notKnown.push("Whether and when the chain recorded it, and whose keys signed: the file is not anchored yet.");
	else if (anchor.beyond !== undefined) notKnown.push(`Whether its block belongs to the trusted chain: ${BEYOND[anchor.beyond]}.`);
	else if (!bonded) notKnown.push(`That node ${order.node} still stands behind it with a bond.`);
	for (const kind of file.evidence)
		notKnown.push(`Whether the evidence of kind ${kind.kind} by ${kind.author} is right: this verifier cannot judge that kind.`);
	if (kinds.includes("routed")) notKnown.push("Which model the provider ran.");
	notKnown.push(...text.notKnown);
	if (!kinds.includes("replayed"))
		notKnown.push(
			`${capital(MEANING.replayed)}${modeName(order.mode) === "bit-exact" ? "; the mode is bit-exact, so anyone can find out by running it again" : ""}.`,
		);
	for (const kind of missing) if (kind !== "replayed") notKnown.push(`${capital(MEANING[kind])}, which is required.`);
	return { known, notKnown };
}

/** What is particular to a call to a language model. */
function textWords({ receipt, textRequest, textResponse, engine }: ReceiptFile): Words {
	const known: string[] = [];
	const notKnown: string[] = [];
	if (textRequest !== undefined) known.push("The request in the file is the one that was asked, to the letter, with every setting, tool and attachment.");
	if (textResponse !== undefined) {
		known.push("The answer in the file is the one that was given, to the letter.");
		const { answer } = textResponse;
		const cut = answer.task === "embedding" ? 0 : answer.choices.filter(({ finish }) => finish === "cancelled").length;
		if (cut > 0) known.push("The answer was cut short: the file holds what had arrived by then, and nothing beyond it was charged.");
	}
	if (textRequest === undefined && textResponse === undefined) return { known, notKnown };
	known.push(`${receipt.inputUnits} tokens of request and ${receipt.outputUnits} of answer were counted and charged, within what the order allowed.`);
	notKnown.push(
		typeof engine.options["provider"] === "string"
			? "Whether the provider counted the tokens rightly."
			: "Whether the node counted the tokens rightly: the release's own tokenizer tells, which is not in the file.",
	);
	return { known, notKnown };
}

function capital(text: string): string {
	return text.charAt(0).toUpperCase() + text.slice(1);
}
