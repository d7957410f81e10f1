/** Nodes that offer answers without a transaction, and what was asked of them. A node offers by asking for questions, again and again. */
import type { Hex, LiveAnswer, LiveAsk } from "@freehold/protocol";

export interface LiveNodesModules {
	/** Unix milliseconds. */
	readonly now: () => number;
	/** Runs `work` after `ms`; the result cancels. */
	readonly later: (ms: number, work: () => void) => () => void;
}

interface Node {
	/** Questions that it has not fetched. */
	readonly queue: LiveAsk[];
	/** Ends the wait of its newest poll. */
	wake: (() => void) | undefined;
	seenAt: number;
	restsUntil: number;
	asked: number;
}

/** A node that does not ask again for so long is gone. */
const GONE_MS = 5_000;
/** One that was silent or wrong is left alone. */
const REST_MS = 30_000;
/** As many as the contract enrols. */
const MAX_NODES = 256;

export class LiveNodes {
	readonly #modules: LiveNodesModules;
	readonly #nodes = new Map<Hex, Node>();
	readonly #open = new Map<Hex, { readonly operator: Hex; readonly ask: LiveAsk; readonly resolve: (answer: LiveAnswer | undefined) => void }>();

	constructor(modules: LiveNodesModules) {
		this.#modules = modules;
	}

	/** Questions for a node, once each; waits for the first until the time is over, the signal comes, or the node asks anew. */
	async poll(operator: Hex, timeoutMs: number, signals: readonly AbortSignal[]): Promise<readonly LiveAsk[]> {
		const node = this.#node(operator);
		node.wake?.();
		node.seenAt = this.#modules.now();
		if (node.queue.length === 0 && timeoutMs > 0 && !signals.some(({ aborted }) => aborted)) {
			await new Promise<void>((resolve) => {
				const end = (): void => {
					stopTimer();
					for (const signal of signals) signal.removeEventListener("abort", end);
					if (node.wake === end) node.wake = undefined;
					resolve();
				};
				const stopTimer = this.#modules.later(timeoutMs, end);
				for (const signal of signals) signal.addEventListener("abort", end, { once: true });
				node.wake = end;
			});
		}
		node.seenAt = this.#modules.now();
		return node.queue.splice(0);
	}

	/** The one that was asked least of those who offer now; none when none is left. */
	next(tried: ReadonlySet<Hex>): Hex | undefined {
		const now = this.#modules.now();
		const here = [...this.#nodes].filter(([operator, node]) => !tried.has(operator) && node.restsUntil <= now && isHere(node, now));
		return here.sort(([, a], [, b]) => a.asked - b.asked)[0]?.[0];
	}

	/** Undefined when the node was silent until the time was over. */
	async ask(operator: Hex, ask: LiveAsk, timeoutMs: number): Promise<LiveAnswer | undefined> {
		const node = this.#node(operator);
		node.asked++;
		const answer = await new Promise<LiveAnswer | undefined>((resolve) => {
			const stop = this.#modules.later(timeoutMs, () => resolve(undefined));
			this.#open.set(ask.id, {
				operator,
				ask,
				resolve: (found) => {
					stop();
					resolve(found);
				},
			});
			node.queue.push(ask);
			node.wake?.();
		});
		this.#open.delete(ask.id);
		const left = node.queue.indexOf(ask);
		if (left >= 0) node.queue.splice(left, 1);
		return answer;
	}

	/** What an answer with this id is for; undefined when nobody waits for it (any more). */
	questionOf(id: Hex): { readonly operator: Hex; readonly ask: LiveAsk } | undefined {
		return this.#open.get(id);
	}

	/** Hands a checked answer to who asked. */
	answer(answer: LiveAnswer): void {
		this.#open.get(answer.id)?.resolve(answer);
	}

	rest(operator: Hex): void {
		this.#node(operator).restsUntil = this.#modules.now() + REST_MS;
	}

	#node(operator: Hex): Node {
		const known = this.#nodes.get(operator);
		if (known !== undefined) return known;
		const now = this.#modules.now();
		for (const [other, node] of this.#nodes) if (this.#nodes.size >= MAX_NODES && !isHere(node, now)) this.#nodes.delete(other);
		const node: Node = { queue: [], wake: undefined, seenAt: now, restsUntil: 0, asked: 0 };
		this.#nodes.set(operator, node);
		return node;
	}
}

const isHere = ({ wake, seenAt }: Node, now: number): boolean => wake !== undefined || now - seenAt < GONE_MS;
