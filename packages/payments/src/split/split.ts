/**
 * Who gets what of a line, exact to the unit: the arithmetic of `UsageLedger.anchor` and `Royalties`, for showing it and for checking it.
 */
import { charge, type Hex, ownerAmount, type Price, type Usage } from "@freehold/protocol";

const BASIS_POINTS = 10_000n;

/** A release on the way of the money: its owner, and the shares of the releases it was made from. */
export interface LineageRelease {
	readonly release: Hex;
	readonly owner: Hex;
	readonly parents: readonly { readonly release: Hex; readonly bps: number }[];
	/** Everything that was split at it before; what `Royalties.received` says. Zero for a release that never earned. */
	readonly received?: bigint;
}

export interface SplitLine extends Usage {
	readonly release: Hex;
	readonly node: Hex;
	readonly gateway: Hex;
	readonly nodeFee: bigint;
	readonly gatewayFee: bigint;
}

export type SplitRole = "owner" | "ancestor" | "node" | "gateway" | "protocol" | "remainder";

export interface SplitPart {
	readonly role: SplitRole;
	/** Account that is credited; for a remainder the release that keeps it until more arrives. */
	readonly to: Hex;
	/** For owner, ancestor and remainder. */
	readonly release?: Hex;
	readonly amount: bigint;
}

export interface Split {
	readonly charge: bigint;
	/** Parts other than zero. Their sum is the charge; only a remainder can be negative. */
	readonly parts: readonly SplitPart[];
}

export interface SplitOptions {
	/** Receives the protocol fee. */
	readonly treasury: Hex;
	/** Basis points of the charge. */
	readonly protocolFeeBps: number;
}

/**
 * Parts of one line after all its royalties have flowed. `lineage` holds the line's release and all its ancestors.
 * Throws `RangeError` when a release is missing from it.
 */
export function splitOf(line: SplitLine, price: Price, lineage: ReadonlyMap<Hex, LineageRelease>, options: SplitOptions): Split {
	const total = charge(price, line, line);
	const protocol = protocolFee(total, line.gatewayFee, options.protocolFeeBps);
	const parts: SplitPart[] = [
		...royaltyParts(line.release, ownerAmount(price, line), lineage),
		{ role: "node", to: line.node, amount: line.nodeFee },
		{ role: "gateway", to: line.gateway, amount: line.gatewayFee - protocol },
		{ role: "protocol", to: options.treasury, amount: protocol },
	];
	return { charge: total, parts: parts.filter((part) => part.amount !== 0n) };
}

/** Comes out of the gateway's part, never more than it; rounded down once, on the line's sum. */
export function protocolFee(total: bigint, gatewayFee: bigint, bps: number): bigint {
	const fee = (total * BigInt(bps)) / BASIS_POINTS;
	return fee < gatewayFee ? fee : gatewayFee;
}

/** Ancestors of a release and itself, every child before its parents: one `flow` in this order moves everything to the end. */
export function flowOrder(release: Hex, lineage: ReadonlyMap<Hex, Pick<LineageRelease, "parents">>): Hex[] {
	const order: Hex[] = [];
	const seen = new Set<Hex>([release]);
	// Depth-first with its own stack: graphs may be a thousand deep.
	const stack: { readonly release: Hex; next: number }[] = [{ release, next: 0 }];
	for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
		const entry = lineage.get(top.release);
		if (entry === undefined) throw new RangeError(`release ${top.release} is not in the lineage`);
		const parent = entry.parents[top.next++]?.release;
		if (parent === undefined) {
			stack.pop();
			order.push(top.release);
		} else if (!seen.has(parent)) {
			seen.add(parent);
			stack.push({ release: parent, next: 0 });
		}
	}
	return order.reverse();
}

/** Each release splits what reaches it; a share is rounded down on the total that ever arrived, so earlier remainders are counted in. */
function royaltyParts(release: Hex, amount: bigint, lineage: ReadonlyMap<Hex, LineageRelease>): SplitPart[] {
	const arrived = new Map<Hex, bigint>([[release, amount]]);
	const parts: SplitPart[] = [];
	for (const id of flowOrder(release, lineage)) {
		const incoming = arrived.get(id) ?? 0n;
		if (incoming === 0n) continue;
		const { owner, parents, received = 0n } = lineage.get(id) as LineageRelease;
		const share = (bps: bigint): bigint => ((received + incoming) * bps) / BASIS_POINTS - (received * bps) / BASIS_POINTS;
		let ownerBps = BASIS_POINTS;
		let left = incoming;
		for (const parent of parents) {
			const bps = BigInt(parent.bps);
			const part = share(bps);
			ownerBps -= bps;
			left -= part;
			arrived.set(parent.release, (arrived.get(parent.release) ?? 0n) + part);
		}
		const rest = share(ownerBps);
		parts.push({ role: id === release ? "owner" : "ancestor", to: owner, release: id, amount: rest });
		// Fewer units than payees stay with the release; a negative rest draws on what earlier divisions left there.
		parts.push({ role: "remainder", to: id, release: id, amount: left - rest });
	}
	return parts;
}
