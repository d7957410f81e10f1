/** An 8 × 8 image in half blocks: two rows of pixels in one row of text. */

const SIDE = 8;
/** Ink above this is drawn; values go from 0 (paper) to 16 (ink). */
const INK = 6;
const BLOCKS = [" ", "▄", "▀", "█"] as const;

/** Four lines of eight characters. */
export function drawDigit(pixels: readonly number[]): readonly string[] {
	const inked = (row: number, column: number): number => ((pixels[row * SIDE + column] ?? 0) > INK ? 1 : 0);
	return Array.from({ length: SIDE / 2 }, (_, line) =>
		Array.from({ length: SIDE }, (_, column) => BLOCKS[2 * inked(2 * line, column) + inked(2 * line + 1, column)]).join(""),
	);
}
