/** The state of block 0: the contracts, whose constructors run at their fixed addresses, and the whole supply. */
import { genesisAllocations, genesisDeployments } from "@freehold/contracts/bytecode";
import { contractAddresses, FreeholdError, fromHex, toHex } from "@freehold/protocol";
import { INITIAL_BASE_FEE } from "../block/base-fee.js";
import { BLOCK_GAS_LIMIT } from "../block/block.js";
import type { GenesisState } from "../execution/types.js";
import { selector } from "../pipe/delivery.js";
import type { GenesisFile } from "./genesis-file.js";
import { stakingCalls } from "./genesis-validators.js";

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
		calls: [
			...file.balances.flatMap(({ address, prepaid = 0n }) => (prepaid === 0n ? [] : prepay(address, prepaid))),
			...stakingCalls(file.validators, file.staking),
		],
	};
}

/** Moves a part of an account's balance into `UsageLedger`, as the account itself would. */
function prepay(account: Uint8Array, amount: bigint): GenesisState["calls"] {
	const value = fromHex(`0x${amount.toString(16).padStart(64, "0")}`);
	const padded = (address: Uint8Array): Uint8Array => Buffer.concat([new Uint8Array(12), address]);
	const call = (to: Uint8Array, signature: string, address: Uint8Array) => ({
		from: account,
		to,
		data: Buffer.concat([selector(signature), padded(address), value]),
	});
	const ledger = fromHex(contractAddresses.UsageLedger);
	return [call(fromHex(contractAddresses.OPG), "approve(address,uint256)", ledger), call(ledger, "prepay(address,uint128)", account)];
}

function allocations(options: Parameters<typeof genesisAllocations>[0]): ReturnType<typeof genesisAllocations> {
	try {
		return genesisAllocations(options);
	} catch (error) {
		if (error instanceof RangeError) throw new FreeholdError("config.invalid", { option: "--genesis", reason: error.message }, { cause: error });
		throw error;
	}
}
