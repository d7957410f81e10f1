/** Amounts for people: a short number to read, the exact one to hold it against. */
import { formatOpg } from "@freehold/protocol";

const UNIT = 10n ** 18n;

/** At most four decimals, cut and never rounded up: `1.08`, `0.0049`, `12,340.5`. What is smaller and not zero reads `< 0.0001`. */
export function shortOpg(amount: bigint): string {
	const negative = amount < 0n;
	const size = negative ? -amount : amount;
	const whole = size / UNIT;
	const digits = ((size % UNIT) / 10n ** 14n).toString().padStart(4, "0").replace(/0+$/, "");
	if (size !== 0n && whole === 0n && digits === "") return `${negative ? "−" : ""}< 0.0001`;
	const decimals = whole < 1000n ? digits.padEnd(2, "0") : digits.slice(0, 2).padEnd(2, "0");
	return `${negative ? "−" : ""}${groups(whole)}.${decimals}`;
}

/** Every digit there is, with the unit. */
export function exactOpg(amount: bigint): string {
	return `${formatOpg(amount)} OPG`;
}

/** `1,234,567`. */
export function groups(value: bigint | number): string {
	return value.toString().replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** `9.35 %` of basis points, or of a part and its whole. */
export function percent(part: bigint, whole: bigint): string {
	if (whole === 0n) return "0 %";
	const hundredths = (part * 10_000n + whole / 2n) / whole;
	const text = `${hundredths / 100n}.${(hundredths % 100n).toString().padStart(2, "0")}`.replace(/\.?0+$/, "");
	return `${text} %`;
}

/** `2.4 kB`, `1.3 MB`: decimal units, as disks and networks count. */
export function bytes(count: number): string {
	if (count < 1_000) return `${count} B`;
	const units = ["kB", "MB", "GB", "TB"];
	let value = count;
	let unit = -1;
	while (value >= 1_000 && unit < units.length - 1) {
		value /= 1_000;
		unit++;
	}
	return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
