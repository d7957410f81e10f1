/** Leaving: notice, and taking the bond out when the notice is over. */
import { FreeholdError, formatOpg, type Hex } from "@freehold/protocol";
import { encodeFunctionData } from "viem";
import { contracts } from "../chain/contracts.js";
import type { Client } from "../client/client.js";
import { type OperatorView, showOperator } from "./operator.js";
import { sender } from "./register.js";

export interface UnbondOptions {
	/** How much is to come out in all, smallest unit; default: everything. A second notice replaces the first. */
	readonly amount?: bigint;
	readonly signal?: AbortSignal;
}

/**
 * Gives notice. The machine is asked no more when less than the network's least bond stays in; it answers for what it did until the notice is over.
 *
 * @example
 * const { unbondsAt } = await freehold.nodes.unbond();
 */
export async function unbond(client: Client, { amount, signal }: UnbondOptions = {}): Promise<OperatorView> {
	const before = await showOperator(client, { signal });
	const wanted = amount ?? before.bond;
	if (wanted <= 0n || wanted > before.bond)
		throw new FreeholdError("request.invalid", { field: "amount", reason: `must be more than 0 and at most the bond, ${formatOpg(before.bond)} OPG` });
	const { abi, address } = contracts.NodeRegistry;
	await sender(client, signal)(address, encodeFunctionData({ abi, functionName: "unbond", args: [wanted] }));
	return showOperator(client, { signal });
}

export interface Withdrawn {
	readonly amount: bigint;
	readonly transaction: Hex;
	readonly left: OperatorView;
}

/**
 * Takes out what has waited long enough. Throws `node.stillBonded` before that.
 *
 * @example
 * const { amount } = await freehold.nodes.withdrawBond();
 */
export async function withdrawBond(client: Client, options: { readonly to?: Hex; readonly signal?: AbortSignal } = {}): Promise<Withdrawn> {
	const { signal } = options;
	const before = await showOperator(client, { signal });
	const block = await client.chain.block("latest", { signal });
	if (before.unbondsAt === undefined)
		throw new FreeholdError("request.invalid", { field: "bond", reason: "no notice was given; give it first: freehold node unbond" });
	if (before.unbondsAt > Number(block?.timestamp ?? 0n) * 1000)
		throw new FreeholdError("node.stillBonded", { operator: before.operator, time: new Date(before.unbondsAt).toISOString() });
	const { abi, address } = contracts.NodeRegistry;
	const send = sender(client, signal);
	await send(address, encodeFunctionData({ abi, functionName: "withdrawBond", args: [options.to ?? before.operator] }));
	const left = await showOperator(client, { signal });
	const [transaction] = send.sent;
	return { amount: before.bond - left.bond, transaction: transaction as Hex, left };
}
