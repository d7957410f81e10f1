/** Looks at every bonded node from time to time: which engines it has, and whether it answers at all, so that no paying call has to find out. */
import type { Hex } from "@freehold/protocol";
import { FreeholdError } from "@freehold/protocol";
import { createLimiter, pause } from "@freehold/service";
import type { OperatorRecord } from "../store/tables.js";
import { askCapability, type Capability } from "./capability.js";

export interface LookModules {
	readonly nodes: () => readonly OperatorRecord[];
	readonly answered: (node: Hex, capability: Capability) => void;
	readonly failed: (node: Hex, endpoint: string, error: unknown) => void;
}

/** Nodes that are looked at; those with the greatest bonds where there are more. */
const MAX_NODES = 512;
const AT_ONCE = 8;
const DEADLINE_MS = 3_000;
const ROUND_MS = 10_000;
/** How soon a node that has just registered is found. */
const NEWS_MS = 250;

export async function keepLooking(modules: LookModules, signal: AbortSignal): Promise<void> {
	let seen = new Set<string>();
	while (!signal.aborted) {
		const nodes = mostBonded(modules.nodes());
		await look(nodes, modules, signal);
		seen = new Set(nodes.map(keyOf));
		const end = performance.now() + ROUND_MS;
		while (!signal.aborted && performance.now() < end) {
			await pause(NEWS_MS, signal).catch(() => undefined);
			const news = mostBonded(modules.nodes()).filter((node) => !seen.has(keyOf(node)));
			if (news.length === 0) continue;
			await look(news, modules, signal);
			for (const node of news) seen.add(keyOf(node));
		}
	}
}

async function look(nodes: readonly OperatorRecord[], { answered, failed }: LookModules, signal: AbortSignal): Promise<void> {
	const limiter = createLimiter({
		concurrency: AT_ONCE,
		maxWaiting: MAX_NODES,
		refuse: (waiting) => new FreeholdError("gateway.overloaded", { seconds: waiting }),
	});
	await Promise.all(
		nodes.map((node) =>
			limiter
				.run(() => askCapability(node.endpoint, node.address, { deadlineMs: DEADLINE_MS, signal }), signal)
				.then(
					(capability) => answered(node.address, capability),
					(error: unknown) => {
						if (!signal.aborted) failed(node.address, node.endpoint, error);
					},
				),
		),
	);
}

function mostBonded(nodes: readonly OperatorRecord[]): readonly OperatorRecord[] {
	if (nodes.length <= MAX_NODES) return nodes;
	return [...nodes].sort((a, b) => (a.bond === b.bond ? 0 : a.bond > b.bond ? -1 : 1)).slice(0, MAX_NODES);
}

/** A node that moves is looked at again at once. */
function keyOf({ address, endpoint }: OperatorRecord): string {
	return `${address} ${endpoint}`;
}
