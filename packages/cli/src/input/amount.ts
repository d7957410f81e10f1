/** Amounts of OPG on the command line: the protocol's spelling, refused with the option's name. */
import { FreeholdError, parseOpg as parse } from "@freehold/protocol";

/** Smallest units of decimal OPG. Throws `request.invalid` naming `field`. */
export function parseOpg(text: string, field: string): bigint {
	const amount = parse(text);
	if (amount === undefined) throw new FreeholdError("request.invalid", { field, reason: "must be an amount of OPG such as 1.5" });
	return amount;
}
