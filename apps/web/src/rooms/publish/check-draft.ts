/** The form against the rules that the registry has, field by field, before anything is sent. */
import { limits, parseModelName, parseOpg } from "@freehold/protocol";
import type { Draft } from "./draft.js";

export type DraftFaults = Partial<Record<"name" | "version" | "price" | "leastShare" | "licence" | "card" | "parents", string>>;

export interface CheckedDraft {
	readonly faults: DraftFaults;
	/** Smallest unit; undefined while the price is not one. */
	readonly perCall: bigint | undefined;
	/** With shares in basis points; undefined entries are not finished. */
	readonly parents: readonly { readonly release: string; readonly bps: number | undefined }[];
	/** Basis points of descendants' income. */
	readonly leastBps: number | undefined;
}

const WHOLE = 10_000;

export function checkDraft(draft: Draft): CheckedDraft {
	const faults: { -readonly [K in keyof DraftFaults]: DraftFaults[K] } = {};
	const parsed = parseModelName(draft.name);
	if (draft.name !== "" && (parsed === undefined || parsed.version !== undefined))
		faults.name = "namespace/name of lower-case letters, digits and hyphens, such as ada/digits";
	if (!/^\d{1,5}\.\d{1,5}$/.test(draft.version)) faults.version = "major.minor, such as 1.0";
	const perCall = parseOpg(draft.price.trim());
	if (perCall === undefined) faults.price = "An amount of OPG, such as 1.00";
	const leastBps = basisPoints(draft.leastShare);
	if (leastBps === undefined) faults.leastShare = "From 0 to 100, at most two decimals";
	if (draft.licence.trim() === "") faults.licence = "An SPDX expression, such as Apache-2.0";
	if (new TextEncoder().encode(draft.card).length > limits.cardBytes) faults.card = `At most ${limits.cardBytes} bytes`;
	const parents = draft.parents.map(({ release, share }) => ({ release, bps: basisPoints(share) }));
	const sum = parents.reduce((total, { bps }) => total + (bps ?? 0), 0);
	if (parents.some(({ release }) => parseModelName(release)?.version === undefined)) faults.parents = "Each parent is a release, such as base/digits@1.0";
	else if (parents.some(({ bps }) => bps === undefined)) faults.parents = "Each share is a number from 0 to 100 with at most two decimals";
	else if (sum > WHOLE) faults.parents = `The shares make ${sum / 100} % together; there is only 100 %`;
	else if (new Set(parents.map(({ release }) => release)).size !== parents.length) faults.parents = "A parent is named twice";
	return { faults, perCall, parents, leastBps };
}

/** `12.5` percent as 1250; undefined for anything else. */
export function basisPoints(text: string): number | undefined {
	const match = /^(\d{1,3})(?:\.(\d{1,2}))?$/.exec(text.trim());
	if (match === null) return undefined;
	const value = Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0"));
	return value <= WHOLE ? value : undefined;
}
