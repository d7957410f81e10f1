/**
 * Typed ABIs of the contracts, as viem takes them. Browser-safe: no bytecode is reachable from here.
 *
 * @example
 * const seq = await client.readContract({ address, abi: usageLedgerAbi, functionName: "nextSeq", args: [gateway] });
 */
export {
	channelsAbi,
	coOwnerAbi,
	coOwnersAbi,
	erc3009DepositCollectorAbi,
	exactPermit2ProxyAbi,
	genesisVestingAbi,
	historicalAbi,
	inferenceAbi,
	inferenceHubAbi,
	modelRegistryAbi,
	multicall3Abi,
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
} from "./generated/abi.js";
