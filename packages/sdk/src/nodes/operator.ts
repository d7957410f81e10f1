/** What an operator stakes and owes, as the chain has it; and every operator of the network, as the hub knows them. */
import { FreeholdError, type Hex, hubRoutes, type NodesBody } from "@freehold/protocol";
import { contracts } from "../chain/contracts.js";
import type { Client } from "../client/client.js";
import { urlOf } from "../client/http.js";
import { type Role, roles } from "../client/registry.js";

export interface OperatorView {
	readonly operator: Hex;
	readonly roles: readonly Role[];
	readonly endpoint: string;
	/** Smallest unit, a call. */
	readonly nodeFee: bigint;
	readonly bond: bigint;
	/** Held until a fault is judged. */
	readonly locked: bigint;
	/** On its way out of the bond. */
	readonly unbonding: bigint;
	/** Unix milliseconds from which `withdrawBond` pays; undefined while nothing is on its way out. */
	readonly unbondsAt: number | undefined;
	/** Enough bond stays in for what it offers. */
	readonly active: boolean;
	/** Fees and refunds that `earnings.claim` would pay out now. */
	readonly credit: bigint;
}

/**
 * An operator as the chain has it. Throws `node.notRegistered`.
 *
 * @example
 * const { bond, credit, active } = await freehold.nodes.show({ operator: me });
 */
export async function showOperator(
	client: Client,
	options: { readonly operator?: Hex; readonly signal?: AbortSignal | undefined } = {},
): Promise<OperatorView> {
	const { signal } = options;
	const operator = options.operator ?? (client.account().address.toLowerCase() as Hex);
	const [record, minBond, credit] = await Promise.all([
		client.chain.read(contracts.NodeRegistry, "operatorOf", [operator], { signal }),
		client.chain.read(contracts.NodeRegistry, "minBond", [], { signal }),
		client.chain.read(contracts.UsageLedger, "credit", [operator], { signal }),
	]);
	if (record.registeredAt === 0) throw new FreeholdError("node.notRegistered", { operator });
	return {
		operator,
		roles: rolesOf(record.roles),
		endpoint: record.endpoint,
		nodeFee: record.nodeFee,
		bond: record.bond,
		locked: record.locked,
		unbonding: record.unbonding,
		unbondsAt: record.unbonding === 0n ? undefined : Number(record.unbondsAt) * 1000,
		active: record.bond - record.unbonding >= minBond,
		credit,
	};
}

/**
 * Operators with a bond, their heartbeats, and what each has earned.
 *
 * @example
 * const nodes = await freehold.nodes.list();
 */
export async function listOperators(client: Client, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<NodesBody["nodes"]> {
	const url = urlOf(client.network.hubUrl, hubRoutes.nodes.path);
	const body = (await client.http.json(url, { what: "The hub", signal: options.signal })) as Partial<NodesBody>;
	if (!Array.isArray(body.nodes)) throw new FreeholdError("upstream.failed", { what: "The hub", reason: "not a list of nodes" });
	return body.nodes as NodesBody["nodes"];
}

export function rolesOf(bits: number): readonly Role[] {
	return (Object.keys(roles) as Role[]).filter((role) => (bits & roles[role]) !== 0);
}
