/** Mutations of JSON: of values, so that what comes out is still JSON of nearly the right shape, and of text, so that it may be none. */
import type { Random } from "./random.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const KEYS = ["__proto__", "constructor", "toString", "length", "", "version", "0", "then", "toJSON"] as const;
const CHARACTERS = [..."0123456789abcdefABCDEFxg-+= /\\\ud800."];
const VALUES: readonly Json[] = [
	null,
	true,
	false,
	0,
	-0,
	-1,
	1,
	0.5,
	1e308,
	Number.MAX_SAFE_INTEGER,
	2 ** 53,
	-(2 ** 63),
	"",
	"0",
	"-1",
	"0x",
	"0x0",
	"00",
	"1e3",
	"NaN",
	"\ud800",
	"\0",
	"base64:",
	"115792089237316195423570985008687907853269984665640564039457584007913129639936",
	[],
	{},
	[[]],
	[null],
];
const PIECES = [
	"1e400",
	"-0",
	"\\ud800",
	'"__proto__":',
	"[[[[",
	"]]]]",
	"{}",
	",",
	":",
	'"',
	"\\",
	"\u0000",
	"\u2028",
	"null",
	"1e-400",
	"0x1",
	" ",
	"\ufeff",
	"é",
] as const;

/** One to three changes somewhere in the value. What does not change is shared with the input. */
export function mutateJson(input: Json, random: Random, others: readonly Json[]): Json {
	let value = input;
	for (let left = 1 + random.below(3); left > 0; left--) value = changed(value, random, others, 0);
	return value;
}

/** As `mutateJson`, as text; now and then the text itself is damaged. */
export function mutateJsonText(input: Json, random: Random, others: readonly Json[]): string {
	if (random.chance(0.85)) return JSON.stringify(mutateJson(input, random, others));
	let text = JSON.stringify(input);
	for (let left = 1 + random.below(3); left > 0; left--) {
		const at = random.below(text.length + 1);
		const piece = random.chance(0.7) ? random.pick(PIECES) : text.slice(at, at + random.below(40));
		text = text.slice(0, at) + piece + text.slice(at + (random.chance(0.5) ? random.below(8) : 0));
	}
	return random.chance(0.02) ? "[".repeat(20_000) + text : text;
}

function changed(value: Json, random: Random, others: readonly Json[], depth: number): Json {
	const isContainer = typeof value === "object" && value !== null;
	if (isContainer && random.chance(depth === 0 ? 0.97 : 0.8)) {
		if (Array.isArray(value)) {
			if (value.length > 0) {
				const at = random.below(value.length);
				const copy = [...(value as readonly Json[])];
				copy[at] = changed(copy[at] as Json, random, others, depth + 1);
				return copy;
			}
		} else {
			const keys = Object.keys(value);
			if (keys.length > 0) {
				const key = random.pick(keys);
				return { ...value, [key]: changed((value as { readonly [key: string]: Json })[key] as Json, random, others, depth + 1) };
			}
		}
	}
	if (Array.isArray(value)) return changedList(value as readonly Json[], random);
	if (isContainer) return changedObject(value as { readonly [key: string]: Json }, random);
	return changedLeaf(value as null | boolean | number | string, random, others);
}

function changedList(list: readonly Json[], random: Random): Json {
	const at = random.below(list.length + 1);
	switch (random.below(5)) {
		case 0:
			return list.filter((_, index) => index !== at);
		case 1:
			return [...list.slice(0, at), random.pick(list.length > 0 ? list : VALUES), ...list.slice(at)];
		case 2:
			return [...list].reverse();
		case 3:
			return random.chance(0.1) ? Array.from({ length: 300 }, () => list[0] ?? 0) : [...list, random.pick(VALUES)];
		default:
			return random.chance(0.5) ? [list] : random.pick(VALUES);
	}
}

function changedObject(object: { readonly [key: string]: Json }, random: Random): Json {
	const keys = Object.keys(object);
	if (keys.length === 0) return random.pick(VALUES);
	const key = random.pick(keys);
	switch (random.below(5)) {
		case 0:
			return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
		case 1: {
			const copy: Record<string, Json> = { ...object };
			Object.defineProperty(copy, random.pick(KEYS), { value: random.pick(VALUES), enumerable: true, configurable: true, writable: true });
			return copy;
		}
		case 2: {
			const other = random.pick(keys);
			return { ...object, [key]: object[other] as Json, [other]: object[key] as Json };
		}
		case 3: {
			const { [key]: moved, ...rest } = object;
			return { ...rest, [random.chance(0.5) ? key.toUpperCase() : `${key} `]: moved as Json };
		}
		default:
			return random.chance(0.3) ? nested(object, random) : random.pick(VALUES);
	}
}

function changedLeaf(value: null | boolean | number | string, random: Random, others: readonly Json[]): Json {
	if (random.chance(0.3)) return random.pick(VALUES);
	if (random.chance(0.1)) return random.pick(others);
	if (typeof value === "number") return random.pick([value + 1, value - 1, -value, value * 2, value / 2, value + 2 ** 32, String(value)]);
	if (typeof value !== "string") return random.pick(VALUES);
	const at = random.below(value.length + 1);
	switch (random.below(8)) {
		case 0:
			return value.slice(0, at);
		case 1:
			return value.slice(0, at) + random.pick(CHARACTERS) + value.slice(at + 1);
		case 2:
			return value + random.pick(["0", "00", "=", " ", "\n", "\0", "é", "/..", "@1.0"]);
		case 3:
			return value.toUpperCase();
		case 4:
			return `${random.pick(["0", " ", "0x", "../", "-", "+"])}${value}`;
		case 5:
			return random.chance(0.1) ? value.repeat(40) : value.slice(1);
		case 6:
			return value.slice(0, at) + value.slice(at + 1);
		default:
			return [value];
	}
}

function nested(value: Json, random: Random): Json {
	let deep = value;
	for (let left = random.pick([1, 3, 70]); left > 0; left--) deep = random.chance(0.5) ? [deep] : { a: deep };
	return deep;
}
