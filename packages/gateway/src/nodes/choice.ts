/** Which node gets a call: the one that costs least when its time has a price, of those that are well and can run it. Pure. */
import type { Hex } from "@freehold/protocol";
import type { OperatorRecord } from "../store/tables.js";
import { type Capability, canRun, type Need } from "./capability.js";

/** What calls and looks have shown of a node. */
export interface NodeHealth {
	/** Moving average of answer times, in milliseconds; 0 while nothing was measured. */
	readonly latencyMs: number;
	/** Unix milliseconds of the last answer: what was measured long ago says little. */
	readonly measuredAt: number;
	readonly inFlight: number;
	/** Failures since the last good answer. */
	readonly failures: number;
	/** Unix milliseconds; not asked before, while another node can be. */
	readonly restUntil: number;
	/** What it says it can run; undefined while it has not been asked. */
	readonly capability: Capability | undefined;
}

export const freshHealth: NodeHealth = { latencyMs: 0, measuredAt: 0, inFlight: 0, failures: 0, restUntil: 0, capability: undefined };

/** Weight of the newest answer time when it is slower than the average, and when it is faster: a first call loads the model, and says little of the next. */
const SLOWER = 0.2;
const FASTER = 0.5;
/** Time in which a measurement loses half of its weight, so that a node that was slow once is tried again. */
const HALF_LIFE_MS = 10_000;
const FIRST_REST_MS = 250;
const LAST_REST_MS = 30_000;

export interface Choice {
	readonly healthOf: (address: Hex) => NodeHealth;
	/** What the call needs; undefined: any node. */
	readonly need: Need | undefined;
	/** What a second of waiting is worth, in the smallest unit: a node may ask this much more for being a second faster. */
	readonly secondPrice: bigint;
	/** Unix milliseconds. */
	readonly now: number;
}

/**
 * Nodes in the order in which they should be asked; those that say they cannot run the call are left out. Those that rest come last, soonest first: better a
 * poor chance than none.
 */
export function inOrder(nodes: readonly OperatorRecord[], { healthOf, need, secondPrice, now }: Choice): readonly OperatorRecord[] {
	const ranked = nodes
		.map((node) => ({ node, health: healthOf(node.address) }))
		.filter(({ health }) => need === undefined || health.capability === undefined || canRun(health.capability, need))
		.map(({ node, health }) => ({ node, health, rests: health.restUntil > now, cost: costOf(node, health, secondPrice, now) }));
	ranked.sort((a, b) => {
		if (a.rests !== b.rests) return a.rests ? 1 : -1;
		if (a.rests) return a.health.restUntil - b.health.restUntil;
		if (a.cost !== b.cost) return a.cost < b.cost ? -1 : 1;
		return expectedMs(a.health, now) - expectedMs(b.health, now);
	});
	return ranked.map(({ node }) => node);
}

/** Nodes that one call may be given to, one after another. */
const MAX_ORDERS = 3;

/**
 * The first nodes of a ranking, as far as they are within a quarter of what the first costs: what a call asks of its payer allows for these, so that it can go
 * on when the first one dies. What is charged is the fee of the node that answered.
 */
export function withinReach(ranked: readonly OperatorRecord[], costAt: (node: OperatorRecord) => bigint): readonly OperatorRecord[] {
	const [first] = ranked;
	if (first === undefined) return [];
	const most = (costAt(first) * 5n) / 4n;
	return ranked.slice(0, MAX_ORDERS).filter((node) => costAt(node) <= most);
}

export function afterAnswer(health: NodeHealth, tookMs: number, now: number): NodeHealth {
	const before = health.latencyMs;
	const latencyMs = before === 0 ? tookMs : before + (tookMs > before ? SLOWER : FASTER) * (tookMs - before);
	return { ...health, latencyMs, measuredAt: now, failures: 0, restUntil: 0 };
}

export function afterFailure(health: NodeHealth, now: number): NodeHealth {
	const failures = health.failures + 1;
	return { ...health, failures, restUntil: now + Math.min(LAST_REST_MS, FIRST_REST_MS * 2 ** (failures - 1)) };
}

/** What a node can run. A look forgives nothing: only a good answer to an order does. */
export function afterLook(health: NodeHealth, capability: Capability): NodeHealth {
	return { ...health, capability };
}

function costOf(node: OperatorRecord, health: NodeHealth, secondPrice: bigint, now: number): bigint {
	return node.nodeFee + (secondPrice * BigInt(Math.round(expectedMs(health, now)))) / 1_000n;
}

function expectedMs({ latencyMs, measuredAt, inFlight }: NodeHealth, now: number): number {
	return latencyMs * 0.5 ** (Math.max(0, now - measuredAt) / HALF_LIFE_MS) * (inFlight + 1);
}
