/** What lists show of a model and filter by: facts of its newest release that is not retired, kept with the model. */
import type { Connection } from "../database/database.js";
import { indexTexts } from "../search/vocabulary.js";
import type { ReleaseContent } from "./indexer.js";

interface ReleaseFacts {
	readonly id: string;
	readonly format: number;
	readonly modes: number;
	readonly licence: string;
	readonly content: string | null;
	readonly card: string | null;
}

/** To be called after anything that changes which release that is, or what is known of it. */
export function refreshShown(db: Connection, model: string): void {
	const shown = db
		.prepare("SELECT id, format, modes, licence, content, card FROM release WHERE model = ? ORDER BY retiredAt IS NOT NULL, major DESC, minor DESC LIMIT 1")
		.get(model) as ReleaseFacts | undefined;
	if (shown === undefined) return;
	const content = shown.content === null ? undefined : (JSON.parse(shown.content) as ReleaseContent);
	const bytes = content?.files[0]?.bytes ?? null;
	const tags = content?.tags ?? [];
	db.prepare("UPDATE model SET shown = ?, task = ?, licence = ?, format = ?, modes = ?, bytes = ? WHERE id = ?").run(
		shown.id,
		content?.task ?? null,
		shown.licence,
		shown.format,
		shown.modes,
		bytes,
		model,
	);
	db.prepare("DELETE FROM tag WHERE model = ?").run(model);
	for (const tag of new Set(tags)) db.prepare("INSERT INTO tag (tag, model) VALUES (?, ?)").run(tag, model);
	const { path } = db.prepare("SELECT path FROM model WHERE id = ?").get(model) as { path: string };
	indexTexts(db, model, { path, title: content?.title ?? "", task: content?.task ?? "", tags: tags.join(" "), card: shown.card ?? "" });
}
