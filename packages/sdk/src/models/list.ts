/** Finding models at the hub. The hub is an index: what counts is checked against the chain when a model is asked. */
import { FreeholdError, type Hex, hubRoutes, type ModelBody, type ModelListBody, parseModelName } from "@freehold/protocol";
import type { Client } from "../client/client.js";
import { urlOf } from "../client/http.js";

export interface ListOptions {
	/** Words that must begin words of the model. */
	readonly query?: string;
	readonly sort?: "calls" | "earnings" | "newest" | "name";
	readonly owner?: Hex;
	/** 1 to 100. */
	readonly limit?: number;
	readonly cursor?: string;
	readonly signal?: AbortSignal;
}

/**
 * @example
 * const { models } = await freehold.models.list({ query: "digits" });
 */
export async function listModels(client: Client, { query, sort, owner, limit, cursor, signal }: ListOptions = {}): Promise<ModelListBody> {
	const parameters = { q: query, sort, owner, limit: limit?.toString(), cursor };
	const given = Object.fromEntries(Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined));
	return (await client.http.json(urlOf(client.network.hubUrl, hubRoutes.models.path, {}, given), { what: "The hub", signal })) as ModelListBody;
}

/**
 * A model with its releases, files and card. Throws `model.notFound`.
 *
 * @example
 * const { owner, releases } = await freehold.models.show("plus/digits");
 */
export async function showModel(client: Client, model: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<ModelBody> {
	const parsed = parseModelName(model);
	if (parsed === undefined) throw new FreeholdError("request.invalid", { field: "model", reason: `${model} must be namespace/name` });
	const url = urlOf(client.network.hubUrl, hubRoutes.model.path, { namespace: parsed.namespace, name: parsed.name });
	return (await client.http.json(url, { what: "The hub", signal: options.signal })) as ModelBody;
}
