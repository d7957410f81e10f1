/** The Range header for one range of bytes (RFC 9110 §14). Several ranges, or another unit, are answered with the whole, as the RFC allows. */
import type { ByteRange } from "../blob/blob-store.js";

export type RangeAnswer = { readonly kind: "whole" } | { readonly kind: "part"; readonly range: ByteRange } | { readonly kind: "unsatisfiable" };

const ONE_RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/;

export function parseRange(header: string | undefined, sizeBytes: number): RangeAnswer {
	const match = header === undefined ? null : ONE_RANGE.exec(header.trim());
	if (match === null) return { kind: "whole" };
	const [, first = "", last = ""] = match;
	if (first === "" && last === "") return { kind: "whole" };
	if (first === "") {
		// The last so many bytes.
		const length = Math.min(Number(last), sizeBytes);
		return length === 0 ? { kind: "unsatisfiable" } : { kind: "part", range: { start: sizeBytes - length, end: sizeBytes } };
	}
	const start = Number(first);
	const end = last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
	if (last !== "" && Number(last) < start) return { kind: "whole" };
	return start >= sizeBytes ? { kind: "unsatisfiable" } : { kind: "part", range: { start, end } };
}
