/** What the search knows of a model: its texts, and the single words that slips of the pen are held against. */
import type { Connection } from "../database/database.js";
import { gramsOf, wordsOf } from "./words.js";

/** Words of one model that are kept for corrections: a long card must not fill the index. */
const MOST_WORDS = 500;

export interface SearchTexts {
	readonly path: string;
	readonly title: string;
	readonly task: string;
	readonly tags: string;
	readonly card: string;
}

/** The model must be in its table. */
export function indexTexts(db: Connection, model: string, texts: SearchTexts): void {
	const { path, title, task, tags, card } = texts;
	const { searchRow } = db.prepare("SELECT searchRow FROM model WHERE id = ?").get(model) as { searchRow: number | null };
	if (searchRow === null) {
		const added = db.prepare("INSERT INTO search (model, path, title, task, tags, card) VALUES (?, ?, ?, ?, ?, ?)").run(model, path, title, task, tags, card);
		db.prepare("UPDATE model SET searchRow = ? WHERE id = ?").run(added.lastInsertRowid, model);
	} else db.prepare("UPDATE search SET title = ?, task = ?, tags = ?, card = ? WHERE rowid = ?").run(title, task, tags, card, searchRow);
	for (const word of wordsOf([path, title, task, tags, card].join(" "), MOST_WORDS)) {
		// Words of texts that were replaced stay: they correct to nothing that is found, and are dropped with the next rebuild.
		const { changes } = db.prepare("INSERT INTO word (word, models) VALUES (?, 1) ON CONFLICT (word) DO UPDATE SET models = models + 1").run(word);
		if (changes > 0) for (const gram of gramsOf(word)) db.prepare("INSERT INTO gram (gram, word) VALUES (?, ?) ON CONFLICT DO NOTHING").run(gram, word);
	}
}
