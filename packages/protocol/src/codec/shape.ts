/**
 * Strict reading of JSON that must have exactly one spelling: unknown keys, other types, upper-case hex, numbers with leading zeros are all refused.
 * A shape both checks and converts; `write` is its inverse.
 */
import { fromBase64, fromHex, type Hex, isHex, toBase64, toHex } from "../bytes/bytes.js";
import { canonicalJson, type JsonValue } from "../json/canonical.js";

export interface Shape<T> {
	/** Throws `SyntaxError` naming the path of the first thing that is wrong. */
	read(value: unknown, path: string): T;
	write(value: T): unknown;
}

export type ShapeOf<S> = S extends Shape<infer T> ? T : never;

function refuse(path: string, reason: string): never {
	throw new SyntaxError(`${path} ${reason}`);
}

/** Lower-case hex kept as text; `length` in bytes. */
export const hex = (length: number): Shape<Hex> => ({
	read: (value, path) => (isHex(value, length) ? value : refuse(path, `must be ${length} bytes of lower-case 0x hex`)),
	write: (value) => value,
});

/** Hex on the wire, bytes inside. */
export const hexBytes = (length: { readonly min: number; readonly max: number }): Shape<Uint8Array> => ({
	read: (value, path) => {
		if (!isHex(value)) return refuse(path, "must be lower-case 0x hex");
		const bytes = fromHex(value);
		return bytes.length >= length.min && bytes.length <= length.max ? bytes : refuse(path, `must have ${length.min} to ${length.max} bytes`);
	},
	write: toHex,
});

/** Canonical base64 on the wire, bytes inside. */
export const base64 = (maxBytes: number): Shape<Uint8Array> => ({
	read: (value, path) => {
		if (typeof value !== "string" || value.length > Math.ceil(maxBytes / 3) * 4) return refuse(path, `must be base64 of at most ${maxBytes} bytes`);
		try {
			return fromBase64(value);
		} catch {
			return refuse(path, "must be canonical base64");
		}
	},
	write: toBase64,
});

/** Unsigned integer as a decimal string of at most `bits` bits. */
export const decimal = (bits: number): Shape<bigint> => ({
	read: (value, path) => {
		if (typeof value !== "string" || !/^(0|[1-9][0-9]{0,77})$/.test(value)) return refuse(path, "must be a decimal string");
		const number = BigInt(value);
		return number >> BigInt(bits) === 0n ? number : refuse(path, `must fit in ${bits} bits`);
	},
	write: (value) => value.toString(),
});

/** Whole number in [min, max]. */
export const integer = (min: number, max: number): Shape<number> => ({
	read: (value, path) =>
		typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max && !Object.is(value, -0)
			? value
			: refuse(path, `must be a whole number from ${min} to ${max}`),
	write: (value) => value,
});

export const text = (maxLength: number): Shape<string> => ({
	read: (value, path) => (typeof value === "string" && value.length <= maxLength ? value : refuse(path, `must be a text of at most ${maxLength} characters`)),
	write: (value) => value,
});

export const truth: Shape<boolean> = {
	read: (value, path) => (typeof value === "boolean" ? value : refuse(path, "must be true or false")),
	write: (value) => value,
};

export const literal = <const T extends string | number>(...options: readonly T[]): Shape<T> => ({
	read: (value, path) => options.find((option) => option === value) ?? refuse(path, `must be ${options.map((option) => JSON.stringify(option)).join(" or ")}`),
	write: (value) => value,
});

/** Finite number in [min, max]. */
export const number = (min: number, max: number): Shape<number> => ({
	read: (value, path) =>
		typeof value === "number" && value >= min && value <= max && !Object.is(value, -0) ? value : refuse(path, `must be a number from ${min} to ${max}`),
	write: (value) => value,
});

/** Any JSON value whose canonical text has at most `maxLength` characters (RFC 8785; depth as everywhere). */
export const json = (maxLength: number): Shape<JsonValue> => ({
	read: (value, path) => {
		let canonical: string;
		try {
			canonical = canonicalJson(value);
		} catch (error) {
			return refuse(path, `is no JSON value: ${error instanceof Error ? error.message : "malformed"}`);
		}
		return canonical.length <= maxLength ? (value as JsonValue) : refuse(path, `must have at most ${maxLength} characters`);
	},
	write: (value) => value,
});

type Variants = Readonly<Record<string, Shape<unknown>>>;

/** One of several objects, told apart by a member that names the variant; each variant's shape holds that member as a `literal`. */
export const variant = <const V extends Variants>(tag: string, variants: V): Shape<ShapeOf<V[keyof V]>> => {
	const named = (value: unknown, path: string): Shape<unknown> => {
		const name = plainObject(value, path)[tag];
		const found = typeof name === "string" && Object.hasOwn(variants, name) ? variants[name] : undefined;
		return found ?? refuse(`${path}.${tag}`, `must be one of ${Object.keys(variants).join(", ")}`);
	};
	return {
		read: (value, path) => named(value, path).read(value, path) as ShapeOf<V[keyof V]>,
		write: (value) => named(value, "value").write(value),
	};
};

export const list = <T>(item: Shape<T>, maxLength: number): Shape<readonly T[]> => ({
	read: (value, path) =>
		Array.isArray(value) && value.length <= maxLength
			? value.map((element: unknown, index) => item.read(element, `${path}[${index}]`))
			: refuse(path, `must be a list of at most ${maxLength}`),
	write: (value) => value.map((element) => item.write(element)),
});

/** Object with free keys. */
export const map = <T>(item: Shape<T>, maxKeys: number, maxKeyLength = 200): Shape<Readonly<Record<string, T>>> => ({
	read: (value, path) => {
		const source = plainObject(value, path);
		const keys = Object.keys(source);
		if (keys.length > maxKeys) return refuse(path, `must have at most ${maxKeys} members`);
		if (keys.some((key) => key.length > maxKeyLength || key === "__proto__")) return refuse(path, "has a name that is not allowed");
		return Object.fromEntries(keys.map((key) => [key, item.read(source[key], `${path}.${key}`)]));
	},
	write: (value) => Object.fromEntries(Object.entries(value).map(([key, element]) => [key, item.write(element)])),
});

/** Marks a member that may be absent. */
export interface OptionalShape<T> extends Shape<T> {
	readonly optional: true;
}

export const optional = <T>(shape: Shape<T>): OptionalShape<T> => ({ ...shape, optional: true });

type Fields = Readonly<Record<string, Shape<unknown>>>;
type OptionalKeys<F> = { [K in keyof F]: F[K] extends OptionalShape<unknown> ? K : never }[keyof F];
export type ObjectOf<F> = { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: ShapeOf<F[K]> } & { readonly [K in OptionalKeys<F>]?: ShapeOf<F[K]> };

/** Object with exactly these members. */
export const object = <const F extends Fields>(fields: F): Shape<ObjectOf<F>> => {
	const members = Object.entries<Shape<unknown>>(fields);
	return {
		read: (value, path) => {
			const source = plainObject(value, path);
			for (const key of Object.keys(source)) if (!Object.hasOwn(fields, key)) refuse(`${path}.${key}`, "is not known");
			const result: Record<string, unknown> = {};
			for (const [key, shape] of members) {
				if (Object.hasOwn(source, key)) result[key] = shape.read(source[key], `${path}.${key}`);
				else if (!("optional" in shape)) refuse(`${path}.${key}`, "is missing");
			}
			return result as ObjectOf<F>;
		},
		write: (value) => {
			const result: Record<string, unknown> = {};
			for (const [key, shape] of members) {
				const member = (value as Record<string, unknown>)[key];
				if (member !== undefined) result[key] = shape.write(member);
			}
			return result;
		},
	};
};

function plainObject(value: unknown, path: string): Readonly<Record<string, unknown>> {
	if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse(path, "must be an object");
	return value as Readonly<Record<string, unknown>>;
}
