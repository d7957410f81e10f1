/** Namespaces: claimed first-come, given away by their owner, with a warning before one that could be taken for another. */
import { FreeholdError, type Hex, hubRoutes, isNamePart, type NamespaceBody } from "@freehold/protocol";
import { encodeFunctionData } from "viem";
import { contracts } from "../chain/contracts.js";
import type { Client } from "../client/client.js";
import { urlOf } from "../client/http.js";
import { keyPart } from "../models/own.js";

interface Cancellable {
	readonly signal?: AbortSignal | undefined;
}

const NOBODY: Hex = `0x${"00".repeat(20)}`;

/**
 * Owner of a namespace by the chain, and namespaces that look like it by the hub.
 *
 * @example
 * const { owner, alike } = await freehold.namespaces.show("ada");
 */
export async function showNamespace(client: Client, namespace: string, { signal }: Cancellable = {}): Promise<NamespaceBody> {
	requireName(namespace);
	const [owner, body] = await Promise.all([
		ownerOf(client, namespace, signal),
		client.http.json(urlOf(client.network.hubUrl, hubRoutes.namespace.path, { namespace }), { what: "The hub", signal }) as Promise<NamespaceBody>,
	]);
	return { namespace, ...(owner === undefined ? {} : { owner }), alike: body.alike };
}

/**
 * Takes a free namespace. Throws `namespace.taken`.
 *
 * @example
 * await freehold.namespaces.claim("ada");
 */
export async function claimNamespace(
	client: Client,
	namespace: string,
	{ signal }: Cancellable = {},
): Promise<{ readonly namespace: string; readonly transaction: Hex }> {
	requireName(namespace);
	const owner = await ownerOf(client, namespace, signal);
	if (owner !== undefined) throw new FreeholdError("namespace.taken", { namespace, owner });
	const { address, abi } = contracts.ModelRegistry;
	const data = encodeFunctionData({ abi, functionName: "claimNamespace", args: [namespace] });
	const { hash } = await client.transactor().send({ key: `claim ${namespace}`, to: address, data }, { signal });
	return { namespace, transaction: hash };
}

/**
 * Gives a namespace away: the right to add models to it. Models that are in it keep their owners. Throws `namespace.taken` when it is another's.
 *
 * @example
 * await freehold.namespaces.transfer("ada", "0x…");
 */
export async function transferNamespace(
	client: Client,
	namespace: string,
	to: Hex,
	{ signal }: Cancellable = {},
): Promise<{ readonly namespace: string; readonly to: Hex; readonly transaction: Hex }> {
	requireName(namespace);
	const owner = await ownerOf(client, namespace, signal);
	if (owner === undefined) throw new FreeholdError("request.invalid", { field: "namespace", reason: `${namespace} is free; claim it first` });
	if (owner !== client.account().address.toLowerCase()) throw new FreeholdError("namespace.taken", { namespace, owner });
	if (to === NOBODY) throw new FreeholdError("request.invalid", { field: "to", reason: "must be somebody" });
	const { address, abi } = contracts.ModelRegistry;
	const data = encodeFunctionData({ abi, functionName: "transferNamespace", args: [namespace, to] });
	const { hash } = await client.transactor().send({ key: `give ${namespace} ${keyPart(client)}`, to: address, data }, { signal });
	return { namespace, to, transaction: hash };
}

/** Undefined while it is free. */
async function ownerOf(client: Client, namespace: string, signal: AbortSignal | undefined): Promise<Hex | undefined> {
	const owner = (await client.chain.read(contracts.ModelRegistry, "namespaceOwner", [namespace], { signal })).toLowerCase() as Hex;
	return owner === NOBODY ? undefined : owner;
}

function requireName(namespace: string): void {
	if (!isNamePart(namespace))
		throw new FreeholdError("request.invalid", { field: "namespace", reason: "must be lower-case letters, digits and hyphens, at most 63" });
}
