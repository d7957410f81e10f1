/**
 * What each gateway owes for calls that this node has answered and no batch has paid yet: the owner's amount and the node's fee. A gateway is served while
 * this stays within half of its free bond, so that a bond always covers debt and penalty (design of ownership, §3.4).
 */
import { FreeholdError, type Hex } from "@freehold/protocol";
import type { ChainEvent } from "@freehold/sdk/chain";
import { load, type NodeStore, pack, unpack, type Writer } from "./tables.js";

export class Exposure {
	readonly #store: NodeStore;
	readonly #node: Hex;
	/** Calls that run now, at the most they can cost. */
	readonly #reserved = new Map<Hex, bigint>();

	constructor(store: NodeStore, node: Hex) {
		this.#store = store;
		this.#node = node;
	}

	/** Owed and not yet paid, without the calls that run now. */
	owed(gateway: Hex): bigint {
		return load<bigint>(this.#store, "exposure", gateway) ?? 0n;
	}

	/** Sets `most` aside for a call. Throws `order.unbacked` beyond half of `freeBond`. The returned function gives it back. */
	reserve(gateway: Hex, most: bigint, freeBond: bigint): () => void {
		const reserved = (this.#reserved.get(gateway) ?? 0n) + most;
		const owed = this.owed(gateway) + reserved;
		if (owed > freeBond / 2n) throw new FreeholdError("order.unbacked", { owed, limit: String(freeBond / 2n) });
		this.#reserved.set(gateway, reserved);
		let given = false;
		return () => {
			if (given) return;
			given = true;
			const left = (this.#reserved.get(gateway) ?? 0n) - most;
			if (left > 0n) this.#reserved.set(gateway, left);
			else this.#reserved.delete(gateway);
		};
	}

	/** A call was answered. */
	add(gateway: Hex, amount: bigint, writer: Writer): void {
		this.#change(gateway, amount, writer);
	}

	/** A batch paid for calls of this node. Lines that the contract holds back have paid nobody. */
	apply({ name, args }: ChainEvent, writer: Writer): void {
		if (name !== "LinePaid" || (args["node"] as string).toLowerCase() !== this.#node) return;
		const paid = (args["ownerAmount"] as bigint) + (args["nodeFee"] as bigint);
		this.#change((args["gateway"] as string).toLowerCase() as Hex, -paid, writer);
	}

	#change(gateway: Hex, amount: bigint, writer: Writer): void {
		const bytes = writer.get("exposure", gateway);
		const owed = (bytes === undefined ? 0n : unpack<bigint>(bytes)) + amount;
		// Below zero only after this folder was lost: earlier payments say nothing of later calls.
		writer.put("exposure", gateway, pack(owed > 0n ? owed : 0n));
	}
}
