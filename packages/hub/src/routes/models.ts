/** Models as people find them: the list, one model with everything, and the way from a release id to its model. */
import { FreeholdError, type Hex, isHex, type ManifestFile, type ModelBody, type ModelListBody, parseModelName, type ReleaseSummary } from "@freehold/protocol";
import type { Handler } from "@freehold/service";
import type { Connection } from "../database/database.js";
import type { ReleaseContent } from "../indexing/indexer.js";
import { searchExpression } from "../search/search.js";
import { formatName } from "./facets.js";
import { readFilters } from "./filters.js";
import { choice, json, wholeNumber } from "./respond.js";

interface ModelRow {
	readonly id: Hex;
	readonly path: string;
	readonly owner: Hex;
	readonly updatedAt: number;
	readonly calls: number;
	readonly gross: string;
}

interface ReleaseRow {
	readonly id: Hex;
	readonly model: Hex;
	readonly major: number;
	readonly minor: number;
	readonly manifest: Hex;
	readonly format: number;
	readonly licence: string;
	readonly publishedAt: number;
	readonly retiredAt: number | null;
	readonly calls: number;
	readonly gross: string;
	readonly content: string | null;
	readonly card: string | null;
}

interface PriceRow {
	readonly version: number;
	readonly perCall: string;
	readonly perInputUnit: string;
	readonly perOutputUnit: string;
	readonly validFrom: number;
}

const ORDERS = {
	newest: "model.updatedAt DESC, model.path",
	calls: "model.useRank DESC, model.path",
	earnings: "model.moneyRank DESC, model.path",
	name: "model.path",
} as const;
/** Weights of path, title, task, tags and card in what a search finds first. */
const RELEVANCE = "bm25(search, 0, 8, 6, 3, 4, 1), model.moneyRank DESC, model.path";
const MAX_PAGE = 100;
const MAX_QUERY = 200;

export function listModels(db: Connection, clock: { now(): number }): Handler {
	return (request) => {
		const query = request.query.get("q") ?? "";
		if (query.length > MAX_QUERY)
			throw new FreeholdError("request.invalid", { field: "q", reason: `must be at most ${MAX_QUERY} characters`, limit: MAX_QUERY });
		const sort = choice(request, "sort", Object.keys(ORDERS) as (keyof typeof ORDERS)[], "newest");
		const limit = wholeNumber(request, "limit", { min: 1, max: MAX_PAGE, default: 20 });
		const offset = wholeNumber(request, "cursor", { min: 0, max: 1_000_000, default: 0 });
		const now = clock.now();
		const { match, corrected } = searchExpression(db, query);
		const conditions = [...(match === undefined ? [] : [{ sql: "search MATCH ?", values: [match] }]), ...readFilters(request, now)];
		const where = conditions.length === 0 ? "1" : conditions.map(({ sql }) => `(${sql})`).join(" AND ");
		const from = `FROM model ${match === undefined ? "" : "JOIN search ON search.model = model.id"} WHERE ${where}`;
		const values = conditions.flatMap((condition) => condition.values);
		const { total } = db.prepare(`SELECT count(*) AS total ${from}`).get(...values) as { total: number };
		const order = match !== undefined && request.query.get("sort") === null ? RELEVANCE : ORDERS[sort];
		const rows = db.prepare(`SELECT model.* ${from} ORDER BY ${order} LIMIT ? OFFSET ?`).all(...values, limit, offset) as ModelRow[];
		const next = offset + rows.length;
		const body: ModelListBody = {
			models: rows.map((row) => summarise(db, row, now)),
			total,
			...(next < total ? { cursor: String(next) } : {}),
			...(Object.keys(corrected).length === 0 ? {} : { corrected }),
		};
		return json(body);
	};
}

export function showModel(db: Connection, clock: { now(): number }): Handler {
	return ({ params }) => {
		const path = `${params["namespace"]}/${params["name"]}`;
		const row = parseModelName(path) === undefined ? undefined : findModel(db, "path", path);
		if (row === undefined) throw new FreeholdError("model.notFound", { model: path });
		return json(describeModel(db, row, clock.now()));
	};
}

/** The README of a release, as its owner wrote it. What it says is the owner's word: whoever shows it makes it harmless first. */
export function showCard(db: Connection): Handler {
	return ({ params }) => {
		const release = findRelease(db, params["release"]);
		const row = db.prepare("SELECT card FROM release WHERE id = ?").get(release.id) as { card: string | null };
		if (row.card === null) throw new FreeholdError("request.notFound", { path: `the card of ${releaseName(db, release.id)}` });
		const headers = {
			"content-type": "text/markdown; charset=utf-8",
			"cache-control": "public, max-age=31536000, immutable",
			"content-security-policy": "sandbox",
			"x-content-type-options": "nosniff",
		};
		return { status: 200, headers, body: row.card };
	};
}

export function showRelease(db: Connection, clock: { now(): number }): Handler {
	return ({ params }) => {
		const release = findRelease(db, params["release"]);
		const row = findModel(db, "id", release.model);
		if (row === undefined) throw new FreeholdError("model.notFound", { model: release.id });
		return json(describeModel(db, row, clock.now()));
	};
}

/** Release of its id. Throws `model.notFound`. */
export function findRelease(db: Connection, id: string | undefined): { readonly id: Hex; readonly model: Hex } {
	const row = isHex(id, 32) ? (db.prepare("SELECT id, model FROM release WHERE id = ?").get(id) as { id: Hex; model: Hex } | undefined) : undefined;
	if (row === undefined) throw new FreeholdError("model.notFound", { model: String(id) });
	return row;
}

/** `namespace/name@major.minor` of a release; its id when the index does not know it. */
export function releaseName(db: Connection, id: string): string {
	const row = db.prepare("SELECT path, major, minor FROM release JOIN model ON model.id = release.model WHERE release.id = ?").get(id) as
		| { path: string; major: number; minor: number }
		| undefined;
	return row === undefined ? id : `${row.path}@${row.major}.${row.minor}`;
}

function findModel(db: Connection, column: "path" | "id", value: string): ModelRow | undefined {
	return db.prepare(`SELECT * FROM model WHERE ${column} = ?`).get(value) as ModelRow | undefined;
}

function releasesOf(db: Connection, model: string): readonly ReleaseRow[] {
	return db.prepare("SELECT * FROM release WHERE model = ? ORDER BY major DESC, minor DESC").all(model) as ReleaseRow[];
}

function summarise(db: Connection, row: ModelRow, now: number): ModelBody {
	const releases = releasesOf(db, row.id);
	const shown = releases.find((release) => release.retiredAt === null) ?? releases[0];
	const content = contentOf(shown);
	return {
		model: row.path,
		id: row.id,
		owner: row.owner,
		...latestOf(db, releases, now),
		...(content?.title === undefined ? {} : { title: content.title }),
		...(content?.task === undefined ? {} : { task: content.task }),
		tags: content?.tags ?? [],
		...(shown === undefined ? {} : { licence: shown.licence, format: formatName(shown.format) }),
		calls: row.calls,
		gross: row.gross,
		updatedAt: row.updatedAt,
	};
}

function describeModel(db: Connection, row: ModelRow, now: number): ModelBody {
	const releases = releasesOf(db, row.id);
	const shown = releases.find((release) => release.retiredAt === null) ?? releases[0];
	const content = contentOf(shown);
	return {
		...summarise(db, row, now),
		releases: releases.map((release) => describeRelease(db, release)),
		...(content === undefined ? {} : { files: content.files.map((file) => withBlobId(db, file)), inputs: content.inputs, outputs: content.outputs }),
		...(content?.text === undefined ? {} : { text: content.text }),
		...(shown?.card == null ? {} : { card: shown.card }),
	};
}

function withBlobId(db: Connection, file: ManifestFile): ManifestFile & { readonly blobId?: string } {
	const row = db.prepare("SELECT blobId FROM blob WHERE sha256 = ?").get(file.sha256) as { blobId: string | null } | undefined;
	return row?.blobId == null ? file : { ...file, blobId: row.blobId };
}

function latestOf(db: Connection, releases: readonly ReleaseRow[], now: number): Pick<ModelBody, "latest"> | undefined {
	const latest = releases.find((release) => release.retiredAt === null);
	if (latest === undefined) return undefined;
	const price = pricesOf(db, latest.id).findLast(({ validFrom }) => validFrom <= now);
	const { perCall = "0", perInputUnit = "0", perOutputUnit = "0" } = price ?? {};
	return { latest: { release: latest.id, version: `${latest.major}.${latest.minor}`, perCall, perInputUnit, perOutputUnit } };
}

function describeRelease(db: Connection, row: ReleaseRow): ReleaseSummary {
	const parents = db.prepare("SELECT parent, bps FROM parent WHERE release = ? ORDER BY position").all(row.id) as { parent: Hex; bps: number }[];
	const prices = pricesOf(db, row.id);
	return {
		release: row.id,
		version: `${row.major}.${row.minor}`,
		publishedAt: row.publishedAt,
		...(row.retiredAt === null ? {} : { retiredAt: row.retiredAt }),
		manifest: row.manifest,
		format: formatName(row.format),
		licence: row.licence,
		parents: parents.map(({ parent, bps }) => ({ release: parent, model: releaseName(db, parent), bps })),
		prices: prices.map(({ version, perCall, perInputUnit, perOutputUnit, validFrom }, index) => {
			const next = prices[index + 1];
			return { version, perCall, perInputUnit, perOutputUnit, from: validFrom, ...(next === undefined ? {} : { until: next.validFrom }) };
		}),
		calls: row.calls,
		gross: row.gross,
	};
}

function pricesOf(db: Connection, release: string): readonly PriceRow[] {
	return db
		.prepare("SELECT version, perCall, perInputUnit, perOutputUnit, validFrom FROM price WHERE release = ? AND withdrawn = 0 ORDER BY version")
		.all(release) as PriceRow[];
}

function contentOf(row: ReleaseRow | undefined): ReleaseContent | undefined {
	return row?.content == null ? undefined : (JSON.parse(row.content) as ReleaseContent);
}
