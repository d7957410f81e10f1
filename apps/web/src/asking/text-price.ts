/** The most that an answer of a language model can cost, before it is asked: what is allowed when it is, so nobody can be charged more than was shown. */
import { type ChatRequest, charge, maxInputTokens, maxOutputTokens, type QuoteBody } from "@freehold/protocol";

/** Smallest unit. More than the model's window holds is never counted. */
export function mostForText({ owner, nodeFee, gatewayFee }: QuoteBody, request: ChatRequest, contextTokens: number): bigint {
	const asked = maxInputTokens(request);
	const price = { perCall: BigInt(owner.perCall), perInputUnit: BigInt(owner.perInputUnit), perOutputUnit: BigInt(owner.perOutputUnit) };
	const inputUnits = asked < BigInt(contextTokens) ? asked : BigInt(contextTokens);
	return charge(price, { calls: 1n, inputUnits, outputUnits: maxOutputTokens(request) }, { nodeFee: BigInt(nodeFee), gatewayFee: BigInt(gatewayFee) });
}
