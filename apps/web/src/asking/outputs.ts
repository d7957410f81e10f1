/** Answers of classifiers as people read them. */
import { type Tensors, tensorElements } from "@freehold/protocol";

export interface Ranking {
	/** Best first; probabilities from 0 to 1. */
	readonly rows: readonly { readonly label: string; readonly probability: number }[];
	readonly best: string;
}

/** Undefined when the outputs are not those of a classifier: a label, and probabilities for classes numbered from zero. */
export function rankingOf(tensors: Tensors): Ranking | undefined {
	const { label, probabilities } = tensors;
	if (label === undefined || probabilities === undefined || label.bytes.length === 0) return undefined;
	const values = tensorElements(probabilities).map(Number);
	const classes = probabilities.shape.at(-1) ?? 0;
	if (probabilities.shape[0] !== 1 || classes < 2 || classes > 1000 || values.some((value) => !(value >= 0 && value <= 1.0001))) return undefined;
	const rows = values.map((probability, index) => ({ label: String(index), probability })).sort((a, b) => b.probability - a.probability);
	return { rows, best: String(tensorElements(label)[0]) };
}
