/** The state of block 0: the contracts, whose constructors run at their fixed addresses, and the whole supply. */
import { genesisAllocations, genesisDeployments } from "@freehold/contracts/bytecode";
import { FreeholdError, fromHex, toHex } from "@freehold/protocol";
import { INITIAL_BASE_FEE } from "../block/base-fee.js";
import { BLOCK_GAS_LIMIT } from "../block/block.js";
import type { GenesisState } from "../execution/types.js";
import type { GenesisFile } from "./genesis-file.js";

/** What `initGenesis` of the state machine takes. Throws `config.invalid` when the balances ask for more than there is. */
export function genesisState(file: GenesisFile): GenesisState {
	const options = {
		genesisTime: file.timestamp,
		accounts: file.balances.map(({ address, amount }) => ({ address: toHex(address), amount })),
	};
	return {
		env: {
			chainId: BigInt(file.chainId),
			number: 0n,
			timestamp: BigInt(file.timestamp),
			gasLimit: BLOCK_GAS_LIMIT,
			baseFeePerGas: INITIAL_BASE_FEE,
			coinbase: new Uint8Array(20),
			prevRandao: new Uint8Array(32),
			parentHash: new Uint8Array(32),
		},
		balances: allocations(options).map(({ address, amount }) => ({ address: fromHex(address), balance: amount })),
		deployments: genesisDeployments(options).map(({ address, initCode }) => ({ address: fromHex(address), initCode: fromHex(initCode) })),
		calls: [],
	};
}

function allocations(options: Parameters<typeof genesisAllocations>[0]): ReturnType<typeof genesisAllocations> {
	try {
		return genesisAllocations(options);
	} catch (error) {
		if (error instanceof RangeError) throw new FreeholdError("config.invalid", { option: "--genesis", reason: error.message }, { cause: error });
		throw error;
	}
}
