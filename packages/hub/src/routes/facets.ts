/** What models can be filtered by, with how many have it: tasks, licences, formats and tags. */
import { type FacetsBody, modelFormats } from "@freehold/protocol";
import type { Handler } from "@freehold/service";
import type { Connection } from "../database/database.js";
import { json } from "./respond.js";

const MOST = 200;

interface Counted {
	readonly value: string;
	readonly models: number;
}

export function listFacets(db: Connection): Handler {
	const column = (name: "task" | "licence"): readonly Counted[] =>
		db
			.prepare(`SELECT ${name} AS value, count(*) AS models FROM model WHERE ${name} IS NOT NULL GROUP BY ${name} ORDER BY models DESC, value LIMIT ${MOST}`)
			.all() as Counted[];
	return () => {
		const formats = db.prepare("SELECT format, count(*) AS models FROM model WHERE format IS NOT NULL GROUP BY format ORDER BY models DESC, format").all() as {
			format: number;
			models: number;
		}[];
		const tags = db.prepare(`SELECT tag AS value, count(*) AS models FROM tag GROUP BY tag ORDER BY models DESC, tag LIMIT ${MOST}`).all() as Counted[];
		const body: FacetsBody = {
			task: column("task"),
			licence: column("licence"),
			format: formats.map(({ format, models }) => ({ value: formatName(format), models })),
			tag: tags,
		};
		return json(body);
	};
}

export function formatName(format: number): string {
	return Object.entries(modelFormats).find(([, number]) => number === format)?.[0] ?? String(format);
}
