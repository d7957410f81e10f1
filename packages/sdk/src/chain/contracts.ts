/** The protocol's contracts at their genesis addresses. */
import {
	channelsAbi,
	coOwnerAbi,
	coOwnersAbi,
	erc3009DepositCollectorAbi,
	exactPermit2ProxyAbi,
	historicalAbi,
	inferenceAbi,
	inferenceHubAbi,
	modelRegistryAbi,
	nodeRegistryAbi,
	opgAbi,
	permit2Abi,
	permit2DepositCollectorAbi,
	preprocessingAbi,
	royaltiesAbi,
	teeVerifierAbi,
	tillAbi,
	usageLedgerAbi,
	validatorSetAbi,
	workflowSchedulerAbi,
} from "@freehold/contracts/abi";
import { contractAddresses, type Hex } from "@freehold/protocol";
import type { Abi } from "viem";

/**
 * @example
 * const [version, price] = await client.read(contracts.ModelRegistry, "currentPrice", [release]);
 */
export const contracts = {
	OPG: { address: contractAddresses.OPG, abi: opgAbi },
	ModelRegistry: { address: contractAddresses.ModelRegistry, abi: modelRegistryAbi },
	UsageLedger: { address: contractAddresses.UsageLedger, abi: usageLedgerAbi },
	Royalties: { address: contractAddresses.Royalties, abi: royaltiesAbi },
	NodeRegistry: { address: contractAddresses.NodeRegistry, abi: nodeRegistryAbi },
	ValidatorSet: { address: contractAddresses.ValidatorSet, abi: validatorSetAbi },
	CoOwners: { address: contractAddresses.CoOwners, abi: coOwnersAbi },
	Channels: { address: contractAddresses.Channels, abi: channelsAbi },
	Erc3009DepositCollector: { address: contractAddresses.Erc3009DepositCollector, abi: erc3009DepositCollectorAbi },
	Permit2DepositCollector: { address: contractAddresses.Permit2DepositCollector, abi: permit2DepositCollectorAbi },
	ExactPermit2Proxy: { address: contractAddresses.ExactPermit2Proxy, abi: exactPermit2ProxyAbi },
	Permit2: { address: contractAddresses.Permit2, abi: permit2Abi },
	Inference: { address: contractAddresses.Inference, abi: inferenceAbi },
	Historical: { address: contractAddresses.Historical, abi: historicalAbi },
	Preprocessing: { address: contractAddresses.Preprocessing, abi: preprocessingAbi },
	TeeVerifier: { address: contractAddresses.TeeVerifier, abi: teeVerifierAbi },
	InferenceHub: { address: contractAddresses.InferenceHub, abi: inferenceHubAbi },
	WorkflowScheduler: { address: contractAddresses.WorkflowScheduler, abi: workflowSchedulerAbi },
} as const;

/** An account that `CoOwners` opened. */
export const coOwner = (address: Hex) => ({ address, abi: coOwnerAbi }) as const;

/** ABIs whose errors are known by name everywhere. */
export const protocolAbis: readonly Abi[] = [...Object.values(contracts).map((contract) => contract.abi as Abi), tillAbi as Abi, coOwnerAbi as Abi];
