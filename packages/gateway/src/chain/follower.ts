/** Follows the chain: what changes in the registries and channels is taken over and written together with the cursor, block by block. */

import { contractAddresses } from "@freehold/protocol";
import { type ChainClient, type ChainEvent, type Cursor, contracts, type FollowedBlock, followEvents } from "@freehold/sdk/chain";
import { pause } from "@freehold/service";
import type { Catalogue } from "../catalogue/catalogue.js";
import type { ChannelBook } from "../channels/channel-book.js";
import type { Operators } from "../nodes/operators.js";
import type { GatewayEvents } from "../program/events.js";
import { type GatewayStore, load, pack, type Writer } from "../store/tables.js";

/** Contracts whose events a gateway lives by. */
export const followed = [contracts.ModelRegistry, contracts.NodeRegistry, contracts.Channels, contracts.UsageLedger] as const;

export interface FollowerModules {
	readonly client: ChainClient;
	readonly store: GatewayStore;
	readonly catalogue: Catalogue;
	readonly operators: Operators;
	readonly channels: ChannelBook;
	readonly events: GatewayEvents;
	readonly crashPoint: (name: string) => void;
	/** Unix milliseconds. */
	readonly now: () => number;
	/** As the chain has it now. */
	readonly protocolFeeBps: number;
}

export class Follower {
	readonly #modules: FollowerModules;
	#seenAt = 0;
	#seen = -1n;
	#protocolFeeBps: number;
	/** Unix seconds. */
	#chainTime = 0;

	constructor(modules: FollowerModules) {
		this.#modules = modules;
		this.#protocolFeeBps = modules.protocolFeeBps;
	}

	/** Follows until the signal says so; rejects when the chain is another one than before. */
	async run(signal: AbortSignal): Promise<void> {
		const { client, store, events } = this.#modules;
		await followEvents({
			client,
			contracts: followed,
			cursor: load<Cursor>(store, "cursor", "chain"),
			signal,
			onBlock: (found, block) => this.#take(found, block),
			onRetry: (error, waitMs) => events.ledgerUnreachable(error, waitMs),
		});
	}

	/** Resolves when the block that is the newest one now has been seen, in this life or an earlier one. */
	async caughtUp(signal: AbortSignal): Promise<void> {
		const { client, store, now } = this.#modules;
		const head = await client.blockNumber({ signal });
		this.#seen = load<Cursor>(store, "cursor", "chain")?.number ?? -1n;
		while (this.#seen < head) await pause(5, signal);
		this.#seenAt = now();
	}

	/** Milliseconds since the last block was seen. */
	get silenceMs(): number {
		return this.#modules.now() - this.#seenAt;
	}

	/** Last block that was taken over. */
	get seen(): bigint {
		return this.#seen;
	}

	get protocolFeeBps(): number {
		return this.#protocolFeeBps;
	}

	/** Time of the newest block, Unix seconds. */
	get chainTime(): number {
		return this.#chainTime;
	}

	/** What a block changes, in memory and in the store. A block that comes again changes nothing more. */
	async #take(found: readonly ChainEvent[], block: FollowedBlock): Promise<void> {
		const { store, now, crashPoint } = this.#modules;
		await store.transact((writer) => {
			for (const event of found) this.#apply(event, block, writer);
			writer.put("cursor", "chain", pack(block.cursor));
		});
		crashPoint("chain-block-taken");
		this.#seenAt = now();
		this.#chainTime = Number(block.timestamp);
		this.#seen = block.number;
	}

	#apply(event: ChainEvent, block: FollowedBlock, writer: Writer): void {
		const { catalogue, operators, channels } = this.#modules;
		switch (event.address) {
			case contractAddresses.ModelRegistry:
				catalogue.apply(event, Number(block.timestamp), writer);
				return;
			case contractAddresses.NodeRegistry:
				operators.apply(event, writer);
				return;
			case contractAddresses.Channels:
				channels.apply(event, block.number, writer);
				return;
			default:
				if (event.name === "FeeParametersSet") this.#protocolFeeBps = event.args["protocolFeeBps"] as number;
		}
	}
}
