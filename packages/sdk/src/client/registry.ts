/** What a client needs of the chain again and again: releases, prices and operators. What can never change is kept; keys and bonds for a minute. */
import { FreeholdError, type Hex, type Price } from "@freehold/protocol";
import type { ChainClient } from "../chain/chain-client.js";
import { contracts } from "../chain/contracts.js";

/** Roles of `NodeRegistry`. */
export const roles = { inference: 1, gateway: 2, storage: 4, oracle: 8 } as const;
export type Role = keyof typeof roles;

/** What a release says of itself for ever. */
export interface ReleaseFacts {
	readonly modelId: Hex;
	readonly manifest: Hex;
	readonly inputSchema: Hex;
	readonly outputSchema: Hex;
	/** Bit `mode` is set for each promise that a node may make. */
	readonly modes: number;
}

export interface Registry {
	/** Throws `model.notFound`. */
	release(release: Hex, signal?: AbortSignal): Promise<ReleaseFacts>;
	/** Amounts of a version of a price; undefined when there is none. */
	price(release: Hex, version: number, signal?: AbortSignal): Promise<Price | undefined>;
	/** Whether `key` signs for the operator now. */
	isKey(operator: Hex, key: Hex, signal?: AbortSignal): Promise<boolean>;
	/** Whether the operator offers the role with at least the least bond. */
	isActive(operator: Hex, role: Role, signal?: AbortSignal): Promise<boolean>;
}

const KEPT_MS = 60_000;
const MAX_ENTRIES = 4_096;

export function createRegistry(chain: ChainClient, now: () => number): Registry {
	const releases = new Bounded<ReleaseFacts>();
	const prices = new Bounded<Price>();
	const answers = new Bounded<{ readonly value: boolean; readonly until: number }>();

	async function kept(key: string, ask: () => Promise<boolean>): Promise<boolean> {
		const known = answers.get(key);
		if (known !== undefined && known.until > now()) return known.value;
		const value = await ask();
		// A refusal is asked again each time: the key may just be on its way into a block.
		if (value) answers.set(key, { value, until: now() + KEPT_MS });
		return value;
	}

	return {
		async release(release, signal) {
			const known = releases.get(release);
			if (known !== undefined) return known;
			if (!(await chain.read(contracts.ModelRegistry, "releaseExists", [release], { signal }))) throw new FreeholdError("model.notFound", { model: release });
			const { modelId, manifest, inputSchema, outputSchema, modes } = await chain.read(contracts.ModelRegistry, "releaseOf", [release], { signal });
			const facts: ReleaseFacts = { modelId: word(modelId), manifest, inputSchema, outputSchema, modes };
			releases.set(release, facts);
			return facts;
		},
		async price(release, version, signal) {
			const key = `${release} ${version}`;
			const known = prices.get(key);
			if (known !== undefined) return known;
			const [{ perCall, perInputUnit, perOutputUnit, validFrom }] = await chain.read(contracts.ModelRegistry, "priceOf", [release, version], { signal });
			if (validFrom === 0n) return undefined;
			const price: Price = { perCall, perInputUnit, perOutputUnit };
			prices.set(key, price);
			return price;
		},
		isKey: (operator, key, signal) =>
			kept(`key ${operator} ${key}`, async () => {
				const block = await chain.block("latest", { signal });
				return chain.read(contracts.NodeRegistry, "isKeyValid", [operator, key, block?.timestamp ?? 0n], { signal });
			}),
		isActive: (operator, role, signal) =>
			kept(`role ${operator} ${role}`, () => chain.read(contracts.NodeRegistry, "isActive", [operator, roles[role]], { signal })),
	};
}

/** Oldest entries go first. */
class Bounded<T> {
	readonly #entries = new Map<string, T>();

	get(key: string): T | undefined {
		return this.#entries.get(key);
	}

	set(key: string, value: T): void {
		this.#entries.set(key, value);
		for (const oldest of this.#entries.keys()) {
			if (this.#entries.size <= MAX_ENTRIES) break;
			this.#entries.delete(oldest);
		}
	}
}

function word(value: bigint): Hex {
	return `0x${value.toString(16).padStart(64, "0")}`;
}
