/** How many numbers one call carries, for prices by size. */
import type { Dimension, Price, QuoteBody, TensorSpec } from "@freehold/protocol";

export interface CallUnits {
	readonly input: number;
	readonly output: number;
}

/** Of a call with one row: dimensions that a call decides count as one. Undefined where the file leaves the rank open. */
export function callUnits({ inputs, outputs }: { readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] }): CallUnits | undefined {
	const input = total(inputs.map(({ shape }) => shape));
	const output = total(outputs.map(({ shape }) => shape));
	return input === undefined || output === undefined ? undefined : { input, output };
}

export function perUnit({ perInputUnit, perOutputUnit }: Price): boolean {
	return perInputUnit > 0n || perOutputUnit > 0n;
}

/** What a call of that size costs, fees included, smallest unit; undefined where the price depends on a size that is not known. */
export function chargeFor(quote: QuoteBody, units: CallUnits | undefined): bigint | undefined {
	if (quote.charge !== undefined) return BigInt(quote.charge);
	if (units === undefined) return undefined;
	const { perCall, perInputUnit, perOutputUnit } = quote.owner;
	const owner = BigInt(perCall) + BigInt(perInputUnit) * BigInt(units.input) + BigInt(perOutputUnit) * BigInt(units.output);
	return owner + BigInt(quote.nodeFee) + BigInt(quote.gatewayFee);
}

function total(shapes: readonly (readonly Dimension[] | null)[]): number | undefined {
	let sum = 0;
	for (const shape of shapes) {
		if (shape === null) return undefined;
		sum += shape.reduce((product: number, dimension) => product * (typeof dimension === "number" ? dimension : 1), 1);
	}
	return sum;
}
