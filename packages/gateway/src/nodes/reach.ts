/**
 * Where a node may be. Endpoints are strangers' words, so a gateway asks public addresses only; on a development network, whose nodes are neighbours on one machine, any.
 * One process serves one network: it is said once, at the start, and until then the strict rule holds.
 */
let neighbours = false;

export function allowNeighbours(): void {
	neighbours = true;
}

/** Options of a call to a node's endpoint. */
export function nodeReach(): { readonly onlyPublic: boolean } {
	return { onlyPublic: !neighbours };
}
