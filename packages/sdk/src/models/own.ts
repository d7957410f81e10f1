/** What an owner may do with a release: set its price for future calls, or end it. */
import { FreeholdError, type Hex, isHex, type Price, parseModelName } from "@freehold/protocol";
import { encodeFunctionData } from "viem";
import { contracts } from "../chain/contracts.js";
import { decodeEvent } from "../chain/follow-events.js";
import type { Client } from "../client/client.js";
import { releaseOf } from "../publish/prepare.js";
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
	const release = await ownRelease(client, model, signal);
	const { address, abi } = contracts.ModelRegistry;
	const full = { perCall: price.perCall, perInputUnit: price.perInputUnit ?? 0n, perOutputUnit: price.perOutputUnit ?? 0n };
	const data = encodeFunctionData({ abi, functionName: "setPrice", args: [release, full] });
	const receipt = await client.transactor().send({ key: `price ${release} ${keyPart(client)}`, to: address, data }, { signal });
	const event = receipt.logs.map((log) => decodeEvent(log, [contracts.ModelRegistry])).find((candidate) => candidate?.name === "PriceSet");
	if (event === undefined) throw new FreeholdError("upstream.failed", { what: "The ledger", reason: `transaction ${receipt.hash} set no price` });
	return {
		release,
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
	const release = await ownRelease(client, model, signal);
	const { address, abi } = contracts.ModelRegistry;
	const data = encodeFunctionData({ abi, functionName: "retire", args: [release] });
	const receipt = await client.transactor().send({ key: `retire ${release}`, to: address, data }, { signal });
	return { release, transaction: receipt.hash, block: receipt.blockNumber };
}

/** Id of a release that the account owns and that is served. Throws `model.notFound`, `model.notOwner` or `model.retired`. */
async function ownRelease(client: Client, model: string, signal: AbortSignal | undefined): Promise<Hex> {
	const release = await newestRelease(client, model, signal);
	const me = client.account().address.toLowerCase();
	if (!(await client.chain.read(contracts.ModelRegistry, "releaseExists", [release], { signal }))) throw new FreeholdError("model.notFound", { model });
	const [owner, { retiredAt }] = await Promise.all([
		client.chain.read(contracts.ModelRegistry, "releaseOwner", [release], { signal }),
		client.chain.read(contracts.ModelRegistry, "releaseOf", [release], { signal }),
	]);
	if (owner.toLowerCase() !== me) throw new FreeholdError("model.notOwner", { account: me, model });
	if (retiredAt !== 0n) throw new FreeholdError("model.retired", { release: model });
	return release;
}

async function newestRelease(client: Client, model: string, signal: AbortSignal | undefined): Promise<Hex> {
	if (isHex(model, 32) || parseModelName(model)?.version !== undefined) return releaseOf(model, client.crypto);
	const { latest } = await showModel(client, model, { signal });
	if (latest === undefined) throw new FreeholdError("model.retired", { release: model });
	return latest.release;
}

function keyPart(client: Client): string {
	return Array.from(client.random(8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
