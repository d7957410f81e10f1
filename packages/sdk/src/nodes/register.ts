/** Offering a machine: bond, role, address, key and fee, in as few transactions as it takes. What the chain has already is not sent again. */
import { FreeholdError, formatOpg, type Hex } from "@freehold/protocol";
import { encodeFunctionData } from "viem";
import { contracts } from "../chain/contracts.js";
import type { Client } from "../client/client.js";
import { type Role, roles } from "../client/registry.js";
import { type OperatorView, showOperator } from "./operator.js";

export interface RegisterOptions {
	readonly role: Role;
	/** URL where others reach the machine, 1 to 256 bytes. */
	readonly endpoint: string;
	/** Key that signs for the account; default: the account itself. */
	readonly key?: Hex;
	/** What it asks for a call, smallest unit. */
	readonly nodeFee?: bigint;
	/** What the bond is brought up to, smallest unit. */
	readonly bond: bigint;
	readonly signal?: AbortSignal;
}

export interface Registered extends OperatorView {
	readonly key: Hex;
	/** Empty when everything stood in the registry before. */
	readonly transactions: readonly Hex[];
}

const NEVER = 2n ** 64n - 1n;

/**
 * Registers the account as an operator, or mends what differs. Throws `config.invalid` (bond too small, revoked key) or `account.noFunds`.
 *
 * @example
 * await freehold.nodes.register({ role: "inference", endpoint: "https://node.example", key: nodeKey, bond: 1_000n * 10n ** 18n });
 */
export async function registerOperator(client: Client, options: RegisterOptions): Promise<Registered> {
	const { endpoint, bond, signal } = options;
	const me = client.account().address.toLowerCase() as Hex;
	const key = (options.key ?? me).toLowerCase() as Hex;
	const registry = contracts.NodeRegistry;
	const [record, minBond, interval, balance] = await Promise.all([
		client.chain.read(registry, "operatorOf", [me], { signal }),
		client.chain.read(registry, "minBond", [], { signal }),
		client.chain.read(registry, "keyInterval", [me, key], { signal }),
		client.chain.balance(me, { signal }),
	]);
	if (bond < minBond) throw new FreeholdError("config.invalid", { option: "--bond", reason: `the network asks for at least ${formatOpg(minBond)} OPG` });
	if (interval.validFrom !== 0n && interval.validUntil !== NEVER)
		throw new FreeholdError("config.invalid", { option: "--key-file", reason: `the key ${key} was revoked; a revoked key never signs again` });
	const staying = record.bond - record.unbonding;
	const missing = staying < bond ? bond - staying : 0n;
	if (missing > 0n && balance <= missing) throw new FreeholdError("payment.insufficient", { given: balance, needed: missing, field: "bond" });
	const send = sender(client, signal);
	if (missing > 0n && (await client.chain.read(contracts.OPG, "allowance", [me, registry.address], { signal })) < missing)
		await send(contracts.OPG.address, encodeFunctionData({ abi: contracts.OPG.abi, functionName: "approve", args: [registry.address, missing] }));
	const { abi, address } = registry;
	if (record.registeredAt === 0) {
		const args = [roles[options.role], endpoint, key, options.nodeFee ?? 0n, bond] as const;
		await send(address, encodeFunctionData({ abi, functionName: "register", args }));
	} else {
		const wanted = record.roles | roles[options.role];
		if (missing > 0n) await send(address, encodeFunctionData({ abi, functionName: "addBond", args: [me, missing] }));
		if (record.roles !== wanted) await send(address, encodeFunctionData({ abi, functionName: "setRoles", args: [wanted] }));
		if (record.endpoint !== endpoint) await send(address, encodeFunctionData({ abi, functionName: "setEndpoint", args: [endpoint] }));
		if (options.nodeFee !== undefined && record.nodeFee !== options.nodeFee)
			await send(address, encodeFunctionData({ abi, functionName: "setNodeFee", args: [options.nodeFee] }));
		if (interval.validFrom === 0n) await send(address, encodeFunctionData({ abi, functionName: "addKey", args: [key] }));
	}
	return { ...(await showOperator(client, { operator: me, signal })), key, transactions: send.sent };
}

/**
 * A key signs for the account from the next block on; nothing is sent when it does already.
 *
 * @example
 * await freehold.nodes.addKey(nodeKey);
 */
export async function addOperatorKey(client: Client, key: Hex, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
	const { signal } = options;
	const me = client.account().address.toLowerCase() as Hex;
	const interval = await client.chain.read(contracts.NodeRegistry, "keyInterval", [me, key], { signal });
	if (interval.validUntil === NEVER) return;
	const { abi, address } = contracts.NodeRegistry;
	await sender(client, signal)(address, encodeFunctionData({ abi, functionName: "addKey", args: [key] }));
}

/**
 * Ends a key for ever. What was anchored while it was valid stays provable.
 *
 * @example
 * await freehold.nodes.revokeKey(nodeKey);
 */
export async function revokeOperatorKey(client: Client, key: Hex, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
	const { signal } = options;
	const me = client.account().address.toLowerCase() as Hex;
	const interval = await client.chain.read(contracts.NodeRegistry, "keyInterval", [me, key], { signal });
	if (interval.validFrom === 0n || interval.validUntil !== NEVER) return;
	const { abi, address } = contracts.NodeRegistry;
	await sender(client, signal)(address, encodeFunctionData({ abi, functionName: "revokeKey", args: [key] }));
}

interface Sender {
	(to: Hex, data: Hex): Promise<void>;
	readonly sent: readonly Hex[];
}

/** Each call of it is a transaction of its own, however often the verb is used. */
export function sender(client: Client, signal: AbortSignal | undefined): Sender {
	const sent: Hex[] = [];
	const run = Array.from(client.random(8), (byte) => byte.toString(16).padStart(2, "0")).join("");
	const send = async (to: Hex, data: Hex): Promise<void> => {
		const { hash } = await client.transactor().send({ key: `operator ${run} ${sent.length}`, to, data }, { signal });
		sent.push(hash);
	};
	return Object.assign(send, { sent });
}
