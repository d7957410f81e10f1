/** What a person has typed into the publishing form, kept between visits until it is published. */

export interface ParentDraft {
	/** `namespace/name@major.minor`. */
	readonly release: string;
	/** Percent, as typed. */
	readonly share: string;
}

export interface Draft {
	readonly name: string;
	readonly version: string;
	readonly title: string;
	readonly task: string;
	readonly tags: string;
	readonly licence: string;
	readonly price: string;
	readonly leastShare: string;
	readonly parents: readonly ParentDraft[];
	readonly card: string;
}

export const emptyDraft: Draft = {
	name: "",
	version: "1.0",
	title: "",
	task: "",
	tags: "",
	licence: "Apache-2.0",
	price: "1.00",
	leastShare: "0",
	parents: [],
	card: "",
};
const SHELF = "freehold.draft";

export function readDraft(): Draft {
	try {
		const value = JSON.parse(localStorage.getItem(SHELF) ?? "{}") as Partial<Draft>;
		const texts = Object.fromEntries(
			Object.entries(emptyDraft).flatMap(([key, fallback]) =>
				typeof fallback === "string" ? [[key, typeof value[key as keyof Draft] === "string" ? value[key as keyof Draft] : fallback]] : [],
			),
		);
		const parents = Array.isArray(value.parents)
			? value.parents.filter((parent) => typeof parent?.release === "string" && typeof parent.share === "string")
			: [];
		return { ...emptyDraft, ...texts, parents };
	} catch {
		return emptyDraft;
	}
}

export function keepDraft(draft: Draft): void {
	localStorage.setItem(SHELF, JSON.stringify(draft));
}

export function dropDraft(): void {
	localStorage.removeItem(SHELF);
}
