/** What a node is told, what it is given to work with, and the steps at which a test may end it. */
import type { Hex } from "@freehold/protocol";
import type { Clock } from "@freehold/service";
import type { Registry } from "prom-client";
import type { Provider } from "../engine/upstream/providers.js";
import type { nodeEvents } from "./events.js";
import type { Retention } from "./retention.js";

/** Every step between two durable effects of a node. */
export const nodeCrashPoints = [
	"inference.transaction.signed",
	"inference.transaction.included",
	"inference.registry.changed",
	"inference.block.stored",
	"inference.blob.synced",
	"inference.blob.named",
	"inference.run.finished",
	"inference.answer.stored",
] as const;

export interface NodeOptions {
	readonly data: string;
	readonly rpcUrl: string;
	readonly storageUrl: string;
	readonly hubUrls: readonly string[];
	readonly chainId: number | undefined;
	/** Smallest unit of OPG. */
	readonly bond: bigint;
	/** The fee that is registered; where the operator signs elsewhere, the registry's counts. */
	readonly nodeFee: bigint;
	/** Operator that the key signs for; undefined: the key itself. */
	readonly operator: Hex | undefined;
	/** Resident bytes of one engine process. */
	readonly memoryLimit: number;
	/** Longest run, in milliseconds. */
	readonly timeLimit: number;
	readonly maxWaiting: number;
	/** Of language models. */
	readonly text: {
		readonly sequences: number;
		readonly windowTokens: number;
		readonly threads: number;
		readonly memoryBytes: number;
		readonly maxReleases: number;
		readonly runTimeoutMs: number;
	};
	/** Providers that this node has an account with. */
	readonly upstreams: readonly Provider[];
	readonly cacheBytes: number;
	/** Calls scheduled workflows that are due, for what they were funded with. */
	readonly runWorkflows: boolean;
	/** Answers a minute for calls without a transaction, at most; 0: none. */
	readonly liveCalls: number;
	readonly heartbeatMs: number;
	readonly retention: Retention;
}

export interface NodeModules {
	readonly privateKey: Uint8Array;
	/** Where it was read; may be replaced while the node runs. */
	readonly keyFile: string;
	readonly log: Parameters<typeof nodeEvents>[0];
	readonly metrics: Registry;
	readonly clock: Clock;
	readonly random: (length: number) => Uint8Array;
	/** Aborted when the program must stop at once. */
	readonly signal: AbortSignal;
	readonly onChain: (chainId: number) => void;
	readonly crashPoint: (name: string) => void;
	/** Told of a fault after which the node must not go on. */
	readonly fail: (error: unknown) => void;
}
