/**
 * Finding models by words: each word must begin a word of the model. A word that begins none is taken for a slip of the pen, and the nearest words that exist
 * are looked for instead; the answer says so.
 */
import type { Connection } from "../database/database.js";
import { distanceToBeginning, gramsOf, tolerance, wordsOf } from "./words.js";

const MOST_QUERY_WORDS = 16;
/** Words that share the most letter pairs with a typed one, of which the nearest are kept. */
const CANDIDATES = 200;
const KEPT = 3;

export interface SearchExpression {
	/** Of the full-text search; undefined: everything matches. */
	readonly match: string | undefined;
	/** Typed words that stand nowhere, with the words that were looked for instead. */
	readonly corrected: Readonly<Record<string, readonly string[]>>;
}

export function searchExpression(db: Connection, query: string): SearchExpression {
	const words = wordsOf(query, MOST_QUERY_WORDS);
	if (words.length === 0) return { match: undefined, corrected: {} };
	const corrected: Record<string, readonly string[]> = {};
	const terms = words.map((word) => {
		if (isKnown(db, word)) return beginning(word);
		const nearest = nearestWords(db, word);
		if (nearest.length === 0) return beginning(word);
		corrected[word] = nearest;
		return `(${nearest.map(beginning).join(" OR ")})`;
	});
	return { match: terms.join(" AND "), corrected };
}

/** Only letters and digits reach the expression, so that nothing typed can be its syntax. */
function beginning(word: string): string {
	return `"${word}"*`;
}

function isKnown(db: Connection, word: string): boolean {
	return db.prepare("SELECT 1 FROM search WHERE search MATCH ? LIMIT 1").get(beginning(word)) !== undefined;
}

function nearestWords(db: Connection, typed: string): readonly string[] {
	const most = tolerance([...typed].length);
	if (most === 0) return [];
	const grams = gramsOf(typed);
	const rows = db
		.prepare(
			`SELECT gram.word, word.models FROM gram JOIN word ON word.word = gram.word WHERE gram IN (${grams.map(() => "?").join(", ")}) GROUP BY gram.word ORDER BY count(*) DESC, word.models DESC LIMIT ${CANDIDATES}`,
		)
		.all(...grams) as { word: string; models: number }[];
	return rows
		.map(({ word, models }) => ({ word, models, distance: distanceToBeginning(typed, word, most) }))
		.filter(({ distance }) => distance <= most)
		.sort((a, b) => a.distance - b.distance || b.models - a.models || (a.word < b.word ? -1 : 1))
		.slice(0, KEPT)
		.map(({ word }) => word);
}
