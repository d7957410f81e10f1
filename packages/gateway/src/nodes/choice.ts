/** Which node gets a call: the cheapest that is well; among equals the one that should answer first. Pure. */
import type { Hex } from "@freehold/protocol";
import type { OperatorRecord } from "../store/tables.js";

/** What calls have shown of a node. */
export interface NodeHealth {
	/** Moving average of answer times, in milliseconds. */
	readonly latencyMs: number;
	readonly inFlight: number;
	/** Failures since the last good answer. */
	readonly failures: number;
	/** Unix milliseconds; not asked before, while another node can be. */
	readonly restUntil: number;
}

export const freshHealth: NodeHealth = { latencyMs: 0, inFlight: 0, failures: 0, restUntil: 0 };

/** Weight of the newest answer time. */
const SMOOTHING = 0.2;
const FIRST_REST_MS = 250;
const LAST_REST_MS = 30_000;

/** Nodes in the order in which they should be asked. Those that rest come last, soonest first: better a poor chance than none. */
export function inOrder(nodes: readonly OperatorRecord[], healthOf: (address: Hex) => NodeHealth, now: number): readonly OperatorRecord[] {
	const ranked = nodes.map((node) => ({ node, health: healthOf(node.address), rests: healthOf(node.address).restUntil > now }));
	ranked.sort((a, b) => {
		if (a.rests !== b.rests) return a.rests ? 1 : -1;
		if (a.rests) return a.health.restUntil - b.health.restUntil;
		if (a.node.nodeFee !== b.node.nodeFee) return a.node.nodeFee < b.node.nodeFee ? -1 : 1;
		return expectedMs(a.health) - expectedMs(b.health);
	});
	return ranked.map(({ node }) => node);
}

export function afterAnswer(health: NodeHealth, tookMs: number): NodeHealth {
	const latencyMs = health.latencyMs === 0 ? tookMs : health.latencyMs + SMOOTHING * (tookMs - health.latencyMs);
	return { ...health, latencyMs, failures: 0, restUntil: 0 };
}

export function afterFailure(health: NodeHealth, now: number): NodeHealth {
	const failures = health.failures + 1;
	return { ...health, failures, restUntil: now + Math.min(LAST_REST_MS, FIRST_REST_MS * 2 ** (failures - 1)) };
}

function expectedMs(health: NodeHealth): number {
	return health.latencyMs * (health.inFlight + 1);
}
