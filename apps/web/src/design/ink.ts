/** How a pen marks a small grid. */

export interface Stroke {
	readonly side: number;
	/** Value of full ink. */
	readonly most: number;
	/** In cells from the top left corner. */
	readonly from: { readonly x: number; readonly y: number };
	readonly to: { readonly x: number; readonly y: number };
}

/**
 * Half the width of the pen and the width of its soft edge, in cells: of fifteen pens tried on thirteen drawings in four places each, the one whose strokes the
 * digit model reads best, since they are as wide as those that it learned from.
 */
const RADIUS = 0.62;
const EDGE = 0.9;

/** Whole numbers; ink only adds. Points outside the grid mark what they touch inside it. */
export function stroke(pixels: readonly number[], { side, most, from, to }: Stroke): readonly number[] {
	return pixels.map((before, index) => {
		const distance = distanceToLine((index % side) + 0.5, Math.floor(index / side) + 0.5, from, to);
		const cover = Math.min(1, Math.max(0, (RADIUS + EDGE - distance) / EDGE));
		return Math.max(before, Math.round(cover * most));
	});
}

function distanceToLine(x: number, y: number, from: Stroke["from"], to: Stroke["to"]): number {
	const dx = to.x - from.x;
	const dy = to.y - from.y;
	const length = dx * dx + dy * dy;
	const along = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - from.x) * dx + (y - from.y) * dy) / length));
	return Math.hypot(x - from.x - along * dx, y - from.y - along * dy);
}
