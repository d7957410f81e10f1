/** What the chain would refuse, found out before a byte is uploaded, in words that say what to do. */
import { FreeholdError, formatOpg, type Hex } from "@freehold/protocol";
import { contracts } from "../chain/contracts.js";
import type { Client } from "../client/client.js";
import type { SentPublication } from "./publish.js";

export interface Preflight {
	/** The same release stands in the registry already: a publication that was interrupted goes on after this step. */
	readonly published: boolean;
	/** The publication claims the namespace. */
	readonly claimsNamespace: boolean;
}

const WHOLE_BPS = 10_000n;
const NOBODY: Hex = `0x${"00".repeat(20)}`;

/** Throws `model.exists`, `model.notOwner`, `namespace.taken`, `model.notFound` (a parent), `request.invalid` (its terms) or `account.noFunds`. */
export async function preflight(client: Client, publication: SentPublication, signal?: AbortSignal): Promise<Preflight> {
	const me = client.account().address.toLowerCase() as Hex;
	const { chain } = client;
	const [holder, owner, exists, balance] = await Promise.all([
		chain.read(contracts.ModelRegistry, "namespaceOwner", [publication.namespace], { signal }),
		modelOwner(client, publication, signal),
		chain.read(contracts.ModelRegistry, "releaseExists", [publication.release], { signal }),
		chain.balance(me, { signal }),
		checkParents(client, publication, signal),
	]);
	const namespaceOwner = holder.toLowerCase() as Hex;
	if (owner === undefined && namespaceOwner !== NOBODY && namespaceOwner !== me)
		throw new FreeholdError("namespace.taken", { namespace: publication.namespace, owner: namespaceOwner });
	if (owner !== undefined && owner !== me) throw new FreeholdError("model.notOwner", { account: me, model: publication.model });
	if (exists) {
		const { manifest } = await client.registry.release(publication.release, signal);
		if (manifest !== publication.manifestDigest) throw new FreeholdError("model.exists", { model: publication.releaseName });
	} else if (balance === 0n) throw new FreeholdError("account.noFunds", { account: me });
	return { published: exists, claimsNamespace: namespaceOwner === NOBODY };
}

/** Undefined while the model does not exist. */
async function modelOwner(client: Client, { release, modelId }: SentPublication, signal: AbortSignal | undefined): Promise<Hex | undefined> {
	try {
		return (await client.chain.read(contracts.ModelRegistry, "ownerOf", [BigInt(modelId)], { signal })).toLowerCase() as Hex;
	} catch (error) {
		if (error instanceof FreeholdError && error.code === "chain.reverted") return undefined;
		throw new FreeholdError(
			"upstream.failed",
			{ what: `The owner of ${release}`, reason: error instanceof Error ? error.message : "unknown" },
			{ cause: error },
		);
	}
}

/** Parents exist, and this price pays each what its terms ask, as the registry will check it. */
async function checkParents(client: Client, { parents, price }: SentPublication, signal: AbortSignal | undefined): Promise<void> {
	await Promise.all(
		parents.map(async ({ release, bps }) => {
			if (!(await client.chain.read(contracts.ModelRegistry, "releaseExists", [release], { signal })))
				throw new FreeholdError("model.notFound", { model: release });
			const { terms } = await client.chain.read(contracts.ModelRegistry, "releaseOf", [release], { signal });
			if (bps < terms.leastBps) throw refuse(`${release} asks for ${terms.leastBps} basis points of its descendants, not ${bps}`);
			const amounts = [
				["a call", price.perCall, terms.leastPerCall],
				["an input unit", price.perInputUnit, terms.leastPerInputUnit],
				["an output unit", price.perOutputUnit, terms.leastPerOutputUnit],
			] as const;
			for (const [unit, whole, least] of amounts) {
				if (whole * BigInt(bps) < least * WHOLE_BPS)
					throw refuse(
						`${release} asks for ${formatOpg(least)} OPG for ${unit} of its descendants; this price gives it ${formatOpg((whole * BigInt(bps)) / WHOLE_BPS)}`,
					);
			}
		}),
	);
}

function refuse(reason: string): FreeholdError {
	return new FreeholdError("request.invalid", { field: "parents", reason });
}
