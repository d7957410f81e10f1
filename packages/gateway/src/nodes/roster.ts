/** The bonded nodes and what is known of each: who is well, who has room, who is asked first. */
import { FreeholdError, type Hex } from "@freehold/protocol";
import type { OperatorRecord } from "../store/tables.js";
import { preferring } from "./affinity.js";
import type { Capability, Need } from "./capability.js";
import { afterAnswer, afterFailure, afterLook, freshHealth, inOrder, type NodeHealth } from "./choice.js";
import { keepLooking } from "./looks.js";
import type { Operators } from "./operators.js";

export interface RosterModules {
	readonly operators: Operators;
	/** Calls of all kinds that the gateway has under way at most. */
	readonly maxCalls: number;
	/** What a second less of waiting may cost at a dearer node, smallest unit. */
	readonly secondPrice: bigint;
	/** Milliseconds of a clock that is never set, for the rest of a node that failed. */
	readonly steady: () => number;
	readonly events: RosterEvents;
}

export interface RosterEvents {
	nodeWell(node: Hex): void;
	nodeUnwell(node: Hex, endpoint: string, error: unknown): void;
}

/** One order at a node. */
export interface Visit {
	/** The node gave a good answer after so many milliseconds. */
	answered(tookMs: number): void;
	failed(): void;
	/** The order is with the node no longer; called once, whatever came of it. */
	end(): void;
}

export class Roster {
	readonly #modules: RosterModules;
	readonly #health = new Map<Hex, NodeHealth>();

	constructor(modules: RosterModules) {
		this.#modules = modules;
	}

	/** Bonded nodes that can run what is needed, the one to ask first in front. `beginning`: of a conversation, see `preferring`. */
	ranked(need?: Need, beginning?: string): readonly OperatorRecord[] {
		const { operators, secondPrice, steady } = this.#modules;
		const healthOf = (address: Hex): NodeHealth => this.#healthOf(address);
		const ranked = inOrder(operators.inference(), { healthOf, need, secondPrice, now: steady() });
		return beginning === undefined ? ranked : preferring(ranked, beginning, healthOf, steady());
	}

	/**
	 * Those of them that have room: where there are several nodes, a slow one never holds more than half of the gateway's places. Throws `gateway.overloaded` when none
	 * has.
	 */
	withRoom(need: Need, beginning?: string): readonly OperatorRecord[] {
		const { operators, maxCalls } = this.#modules;
		const ranked = this.ranked(need, beginning);
		const most = operators.inference().length === 1 ? maxCalls : Math.ceil(maxCalls / 2);
		const free = ranked.filter(({ address }) => this.#healthOf(address).inFlight < most);
		if (free.length === 0 && ranked.length > 0) throw new FreeholdError("gateway.overloaded", { seconds: 1 });
		return free;
	}

	/** Looks at the nodes until the signal says so. */
	look(signal: AbortSignal): Promise<void> {
		const { operators, events, steady } = this.#modules;
		const answered = (node: Hex, capability: Capability): void => {
			events.nodeWell(node);
			this.#setHealth(node, (health) => afterLook(health, capability));
		};
		const failed = (node: Hex, endpoint: string, error: unknown): void => {
			events.nodeUnwell(node, endpoint, error);
			if (isUnreachable(error)) this.#setHealth(node, (health) => afterFailure(health, steady()));
		};
		return keepLooking({ nodes: () => operators.inference(), answered, failed }, signal);
	}

	begin(node: Hex): Visit {
		const { steady } = this.#modules;
		this.#setHealth(node, (health) => ({ ...health, inFlight: health.inFlight + 1 }));
		return {
			answered: (tookMs) => this.#setHealth(node, (health) => afterAnswer(health, tookMs, steady())),
			failed: () => this.#setHealth(node, (health) => afterFailure(health, steady())),
			end: () => this.#setHealth(node, (health) => ({ ...health, inFlight: health.inFlight - 1 })),
		};
	}

	#healthOf(address: Hex): NodeHealth {
		return this.#health.get(address) ?? freshHealth;
	}

	#setHealth(address: Hex, change: (health: NodeHealth) => NodeHealth): void {
		this.#health.set(address, change(this.#healthOf(address)));
	}
}

/** One that answers, whatever it answers, can still be given an order. */
function isUnreachable(error: unknown): boolean {
	return error instanceof FreeholdError && (error.code === "network.down" || error.code === "upstream.timeout");
}
