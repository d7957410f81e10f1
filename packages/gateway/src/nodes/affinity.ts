/**
 * Conversations that begin alike go to the same node while it has room: an engine that has read a beginning need not read it again. Pure.
 * The choice is by rendezvous hashing, so that a node that comes or goes moves only its own share.
 */
import type { OperatorRecord } from "../store/tables.js";
import type { NodeHealth } from "./choice.js";

/** How many more calls than the idlest of its equals a preferred node may have under way. */
const PATIENCE = 2;

/** `ranked` as `inOrder` gives it. Moves the preferred one of the nodes that are as cheap and as well as the first to the front. */
export function preferring(
	ranked: readonly OperatorRecord[],
	beginning: string,
	healthOf: (address: OperatorRecord["address"]) => NodeHealth,
	now: number,
): readonly OperatorRecord[] {
	const [first] = ranked;
	if (first === undefined || ranked.length === 1) return ranked;
	const equals = ranked.filter((node) => node.nodeFee === first.nodeFee && healthOf(node.address).restUntil <= now);
	const least = Math.min(...equals.map((node) => healthOf(node.address).inFlight));
	let preferred: OperatorRecord | undefined;
	let best = -1;
	for (const node of equals) {
		if (healthOf(node.address).inFlight > least + PATIENCE) continue;
		const weight = hash(beginning + node.address);
		if (weight > best) [best, preferred] = [weight, node];
	}
	return preferred === undefined || preferred === first ? ranked : [preferred, ...ranked.filter((node) => node !== preferred)];
}

/** FNV-1a with a final mix: nobody gains by steering it, so it need not be more. */
function hash(text: string): number {
	let value = 0x811c9dc5;
	for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
	value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
	return (value ^ (value >>> 13)) >>> 0;
}
