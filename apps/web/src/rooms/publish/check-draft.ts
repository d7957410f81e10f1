/** The form against the rules that the registry has, field by field, before anything is sent. */
import { limits, type Price, parseModelName, parseOpg } from "@freehold/protocol";
import { type Draft, tagsOf } from "./draft.js";

export type DraftFaults = Partial<
	Record<"name" | "version" | "price" | "inputPrice" | "outputPrice" | "leastShare" | "leastAmount" | "licence" | "tags" | "card" | "parents", string>
>;

export interface CheckedDraft {
	readonly faults: DraftFaults;
	/** Smallest unit; undefined while a part of it is no amount. */
	readonly price: Price | undefined;
	/** With shares in basis points; undefined entries are not finished. */
	readonly parents: readonly { readonly release: string; readonly bps: number | undefined }[];
	/** Basis points of descendants' income. */
	readonly leastBps: number | undefined;
	/** Smallest unit for a call. */
	readonly leastPerCall: bigint | undefined;
}

const WHOLE = 10_000;

export function checkDraft(draft: Draft): CheckedDraft {
	const faults: { -readonly [K in keyof DraftFaults]: DraftFaults[K] } = {};
	const parsed = parseModelName(draft.name);
	if (draft.name !== "" && (parsed === undefined || parsed.version !== undefined))
		faults.name = "namespace/name of lower-case letters, digits and hyphens, such as ada/digits";
	if (!/^\d{1,5}\.\d{1,5}$/.test(draft.version)) faults.version = "major.minor, such as 1.0";
	const amount = (field: "price" | "inputPrice" | "outputPrice" | "leastAmount"): bigint | undefined => {
		const parsed = parseOpg(draft[field].trim());
		if (parsed === undefined) faults[field] = "An amount of OPG, such as 1.00";
		return parsed;
	};
	const [perCall, perInputUnit, perOutputUnit, leastPerCall] = [amount("price"), amount("inputPrice"), amount("outputPrice"), amount("leastAmount")];
	const price = perCall === undefined || perInputUnit === undefined || perOutputUnit === undefined ? undefined : { perCall, perInputUnit, perOutputUnit };
	const leastBps = basisPoints(draft.leastShare);
	if (leastBps === undefined) faults.leastShare = "From 0 to 100, at most two decimals";
	if (draft.licence.trim() === "") faults.licence = "An SPDX expression, such as Apache-2.0";
	const tags = tagsOf(draft);
	if (tags.length > 32 || tags.some((tag) => !/^[a-z0-9][a-z0-9-]{0,31}$/.test(tag)))
		faults.tags = "At most 32 lower-case words of letters, digits and hyphens, with spaces between";
	if (new TextEncoder().encode(draft.card).length > limits.cardBytes) faults.card = `At most ${limits.cardBytes} bytes`;
	const parents = draft.parents.map(({ release, share }) => ({ release, bps: basisPoints(share) }));
	const sum = parents.reduce((total, { bps }) => total + (bps ?? 0), 0);
	if (parents.some(({ release }) => parseModelName(release)?.version === undefined)) faults.parents = "Each parent is a release, such as base/digits@1.0";
	else if (parents.some(({ bps }) => bps === undefined)) faults.parents = "Each share is a number from 0 to 100 with at most two decimals";
	else if (sum > WHOLE) faults.parents = `The shares make ${sum / 100} % together; there is only 100 %`;
	else if (new Set(parents.map(({ release }) => release)).size !== parents.length) faults.parents = "A parent is named twice";
	return { faults, price, parents, leastBps, leastPerCall };
}

/** `12.5` percent as 1250; undefined for anything else. */
export function basisPoints(text: string): number | undefined {
	const match = /^(\d{1,3})(?:\.(\d{1,2}))?$/.exec(text.trim());
	if (match === null) return undefined;
	const value = Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0"));
	return value <= WHOLE ? value : undefined;
}
