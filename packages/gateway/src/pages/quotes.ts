/** `GET /v1/quotes/{release}`: the itemised price of a release. */
import { isPerCallOnly, tillAddress } from "@freehold/payments";
import { charge, FreeholdError, formatOpg, type Hex, isTextFormat, limits, type Mode, modes, type QuoteBody } from "@freehold/protocol";
import { type Handler, jsonResponse } from "@freehold/service";
import type { Catalogue } from "../catalogue/catalogue.js";
import type { Manifests } from "../catalogue/manifests.js";
import type { Need } from "../nodes/capability.js";
import { withinReach } from "../nodes/choice.js";
import type { OperatorRecord } from "../store/tables.js";

export interface QuotePageModules {
	readonly catalogue: Catalogue;
	readonly manifests: Manifests;
	readonly gateway: Hex;
	readonly gatewayFee: bigint;
	readonly protocolFeeBps: () => number;
	readonly rankedNodes: (need: Need) => readonly OperatorRecord[];
	/** Unix milliseconds. */
	readonly now: () => number;
}

export function quotePage(modules: QuotePageModules): Handler {
	return async ({ params }) => {
		const { catalogue, manifests, gateway, gatewayFee, protocolFeeBps, rankedNodes, now } = modules;
		const { record, name, price } = catalogue.resolveText(params["release"] ?? "", Math.floor(now() / 1000));
		// The mode is not known yet: the first that the owner offers.
		const mode = (Object.keys(modes) as Mode[]).find((candidate) => (record.modes & (1 << modes[candidate])) !== 0) ?? "fast";
		const one = { calls: 1n, inputUnits: 0n, outputUnits: 0n };
		const reach = withinReach(rankedNodes({ format: record.format, mode }), (node) => charge(price, one, { nodeFee: node.nodeFee, gatewayFee }));
		if (reach.length === 0) throw new FreeholdError("node.unavailable", { release: name });
		const nodeFee = reach.reduce((most, node) => (node.nodeFee > most ? node.nodeFee : most), 0n);
		const manifest = await manifests.get(record.manifest);
		const tokens = isTextFormat(manifest.format);
		const total = charge(price, one, { nodeFee, gatewayFee });
		const body: QuoteBody = {
			release: record.release,
			model: name,
			priceVersion: price.version,
			owner: { perCall: price.perCall.toString(), perInputUnit: price.perInputUnit.toString(), perOutputUnit: price.perOutputUnit.toString() },
			nodeFee: nodeFee.toString(),
			gatewayFee: gatewayFee.toString(),
			protocolFeeBps: protocolFeeBps(),
			unit: tokens ? { input: "inputToken", output: "outputToken" } : { input: "element", output: "element" },
			...(isPerCallOnly(price) ? { charge: total.toString(), chargeOpg: formatOpg(total) } : {}),
			validUntil: now() + limits.quoteValidityMs,
			gateway,
			payTo: tillAddress(gateway),
			inputs: manifest.inputs,
			outputs: manifest.outputs,
		};
		return jsonResponse(body);
	};
}
