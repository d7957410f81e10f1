/** Names that people take for one another: a namespace is claimed first-come, so the next best thing to a famous one is worth a warning. Pure. */

/** Characters and pairs that look alike in common fonts, brought to one spelling; hyphens do not tell names apart. */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
	[/-/g, ""],
	[/rn/g, "m"],
	[/vv/g, "w"],
	[/cl/g, "d"],
	[/[0]/g, "o"],
	[/[1i]/g, "l"],
	[/5/g, "s"],
	[/8/g, "b"],
	[/2/g, "z"],
	[/9/g, "g"],
];

/** Equal for names that look alike. */
export function skeleton(name: string): string {
	return SPELLINGS.reduce((text, [from, to]) => text.replace(from, to), name);
}

/** Names shorter than this are one letter apart too easily to mean anything. */
const LEAST_FOR_TYPING = 4;

/** Whether one could be taken for the other: they look alike, or are one keystroke apart (one letter more, less, other, or two swapped). */
export function looksAlike(a: string, b: string): boolean {
	if (a === b) return false;
	if (skeleton(a) === skeleton(b)) return true;
	return Math.min(a.length, b.length) >= LEAST_FOR_TYPING && isOneKeystroke(a, b);
}

function isOneKeystroke(a: string, b: string): boolean {
	const [short, long] = a.length <= b.length ? [a, b] : [b, a];
	if (long.length - short.length > 1) return false;
	let start = 0;
	while (start < short.length && short[start] === long[start]) start++;
	let end = 0;
	while (end < short.length - start && short[short.length - 1 - end] === long[long.length - 1 - end]) end++;
	const left = short.slice(start, short.length - end);
	const right = long.slice(start, long.length - end);
	if (left.length <= 1 && right.length <= 1) return true;
	return left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0];
}
