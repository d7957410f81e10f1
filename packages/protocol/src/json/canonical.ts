/**
 * RFC 8785 canonical JSON: the one spelling of a value that commitments cover.
 *
 * Keys are sorted by UTF-16 code units, numbers and strings are spelt as ECMAScript does. What has no JSON spelling (undefined in a list, non-finite
 * numbers, bigints, lone surrogates, class instances) is refused with `TypeError` rather than altered.
 */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

const MAX_DEPTH = 64;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Canonical text of `value`. Members whose value is undefined are left out, as `JSON.stringify` does. */
export function canonicalJson(value: unknown): string {
	return write(value, 0);
}

function write(value: unknown, depth: number): string {
	if (depth > MAX_DEPTH) throw new TypeError(`JSON is nested deeper than ${MAX_DEPTH} levels`);
	switch (typeof value) {
		case "boolean":
			return value ? "true" : "false";
		case "number":
			if (!Number.isFinite(value)) throw new TypeError("JSON has no non-finite numbers");
			return JSON.stringify(value);
		case "string":
			return writeString(value);
		case "object":
			break;
		default:
			throw new TypeError(`JSON cannot hold a ${typeof value}`);
	}
	if (value === null) return "null";
	// Unlike `map`, this does not pass over holes.
	if (Array.isArray(value)) return `[${Array.from(value, (item: unknown) => write(item, depth + 1)).join(",")}]`;
	const prototype: unknown = Object.getPrototypeOf(value);
	if (prototype !== Object.prototype && prototype !== null) throw new TypeError("JSON holds plain objects only");
	let members = "";
	for (const key of inOrder(Object.keys(value))) {
		const member = (value as Record<string, unknown>)[key];
		if (member !== undefined) members += `${members === "" ? "" : ","}${writeString(key)}:${write(member, depth + 1)}`;
	}
	return `{${members}}`;
}

/** Names by their UTF-16 code units; most come so already, and to sort them costs more than to see that. */
function inOrder(names: string[]): string[] {
	for (let index = 1; index < names.length; index++) if ((names[index - 1] as string) > (names[index] as string)) return names.sort();
	return names;
}

/** Printable ASCII without quote and backslash is spelt as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;

function writeString(text: string): string {
	if (PLAIN.test(text)) return `"${text}"`;
	if (LONE_SURROGATE.test(text)) throw new TypeError("JSON text has a lone surrogate");
	return JSON.stringify(text);
}
