/** Vouchers that need no new question: together they stay within what the person put into channels with their own yes. Kept per account. */
import type { Hex } from "@freehold/protocol";

export interface Allowance {
	/** Whether a voucher for `amount` in all through `channel` lies within what was agreed to. */
	covers(channel: Hex, amount: bigint): boolean;
	raise(amount: bigint): void;
	/** Remembers a voucher; one that went beyond raises what is agreed to, since the person said yes to it. */
	sign(channel: Hex, amount: bigint): void;
}

interface Kept {
	readonly agreed: string;
	readonly signed: Readonly<Record<string, string>>;
}

type Shelf = Pick<Storage, "getItem" | "setItem">;

export function allowance(address: Hex, shelf: Shelf = localStorage): Allowance {
	const name = `freehold.allowance.${address}`;
	const read = (): Kept => {
		try {
			const kept = JSON.parse(shelf.getItem(name) ?? "") as Kept;
			return typeof kept.agreed === "string" && typeof kept.signed === "object" ? kept : NOTHING;
		} catch {
			return NOTHING;
		}
	};
	const write = (kept: Kept): void => shelf.setItem(name, JSON.stringify(kept));
	const total = (kept: Kept, channel: Hex, amount: bigint): bigint => {
		const before = BigInt(kept.signed[channel] ?? "0");
		const others = Object.entries(kept.signed).reduce((sum, [other, value]) => (other === channel ? sum : sum + BigInt(value)), 0n);
		return others + (amount > before ? amount : before);
	};
	return {
		covers: (channel, amount) => {
			const kept = read();
			return total(kept, channel, amount) <= BigInt(kept.agreed);
		},
		raise: (amount) => {
			const kept = read();
			write({ ...kept, agreed: (BigInt(kept.agreed) + amount).toString() });
		},
		sign: (channel, amount) => {
			const kept = read();
			const sum = total(kept, channel, amount);
			const before = BigInt(kept.signed[channel] ?? "0");
			const signed = { ...kept.signed, [channel]: (amount > before ? amount : before).toString() };
			write({ agreed: sum > BigInt(kept.agreed) ? sum.toString() : kept.agreed, signed });
		},
	};
}

const NOTHING: Kept = { agreed: "0", signed: {} };
