/** A gateway is an operator with a bond and a till. Both are seen to at every start; nothing is done that was done before. */
import { contractAddresses, FreeholdError, formatOpg, type Hex } from "@freehold/protocol";
import { type ChainClient, contracts, type Transactor } from "@freehold/sdk/chain";
import { pause } from "@freehold/service";
import { encodeFunctionData } from "viem";
import { roles } from "../nodes/operators.js";
import type { GatewayEvents } from "./events.js";

export interface RegistrationModules {
	readonly client: ChainClient;
	readonly transactor: Transactor;
	/** Operator and signing key. */
	readonly address: Hex;
	readonly endpoint: string;
	readonly bond: bigint;
	readonly events: GatewayEvents;
	readonly crashPoint: (name: string) => void;
	readonly signal: AbortSignal;
}

const FUNDS_RETRY_MS = 500;
/** What stays for transactions when the bond is paid. */
const GAS_RESERVE = 10n ** 17n;

export async function register(modules: RegistrationModules): Promise<void> {
	const { client, transactor, address, endpoint, events, crashPoint, signal } = modules;
	const operator = await client.read(contracts.NodeRegistry, "operatorOf", [address]);
	if (operator.registeredAt === 0) {
		await join(modules);
		events.registered(address, endpoint);
	} else {
		if ((operator.roles & roles.gateway) === 0) await call("setRoles", [operator.roles | roles.gateway], `roles:${operator.roles}`);
		if (operator.endpoint !== endpoint)
			await call("setEndpoint", [endpoint], `endpoint:${operator.endpoint}:${endpoint}:${await client.transactionCount(address)}`);
	}
	const till = await client.read(contracts.UsageLedger, "till", [address]);
	if ((await client.request("eth_getCode", [till, "latest"], { signal })) === "0x") {
		const data = encodeFunctionData({ abi: contracts.UsageLedger.abi, functionName: "openTill", args: [address] });
		await transactor.send({ key: "open-till", to: contracts.UsageLedger.address, data }, { signal });
		crashPoint("till-opened");
	}

	async function call(functionName: "setRoles" | "setEndpoint", args: readonly [number] | readonly [string], key: string): Promise<void> {
		const data = encodeFunctionData({ abi: contracts.NodeRegistry.abi, functionName, args } as Parameters<typeof encodeFunctionData>[0]);
		await transactor.send({ key, to: contracts.NodeRegistry.address, data }, { signal });
	}
}

async function join({ client, transactor, address, endpoint, bond, events, crashPoint, signal }: RegistrationModules): Promise<void> {
	const least = await client.read(contracts.NodeRegistry, "minBond", []);
	if (bond < least) throw new FreeholdError("config.invalid", { option: "--bond", reason: `must be at least ${formatOpg(least)} OPG on this network` });
	for (let told = false; (await client.balance(address)) < bond + GAS_RESERVE; told = true) {
		if (!told) events.waitingForFunds(address, formatOpg(bond + GAS_RESERVE));
		await pause(FUNDS_RETRY_MS, signal);
	}
	const approve = encodeFunctionData({ abi: contracts.OPG.abi, functionName: "approve", args: [contractAddresses.NodeRegistry, bond] });
	await transactor.send({ key: "approve-bond", to: contracts.OPG.address, data: approve }, { signal });
	crashPoint("bond-approved");
	const data = encodeFunctionData({
		abi: contracts.NodeRegistry.abi,
		functionName: "register",
		args: [roles.gateway, endpoint, address, 0n, bond],
	});
	await transactor.send({ key: "register", to: contracts.NodeRegistry.address, data }, { signal });
	crashPoint("gateway-registered");
}
