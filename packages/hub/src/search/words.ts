/** Words of texts, and how far a typed word is from one that exists. Pure. */

const LONGEST_WORD = 40;

/** Distinct words, lower case, in the order in which they come. */
export function wordsOf(text: string, most: number): readonly string[] {
	const words = new Set<string>();
	for (const [word] of text.toLowerCase().matchAll(/[\p{L}\p{N}]+/gu)) {
		if (word.length <= LONGEST_WORD) words.add(word);
		if (words.size >= most) break;
	}
	return [...words];
}

/** Pairs of neighbouring letters, the beginning being one of them: two spellings of a word share some even when it is short and letters changed places. */
export function gramsOf(word: string): readonly string[] {
	const letters = [..."^", ...word];
	return [...new Set(letters.slice(1).map((letter, index) => `${letters[index]}${letter}`))];
}

/** Mistakes that are forgiven in a word of this many letters. */
export function tolerance(length: number): number {
	return length < 3 ? 0 : length < 6 ? 1 : 2;
}

/**
 * Least number of insertions, deletions, substitutions and swaps of neighbours (optimal string alignment) that make `typed` a beginning of `word`;
 * `most + 1` where it is more than `most`.
 */
export function distanceToBeginning(typed: string, word: string, most: number): number {
	const wanted = [...typed];
	const letters = [...word].slice(0, wanted.length + most);
	let before: readonly number[] = [];
	let last = letters.map((_, index) => index);
	last.push(letters.length);
	for (let row = 1; row <= wanted.length; row++) {
		const next = [row];
		for (let column = 1; column <= letters.length; column++) {
			const same = wanted[row - 1] === letters[column - 1];
			let cost = Math.min((last[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + (same ? 0 : 1));
			const swapped = row > 1 && column > 1 && wanted[row - 1] === letters[column - 2] && wanted[row - 2] === letters[column - 1];
			if (swapped) cost = Math.min(cost, (before[column - 2] ?? 0) + 1);
			next.push(cost);
		}
		if (Math.min(...next) > most) return most + 1;
		before = last;
		last = next;
	}
	return Math.min(...last, most + 1);
}
