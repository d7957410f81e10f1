/** The parts behind `--live-calls`, put together. */
import { createChainClient } from "@freehold/sdk/chain";
import { type DigestSigner, nativeCrypto } from "@freehold/service";
import type { LedgerApplication } from "../../application/application.js";
import type { CallPool } from "../../calls/call-pool.js";
import type { LedgerEvents } from "../../events.js";
import type { StateMachine } from "../../execution/types.js";
import { LiveBudget } from "./live-budget.js";
import { LiveDesk } from "./live-desk.js";
import { LiveNodes, type LiveNodesModules } from "./live-nodes.js";
import { LivePayments } from "./live-payments.js";

export interface LiveCallsOptions {
	/** Folder of what is owed. */
	readonly dir: string;
	readonly callsPerMinute: number;
	/** Smallest unit of OPG, for an hour. */
	readonly perHour: bigint;
}

export interface LiveCallsModules extends LiveNodesModules {
	readonly application: LedgerApplication;
	readonly state: Pick<StateMachine, "call" | "storage">;
	readonly calls: CallPool;
	/** Of the account that pays. */
	readonly signer: DigestSigner;
	readonly events: LedgerEvents;
	readonly random: (length: number) => Uint8Array;
	/** Told when what is owed cannot be kept. */
	readonly fail: (error: unknown) => void;
}

export interface LiveCalls {
	readonly desk: LiveDesk;
	/** Pays by transactions to this ledger, until the signal says so. */
	readonly pay: (rpcUrl: string, signal: AbortSignal) => void;
	/** After the last call has ended. */
	readonly close: () => Promise<void>;
}

export function openLiveCalls({ dir, callsPerMinute, perHour }: LiveCallsOptions, modules: LiveCallsModules): LiveCalls {
	const { application, state, calls, signer, events, random, fail, now } = modules;
	const payments = new LivePayments(dir, signer, { ...events, failed: fail });
	const desk = new LiveDesk({
		...{ state, calls, payments, random, now },
		chainId: Number(application.chainId),
		nodes: new LiveNodes(modules),
		budget: new LiveBudget({ answersPerMinute: callsPerMinute, perHour }, now),
		recover: (digest, signature) => nativeCrypto.recover(digest, signature),
		next: () => ({ env: application.nextEnv(BigInt(Math.floor(now() / 1000))), number: application.chain.head.header.number }),
	});
	let paying: Promise<void> = Promise.resolve();
	events.liveOffered(signer.address, callsPerMinute);
	return {
		desk,
		pay: (rpcUrl, signal) => {
			paying = payments.run(createChainClient({ rpcUrl }), signal);
		},
		close: async () => {
			await paying;
			await payments.close();
		},
	};
}
