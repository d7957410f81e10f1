/** Parsers of option values. Each refuses with `config.invalid`, the option's name and what was expected. */
import { resolve } from "node:path";
import { FreeholdError, type Hex, isHex } from "@freehold/protocol";
import type { OptionSpec } from "../program/program.js";

export interface OptionWords {
	readonly help: string;
	readonly group: string;
	/** Spelling of the argument in help texts; each parser has a usual one. */
	readonly argument?: string;
}

type Words<T> = OptionWords & { readonly default?: T };

const MAX_OPG_DECIMALS = 18;
const DURATION = /^(\d{1,12})(ms|s|m|h|d)?$/;
const DURATION_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const SIZE = /^(\d{1,15})(B|KiB|MiB|GiB|kB|MB|GB)?$/;
const SIZE_BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, kB: 1e3, MB: 1e6, GB: 1e9 } as const;

export function invalidOption(option: string, reason: string): FreeholdError {
	return new FreeholdError("config.invalid", { option, reason });
}

function define<T>(argument: string, words: Words<T>, parse: OptionSpec<T>["parse"]): OptionSpec<T> {
	return { argument, ...words, parse };
}

/** May be left out: its value is then undefined. */
export function optional<T>(spec: OptionSpec<T>): OptionSpec<T | undefined> {
	return { ...spec, default: undefined };
}

export function textOption(words: Words<string>): OptionSpec<string> {
	return define("TEXT", words, (text, option) => {
		if (text === "" || text.length > 4096) throw invalidOption(option, "must be a text of 1 to 4096 characters");
		return text;
	});
}

/** An http or https origin with an optional path, without a trailing slash, query or credentials. */
export function urlOption(words: Words<string>): OptionSpec<string> {
	return define("URL", words, (text, option) => {
		const url = URL.canParse(text) ? new URL(text) : undefined;
		if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:"))
			throw invalidOption(option, `${text.slice(0, 100)} is no http or https URL`);
		if (url.username !== "" || url.password !== "") throw invalidOption(option, "must not hold a user name or password");
		if (url.search !== "" || url.hash !== "") throw invalidOption(option, "must not hold a query or fragment");
		return url.href.replace(/\/+$/, "");
	});
}

/** Several URLs, separated by commas. */
export function urlListOption(words: Words<readonly string[]>): OptionSpec<readonly string[]> {
	const one = urlOption({ help: words.help, group: words.group });
	return define("URL,…", words, (text, option) =>
		text
			.split(",")
			.map((part) => part.trim())
			.filter((part) => part !== "")
			.map((part) => one.parse(part, option)),
	);
}

export function portOption(words: Words<number>): OptionSpec<number> {
	return define("PORT", words, (text, option) => wholeNumber(text, option, 0, 65_535));
}

export function integerOption(words: Words<number> & { readonly min?: number; readonly max?: number }): OptionSpec<number> {
	const { min = 0, max = Number.MAX_SAFE_INTEGER, ...rest } = words;
	return define("N", rest, (text, option) => wholeNumber(text, option, min, max));
}

/** Absolute path of a folder or file; it need not exist. */
export function pathOption(words: Words<string>): OptionSpec<string> {
	return define("PATH", words, (text, option) => {
		if (text === "" || text.includes("\0")) throw invalidOption(option, "must be a path");
		return resolve(text);
	});
}

/** Milliseconds of `250ms`, `10s`, `5m`, `1h`, `7d`; a bare number is seconds. */
export function durationOption(words: Words<number>): OptionSpec<number> {
	return define("DURATION", words, (text, option) => {
		const parts = DURATION.exec(text);
		if (parts === null) throw invalidOption(option, `${text.slice(0, 50)} is no duration such as 250ms, 10s, 5m, 1h`);
		return Number(parts[1]) * DURATION_MS[(parts[2] ?? "s") as keyof typeof DURATION_MS];
	});
}

/** Bytes of `512MiB`, `4GiB`, `10MB`; a bare number is bytes. */
export function sizeOption(words: Words<number>): OptionSpec<number> {
	return define("SIZE", words, (text, option) => {
		const parts = SIZE.exec(text);
		const bytes = parts === null ? Number.NaN : Number(parts[1]) * SIZE_BYTES[(parts[2] ?? "B") as keyof typeof SIZE_BYTES];
		if (!Number.isSafeInteger(bytes)) throw invalidOption(option, `${text.slice(0, 50)} is no size such as 512MiB, 4GiB`);
		return bytes;
	});
}

/** Smallest units of an amount in OPG, such as `1000` or `0.05`. */
export function opgOption(words: Words<bigint>): OptionSpec<bigint> {
	return define("OPG", words, (text, option) => {
		const parts = /^(\d{1,30})(?:\.(\d+))?$/.exec(text);
		const decimals = parts?.[2] ?? "";
		if (parts === null || decimals.length > MAX_OPG_DECIMALS) throw invalidOption(option, `${text.slice(0, 50)} is no amount of OPG such as 1000 or 0.05`);
		return BigInt(parts[1] as string) * 10n ** BigInt(MAX_OPG_DECIMALS) + BigInt(decimals.padEnd(MAX_OPG_DECIMALS, "0"));
	});
}

/** `--name` alone means true. */
export function booleanOption(words: Words<boolean>): OptionSpec<boolean> {
	return define("", words, (text, option) => {
		if (text === "true" || text === "1" || text === "") return true;
		if (text === "false" || text === "0") return false;
		throw invalidOption(option, "must be true or false");
	});
}

export function choiceOption<const C extends string>(choices: readonly C[], words: Words<C>): OptionSpec<C> {
	return define(choices.join("|"), words, (text, option) => {
		const chosen = choices.find((choice) => choice === text);
		if (chosen === undefined) throw invalidOption(option, `must be one of ${choices.join(", ")}`);
		return chosen;
	});
}

/** Lower-case 0x address. */
export function addressOption(words: Words<Hex>): OptionSpec<Hex> {
	return define("ADDRESS", words, (text, option) => {
		const lower = text.toLowerCase();
		if (!isHex(lower, 20)) throw invalidOption(option, "must be an address: 0x and 40 hex digits");
		return lower;
	});
}

function wholeNumber(text: string, option: string, min: number, max: number): number {
	const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
	if (!Number.isSafeInteger(value) || value < min || value > max) throw invalidOption(option, `must be a whole number from ${min} to ${max}`);
	return value;
}
