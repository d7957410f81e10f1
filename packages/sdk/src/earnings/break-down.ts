/** Income by day, release and source. Pure: sums of what the hub counted and the chain credited. */
import type { Decimal } from "@freehold/protocol";
import type { Earnings } from "./show.js";

export const earningsColumns = ["day", "release", "source"] as const;
export type EarningsColumn = (typeof earningsColumns)[number];

/** `calls`: paid for the release itself. `descendants`: shares of what was made from it. `fees`: work as a node or gateway, and refunds, not yet claimed. */
export type EarningsSource = "calls" | "descendants" | "fees";

export interface EarningsRow {
	/** UTC, `YYYY-MM-DD`; of fees the chain keeps no days. */
	readonly day?: string;
	/** `namespace/name@major.minor`. */
	readonly release?: string;
	readonly source?: EarningsSource;
	/** Smallest unit. */
	readonly amount: Decimal;
}

/**
 * @example
 * import { breakDown } from "@freehold/sdk";
 *
 * const rows = breakDown(await freehold.earnings.show(), ["day", "source"]);
 */
export function breakDown({ byDay = [], credit }: Earnings, columns: readonly EarningsColumn[]): readonly EarningsRow[] {
	const entries: { readonly day?: string; readonly release?: string; readonly source: EarningsSource; readonly amount: bigint }[] = byDay.flatMap(
		({ day, model, direct, fromDescendants }) => [
			{ day, release: model, source: "calls" as const, amount: BigInt(direct) },
			{ day, release: model, source: "descendants" as const, amount: BigInt(fromDescendants) },
		],
	);
	entries.push({ source: "fees", amount: BigInt(credit) });
	const sums = new Map<string, { row: Omit<EarningsRow, "amount">; amount: bigint }>();
	for (const { amount, ...entry } of entries) {
		if (amount === 0n) continue;
		const row = Object.fromEntries(columns.flatMap((column) => (entry[column] === undefined ? [] : [[column, entry[column]]]))) as Omit<EarningsRow, "amount">;
		const key = JSON.stringify(columns.map((column) => entry[column] ?? ""));
		const before = sums.get(key);
		sums.set(key, { row, amount: (before?.amount ?? 0n) + amount });
	}
	return [...sums.entries()].sort(([a], [b]) => (a < b ? 1 : -1)).map(([, { row, amount }]) => ({ ...row, amount: amount.toString() }));
}
