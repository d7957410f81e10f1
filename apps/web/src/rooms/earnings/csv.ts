/** Earnings as a table for other programs (RFC 4180). Amounts in OPG, exact. */
import { type EarningsBody, formatOpg } from "@freehold/protocol";

export function earningsCsv({ byDay = [] }: Pick<EarningsBody, "byDay">): string {
	const rows = byDay.map(({ day, model, release, direct, fromDescendants }) => [
		day,
		model,
		release,
		formatOpg(BigInt(direct)),
		formatOpg(BigInt(fromDescendants)),
		formatOpg(BigInt(direct) + BigInt(fromDescendants)),
	]);
	return [["day", "model", "release", "direct_opg", "from_descendants_opg", "total_opg"], ...rows]
		.map((row) => row.map(cell).join(","))
		.join("\r\n")
		.concat("\r\n");
}

/** Quoted where needed; a leading sign of a formula is defused for spreadsheets. */
function cell(text: string): string {
	const safe = /^[=+\-@\t]/.test(text) ? `'${text}` : text;
	return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
