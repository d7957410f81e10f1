/** What an owner may do with a model, as a call of the registry: checked against the chain before anybody signs. */
import { FreeholdError, type Hex, isHex, modelId, type Price, parseModelName } from "@freehold/protocol";
import { encodeFunctionData } from "viem";
import { contracts } from "../chain/contracts.js";
import type { Client } from "../client/client.js";
import { releaseOf } from "../publish/prepare.js";
import { showModel } from "./list.js";

/** `model`: `namespace/name` (its newest release that is served), `namespace/name@major.minor`, or a release id. */
export type ModelAct =
	| { readonly kind: "price"; readonly model: string; readonly price: Partial<Price> & Pick<Price, "perCall"> }
	| { readonly kind: "retire"; readonly model: string }
	| { readonly kind: "transfer"; readonly model: string; readonly to: Hex };

export interface RegistryCall {
	readonly to: Hex;
	readonly data: Hex;
	/** The release, or for a transfer the model. */
	readonly subject: Hex;
}

/** The call that `owner` makes. Throws `model.notFound`, `model.notOwner` or `model.retired`. */
export async function callOf(client: Client, act: ModelAct, owner: Hex, signal: AbortSignal | undefined): Promise<RegistryCall> {
	const { address: to, abi } = contracts.ModelRegistry;
	switch (act.kind) {
		case "price": {
			const subject = await ownRelease(client, act.model, owner, signal);
			const { perCall, perInputUnit = 0n, perOutputUnit = 0n } = act.price;
			return { to, subject, data: encodeFunctionData({ abi, functionName: "setPrice", args: [subject, { perCall, perInputUnit, perOutputUnit }] }) };
		}
		case "retire": {
			const subject = await ownRelease(client, act.model, owner, signal);
			return { to, subject, data: encodeFunctionData({ abi, functionName: "retire", args: [subject] }) };
		}
		case "transfer": {
			const subject = await ownModel(client, act.model, owner, signal);
			if (act.to === owner) throw new FreeholdError("request.invalid", { field: "to", reason: "is the owner already" });
			return { to, subject, data: encodeFunctionData({ abi, functionName: "transferFrom", args: [owner, act.to, BigInt(subject)] }) };
		}
	}
}

/** Id of the model that a name or a release means. Throws `model.notFound`. */
export async function modelIdOf(client: Client, model: string, signal: AbortSignal | undefined): Promise<Hex> {
	if (isHex(model, 32)) return (await client.registry.release(model, signal)).modelId;
	const parsed = parseModelName(model);
	if (parsed === undefined) throw new FreeholdError("request.invalid", { field: "model", reason: `${model} must be namespace/name` });
	return modelId(parsed.namespace, parsed.name, client.crypto);
}

/** Holder of a model; undefined while there is none. */
export async function holderOf(client: Client, id: Hex, signal: AbortSignal | undefined): Promise<Hex | undefined> {
	try {
		return (await client.chain.read(contracts.ModelRegistry, "ownerOf", [BigInt(id)], { signal })).toLowerCase() as Hex;
	} catch (error) {
		if (error instanceof FreeholdError && error.code === "chain.reverted") return undefined;
		throw error;
	}
}

/** The release that a name means: the newest that is served, where it names none. */
export async function servedRelease(client: Client, model: string, signal: AbortSignal | undefined): Promise<Hex> {
	if (isHex(model, 32) || parseModelName(model)?.version !== undefined) return releaseOf(model, client.crypto);
	const { latest } = await showModel(client, model, { signal });
	if (latest === undefined) throw new FreeholdError("model.retired", { release: model });
	return latest.release;
}

async function ownModel(client: Client, model: string, owner: Hex, signal: AbortSignal | undefined): Promise<Hex> {
	const id = await modelIdOf(client, model, signal);
	const holder = await holderOf(client, id, signal);
	if (holder === undefined) throw new FreeholdError("model.notFound", { model });
	if (holder !== owner) throw new FreeholdError("model.notOwner", { account: owner, model });
	return id;
}

async function ownRelease(client: Client, model: string, owner: Hex, signal: AbortSignal | undefined): Promise<Hex> {
	const release = await servedRelease(client, model, signal);
	if (!(await client.chain.read(contracts.ModelRegistry, "releaseExists", [release], { signal }))) throw new FreeholdError("model.notFound", { model });
	const [holder, { retiredAt }] = await Promise.all([
		client.chain.read(contracts.ModelRegistry, "releaseOwner", [release], { signal }),
		client.chain.read(contracts.ModelRegistry, "releaseOf", [release], { signal }),
	]);
	if (holder.toLowerCase() !== owner) throw new FreeholdError("model.notOwner", { account: owner, model });
	if (retiredAt !== 0n) throw new FreeholdError("model.retired", { release: model });
	return release;
}
