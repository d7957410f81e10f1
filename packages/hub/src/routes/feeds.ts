/** New releases for feed readers: Atom (RFC 4287) and JSON Feed 1.1, of everybody or of one namespace or owner. */
import { FreeholdError, type Hex, isHex } from "@freehold/protocol";
import type { Handler, HttpRequest, HttpResponse } from "@freehold/service";
import type { Connection } from "../database/database.js";
import type { ReleaseContent } from "../indexing/indexer.js";
import { wholeNumber } from "./respond.js";

const MOST = 100;
const MAX_AGE_SECONDS = 60;

interface Entry {
	readonly release: Hex;
	readonly model: string;
	readonly version: string;
	readonly owner: Hex;
	readonly licence: string;
	readonly publishedAt: number;
	readonly title: string;
	readonly summary: string;
	readonly tags: readonly string[];
}

export function atomFeed(db: Connection, origin: (request: HttpRequest) => string): Handler {
	return (request) => {
		const entries = readEntries(db, request);
		const self = `${origin(request)}${request.path}`;
		const updated = new Date(entries[0]?.publishedAt ?? 0).toISOString();
		const body = [
			'<?xml version="1.0" encoding="utf-8"?>',
			'<feed xmlns="http://www.w3.org/2005/Atom">',
			`<id>${xml(self)}</id><title>Freehold: new releases</title><updated>${updated}</updated><link rel="self" href="${xml(self)}"/>`,
			...entries.map(
				({ release, model, version, owner, publishedAt, title, summary, tags }) =>
					`<entry><id>urn:freehold:release:${release}</id><title>${xml(title)}</title><updated>${new Date(publishedAt).toISOString()}</updated>` +
					`<link href="${xml(`${origin(request)}/v1/models/${model}`)}"/><author><name>${owner}</name></author>` +
					`${tags.map((tag) => `<category term="${xml(tag)}"/>`).join("")}<summary>${xml(`${model}@${version}. ${summary}`)}</summary></entry>`,
			),
			"</feed>",
			"",
		].join("\n");
		return feed(body, "application/atom+xml; charset=utf-8");
	};
}

export function jsonFeed(db: Connection, origin: (request: HttpRequest) => string): Handler {
	return (request) => {
		const body = {
			version: "https://jsonfeed.org/version/1.1",
			title: "Freehold: new releases",
			feed_url: `${origin(request)}${request.path}`,
			items: readEntries(db, request).map(({ release, model, version, owner, licence, publishedAt, title, summary, tags }) => ({
				id: `urn:freehold:release:${release}`,
				url: `${origin(request)}/v1/models/${model}`,
				title,
				content_text: summary,
				date_published: new Date(publishedAt).toISOString(),
				authors: [{ name: owner }],
				tags,
				_freehold: { release, model, version, licence },
			})),
		};
		return feed(JSON.stringify(body), "application/feed+json; charset=utf-8");
	};
}

function readEntries(db: Connection, request: HttpRequest): readonly Entry[] {
	const limit = wholeNumber(request, "limit", { min: 1, max: MOST, default: 30 });
	const owner = request.query.get("owner")?.toLowerCase();
	if (owner !== undefined && !isHex(owner, 20)) throw new FreeholdError("request.invalid", { field: "owner", reason: "must be an address" });
	const namespace = request.query.get("namespace");
	const conditions = ["1", ...(owner === undefined ? [] : ["model.owner = ?"]), ...(namespace === null ? [] : ["model.namespace = ?"])];
	const rows = db
		.prepare(
			`SELECT release.id, path, major, minor, owner, release.licence, publishedAt, content FROM release JOIN model ON model.id = release.model
			 WHERE ${conditions.join(" AND ")} ORDER BY publishedAt DESC, release.id LIMIT ?`,
		)
		.all(...[owner, namespace].filter((value) => typeof value === "string"), limit) as {
		id: Hex;
		path: string;
		major: number;
		minor: number;
		owner: Hex;
		licence: string;
		publishedAt: number;
		content: string | null;
	}[];
	return rows.map(({ id, path, major, minor, owner: holder, licence, publishedAt, content }) => {
		const facts = content === null ? undefined : (JSON.parse(content) as ReleaseContent);
		const version = `${major}.${minor}`;
		const summary = [facts?.task, `licence ${licence}`, `${facts?.files[0]?.bytes ?? 0} bytes`].filter((part) => part !== undefined).join(", ");
		return {
			release: id,
			model: path,
			version,
			owner: holder,
			licence,
			publishedAt,
			title: facts?.title ?? `${path}@${version}`,
			summary,
			tags: facts?.tags ?? [],
		};
	});
}

function feed(body: string, type: string): HttpResponse {
	return { status: 200, headers: { "content-type": type, "cache-control": `public, max-age=${MAX_AGE_SECONDS}` }, body };
}

/** Text inside XML. What XML 1.0 has no spelling for (most control characters) is left out. */
function xml(text: string): string {
	const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
	// biome-ignore lint/suspicious/noControlCharactersInRegex: the characters that XML forbids are the subject.
	return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "").replace(/[&<>"]/g, (letter) => escapes[letter] ?? letter);
}
