/** Finding a passage of this project's own pages. The index is made at the first search, in the reader's own process: nobody learns what was looked for. */
import MiniSearch from "minisearch";

export interface Passage {
	/** The heading that it stands under. */
	readonly title: string;
	readonly text: string;
	/** The page, from the root of the repository. */
	readonly page: string;
}

/** Words that stand in every question. */
const COMMON = new Set(
	"a an and are be can do does for from how i in is it its me my of on or say tell that the there this to what when where which who why with you".split(" "),
);
const TITLE_WEIGHT = 3;
const MAX_QUERY = 500;

let made: Promise<{ readonly index: MiniSearch; readonly passages: readonly Passage[] }> | undefined;

/** The `limit` passages that fit best, best first; beginnings of words and small slips count too. */
export async function searchDocumentation(query: string, limit: number): Promise<readonly Passage[]> {
	made ??= makeIndex();
	const { index, passages } = await made;
	return index
		.search(query.slice(0, MAX_QUERY))
		.slice(0, limit)
		.flatMap(({ id }) => passages[id] ?? []);
}

async function makeIndex(): Promise<{ readonly index: MiniSearch; readonly passages: readonly Passage[] }> {
	const { passages } = await import("./generated/passages.js");
	const index = new MiniSearch({
		fields: ["title", "text"],
		processTerm: (term) => {
			const word = term.toLowerCase();
			return COMMON.has(word) ? null : word;
		},
		searchOptions: { boost: { title: TITLE_WEIGHT }, prefix: (term) => term.length > 3, fuzzy: (term) => (term.length > 4 ? 0.2 : false) },
	});
	index.addAll(passages.map(({ title, text }, id) => ({ id, title, text })));
	return { index, passages };
}
