/** Follows the chain: what changes is taken over and written together with the cursor, block by block. */
import { contractAddresses, type Hex } from "@freehold/protocol";
import { type ChainClient, type ChainEvent, type Cursor, contracts, type FollowedBlock, followEvents } from "@freehold/sdk/chain";
import type { NodeEvents } from "./events.js";
import type { Exposure } from "./exposure.js";
import type { OperatorBook } from "./operators.js";
import type { ReleaseBook } from "./releases.js";
import { load, type NodeStore, pack, type Writer } from "./tables.js";

export interface FollowerModules {
	readonly client: ChainClient;
	readonly store: NodeStore;
	readonly releases: ReleaseBook;
	readonly operators: OperatorBook;
	readonly exposure: Exposure;
	readonly events: NodeEvents;
	readonly crashPoint: (name: string) => void;
	/** Milliseconds of a steady clock. */
	readonly ticks: () => number;
	/** Told of each release that is published while the node runs. */
	readonly onRelease: (release: Hex) => void;
}

export class Follower {
	readonly #modules: FollowerModules;
	#height: bigint | undefined;
	#caughtUp = false;
	#tookAt: number;
	readonly #waiting: (() => void)[] = [];

	constructor(modules: FollowerModules) {
		this.#modules = modules;
		this.#tookAt = modules.ticks();
	}

	/** Last block that was taken over. */
	get height(): bigint | undefined {
		return this.#height;
	}

	/** Time since a block was taken over and written. The chain makes one every few seconds, so a long silence means that it, or the store, stands still. */
	get silenceMs(): number {
		return this.#modules.ticks() - this.#tookAt;
	}

	/** True once the newest block has been seen. */
	get caughtUp(): boolean {
		return this.#caughtUp;
	}

	/** Resolves when the newest block has been seen. */
	untilCaughtUp(): Promise<void> {
		return this.#caughtUp ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
	}

	/** Follows until the signal says so; rejects when the chain is another one than before. */
	async run(signal: AbortSignal): Promise<void> {
		const { client, store, events } = this.#modules;
		await followEvents({
			client,
			contracts: [contracts.NodeRegistry, contracts.ModelRegistry, contracts.UsageLedger],
			cursor: load<Cursor>(store, "cursor", "chain"),
			signal,
			onBlock: (found, block) => this.#take(found, block),
			onRetry: (error, waitMs) => events.ledgerUnreachable(error, waitMs),
		});
	}

	async #take(found: readonly ChainEvent[], block: FollowedBlock): Promise<void> {
		const { store, crashPoint, onRelease } = this.#modules;
		await store.transact((writer) => {
			for (const event of found) this.#apply(event, writer);
			writer.put("cursor", "chain", pack(block.cursor));
		});
		crashPoint("inference.block.stored");
		this.#height = block.number;
		this.#tookAt = this.#modules.ticks();
		if (block.atHead && !this.#caughtUp) {
			this.#caughtUp = true;
			for (const resolve of this.#waiting.splice(0)) resolve();
		}
		for (const { name, args } of found) if (name === "ReleasePublished") onRelease(args["release"] as Hex);
	}

	#apply(event: ChainEvent, writer: Writer): void {
		const { releases, operators, exposure } = this.#modules;
		switch (event.address) {
			case contractAddresses.NodeRegistry:
				operators.apply(event, writer);
				return;
			case contractAddresses.ModelRegistry:
				releases.apply(event, writer);
				return;
			default:
				exposure.apply(event, writer);
		}
	}
}
