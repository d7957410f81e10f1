/** Numbers and blocks as the node's JSON spells them. */
import { FreeholdError, type Hex, isHex } from "@freehold/protocol";

export type BlockTag = bigint | "latest" | "pending" | "earliest";

export function toQuantity(value: bigint | number): Hex {
	return `0x${value.toString(16)}`;
}

export function blockParameter(block: BlockTag): string {
	return typeof block === "bigint" ? toQuantity(block) : block;
}

/** Number of a JSON-RPC quantity. Throws `upstream.failed` when it is none. */
export function fromQuantity(value: unknown, what: string): bigint {
	if (typeof value !== "string" || !/^0x[0-9a-f]{1,64}$/i.test(value)) throw malformed(what);
	return BigInt(value);
}

/** Lower-case hex of `length` bytes. Throws `upstream.failed` otherwise. */
export function asHex(value: unknown, what: string, length?: number): Hex {
	const lower = typeof value === "string" ? value.toLowerCase() : value;
	if (!isHex(lower, length)) throw malformed(what);
	return lower;
}

export function asObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed(what);
	return value as Readonly<Record<string, unknown>>;
}

export function asList(value: unknown, what: string): readonly unknown[] {
	if (!Array.isArray(value)) throw malformed(what);
	return value;
}

function malformed(what: string): FreeholdError {
	return new FreeholdError("upstream.failed", { what: "The ledger", reason: `a malformed ${what}` });
}
