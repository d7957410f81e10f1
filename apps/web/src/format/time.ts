/** Times for people: how long ago, with the exact moment one hover away. */

const STEPS: readonly (readonly [number, Intl.RelativeTimeFormatUnit])[] = [
	[60, "second"],
	[60, "minute"],
	[24, "hour"],
	[30, "day"],
	[12, "month"],
	[Number.POSITIVE_INFINITY, "year"],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** `12 seconds ago`, `in 3 minutes`; both in Unix milliseconds. */
export function ago(time: number, now: number): string {
	let value = (time - now) / 1000;
	if (Math.abs(value) < 5) return "just now";
	for (const [size, unit] of STEPS) {
		if (Math.abs(value) < size) return relative.format(Math.trunc(value), unit);
		value /= size;
	}
	return exactTime(time);
}

/** `2026-11-21 03:31:07.125 UTC`. */
export function exactTime(time: number): string {
	return `${new Date(time).toISOString().replace("T", " ").replace("Z", "")} UTC`;
}
