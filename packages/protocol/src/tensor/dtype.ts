/** Element types of tensors, their widths, and the names that programs and JSON use for them. */

export const dtypes = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "string"] as const;

export type Dtype = (typeof dtypes)[number];

/** Bytes of one element; 0 for strings, whose elements carry their own length. */
export const elementBytes: { readonly [dtype in Dtype]: number } = {
	float16: 2,
	float32: 4,
	float64: 8,
	int8: 1,
	int16: 2,
	int32: 4,
	int64: 8,
	uint8: 1,
	uint16: 2,
	uint32: 4,
	uint64: 8,
	bool: 1,
	string: 0,
};

const known: ReadonlySet<unknown> = new Set(dtypes);

export function isDtype(value: unknown): value is Dtype {
	return known.has(value);
}
