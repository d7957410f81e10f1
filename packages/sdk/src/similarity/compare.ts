/**
 * Whether two models share weights. Pure: numbers in, numbers out.
 *
 * A tensor of one model is laid beside the tensor of the other that it fits best, as neurons: rows of what each takes in, less what all neurons have in common (two
 * models of the same data weigh the same inputs alike, and that is no kinship). Two statistics say how alike the rows are. `aligned` compares row with row in the order in
 * which they stand: training moves weights and leaves them in their places, and strangers give nearly 0. `matched` compares each row with the one that fits it best,
 * whatever its place, sign and scale, and holds that against rows whose columns were shuffled apart; strangers that learned the same reach a third of it, since they find
 * the same features.
 */
import type { Weight } from "@freehold/protocol";

export interface TensorSimilarity {
	readonly a: string;
	readonly b: string;
	readonly shape: readonly number[];
	/** Mean cosine of rows as they stand; −1 to 1. */
	readonly aligned: number;
	/** Mean of the best cosines of rows; 0 to 1. */
	readonly matched: number;
	/** What chance gives for `matched`. */
	readonly chance: number;
	/** 0: no more than chance; 1: the same up to order, sign and scale of neurons. */
	readonly likeness: number;
	/** Share of zeros in either: pruning shows here. */
	readonly zeros: readonly [number, number];
}

export type SimilarityVerdict = "same" | "derived" | "signs" | "none" | "incomparable";

export interface Similarity {
	/** Mean over what could be compared, weighed by its size: neurons in their places. */
	readonly aligned: number;
	/** The same, of neurons wherever they stand; 0: chance, 1: the same up to order, sign and scale. */
	readonly likeness: number;
	/** Share of the smaller model's weights that had a counterpart of the same shape. */
	readonly compared: number;
	readonly verdict: SimilarityVerdict;
	readonly tensors: readonly TensorSimilarity[];
}

/** From which figures a verdict is given; measured on the pairs of `training/lineage.py` (docs/decisions/0027). */
export const similarityBounds = {
	same: { aligned: 0.95, likeness: 0.95 },
	derived: { aligned: 0.2, likeness: 0.7 },
	signs: { aligned: 0.1, likeness: 0.5 },
} as const;

/** What the figures mean, and what they do not; shown beside them. */
export const similarityWords = {
	shows: {
		same: "The weights are the same up to order, sign, scale and rounding of neurons.",
		derived: "The weights have a common origin: one was made from the other, or both from a third.",
		signs: "There are more likenesses than chance gives: look closer, this proves nothing.",
		none: "No likeness beyond chance was found in the weights.",
		incomparable: "Too few tensors have the same shape: nothing can be said.",
	},
	cannotShow: [
		"Which of the two was first: certificates of publication say that.",
		"A child that was trained for long and whose neurons were reordered besides: it looks like a stranger.",
		"Whether a model learned from the answers of another (distillation): its weights are its own.",
		"Whether a licence or an agreement allowed it.",
		"Descent through another architecture, or weights that were mixed on purpose (rotations, merged layers).",
	],
} as const;

const MAX_TENSORS = 128;
const MAX_ROWS = 256;
const MAX_COLUMNS = 2_048;
const LEAST_COMPARED = 0.25;
/** Fewer rows say nothing of what they have in common. */
const LEAST_ROWS = 8;
const TINY = 1e-12;
/** Rounds of shuffling that chance is measured by. */
const SHUFFLES = 3;

/**
 * @example
 * import { compareWeights } from "@freehold/sdk";
 * import { readWeights } from "@freehold/protocol";
 *
 * const { verdict, likeness } = compareWeights(readWeights(bytes), readWeights(bytes));
 */
export function compareWeights(a: readonly Weight[], b: readonly Weight[]): Similarity {
	const left = a.slice(0, MAX_TENSORS);
	const free = new Set(b.slice(0, MAX_TENSORS));
	const tensors: TensorSimilarity[] = [];
	/** Orders of neurons that earlier layers revealed, by their number. */
	const orders = new Map<number, readonly number[]>();
	let compared = 0;
	let [alike, inPlace] = [0, 0];
	for (const weight of inLayers(left)) {
		let best: { readonly other: Weight; readonly found: Found } | undefined;
		for (const other of free) {
			if (!sameShape(weight.shape, other.shape)) continue;
			const found = likenessOf(weight, other, orders);
			if (best === undefined || strength(found) > strength(best.found)) best = { other, found };
		}
		if (best === undefined) continue;
		free.delete(best.other);
		tensors.push(best.found.similarity);
		if (best.found.order !== undefined) orders.set(best.found.order.length, best.found.order);
		compared += weight.values.length;
		alike += best.found.similarity.likeness * weight.values.length;
		inPlace += best.found.similarity.aligned * weight.values.length;
	}
	const smaller = Math.min(sizeOf(a), sizeOf(b));
	const share = smaller === 0 ? 0 : Math.min(1, compared / smaller);
	const figures = compared === 0 ? { aligned: 0, likeness: 0 } : { aligned: inPlace / compared, likeness: alike / compared };
	return { ...figures, compared: share, verdict: verdictOf(figures, share), tensors };
}

function strength({ similarity }: Found): number {
	return Math.max(similarity.likeness, Math.abs(similarity.aligned));
}

function verdictOf({ aligned, likeness }: Pick<Similarity, "aligned" | "likeness">, compared: number): SimilarityVerdict {
	if (compared < LEAST_COMPARED) return "incomparable";
	const reaches = (bound: { readonly aligned: number; readonly likeness: number }): boolean => aligned >= bound.aligned || likeness >= bound.likeness;
	if (reaches(similarityBounds.same)) return "same";
	if (reaches(similarityBounds.derived)) return "derived";
	return reaches(similarityBounds.signs) ? "signs" : "none";
}

/** First layers first where names tell: their inputs have a fixed order, which later layers need. */
function inLayers(weights: readonly Weight[]): readonly Weight[] {
	return [...weights].sort((x, y) => (x.name < y.name ? -1 : x.name > y.name ? 1 : 0));
}

function sizeOf(weights: readonly Weight[]): number {
	return weights.reduce((sum, { values }) => sum + values.length, 0);
}

function sameShape(x: readonly number[], y: readonly number[]): boolean {
	return x.length === y.length && x.every((length, axis) => length === y[axis]);
}

interface Found {
	readonly similarity: TensorSimilarity;
	/** For each neuron of `a`, the neuron of `b` that it matches, where these are all different. */
	readonly order: readonly number[] | undefined;
}

/** A tensor as neurons: rows of what each takes in. */
interface Matrix {
	readonly rows: number;
	readonly columns: number;
	readonly at: (row: number, column: number) => number;
}

function likenessOf(a: Weight, b: Weight, orders: ReadonlyMap<number, readonly number[]>): Found {
	let best: Matched = NOTHING;
	let aligned = 0;
	// Weights stand as outputs × inputs or as inputs × outputs; the neurons are whichever way fits better.
	for (const turned of [false, true]) {
		const [x, y] = [matrix(a, turned), matrix(b, turned)];
		const order = orders.get(x.columns);
		for (const candidate of order === undefined ? [y] : [y, reordered(y, order)]) {
			const found = matchRows(x, candidate);
			if (found.likeness > best.likeness) best = found;
			if (candidate === y && Math.abs(found.aligned) > Math.abs(aligned)) aligned = found.aligned;
		}
	}
	const similarity: TensorSimilarity = {
		a: a.name,
		b: b.name,
		shape: a.shape,
		aligned,
		matched: best.matched,
		chance: best.chance,
		likeness: best.likeness,
		zeros: [zerosOf(a.values), zerosOf(b.values)],
	};
	return { similarity, order: best.order };
}

function matrix({ shape, values }: Weight, turned: boolean): Matrix {
	const [first = 1] = shape;
	const rest = values.length / first;
	return turned
		? { rows: rest, columns: first, at: (row, column) => values[column * rest + row] ?? 0 }
		: { rows: first, columns: rest, at: (row, column) => values[row * rest + column] ?? 0 };
}

function reordered(matrix: Matrix, order: readonly number[]): Matrix {
	return { ...matrix, at: (row, column) => matrix.at(row, order[column] ?? column) };
}

interface Matched {
	readonly aligned: number;
	readonly matched: number;
	readonly chance: number;
	readonly likeness: number;
	readonly order: readonly number[] | undefined;
}

const NOTHING: Matched = { aligned: 0, matched: 0, chance: 0, likeness: 0, order: undefined };

function matchRows(x: Matrix, y: Matrix): Matched {
	const columns = spread(x.columns, MAX_COLUMNS);
	const xs = standardised(spread(x.rows, MAX_ROWS).map((row) => unitRow(x, row, columns)));
	const ys = standardised(spread(y.rows, MAX_ROWS).map((row) => unitRow(y, row, columns)));
	if (columns.length < 2 || xs.length === 0) return NOTHING;
	const aligned = x.rows === y.rows && xs.length === ys.length ? mean(xs.map((row, index) => dotOf(row, ys[index] as Float32Array))) : 0;
	const picks = xs.map((row) => bestOf(row, ys));
	const matched = mean(picks.map(({ cosine }) => cosine));
	const random = generator(x.rows * 31 + x.columns);
	const chances: number[] = [];
	for (let round = 0; round < SHUFFLES; round++) {
		const shuffled = shuffledColumns(ys, random);
		chances.push(mean(xs.map((row) => bestOf(row, shuffled).cosine)));
	}
	const chance = mean(chances);
	const order = picks.map(({ index }) => index);
	const whole = xs.length === x.rows && ys.length === y.rows && new Set(order).size === order.length;
	return { aligned, matched, chance, likeness: clamp(matched - chance, 1 - chance), order: whole ? order : undefined };
}

/** Difference to chance, as a part of what there is above chance. */
function clamp(above: number, room: number): number {
	return room <= 0 ? 0 : Math.max(0, Math.min(1, above / room));
}

/** At most `most` of the numbers below `count`, evenly spread. */
function spread(count: number, most: number): readonly number[] {
	if (count <= most) return Array.from({ length: count }, (_, index) => index);
	return Array.from({ length: most }, (_, index) => Math.floor((index * count) / most));
}

/** Length 1, or all zero. */
function unitRow(matrix: Matrix, row: number, columns: readonly number[]): Float32Array {
	return unit(Float32Array.from(columns, (column) => matrix.at(row, column)));
}

function bestOf(row: Float32Array, others: readonly Float32Array[]): { readonly cosine: number; readonly index: number } {
	let cosine = 0;
	let index = 0;
	for (const [at, other] of others.entries()) {
		const sum = dotOf(row, other);
		if (Math.abs(sum) > cosine) {
			cosine = Math.abs(sum);
			index = at;
		}
	}
	return { cosine: Math.min(1, cosine), index };
}

function dotOf(x: Float32Array, y: Float32Array): number {
	let sum = 0;
	for (let index = 0; index < x.length; index++) sum += (x[index] as number) * (y[index] as number);
	return sum;
}

function zerosOf(values: Float32Array): number {
	let zeros = 0;
	for (const value of values) if (value === 0) zeros++;
	return values.length === 0 ? 0 : zeros / values.length;
}

function mean(values: readonly number[]): number {
	return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Rows whose columns were each shuffled apart: what every input is like stays, what every neuron is like goes. */
function shuffledColumns(rows: readonly Float32Array[], random: () => number): readonly Float32Array[] {
	const copies = rows.map((row) => Float32Array.from(row));
	const columns = copies[0]?.length ?? 0;
	for (let column = 0; column < columns; column++) {
		for (let row = copies.length - 1; row > 0; row--) {
			const [one, other] = [copies[row] as Float32Array, copies[Math.floor(random() * (row + 1))] as Float32Array];
			[one[column], other[column]] = [other[column] as number, one[column] as number];
		}
	}
	return copies.map(unit);
}

/**
 * Rows less what all neurons have in common: two models of the same data weigh the same inputs alike, and that is no kinship. Each input's weights get mean 0 and
 * spread 1, then each row length 1.
 */
function standardised(rows: readonly Float32Array[]): readonly Float32Array[] {
	const columns = rows[0]?.length ?? 0;
	const copies = rows.map((row) => Float32Array.from(row));
	if (rows.length < LEAST_ROWS) return rows;
	for (let column = 0; column < columns; column++) {
		const values = rows.map((row) => row[column] as number);
		const middle = mean(values);
		const deviation = Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
		for (const copy of copies) copy[column] = deviation < TINY ? 0 : ((copy[column] as number) - middle) / deviation;
	}
	return copies.map(unit);
}

function unit(row: Float32Array): Float32Array {
	const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
	return norm < TINY || !Number.isFinite(norm) ? new Float32Array(row.length) : row.map((value) => value / norm);
}

/** Mulberry32: the same comparison gives the same figures everywhere. */
function generator(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
	};
}
