/** The network that the demo runs on: the one of the data folder when it runs, else one of its own, which ends with it. */
import { FreeholdError, type NetworkFile } from "@freehold/protocol";
import { findNetwork } from "../accounts/network.js";
import { start } from "../commands/up.js";
import type { CommandContext } from "../context.js";
import type { DevelopmentAccount } from "../supervisor/data-folder.js";
import { isReady } from "../supervisor/supervisor.js";

export interface DemoNetwork {
	readonly network: NetworkFile;
	readonly accounts: readonly DevelopmentAccount[];
	readonly stop: () => Promise<void>;
}

/** Batches of the demo's own network are anchored this soon, so that nobody waits for the tenth second. */
const OWN_BATCH_AGE_MS = "1000";

export async function demoNetwork(context: CommandContext, options: Readonly<Record<string, unknown>>): Promise<DemoNetwork> {
	const joined = await runningNetwork(context);
	if (joined !== undefined) return { network: joined, accounts: await developmentAccounts(context), stop: async () => {} };
	const running = await start(
		context,
		{ batchAge: OWN_BATCH_AGE_MS, ...options },
		{ started: (supervisor) => context.signal.addEventListener("abort", () => void supervisor.drain(), { once: true }) },
	);
	return { network: running.network, accounts: await developmentAccounts(context), stop: running.stop };
}

/** Undefined when nothing answers: a file that was left behind by a killed network starts a new one. */
async function runningNetwork(context: CommandContext): Promise<NetworkFile | undefined> {
	if (context.network !== undefined) return findNetwork(context);
	const network = await context.folder.network();
	if (network === undefined) return undefined;
	const alive = (await context.folder.livingSupervisor()) !== undefined || (await isReady(network.gatewayUrl));
	return alive ? network : undefined;
}

async function developmentAccounts(context: CommandContext): Promise<readonly DevelopmentAccount[]> {
	const accounts = await context.folder.accounts();
	if (accounts === undefined)
		throw new FreeholdError("config.invalid", { option: "--data", reason: `${context.folder.accountsFile} holds the owners' keys and is missing` });
	return accounts;
}
