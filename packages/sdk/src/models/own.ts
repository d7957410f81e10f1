/** What an owner does alone with a model: set its price for future calls, end a release, give the model away. */
import { FreeholdError, type Hex, type Price } from "@freehold/protocol";
import { encodeFunctionData } from "viem";
import { contracts } from "../chain/contracts.js";
import { decodeEvent } from "../chain/follow-events.js";
import type { Client } from "../client/client.js";
import { callOf } from "./acts.js";
import { showModel } from "./list.js";

export interface OwnOptions {
	readonly signal?: AbortSignal | undefined;
}

export interface PriceSet {
	readonly release: Hex;
	readonly version: number;
	/** Unix milliseconds: now for a cut, an hour from now for a rise. */
	readonly validFrom: number;
	readonly transaction: Hex;
	readonly block: bigint;
}

/**
 * Sets the price of future calls. `model` is `namespace/name` (its newest release that is served), `namespace/name@major.minor`, or a release id.
 *
 * @example
 * await freehold.models.setPrice("ada/digits", { perCall: 5n * 10n ** 17n });
 */
export async function setPrice(client: Client, model: string, price: Partial<Price> & Pick<Price, "perCall">, { signal }: OwnOptions = {}): Promise<PriceSet> {
	const { to, data, subject } = await callOf(client, { kind: "price", model, price }, me(client), signal);
	const receipt = await client.transactor().send({ key: `price ${subject} ${keyPart(client)}`, to, data }, { signal });
	const event = receipt.logs.map((log) => decodeEvent(log, [contracts.ModelRegistry])).find((candidate) => candidate?.name === "PriceSet");
	if (event === undefined) throw new FreeholdError("upstream.failed", { what: "The ledger", reason: `transaction ${receipt.hash} set no price` });
	return {
		release: subject,
		version: Number(event.args["version"]),
		validFrom: Number(event.args["validFrom"]) * 1000,
		transaction: receipt.hash,
		block: receipt.blockNumber,
	};
}

export interface Retired {
	readonly release: Hex;
	readonly transaction: Hex;
	readonly block: bigint;
}

/**
 * Ends a release for ever: it is asked no more; what was answered stays paid and provable.
 *
 * @example
 * await freehold.models.retire("ada/digits@1.0");
 */
export async function retire(client: Client, model: string, { signal }: OwnOptions = {}): Promise<Retired> {
	const { to, data, subject } = await callOf(client, { kind: "retire", model }, me(client), signal);
	const receipt = await client.transactor().send({ key: `retire ${subject}`, to, data }, { signal });
	return { release: subject, transaction: receipt.hash, block: receipt.blockNumber };
}

export interface Transferred {
	readonly modelId: Hex;
	readonly from: Hex;
	readonly to: Hex;
	/** Moved to the old owner before the model changed hands, smallest unit: what descendants had booked for it until then. */
	readonly settled: bigint;
	readonly transaction: Hex;
	readonly block: bigint;
}

/** Most releases in one `Royalties.flow`. */
const MAX_FLOW = 256;

/**
 * Gives a model away with all its releases. What it earned until now stays the old owner's, also what descendants have booked and nobody has passed on yet;
 * what is anchored from now on is the new owner's. The namespace stays where it is.
 *
 * @example
 * await freehold.models.transfer("ada/digits", "0x…");
 */
export async function transfer(client: Client, model: string, receiver: Hex, { signal }: OwnOptions = {}): Promise<Transferred> {
	const from = me(client);
	const { to, data, subject } = await callOf(client, { kind: "transfer", model, to: receiver }, from, signal);
	const settled = await settle(client, model, signal);
	const receipt = await client.transactor().send({ key: `transfer ${subject} ${keyPart(client)}`, to, data }, { signal });
	return { modelId: subject, from, to: receiver, settled, transaction: receipt.hash, block: receipt.blockNumber };
}

/** Passes on what descendants have booked to the model's releases, so that it reaches who owns the model now. */
async function settle(client: Client, model: string, signal: AbortSignal | undefined): Promise<bigint> {
	const { releases = [] } = await showModel(client, model.replace(/@.*$/, ""), { signal });
	const upstream = await Promise.all(releases.map(({ release }) => client.chain.read(contracts.Royalties, "upstream", [release], { signal })));
	const waiting = releases.filter((_, index) => (upstream[index] ?? 0n) > 0n).map(({ release }) => release);
	if (waiting.length === 0) return 0n;
	const { address, abi } = contracts.Royalties;
	for (let start = 0; start < waiting.length; start += MAX_FLOW) {
		const data = encodeFunctionData({ abi, functionName: "flow", args: [waiting.slice(start, start + MAX_FLOW)] });
		await client.transactor().send({ key: `settle ${keyPart(client)}`, to: address, data }, { signal });
	}
	return upstream.reduce((sum, amount) => sum + amount, 0n);
}

function me(client: Client): Hex {
	return client.account().address.toLowerCase() as Hex;
}

export function keyPart(client: Client): string {
	return Array.from(client.random(8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
