/** The SDK's client as commands use it: native primitives, channels remembered on disk, and a question before money moves into a channel. */
import { homedir } from "node:os";
import { join } from "node:path";
import { FreeholdError, formatOpg, type Hex, type NetworkFile } from "@freehold/protocol";
import { connect, type DepositPlan, depositFor, type Freehold } from "@freehold/sdk";
import { nativeCrypto } from "@freehold/service";
import { openAccount } from "../accounts/accounts.js";
import { findNetwork } from "../accounts/network.js";
import { readTrust } from "../accounts/trust.js";
import type { CommandContext } from "../context.js";
import { confirm } from "../input/prompt.js";
import { LaneFolder } from "./lane-folder.js";

export interface Visitor {
	readonly network: NetworkFile;
	readonly freehold: Freehold;
}

export interface Member extends Visitor {
	readonly address: Hex;
	readonly lanes: LaneFolder;
}

/** For looking: no key is opened. A `checkpoint` among the options is trusted in place of the network's own. */
export async function connectVisitor(context: CommandContext, options: Readonly<Record<string, unknown>> = {}): Promise<Visitor> {
	const network = await trusting(context, await findNetwork(context), options["checkpoint"]);
	return { network, freehold: connect({ network, crypto: nativeCrypto }) };
}

async function trusting(context: CommandContext, network: NetworkFile, file: unknown): Promise<NetworkFile> {
	if (file === undefined) return network;
	const { checkpoint, chainId } = await readTrust(context, file);
	if (chainId !== network.chainId) throw new FreeholdError("chain.wrongNetwork", { actual: network.chainId, expected: chainId });
	return { ...network, checkpoint };
}

/** For paying and owning: opens the key of `--account`. `deposit` is what a new channel is filled with. */
export async function connectMember(context: CommandContext, options: { readonly deposit?: bigint } = {}): Promise<Member> {
	const network = await findNetwork(context);
	const account = await openAccount(context);
	const address = account.address.toLowerCase() as Hex;
	const lanes = new LaneFolder(homeOf(context.env), network.chainId, address);
	const freehold: Freehold = connect({
		network,
		account,
		lanes,
		crypto: nativeCrypto,
		streamUploads: true,
		deposit: async (plan) => {
			const amount = depositFor(plan, options.deposit ?? plan.call * CALLS_IN_DEPOSIT, await freehold.client.chain.balance(address));
			await agree(context, plan, amount);
			return amount;
		},
	});
	return { network, freehold, address, lanes };
}

const CALLS_IN_DEPOSIT = 10n;

/** `FREEHOLD_HOME`, where keys and channels are kept. */
export function homeOf(env: NodeJS.ProcessEnv): string {
	return env["FREEHOLD_HOME"] ?? join(homedir(), ".freehold");
}

/** One question before a channel is opened or filled. Throws `payment.declined`. */
async function agree(context: CommandContext, plan: DepositPlan, amount: bigint): Promise<void> {
	if (context.yes) return;
	const what = plan.opens ? "Open a channel with" : "Add to your channel";
	const question = `${what} ${formatOpg(amount)} OPG for calls at gateway ${plan.gateway}? What is not used comes back with: freehold channel close`;
	if (!(await confirm(question, context.signal))) throw new FreeholdError("payment.declined", { amount: formatOpg(amount) });
}
