/** Which rooms a phone shows at the bottom. */

interface Placed {
	readonly pocket: boolean;
	readonly group: "use" | "own" | "self";
}

const POCKET_PLACES = 5;

/** What a phone shows at the bottom, and what stands behind its last place, "More", when there are more rooms than places. */
export function pocketOf<R extends Placed>(all: readonly R[]): { readonly shown: readonly R[]; readonly more: readonly R[] } {
	const wanted = all.filter(({ pocket }) => pocket);
	const others = all.filter(({ pocket, group }) => !pocket && group !== "self");
	if (others.length === 0 && wanted.length <= POCKET_PLACES) return { shown: wanted, more: [] };
	const shown = wanted.slice(0, POCKET_PLACES - 1);
	return { shown, more: all.filter((room) => !shown.includes(room)) };
}
