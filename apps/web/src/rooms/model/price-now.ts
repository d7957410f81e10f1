/** Which of a release's prices counts now, and which is announced. */
import type { ReleaseSummary } from "@freehold/protocol";

type PriceVersion = ReleaseSummary["prices"][number];

/** The newest price that has begun; the first one where the clocks disagree. */
export function priceNow({ prices }: Pick<ReleaseSummary, "prices">, now = Date.now()): PriceVersion | undefined {
	return prices.findLast(({ from }) => from <= now) ?? prices[0];
}

/** A price that begins later: a rise within its notice. */
export function priceNext({ prices }: Pick<ReleaseSummary, "prices">, now = Date.now()): PriceVersion | undefined {
	const last = prices.at(-1);
	return last !== undefined && last.from > now ? last : undefined;
}

/** `1.0` → `1.1`: the smallest number that no release has yet. */
export function nextVersion(versions: readonly string[]): string {
	const [major, minor] = versions.map((version) => version.split(".").map(Number)).sort(([a = 0, b = 0], [c = 0, d = 0]) => c - a || d - b)[0] ?? [1, -1];
	return `${major ?? 1}.${(minor ?? -1) + 1}`;
}
