/** Providers that a node has an account with: a file of the operator's, read once at the start. Keys come from files or the environment, and are never told. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { FreeholdError } from "@freehold/protocol";
import { anthropicDialect } from "./anthropic-dialect.js";
import type { Dialect } from "./dialect.js";
import { googleDialect } from "./google-dialect.js";
import { type OpenAiCorners, openAiDialect } from "./openai-dialect.js";

export interface Provider {
	/** As releases name it. */
	readonly name: string;
	readonly dialect: Dialect;
	readonly kind: ProviderKind;
	/** Without a slash at its end. */
	readonly url: string;
	readonly key: string | undefined;
	/** Models that it is asked for; undefined: any. */
	readonly models: readonly string[] | undefined;
	/** Its address may be a private one. */
	readonly isPrivate: boolean;
	/** Calls at once. */
	readonly maxCalls: number;
}

const openAi: OpenAiCorners = { limit: "max_completion_tokens", seed: "seed", moreSampling: false, streamOptions: true, required: "required" };

/** Wires that are known, where each is found, and what is particular there. */
const kinds = {
	openai: { url: "https://api.openai.com/v1", dialect: openAiDialect(openAi) },
	anthropic: { url: "https://api.anthropic.com/v1", dialect: anthropicDialect },
	google: { url: "https://generativelanguage.googleapis.com/v1beta", dialect: googleDialect },
	xai: { url: "https://api.x.ai/v1", dialect: openAiDialect(openAi) },
	mistral: {
		url: "https://api.mistral.ai/v1",
		dialect: openAiDialect({ limit: "max_tokens", seed: "random_seed", moreSampling: false, streamOptions: false, required: "any" }),
	},
	/** vLLM, Ollama, llama.cpp's server, and whatever else speaks it: `url` must be named. */
	compatible: { url: undefined, dialect: openAiDialect({ ...openAi, limit: "max_tokens", moreSampling: true }) },
} as const satisfies Readonly<Record<string, { readonly url: string | undefined; readonly dialect: Dialect }>>;

export type ProviderKind = keyof typeof kinds;

const FIELDS = ["name", "kind", "url", "keyFile", "keyVariable", "models", "private", "maxCalls"] as const;
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const KEY = /^[\x21-\x7e]{1,512}$/;
const MAX_FILE_CHARS = 256 * 1024;
const MAX_PROVIDERS = 64;

/** Reads `{"providers": [{"name", "kind", "url"?, "keyFile"? | "keyVariable"?, "models"?, "private"?, "maxCalls"?}]}`. Throws `config.invalid`; keys appear in no message. */
export async function readProviders(file: string, env: Readonly<Record<string, string | undefined>>): Promise<readonly Provider[]> {
	const text = await readFile(file, "utf8").catch(() => {
		throw invalid(`${file} cannot be read`);
	});
	if (text.length > MAX_FILE_CHARS) throw invalid(`${file} is longer than ${MAX_FILE_CHARS} characters`);
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		throw invalid(`${file} is not JSON`);
	}
	const { providers, ...rest } = object(value, file);
	if (Object.keys(rest).length > 0 || !Array.isArray(providers) || providers.length > MAX_PROVIDERS)
		throw invalid(`${file} must hold a list of at most ${MAX_PROVIDERS} providers and nothing else`);
	const read = await Promise.all(
		providers.map((entry, index) => readProvider(object(entry, `providers[${index}]`), `providers[${index}]`, dirname(file), env)),
	);
	const names = new Set(read.map(({ name }) => name));
	if (names.size !== read.length) throw invalid("two providers have the same name");
	return read;
}

async function readProvider(
	entry: Readonly<Record<string, unknown>>,
	at: string,
	folder: string,
	env: Readonly<Record<string, string | undefined>>,
): Promise<Provider> {
	const stranger = Object.keys(entry).find((key) => !FIELDS.includes(key as (typeof FIELDS)[number]));
	if (stranger !== undefined) throw invalid(`${at}.${stranger.slice(0, 50)} is not known`);
	const { name, kind, models, maxCalls = 16 } = entry;
	if (typeof name !== "string" || !NAME.test(name)) throw invalid(`${at}.name must be a short name of lower-case letters, digits and hyphens`);
	if (typeof kind !== "string" || !Object.hasOwn(kinds, kind)) throw invalid(`${at}.kind must be one of ${Object.keys(kinds).join(", ")}`);
	const known = kinds[kind as ProviderKind];
	if (models !== undefined && (!Array.isArray(models) || models.some((model) => typeof model !== "string")))
		throw invalid(`${at}.models must be a list of names`);
	if (typeof maxCalls !== "number" || !Number.isSafeInteger(maxCalls) || maxCalls < 1 || maxCalls > 1_024)
		throw invalid(`${at}.maxCalls must be a whole number from 1 to 1024`);
	const isPrivate = entry["private"] ?? false;
	if (typeof isPrivate !== "boolean") throw invalid(`${at}.private must be true or false`);
	return {
		name,
		kind: kind as ProviderKind,
		dialect: known.dialect,
		url: readUrl(entry["url"] ?? known.url, at, isPrivate),
		key: await readKey(entry, at, folder, env),
		models: models as readonly string[] | undefined,
		isPrivate,
		maxCalls,
	};
}

function readUrl(value: unknown, at: string, isPrivate: boolean): string {
	const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
	if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:")) throw invalid(`${at}.url must be an http or https URL`);
	if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") throw invalid(`${at}.url must hold no password, query or fragment`);
	if (url.protocol === "http:" && !isPrivate) throw invalid(`${at}.url must be https, or the provider private: prompts and the key go there`);
	return url.href.replace(/\/+$/, "");
}

async function readKey(
	{ keyFile, keyVariable }: Readonly<Record<string, unknown>>,
	at: string,
	folder: string,
	env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
	if (keyFile !== undefined && keyVariable !== undefined) throw invalid(`${at} names a key twice`);
	let key: string | undefined;
	if (typeof keyFile === "string") {
		key = await readFile(resolve(folder, keyFile), "utf8").catch(() => {
			throw invalid(`${at}.keyFile cannot be read`);
		});
	} else if (typeof keyVariable === "string") {
		key = env[keyVariable];
		if (key === undefined) throw invalid(`${at}.keyVariable: the environment has no ${keyVariable.slice(0, 100)}`);
	} else if (keyFile !== undefined || keyVariable !== undefined) throw invalid(`${at} must name its key by a text`);
	else return undefined;
	const trimmed = key.trim();
	if (!KEY.test(trimmed)) throw invalid(`${at}: the key is not one line of printable characters`);
	return trimmed;
}

function object(value: unknown, at: string): Readonly<Record<string, unknown>> {
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(`${at} must be an object`);
	return value as Readonly<Record<string, unknown>>;
}

function invalid(reason: string): FreeholdError {
	return new FreeholdError("config.invalid", { option: "--upstreams", reason });
}
