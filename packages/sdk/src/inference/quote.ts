/** What a call costs, itemised by the gateway and held against the chain. */

import { tillAddress } from "@freehold/payments";
import { FreeholdError, gatewayRoutes, type Hex, isHex, modelId, parseModelName, type QuoteBody, releaseId, schemaDigest } from "@freehold/protocol";
import { contracts } from "../chain/contracts.js";
import { pause } from "../chain/deadline.js";
import type { Client } from "../client/client.js";
import { urlOf } from "../client/http.js";

/**
 * Price of a call: model's name (`plus/digits`, `plus/digits@1.0`) or release id.
 * Throws `model.notFound`, `model.retired`, `node.unavailable`, or `gateway.untrusted` when the quote does not agree with the chain.
 *
 * @example
 * const { chargeOpg } = await freehold.quote("plus/digits");
 */
export async function quote(client: Client, model: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<QuoteBody> {
	for (let attempt = 1; ; attempt++) {
		const body = await requestQuote(client, model, options.signal);
		await checkQuote(client, model, body, options.signal);
		if (!(await isAboveCurrent(client, body, options.signal))) return body;
		// The gateway may be a block behind a price that its owner has just lowered.
		if (attempt === ATTEMPTS) throw untrusted("it asks for more than the owner does now");
		await pause(PAUSE_MS, options.signal);
	}
}

const ATTEMPTS = 20;
const PAUSE_MS = 100;

/** Old versions of a price stay good for quotes that are on their way; nobody need accept one that costs more than the present one. */
async function isAboveCurrent(client: Client, { release, owner }: QuoteBody, signal: AbortSignal | undefined): Promise<boolean> {
	const [, now] = await client.chain.read(contracts.ModelRegistry, "currentPrice", [release], { signal });
	return BigInt(owner.perCall) > now.perCall || BigInt(owner.perInputUnit) > now.perInputUnit || BigInt(owner.perOutputUnit) > now.perOutputUnit;
}

/** The gateway's answer as it is. */
export async function requestQuote(client: Client, model: string, signal: AbortSignal | undefined): Promise<QuoteBody> {
	if (!isHex(model, 32) && parseModelName(model) === undefined)
		throw new FreeholdError("request.invalid", { field: "model", reason: `${model} must be namespace/name, namespace/name@major.minor, or a release id` });
	const url = urlOf(client.network.gatewayUrl, gatewayRoutes.quote.path, { release: model });
	return (await client.http.json(url, { what: "The gateway", signal })) as QuoteBody;
}

/** The release is the one that was named, the schema is the release's, the price is the owner's, and the till is the gateway's. */
async function checkQuote(client: Client, model: string, quoted: QuoteBody, signal: AbortSignal | undefined): Promise<void> {
	if (!isHex(quoted.release, 32) || !isHex(quoted.gateway, 20)) throw untrusted("its quote names no release or no gateway");
	const [facts, price, active] = await Promise.all([
		client.registry.release(quoted.release, signal),
		client.registry.price(quoted.release, quoted.priceVersion, signal),
		client.registry.isActive(quoted.gateway, "gateway", signal),
	]);
	if (!isNamed(client, model, quoted.release, facts.modelId)) throw untrusted(`it quotes release ${quoted.release}, which is not of ${model}`);
	if (!active) throw untrusted(`gateway ${quoted.gateway} has no bond in the registry`);
	if (quoted.payTo !== tillAddress(quoted.gateway, client.crypto)) throw untrusted(`its payee ${quoted.payTo} is not the till of gateway ${quoted.gateway}`);
	if (schemaDigest(quoted.inputs, client.crypto) !== facts.inputSchema || schemaDigest(quoted.outputs, client.crypto) !== facts.outputSchema)
		throw untrusted("its inputs and outputs are not those that the owner published");
	const { perCall, perInputUnit, perOutputUnit } = quoted.owner;
	if (price?.perCall !== BigInt(perCall) || price.perInputUnit !== BigInt(perInputUnit) || price.perOutputUnit !== BigInt(perOutputUnit))
		throw untrusted("its price is not the owner's");
}

function isNamed(client: Client, model: string, release: Hex, ofModel: Hex): boolean {
	if (isHex(model, 32)) return model === release;
	const parsed = parseModelName(model);
	if (parsed === undefined || modelId(parsed.namespace, parsed.name, client.crypto) !== ofModel) return false;
	return parsed.version === undefined || releaseId(ofModel, parsed.version, client.crypto) === release;
}

function untrusted(reason: string): FreeholdError {
	return new FreeholdError("gateway.untrusted", { reason });
}
