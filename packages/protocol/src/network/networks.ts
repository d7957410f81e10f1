/** Networks by chain id, the genesis addresses that they share, and the file that describes a running one. */
import type { Hex } from "../bytes/bytes.js";

export interface NetworkEntry {
	readonly chainId: number;
	readonly name: string;
	/** Chain id in consensus headers. */
	readonly consensusChainId: string;
	/** Development networks have public keys with money in them, a faucet, and accept simulated attestations. */
	readonly development: boolean;
}

export const networks: readonly NetworkEntry[] = [
	{ chainId: 10740, name: "freehold", consensusChainId: "freehold-10740", development: false },
	{ chainId: 10741, name: "local", consensusChainId: "freehold-10741", development: true },
];

export function networkOf(chainId: number): NetworkEntry | undefined {
	return networks.find((network) => network.chainId === chainId);
}

const MODEL_REGISTRY = "0x4f50470000000000000000000000000000000002";
const USAGE_LEDGER = "0x4f50470000000000000000000000000000000003";
const NODE_REGISTRY = "0x4f50470000000000000000000000000000000005";

/** The contracts whose state receipts and certificates prove: all that a verifier needs to know of. */
export const provenAddresses = { ModelRegistry: MODEL_REGISTRY, UsageLedger: USAGE_LEDGER, NodeRegistry: NODE_REGISTRY } as const satisfies Record<string, Hex>;

/** Genesis addresses, equal on every network. The x402 and Permit2 ones are the canonical addresses of those protocols. */
export const contractAddresses = {
	OPG: "0x4f50470000000000000000000000000000000001",
	ModelRegistry: MODEL_REGISTRY,
	UsageLedger: USAGE_LEDGER,
	Royalties: "0x4f50470000000000000000000000000000000004",
	NodeRegistry: NODE_REGISTRY,
	CoOwners: "0x4f50470000000000000000000000000000000008",
	ValidatorSet: "0x4f50470000000000000000000000000000000009",
	Channels: "0x4020074e9df2ce1dee5a9c1b5c3f541d02a10003",
	Erc3009DepositCollector: "0x4020806089470a89826cb9fb1f4059150b550004",
	Permit2DepositCollector: "0x4020425faf3b746c082c2f942b4e5159887b0005",
	ExactPermit2Proxy: "0x402085c248eea27d92e8b30b2c58ed07f9e20001",
	Permit2: "0x000000000022d473030f116ddee9f6b43ac78ba3",
	Inference: "0x00000000000000000000000000000000000000f4",
	Historical: "0x00000000000000000000000000000000000000f5",
	Preprocessing: "0x00000000000000000000000000000000000000f6",
	TeeVerifier: "0x0000000000000000000000000000000000000900",
	InferenceHub: "0x8383c9bd7462f12eb996dd02f78234c0421a6fae",
	WorkflowScheduler: "0x7179724de4e7ff9271fa40c0337c7f90c0508ef6",
} as const satisfies Record<string, Hex>;

export type ContractName = keyof typeof contractAddresses;

export const systemAddresses = {
	ed25519Precompile: "0x00000000000000000000000000000000000000fb",
	pipePrecompile: "0x00000000000000000000000000000000000000fc",
	transferPrecompile: "0x00000000000000000000000000000000000000fd",
	rewardPool: "0x4f50470000000000000000000000000000000006",
	treasury: "0x4f50470000000000000000000000000000000007",
} as const satisfies Record<string, Hex>;

/** What a verifier trusts: who orders blocks, and one block of theirs. Height and hash are the consensus header's. */
export type Checkpoint =
	| { readonly kind: "sequencer"; readonly signer: Hex; readonly height: number; readonly hash: Hex }
	| { readonly kind: "validators"; readonly validatorsHash: Hex; readonly height: number; readonly hash: Hex };

/** `checkpoint.json` of a data folder. */
export interface CheckpointFile {
	readonly version: 1;
	readonly chainId: number;
	readonly contracts: Readonly<Record<string, Hex>>;
	readonly checkpoint: Checkpoint;
}

/** `network.json` of a running network, also served at `GET /network.json` by the gateway. */
export interface NetworkFile extends CheckpointFile {
	readonly name: string;
	readonly rpcUrl: string;
	readonly wsUrl: string;
	readonly gatewayUrl: string;
	readonly hubUrl: string;
	readonly storageUrl: string;
	readonly webUrl: string;
}
