/**
 * Makes the registry say what this node offers: bond, role, endpoint, key and fee. Each step looks at the chain first, so it can be broken off anywhere and
 * begun again.
 */
import { FreeholdError, type Hex } from "@freehold/protocol";
import { type ChainClient, contracts, type Transactor } from "@freehold/sdk/chain";
import { encodeFunctionData } from "viem";
import type { NodeEvents } from "./events.js";
import { roleBits } from "./operators.js";

export interface Offer {
	readonly operator: Hex;
	readonly endpoint: string;
	/** Smallest unit. */
	readonly nodeFee: bigint;
	/** Put in when the operator is new, or when less than the least bond is left. */
	readonly bond: bigint;
}

export interface RegistrationModules {
	readonly client: ChainClient;
	readonly transactor: Transactor;
	readonly events: NodeEvents;
	readonly crashPoint: (name: string) => void;
	/** Part of the keys of this run's transactions; must never repeat. */
	readonly run: string;
}

/** Throws `config.invalid` for what only the operator can mend, and what the chain refused. */
export async function ensureRegistered(offer: Offer, modules: RegistrationModules, signal: AbortSignal): Promise<void> {
	const { client, transactor, events, crashPoint, run } = modules;
	const { operator, endpoint, nodeFee, bond } = offer;
	// Transactions of an earlier run come first: what they change is then seen below.
	await transactor.resume({ signal });
	const [record, minBond, key] = await Promise.all([
		client.read(contracts.NodeRegistry, "operatorOf", [operator], { signal }),
		client.read(contracts.NodeRegistry, "minBond", [], { signal }),
		client.read(contracts.NodeRegistry, "keyInterval", [operator, operator], { signal }),
	]);
	const registered = record.registeredAt !== 0;
	const missing = registered ? (record.bond - record.unbonding < minBond ? bond - (record.bond - record.unbonding) : 0n) : bond;
	if (!registered && bond < minBond) throw tooSmall(minBond);
	if (registered && record.bond - record.unbonding < minBond && bond < minBond) throw tooSmall(minBond);
	const send = async (step: string, to: Hex, data: Hex): Promise<void> => {
		const { hash } = await transactor.send({ key: `${run}/${step}`, to, data }, { signal });
		events.registryChanged(step, hash);
		crashPoint("inference.registry.changed");
	};
	const registry = contracts.NodeRegistry;
	if (missing > 0n) {
		const allowance = await client.read(contracts.OPG, "allowance", [operator, registry.address], { signal });
		if (allowance < missing)
			await send("approve", contracts.OPG.address, encodeFunctionData({ abi: contracts.OPG.abi, functionName: "approve", args: [registry.address, missing] }));
	}
	if (!registered) {
		const args = [roleBits.inference, endpoint, operator, nodeFee, bond] as const;
		await send("register", registry.address, encodeFunctionData({ abi: registry.abi, functionName: "register", args }));
		return;
	}
	if (missing > 0n) await send("addBond", registry.address, encodeFunctionData({ abi: registry.abi, functionName: "addBond", args: [operator, missing] }));
	if ((record.roles & roleBits.inference) === 0)
		await send("setRoles", registry.address, encodeFunctionData({ abi: registry.abi, functionName: "setRoles", args: [record.roles | roleBits.inference] }));
	if (record.endpoint !== endpoint)
		await send("setEndpoint", registry.address, encodeFunctionData({ abi: registry.abi, functionName: "setEndpoint", args: [endpoint] }));
	if (record.nodeFee !== nodeFee)
		await send("setNodeFee", registry.address, encodeFunctionData({ abi: registry.abi, functionName: "setNodeFee", args: [nodeFee] }));
	if (key.validFrom === 0n) await send("addKey", registry.address, encodeFunctionData({ abi: registry.abi, functionName: "addKey", args: [operator] }));
	else if (key.validUntil !== OPEN_END)
		throw new FreeholdError("config.invalid", { option: "--key-file", reason: `the key of ${operator} was revoked; a revoked key never signs again` });
}

/** `validUntil` of a key that is not revoked. */
const OPEN_END = 2n ** 64n - 1n;

function tooSmall(minBond: bigint): FreeholdError {
	return new FreeholdError("config.invalid", { option: "--bond", reason: `the network asks for at least ${minBond / 10n ** 18n} OPG` });
}
