/** What is said next of a text that grows: whole sentences or lines; the rest when it has ended. Pure. */
export function spokenPart(text: string, ended: boolean): string {
	if (ended) return text;
	let end = 0;
	for (const match of text.matchAll(/[.!?:](?=\s)|\n/g)) end = match.index + match[0].length;
	return text.slice(0, end);
}
