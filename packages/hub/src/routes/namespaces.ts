/** Who owns a namespace, and which others could be taken for it: those that look the same, and those one keystroke away. */
import { FreeholdError, isNamePart, looksAlike, type NamespaceBody, skeleton } from "@freehold/protocol";
import type { Handler } from "@freehold/service";
import type { Connection } from "../database/database.js";
import { json } from "./respond.js";

interface Row {
	readonly name: string;
	readonly owner: `0x${string}`;
}

/** Neighbours of about the same length that begin or end alike are compared; more would not be read anyway. */
const MAX_COMPARED = 20_000;
const MAX_SHOWN = 20;
const ENDS = 2;

export function showNamespace(db: Connection): Handler {
	return (request) => {
		const name = request.params["namespace"] ?? "";
		if (!isNamePart(name)) throw new FreeholdError("request.invalid", { field: "namespace", reason: "must be lower-case letters, digits and hyphens" });
		const own = db.prepare("SELECT name, owner FROM namespace WHERE name = ?").get(name) as Row | undefined;
		const alike = neighbours(db, name)
			.filter((row) => looksAlike(row.name, name))
			.map((row) => ({ namespace: row.name, owner: row.owner, ...use(db, row.name) }))
			.sort((a, b) => b.calls - a.calls || b.models - a.models || (a.namespace < b.namespace ? -1 : 1))
			.slice(0, MAX_SHOWN);
		const body: NamespaceBody = { namespace: name, ...(own === undefined ? {} : { owner: own.owner }), alike };
		return json(body);
	};
}

function neighbours(db: Connection, name: string): readonly Row[] {
	return db
		.prepare(
			`SELECT name, owner FROM namespace WHERE skeleton = ?
			 UNION SELECT name, owner FROM namespace WHERE length(name) BETWEEN ? AND ? AND (substr(name, 1, ${ENDS}) = ? OR substr(name, -${ENDS}) = ?) LIMIT ${MAX_COMPARED}`,
		)
		.all(skeleton(name), name.length - 1, name.length + 1, name.slice(0, ENDS), name.slice(-ENDS)) as Row[];
}

function use(db: Connection, namespace: string): { readonly models: number; readonly calls: number } {
	return db.prepare("SELECT count(*) AS models, coalesce(sum(calls), 0) AS calls FROM model WHERE namespace = ?").get(namespace) as {
		models: number;
		calls: number;
	};
}
