/** What a call costs: owner's price by the units used, the node's fee and the gateway's fee. All amounts in the smallest unit. */

/** One version of a release's price. */
export interface Price {
	readonly perCall: bigint;
	readonly perInputUnit: bigint;
	readonly perOutputUnit: bigint;
}

export interface Usage {
	readonly calls: bigint;
	readonly inputUnits: bigint;
	readonly outputUnits: bigint;
}

/** The owner's amount: exact, since prices are integers per unit. */
export function ownerAmount(price: Price, usage: Usage): bigint {
	return price.perCall * usage.calls + price.perInputUnit * usage.inputUnits + price.perOutputUnit * usage.outputUnits;
}

/** Charge = owner + node + gateway (design of ownership, §3.2). */
export function charge(price: Price, usage: Usage, fees: { readonly nodeFee: bigint; readonly gatewayFee: bigint }): bigint {
	return ownerAmount(price, usage) + fees.nodeFee + fees.gatewayFee;
}
