/** What an owner signs about API keys, in words: read from the terms as they are signed. */
import { exactOpg, shortOpg } from "../format/amount.js";
import { shortHash } from "../format/hash.js";
import { exactTime } from "../format/time.js";
import { amountOf, type Rows } from "./call-words.js";
import type { Explanation } from "./explain.js";

type Words = Pick<Explanation, "kind" | "title" | "sentences" | "rows" | "yes">;

/** Undefined: not one of the things that this page signs. */
export function keyWords({ action, terms, key }: Readonly<Record<string, unknown>>): Words | undefined {
	const row: Rows[number] = ["Key", shortHash(String(key)), String(key)];
	if (action === "create") return createWords(terms, row);
	if (action === "revoke" && terms === "")
		return {
			kind: "key",
			title: "End an API key",
			sentences: ["Programs that hold it are refused from now on. What they spent stays spent; the rest of its money comes back when you close its channel."],
			rows: [row],
			yes: "End it",
		};
	if (action === "list" && terms === "")
		return {
			kind: "look",
			title: "See your API keys",
			sentences: ["The gateway shows you the keys that you made. Nothing is paid or changed."],
			rows: [],
			yes: "Show them",
		};
	return undefined;
}

const KNOWN = new Set(["key", "name", "budget", "daily", "models", "expiresAt", "channelId"]);

function createWords(terms: unknown, row: Rows[number]): Words | undefined {
	const read = parse(terms);
	// What is not put into words is not signed.
	if (read === undefined || Object.keys(read).some((member) => !KNOWN.has(member))) return undefined;
	const { name, budget, daily, models, expiresAt, channelId } = read;
	const most = amountOf(budget);
	const perDay = amountOf(daily);
	if (most === undefined || (daily !== undefined && perDay === undefined)) return undefined;
	if (models !== undefined && !(Array.isArray(models) && models.every((model) => typeof model === "string"))) return undefined;
	if (expiresAt !== undefined && !(typeof expiresAt === "number" && Number.isSafeInteger(expiresAt))) return undefined;
	return {
		kind: "key",
		title: `Make an API key that may spend up to ${shortOpg(most)} OPG`,
		sentences: [
			"Whoever holds the key may ask models on your money, within the limits below, without asking you.",
			"Its money goes into a channel of its own. You sign for part of it in advance: that part is what a stolen key could cost you. You can end the key at any time.",
		],
		rows: [
			...(typeof name === "string" && name !== "" ? [["Name", name] as const] : []),
			["At most, in all", `${shortOpg(most)} OPG`, exactOpg(most)],
			...(perDay === undefined ? [] : [["On one day", `${shortOpg(perDay)} OPG`, exactOpg(perDay)] as const]),
			["May ask", models === undefined ? "every model" : (models as readonly string[]).join(", ")],
			["Ends", expiresAt === undefined ? "when you end it" : exactTime(expiresAt)],
			["Channel", shortHash(String(channelId)), String(channelId)],
			row,
		],
		yes: "Make it",
	};
}

function parse(terms: unknown): Readonly<Record<string, unknown>> | undefined {
	try {
		const value: unknown = typeof terms === "string" ? JSON.parse(terms) : undefined;
		return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : undefined;
	} catch {
		return undefined;
	}
}
