/** Values that many bodies hold. Money in decimal strings of the smallest unit, times in Unix milliseconds. */

/** Decimal string of a non-negative integer. */
export type Decimal = string;

/** A tensor as a client may spell it: the full form, or nested arrays where the schema fixes dtype and rank. */
export type JsonTensor = { readonly dtype: string; readonly shape: readonly number[]; readonly data: unknown } | readonly unknown[] | number | string | boolean;
