/** What a transaction costs before its first instruction, and the checks that need no state (EIP-2028, 2930, 3860, 7623, 7702). Gas amounts as bigint. */
import type { ExecutableTx } from "../execution/types.js";
import { TransactionError } from "./transaction.js";

/** EIP-3860. */
const MAX_INIT_CODE_BYTES = 49_152;

/** Gas taken before execution, and the floor that the calldata sets on the gas used (EIP-7623). */
export function intrinsicGas(tx: Pick<ExecutableTx, "to" | "data" | "accessList" | "authorizationList">): {
	readonly intrinsic: bigint;
	readonly floor: bigint;
} {
	let tokens = 0;
	for (let index = 0; index < tx.data.length; index++) tokens += tx.data[index] === 0 ? 1 : 4;
	let gas = 21_000 + 4 * tokens;
	if (tx.to === undefined) gas += 32_000 + 2 * Math.ceil(tx.data.length / 32);
	for (const { storageKeys } of tx.accessList) gas += 2_400 + 1_900 * storageKeys.length;
	gas += 25_000 * tx.authorizationList.length;
	return { intrinsic: BigInt(gas), floor: BigInt(21_000 + 10 * tokens) };
}

/** Throws `TransactionError` when no state could make the transaction valid in a block of this gas limit. */
export function checkStateless(tx: ExecutableTx, blockGasLimit: bigint): void {
	if (tx.to === undefined && tx.data.length > MAX_INIT_CODE_BYTES) {
		throw new TransactionError(`max initcode size exceeded: code size ${tx.data.length}, limit ${MAX_INIT_CODE_BYTES}`);
	}
	if (tx.gasLimit > blockGasLimit) throw new TransactionError(`exceeds block gas limit: gas ${tx.gasLimit}, limit ${blockGasLimit}`);
	if (tx.maxPriorityFeePerGas > tx.maxFeePerGas) throw new TransactionError("max priority fee per gas higher than max fee per gas");
	const { intrinsic, floor } = intrinsicGas(tx);
	if (tx.gasLimit < intrinsic) throw new TransactionError(`intrinsic gas too low: gas ${tx.gasLimit}, minimum needed ${intrinsic}`);
	if (tx.gasLimit < floor) throw new TransactionError(`insufficient gas for floor data gas cost: gas ${tx.gasLimit}, minimum needed ${floor}`);
}
