/** OPG for people: 18 decimals, no rounding. */
import { FreeholdError } from "@freehold/protocol";

const DECIMALS = 18;
const UNIT = 10n ** BigInt(DECIMALS);

/** Decimal OPG of an amount in the smallest unit, exact, with at least two decimals. */
export function formatOpg(amount: bigint): string {
	const sign = amount < 0n ? "-" : "";
	const positive = amount < 0n ? -amount : amount;
	const fraction = (positive % UNIT).toString().padStart(DECIMALS, "0").replace(/0+$/, "").padEnd(2, "0");
	return `${sign}${positive / UNIT}.${fraction}`;
}

/** Smallest units of decimal OPG. Throws `request.invalid` naming `field`. */
export function parseOpg(text: string, field: string): bigint {
	const match = /^(\d{1,10})(?:\.(\d{1,18}))?$/.exec(text);
	if (match === null) throw new FreeholdError("request.invalid", { field, reason: "must be an amount of OPG such as 1.5" });
	return BigInt(match[1] ?? "0") * UNIT + BigInt((match[2] ?? "").padEnd(DECIMALS, "0"));
}
