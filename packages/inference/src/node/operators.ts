/** Operators of the node registry: whose orders a node may take, and how much stands behind them. */
import type { Hex } from "@freehold/protocol";
import type { ChainEvent } from "@freehold/sdk/chain";
import { type NodeStore, type OperatorRecord, pack, unpack, type Writer } from "./tables.js";

/** Bits of an operator's roles (`NodeRegistry.ROLE_…`). */
export const roleBits = { inference: 1, gateway: 2, storage: 4, oracle: 8 } as const;
export type Role = keyof typeof roleBits;

/** `NodeRegistry.minBond` at genesis; governance may change it. */
const FIRST_MIN_BOND = 100n * 10n ** 18n;
const MIN_BOND_KEY = "minBond";
/** Difference of clocks that is forgiven: block times are whole seconds of another machine. */
const CLOCK_SKEW_SECONDS = 5;

export class OperatorBook {
	readonly #operators = new Map<Hex, OperatorRecord>();
	#minBond = FIRST_MIN_BOND;

	constructor(store: NodeStore) {
		for (const { key, value } of store.scan("operators", {})) {
			if (key === MIN_BOND_KEY) this.#minBond = unpack<bigint>(value);
			else this.#operators.set(key as Hex, unpack<OperatorRecord>(value));
		}
	}

	get minBond(): bigint {
		return this.#minBond;
	}

	get(address: Hex): OperatorRecord | undefined {
		return this.#operators.get(address);
	}

	/** Whether the operator offers the role with at least the least bond staying in. */
	isActive(address: Hex, role: Role): boolean {
		const operator = this.#operators.get(address);
		return operator !== undefined && (operator.roles & roleBits[role]) !== 0 && operator.bond - operator.unbonding >= this.#minBond;
	}

	/** Whether `key` signs for the operator at `time` (Unix seconds). */
	isKeyValid(address: Hex, key: Hex, time: number): boolean {
		const interval = this.#operators.get(address)?.keys[key];
		return interval !== undefined && interval.validFrom <= time + CLOCK_SKEW_SECONDS && (interval.validUntil === undefined || time < interval.validUntil);
	}

	/** What can still be taken from the operator for a debt: the bond less what is locked or on its way out. */
	freeBond(address: Hex): bigint {
		const operator = this.#operators.get(address);
		if (operator === undefined) return 0n;
		const free = operator.bond - operator.locked - operator.unbonding;
		return free > 0n ? free : 0n;
	}

	apply(event: ChainEvent, writer: Writer): void {
		if (event.name === "MinBondSet") {
			this.#minBond = event.args["minBond"] as bigint;
			writer.put("operators", MIN_BOND_KEY, pack(this.#minBond));
			return;
		}
		const address = lower(event.args["operator"]);
		if (address === undefined) return;
		const before = this.#operators.get(address) ?? { address, roles: 0, bond: 0n, locked: 0n, unbonding: 0n, nodeFee: 0n, keys: {} };
		const after = changed(before, event);
		this.#operators.set(address, after);
		writer.put("operators", address, pack(after));
	}
}

function changed(operator: OperatorRecord, { name, args }: ChainEvent): OperatorRecord {
	switch (name) {
		case "Registered":
			return { ...operator, roles: args["roles"] as number, nodeFee: args["nodeFee"] as bigint };
		case "RolesSet":
			return { ...operator, roles: args["roles"] as number };
		case "NodeFeeSet":
			return { ...operator, nodeFee: args["nodeFee"] as bigint };
		case "Bonded":
			return { ...operator, bond: args["bond"] as bigint };
		case "Slashed":
			return afterSlash(operator, args["bond"] as bigint, args["amount"] as bigint);
		case "BondWithdrawn":
			return { ...operator, bond: args["bond"] as bigint, unbonding: atLeastZero(operator.unbonding - (args["amount"] as bigint)) };
		case "Unbonding":
			return { ...operator, unbonding: args["amount"] as bigint };
		case "BondLocked":
		case "BondUnlocked":
			return { ...operator, locked: args["locked"] as bigint };
		case "KeyAdded":
			return withKey(operator, args["key"], { validFrom: Number(args["validFrom"]), validUntil: undefined });
		case "KeyRevoked":
			return withKey(operator, args["key"], { validUntil: Number(args["validUntil"]) });
		default:
			return operator;
	}
}

/** What is slashed was locked before; no more can be on its way out than is left. */
function afterSlash(operator: OperatorRecord, bond: bigint, amount: bigint): OperatorRecord {
	return { ...operator, bond, locked: atLeastZero(operator.locked - amount), unbonding: operator.unbonding > bond ? bond : operator.unbonding };
}

function withKey(operator: OperatorRecord, key: unknown, change: { readonly validFrom?: number; readonly validUntil: number | undefined }): OperatorRecord {
	const address = lower(key);
	if (address === undefined) return operator;
	return { ...operator, keys: { ...operator.keys, [address]: { validFrom: 0, ...operator.keys[address], ...change } } };
}

function atLeastZero(amount: bigint): bigint {
	return amount > 0n ? amount : 0n;
}

function lower(value: unknown): Hex | undefined {
	return typeof value === "string" ? (value.toLowerCase() as Hex) : undefined;
}
