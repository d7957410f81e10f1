/** IEEE 754 binary16 as 16 bits, rounding to nearest, ties to even. */

/** Bits of the binary16 nearest to `value`. Values from 65,520 up become infinite. */
export function toFloat16Bits(value: number): number {
	if (Number.isNaN(value)) return 0x7e00;
	const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
	const magnitude = Math.abs(value);
	if (magnitude >= 65520) return sign | 0x7c00;
	// Below 2^-14 numbers are multiples of 2^-24; above, the step is 2^-10 of the power of two beneath.
	const exponent = magnitude < 2 ** -14 ? -14 : Math.floor(Math.log2(magnitude));
	const base = magnitude < 2 ** exponent ? exponent - 1 : magnitude >= 2 ** (exponent + 1) ? exponent + 1 : exponent;
	const step = 2 ** (Math.max(base, -14) - 10);
	const units = roundHalfEven(magnitude / step);
	// units counts steps; at 2,048 it carries into the exponent, which the sum below does by itself.
	return sign | (((Math.max(base, -14) + 14) << 10) + units);
}

/** Value of binary16 bits. */
export function fromFloat16Bits(half: number): number {
	const sign = half & 0x8000 ? -1 : 1;
	const exponent = (half >> 10) & 31;
	const fraction = half & 1023;
	if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
	if (exponent === 0) return sign * fraction * 2 ** -24;
	return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function roundHalfEven(value: number): number {
	const low = Math.floor(value);
	const rest = value - low;
	if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
	return low % 2 === 0 ? low : low + 1;
}
