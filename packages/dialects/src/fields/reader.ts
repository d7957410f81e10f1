/** Reading a body field by field; every complaint names the field as the client knows it. */
import { FreeholdError, fromBase64 } from "@freehold/protocol";
import type { FieldTable } from "./tables.js";

export type Source = Readonly<Record<string, unknown>>;

export function invalid(field: string, reason: string, limit?: number): FreeholdError {
	return new FreeholdError("request.invalid", { field, reason, ...(limit === undefined ? {} : { limit }) });
}

/** The body as an object whose every field is in the table, and none asks for what is refused. */
export function readBody(body: unknown, table: FieldTable): Source {
	const source = asObject(body, "body");
	for (const [name, value] of Object.entries(source)) {
		const field = Object.hasOwn(table, name) ? table[name] : undefined;
		if (field === undefined) throw invalid(name.slice(0, 100), "is not a field of this route");
		if (field.treatment === "refused" && value !== null && value !== undefined && !isNeutral(value, field.neutral ?? []))
			throw invalid(name, `is not offered here: ${field.note}`);
	}
	return source;
}

function isNeutral(value: unknown, neutral: readonly unknown[]): boolean {
	const text = JSON.stringify(value);
	return neutral.some((candidate) => JSON.stringify(candidate) === text);
}

export function asObject(value: unknown, field: string): Source {
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(field, "must be an object");
	return value as Source;
}

export function asList(value: unknown, field: string, most: number): readonly unknown[] {
	if (!Array.isArray(value)) throw invalid(field, "must be a list");
	if (value.length > most) throw invalid(field, `must have at most ${most} items`, most);
	return value as readonly unknown[];
}

export function asText(value: unknown, field: string, most: number): string {
	if (typeof value !== "string") throw invalid(field, "must be a text");
	if (value.length > most) throw invalid(field, `must have at most ${most} characters`, most);
	// Half of a surrogate pair has no UTF-8, so nothing could commit to it.
	if (SURROGATE.test(value) && !isWellFormed(value)) throw invalid(field, "must be well-formed Unicode");
	return value;
}

const SURROGATE = /[\ud800-\udfff]/;

function isWellFormed(value: string): boolean {
	for (let index = 0; index < value.length; index++) {
		const unit = value.charCodeAt(index);
		if (unit < 0xd800 || unit > 0xdfff) continue;
		const next = value.charCodeAt(index + 1);
		if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return false;
		index++;
	}
	return true;
}

export function asNumber(value: unknown, field: string, min: number, max: number): number {
	if (typeof value !== "number" || !(value >= min && value <= max)) throw invalid(field, `must be a number from ${min} to ${max}`, max);
	return value === 0 ? 0 : value;
}

export function asInteger(value: unknown, field: string, min: number, max: number): number {
	if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max)
		throw invalid(field, `must be a whole number from ${min} to ${max}`, max);
	return value === 0 ? 0 : value;
}

export function asTruth(value: unknown, field: string): boolean {
	if (typeof value !== "boolean") throw invalid(field, "must be true or false");
	return value;
}

export function asOneOf<const T extends string>(value: unknown, field: string, options: readonly T[]): T {
	const found = options.find((option) => option === value);
	if (found === undefined) throw invalid(field, `must be one of ${options.join(", ")}`);
	return found;
}

/** The value read, or `otherwise` where the field is absent or null. */
export function maybe<T, O>(value: unknown, read: (value: unknown) => T, otherwise: O): T | O {
	return value === undefined || value === null ? otherwise : read(value);
}

/** Members that a nested object may have; an unknown one is refused. */
export function only(source: Source, field: string, names: readonly string[]): Source {
	for (const name of Object.keys(source)) if (!names.includes(name)) throw invalid(`${field}.${name.slice(0, 100)}`, "is not known");
	return source;
}

const DATA_URI = /^data:(image\/[a-z0-9.+-]{1,50});base64,/;

/** An image given in the request itself. Nothing is fetched: a URL could reach what only this machine can. */
export function readDataUri(url: unknown, field: string, maxBytes: number): { readonly mediaType: string; readonly data: Uint8Array } {
	const text = asText(url, field, Math.ceil(maxBytes / 3) * 4 + 100);
	const mediaType = DATA_URI.exec(text)?.[1];
	if (mediaType === undefined) throw invalid(field, "must be a data: URI with an image in base64; URLs are not fetched");
	return { mediaType, data: readBase64(text.slice(text.indexOf(",") + 1), field) };
}

export function readBase64(value: unknown, field: string): Uint8Array {
	try {
		return fromBase64(value as string);
	} catch {
		throw invalid(field, "must be base64");
	}
}
