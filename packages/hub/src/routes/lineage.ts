/** Where a release comes from and what was made from it, with the shares that money follows. */
import type { Handler } from "@freehold/service";
import type { Connection } from "../database/database.js";
import { findRelease, releaseName } from "./models.js";
import { json } from "./respond.js";

export interface LineageEdge {
	readonly child: string;
	readonly parent: string;
	readonly bps: number;
}

/** A graph larger than this is cut, and says so. */
const MAX_RELEASES = 500;

export function showLineage(db: Connection): Handler {
	return ({ params }) => {
		const { id } = findRelease(db, params["release"]);
		const ancestors = walk(id, (release) => edges(db, "release", release), "parent");
		const descendants = walk(id, (release) => edges(db, "parent", release), "child");
		const all = [...ancestors.edges, ...descendants.edges];
		const releases = [...new Set([id, ...all.flatMap((edge) => [edge.child, edge.parent])])];
		return json({
			release: id,
			releases: releases.map((release) => ({ release, model: releaseName(db, release), owner: ownerOf(db, release) })),
			edges: all,
			complete: ancestors.complete && descendants.complete,
		});
	};
}

function walk(
	start: string,
	next: (release: string) => readonly LineageEdge[],
	end: "parent" | "child",
): { readonly edges: readonly LineageEdge[]; readonly complete: boolean } {
	const found: LineageEdge[] = [];
	const seen = new Set([start]);
	const queue = [start];
	for (let release = queue.shift(); release !== undefined; release = queue.shift()) {
		for (const edge of next(release)) {
			found.push(edge);
			if (seen.has(edge[end])) continue;
			if (seen.size >= MAX_RELEASES) return { edges: found, complete: false };
			seen.add(edge[end]);
			queue.push(edge[end]);
		}
	}
	return { edges: found, complete: true };
}

function edges(db: Connection, column: "release" | "parent", value: string): readonly LineageEdge[] {
	return db
		.prepare(`SELECT release AS child, parent, bps FROM parent WHERE ${column} = ? ORDER BY release, position LIMIT ${MAX_RELEASES}`)
		.all(value) as LineageEdge[];
}

function ownerOf(db: Connection, release: string): string | undefined {
	const row = db.prepare("SELECT owner FROM release JOIN model ON model.id = release.model WHERE release.id = ?").get(release) as { owner: string } | undefined;
	return row?.owner;
}
