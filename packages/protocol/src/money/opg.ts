/** Amounts of OPG as people read and write them: 18 decimals, never rounded. */

const DECIMALS = 18;
const UNIT = 10n ** BigInt(DECIMALS);

/** Decimal OPG of an amount in the smallest unit, exact, with at least two decimals: `1.08`. */
export function formatOpg(amount: bigint): string {
	const size = amount < 0n ? -amount : amount;
	const decimals = (size % UNIT).toString().padStart(DECIMALS, "0").replace(/0+$/, "").padEnd(2, "0");
	return `${amount < 0n ? "-" : ""}${size / UNIT}.${decimals}`;
}

/** Smallest units of decimal OPG; undefined for anything but digits, at most ten before and eighteen after the point. */
export function parseOpg(text: string): bigint | undefined {
	const match = /^(\d{1,10})(?:\.(\d{1,18}))?$/.exec(text);
	return match === null ? undefined : BigInt(match[1] ?? "0") * UNIT + BigInt((match[2] ?? "").padEnd(DECIMALS, "0"));
}
