/** What a call can cost before it runs, and which version of a price it pays. Amounts in the smallest unit, times in Unix seconds. */
import { charge, type Price } from "@freehold/protocol";

/** A price version with its interval: in force from `validFrom` until `validUntil` (0 while it has no successor). */
export interface PriceVersion extends Price {
	readonly version: number;
	readonly validFrom: number;
	readonly validUntil: number;
}

export interface Fees {
	readonly nodeFee: bigint;
	readonly gatewayFee: bigint;
}

/** Units of a call: known for inputs, an upper bound for outputs. */
export interface UnitBounds {
	readonly inputUnits: bigint;
	readonly maxOutputUnits: bigint;
}

/** The version in force at `time`; undefined before the first. A version whose interval is empty never was in force. */
export function priceAt(versions: readonly PriceVersion[], time: number): PriceVersion | undefined {
	let current: PriceVersion | undefined;
	for (const version of versions) {
		const inForce = version.validFrom <= time && (version.validUntil === 0 || time < version.validUntil);
		if (inForce && (current === undefined || version.version > current.version)) current = version;
	}
	return current;
}

/** The most that a call can be charged: what its payer has to sign. */
export function maxCharge(price: Price, bounds: UnitBounds, fees: Fees): bigint {
	return charge(price, { calls: 1n, inputUnits: bounds.inputUnits, outputUnits: bounds.maxOutputUnits }, fees);
}

/** True when the charge does not depend on what the run makes: such calls may be paid by the `exact` scheme. */
export function isKnownInAdvance(price: Price, bounds: UnitBounds): boolean {
	return price.perOutputUnit === 0n || bounds.maxOutputUnits === 0n;
}

/** True when one charge holds for every call: neither inputs nor outputs are counted. */
export function isPerCallOnly(price: Price): boolean {
	return price.perInputUnit === 0n && price.perOutputUnit === 0n;
}
