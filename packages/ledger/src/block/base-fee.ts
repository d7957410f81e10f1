/** EIP-1559 base fee. No floor but the formula's own: whole-number division stops the fall at 7 wei. Wei per gas. */

/** What a new chain starts with: 0.001 gwei. */
export const INITIAL_BASE_FEE = 1_000_000n;

/** Where the fall ends: an eighth of less than eight is nothing. */
export const LEAST_BASE_FEE = 7n;

const ELASTICITY = 2n;
const MAX_CHANGE_DENOMINATOR = 8n;

/** Base fee of the block after `parent`. */
export function nextBaseFee(parent: { readonly baseFeePerGas: bigint; readonly gasUsed: bigint; readonly gasLimit: bigint }): bigint {
	const { baseFeePerGas, gasUsed, gasLimit } = parent;
	const target = gasLimit / ELASTICITY;
	if (gasUsed === target) return baseFeePerGas;
	if (gasUsed > target) {
		const rise = (baseFeePerGas * (gasUsed - target)) / target / MAX_CHANGE_DENOMINATOR;
		return baseFeePerGas + (rise > 0n ? rise : 1n);
	}
	return baseFeePerGas - (baseFeePerGas * (target - gasUsed)) / target / MAX_CHANGE_DENOMINATOR;
}
