/** What a list of models can be narrowed to. Each filter is one condition on a model's shown release. */
import { FreeholdError, isHex, modelFormats, modes } from "@freehold/protocol";
import type { HttpRequest } from "@freehold/service";
import { sortable } from "../database/database.js";
import { choice } from "./respond.js";

export interface Condition {
	readonly sql: string;
	readonly values: readonly (string | number)[];
}

/** Kinds of evidence that the releases' own modes make possible, as conditions. */
const EVIDENCE: Readonly<Record<string, string>> = {
	routed: "model.format IS NOT NULL AND model.format NOT IN (1, 2)",
	signed: "model.format IN (1, 2)",
	replayed: `model.modes & ${1 << modes["bit-exact"]} != 0`,
	attested: `model.modes & ${1 << modes.attested} != 0`,
	proved: `model.modes & ${1 << modes.proved} != 0`,
};
const LONGEST = 200;
const MOST_TAGS = 8;

/** Conditions of the query parameters. Throws `request.invalid` naming the parameter. `now` in Unix milliseconds. */
export function readFilters(request: HttpRequest, now: number): readonly Condition[] {
	const { query } = request;
	const found: Condition[] = [];
	const add = (sql: string, ...values: (string | number)[]): void => {
		found.push({ sql, values });
	};
	const owner = query.get("owner")?.toLowerCase();
	if (owner !== undefined) {
		if (!isHex(owner, 20)) throw invalid("owner", "must be an address");
		add("model.owner = ?", owner);
	}
	for (const name of ["namespace", "task", "licence"] as const) {
		const value = query.get(name);
		if (value === null) continue;
		if (value.length > LONGEST) throw invalid(name, `must be at most ${LONGEST} characters`);
		add(`model.${name} = ? COLLATE NOCASE`, value);
	}
	if (query.has("format")) add("model.format = ?", modelFormats[choice(request, "format", Object.keys(modelFormats) as (keyof typeof modelFormats)[], "onnx")]);
	if (query.has("evidence")) add(EVIDENCE[choice(request, "evidence", Object.keys(EVIDENCE), "signed")] ?? "1");
	const tags = query.getAll("tag");
	if (tags.length > MOST_TAGS) throw invalid("tag", `may stand at most ${MOST_TAGS} times`);
	for (const tag of tags) add("EXISTS (SELECT 1 FROM tag WHERE tag.model = model.id AND tag.tag = ?)", tag.toLowerCase());
	const minBytes = amount(request, "minBytes");
	if (minBytes !== undefined) add("model.bytes >= ?", Number(minBytes));
	const maxBytes = amount(request, "maxBytes");
	if (maxBytes !== undefined) add("model.bytes <= ?", Number(maxBytes));
	const maxPrice = amount(request, "maxPrice");
	if (maxPrice !== undefined)
		add(
			"(SELECT perCallRank FROM price WHERE price.release = model.shown AND withdrawn = 0 AND validFrom <= ? ORDER BY version DESC LIMIT 1) <= ?",
			now,
			sortable(maxPrice),
		);
	return found;
}

function amount(request: HttpRequest, name: string): bigint | undefined {
	const text = request.query.get(name);
	if (text === null) return undefined;
	if (!/^(0|[1-9]\d{0,38})$/.test(text)) throw invalid(name, "must be a whole number");
	return BigInt(text);
}

function invalid(field: string, reason: string): FreeholdError {
	return new FreeholdError("request.invalid", { field, reason });
}
