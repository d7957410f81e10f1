/** Operators of the node registry: roles, endpoints, bonds, fees and signing keys as its events say. */
import type { Hex } from "@freehold/protocol";
import type { ChainEvent } from "@freehold/sdk/chain";
import { type GatewayStore, type OperatorRecord, pack, unpack, type Writer } from "../store/tables.js";

/** Bits of `roles`. */
export const roles = { inference: 1, gateway: 2, storage: 4, oracle: 8 } as const;

/** Largest 64-bit number: a key that is not revoked. */
const OPEN_END = Number.MAX_SAFE_INTEGER;

export class Operators {
	readonly #operators = new Map<Hex, OperatorRecord>();
	#minBond: bigint;

	/** `minBond`: least bond of an active operator, as the chain has it now. */
	constructor(store: GatewayStore, minBond: bigint) {
		for (const { value } of store.scan("operators", {})) {
			const record = unpack<OperatorRecord>(value);
			this.#operators.set(record.address, record);
		}
		this.#minBond = minBond;
	}

	get(address: Hex): OperatorRecord | undefined {
		return this.#operators.get(address);
	}

	/** Operators that offer inference with at least the least bond staying in. */
	inference(): readonly OperatorRecord[] {
		return [...this.#operators.values()].filter((operator) => (operator.roles & roles.inference) !== 0 && operator.bond - operator.unbonding >= this.#minBond);
	}

	/** Whether `key` signs for the operator at `time` (Unix seconds). */
	isKeyValid(address: Hex, key: Hex, time: number): boolean {
		const interval = this.#operators.get(address)?.keys[key];
		return interval !== undefined && interval.validFrom <= time && time < interval.validUntil;
	}

	/** Whether the operator ended the key before `time` (Unix seconds). */
	isRevoked(address: Hex, key: Hex, time: number): boolean {
		const interval = this.#operators.get(address)?.keys[key];
		return interval !== undefined && interval.validUntil <= time;
	}

	apply(event: ChainEvent, writer: Writer): void {
		if (event.name === "MinBondSet") {
			this.#minBond = event.args["minBond"] as bigint;
			return;
		}
		const address = lower(event.args["operator"]);
		if (address === undefined) return;
		const before = this.#operators.get(address) ?? { address, roles: 0, endpoint: "", nodeFee: 0n, bond: 0n, unbonding: 0n, keys: {} };
		const after = changed(before, event);
		this.#operators.set(address, after);
		writer.put("operators", address, pack(after));
	}
}

function changed(operator: OperatorRecord, { name, args }: ChainEvent): OperatorRecord {
	switch (name) {
		case "Registered":
			return { ...operator, roles: args["roles"] as number, endpoint: args["endpoint"] as string, nodeFee: args["nodeFee"] as bigint };
		case "RolesSet":
			return { ...operator, roles: args["roles"] as number };
		case "EndpointSet":
			return { ...operator, endpoint: args["endpoint"] as string };
		case "NodeFeeSet":
			return { ...operator, nodeFee: args["nodeFee"] as bigint };
		case "Bonded":
		case "Slashed":
			return { ...operator, bond: args["bond"] as bigint };
		case "BondWithdrawn": {
			const amount = args["amount"] as bigint;
			return { ...operator, bond: args["bond"] as bigint, unbonding: operator.unbonding > amount ? operator.unbonding - amount : 0n };
		}
		case "Unbonding":
			return { ...operator, unbonding: args["amount"] as bigint };
		case "KeyAdded":
			return withKey(operator, args["key"], { validFrom: Number(args["validFrom"]), validUntil: OPEN_END });
		case "KeyRevoked":
			return withKey(operator, args["key"], { validUntil: Number(args["validUntil"]) });
		default:
			return operator;
	}
}

function withKey(operator: OperatorRecord, key: unknown, change: { readonly validFrom?: number; readonly validUntil: number }): OperatorRecord {
	const address = lower(key);
	if (address === undefined) return operator;
	const interval = { validFrom: 0, ...operator.keys[address], ...change };
	return { ...operator, keys: { ...operator.keys, [address]: interval } };
}

function lower(value: unknown): Hex | undefined {
	return typeof value === "string" ? (value.toLowerCase() as Hex) : undefined;
}
