/** Calls of contracts, which come from the ledger and not from gateways, and the workflows that are due. */
import type { Hex } from "@freehold/protocol";
import { type ChainClient, createTransactor } from "@freehold/sdk/chain";
import { type Clock, createDigestSigner, nativeCrypto, type OperatorKey } from "@freehold/service";
import { WorkflowExecutor } from "../pipe/executor.js";
import { LiveService } from "../pipe/live-service.js";
import { PipeService, type PipeServiceModules } from "../pipe/pipe-service.js";
import type { NodeEvents } from "./events.js";

export interface ContractCallModules extends Pick<PipeServiceModules, "releases" | "height" | "runners" | "nodeFee"> {
	readonly operator: Hex;
	readonly key: OperatorKey;
	readonly privateKey: Uint8Array;
	readonly client: ChainClient;
	readonly clock: Clock;
	readonly events: NodeEvents;
	readonly runWorkflows: boolean;
	/** Answers a minute for calls without a transaction, at most; 0: none. */
	readonly liveCalls: number;
}

/** Before the node's private key: the hash of both is the key of the account that runs workflows. */
const EXECUTOR_KEY = Buffer.from("freehold workflow executor");

/** Until it is told to stop. */
export async function answerContracts(modules: ContractCallModules, signal: AbortSignal): Promise<void> {
	const { operator, key, client, clock, events, releases, height, runners, nodeFee, liveCalls } = modules;
	const transactor = createTransactor({ client, signer: key });
	const common = { operator, client, clock, events };
	const terms = { releases, height, runners, nodeFee };
	const service = new PipeService({ ...common, ...terms, transactor });
	const executor = createDigestSigner(nativeCrypto.keccak256(Buffer.concat([EXECUTOR_KEY, modules.privateKey])));
	const executing = { ...common, transactor: createTransactor({ client, signer: executor }), treasurer: transactor };
	const workflows = modules.runWorkflows ? new WorkflowExecutor(executing).run(signal) : undefined;
	const answering = { ...common, ...terms, key, chainId: () => client.chainId({ signal }), perMinute: liveCalls };
	const live = liveCalls === 0 ? undefined : new LiveService(answering).run(signal);
	await Promise.all([service.run(signal), workflows, live]);
}
