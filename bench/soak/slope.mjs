/**
 * Whether a series grows. Least squares over the means of blocks, because neighbouring samples of a heap depend on each other; the interval is Student's at 99 %.
 * Growth counts only when it is certain and would matter: a heap that breathes is flat.
 */
const BLOCKS = 12;
/** Student's t, two-sided 99 %, for 10 degrees of freedom. */
const T = 3.169;
/** Growth in ten minutes, as a share of the mean, from which it matters. */
const MATTERS = 0.1;
const mean = (values) => average(values);
/** Of a heap, only what a collection leaves says anything. */
export const floor = (values) => Math.min(...values);

/** `of`: what stands for a block. `least`: growth in ten minutes that never matters. */
export function growth(points, { of = mean, least = 0 } = {}) {
	const known = points.filter(({ value }) => value !== undefined);
	const size = Math.max(1, Math.floor(known.length / BLOCKS));
	const blocks = [];
	for (let from = 0; from + size <= known.length; from += size) {
		const block = known.slice(from, from + size);
		blocks.push({ x: average(block.map(({ at }) => at)) / 60_000, y: of(block.map(({ value }) => value)) });
	}
	const usual = average(known.map(({ value }) => value));
	if (blocks.length < 4) return { mean: usual, perMinute: 0, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, flat: true };
	const meanX = average(blocks.map(({ x }) => x));
	const meanY = average(blocks.map(({ y }) => y));
	const spread = blocks.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
	const perMinute = blocks.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread;
	const residual = blocks.reduce((sum, { x, y }) => sum + (y - meanY - perMinute * (x - meanX)) ** 2, 0);
	const error = Math.sqrt(residual / (blocks.length - 2) / spread);
	const low = perMinute - T * error;
	return { mean: usual, perMinute, low, high: perMinute + T * error, flat: low * 10 < Math.max(MATTERS * usual, least) };
}

const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
