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
	/** OPG for a call, and for each number that goes in or comes out, as typed. */
	readonly price: string;
	readonly inputPrice: string;
	readonly outputPrice: string;
	/** Percent, and OPG for a call, that whatever is made from this must give it. */
	readonly leastShare: string;
	readonly leastAmount: string;
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
	inputPrice: "0",
	outputPrice: "0",
	leastShare: "0",
	leastAmount: "0",
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

/** The file of an upload that has not come to its end: storage keeps what arrived for a while, and only the file itself can be asked for again. */
export interface Unfinished {
	readonly fileName: string;
	readonly bytes: number;
}

const UNFINISHED = "freehold.unfinished";

export function readUnfinished(): Unfinished | undefined {
	try {
		const { fileName, bytes } = JSON.parse(localStorage.getItem(UNFINISHED) ?? "{}") as Partial<Unfinished>;
		return typeof fileName === "string" && typeof bytes === "number" ? { fileName, bytes } : undefined;
	} catch {
		return undefined;
	}
}

export function keepUnfinished(unfinished: Unfinished): void {
	localStorage.setItem(UNFINISHED, JSON.stringify(unfinished));
}

export function dropUnfinished(): void {
	localStorage.removeItem(UNFINISHED);
}

export function tagsOf({ tags }: Pick<Draft, "tags">): readonly string[] {
	return tags.split(/[\s,]+/).filter((tag) => tag !== "");
}
