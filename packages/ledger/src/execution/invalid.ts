/** Why a transaction cannot be included: the core's codes in geth's words, which wallets and libraries look for. */
import { toHex } from "@freehold/protocol";
import type { BlockEnv, ExecutableTx, InvalidTxCode, TxOutcome } from "./types.js";

/** A refusal as the core reports it: a code, two numbers whose meaning the code gives, and a text for code 0. */
export interface CoreRefusal {
	readonly code: number;
	readonly first: bigint;
	readonly second: bigint;
	readonly text: string;
}

/** EIP-3860. */
const MAX_INIT_CODE_BYTES = 49_152n;

/** The kinds of refusal by the core's code, each with the number given, the number wanted, and the sentence. */
const refusals: readonly {
	readonly code: InvalidTxCode;
	readonly describe: (refusal: CoreRefusal, tx: ExecutableTx, env: BlockEnv) => { readonly given?: bigint; readonly wanted?: bigint; readonly reason: string };
}[] = [
	{ code: "other", describe: ({ text }) => ({ reason: text }) },
	{
		code: "nonceTooLow",
		describe: ({ first, second }) => ({ given: first, wanted: second, reason: `nonce too low: next nonce ${second}, tx nonce ${first}` }),
	},
	{
		code: "nonceTooHigh",
		describe: ({ first, second }, tx) => ({
			given: first,
			wanted: second,
			reason: `nonce too high: address ${toHex(tx.sender)}, tx: ${first} state: ${second}`,
		}),
	},
	{
		code: "insufficientFunds",
		describe: ({ first, second }, tx) => ({
			given: second,
			wanted: first,
			reason: `insufficient funds for gas * price + value: address ${toHex(tx.sender)} have ${second} want ${first}`,
		}),
	},
	{
		code: "intrinsicGas",
		describe: ({ first, second }) => ({ given: first, wanted: second, reason: `intrinsic gas too low: have ${first}, want ${second}` }),
	},
	{
		code: "intrinsicGas",
		describe: ({ first, second }) => ({ given: first, wanted: second, reason: `insufficient gas for floor data gas cost: have ${first}, want ${second}` }),
	},
	{
		code: "feeBelowBase",
		describe: (_, tx, env) => ({
			given: tx.maxFeePerGas,
			wanted: env.baseFeePerGas,
			reason: `max fee per gas less than block base fee: address ${toHex(tx.sender)}, maxFeePerGas: ${tx.maxFeePerGas}, baseFee: ${env.baseFeePerGas}`,
		}),
	},
	{
		code: "tipAboveFee",
		describe: (_, tx) => ({
			given: tx.maxPriorityFeePerGas,
			wanted: tx.maxFeePerGas,
			reason: `max priority fee per gas higher than max fee per gas: address ${toHex(tx.sender)}, maxPriorityFeePerGas: ${tx.maxPriorityFeePerGas}, maxFeePerGas: ${tx.maxFeePerGas}`,
		}),
	},
	{
		code: "blockGas",
		describe: ({ second }, tx) => ({ given: tx.gasLimit, wanted: second, reason: `gas limit reached: have ${second}, want ${tx.gasLimit}` }),
	},
	{
		code: "initCodeSize",
		describe: (_, tx) => ({
			given: BigInt(tx.data.length),
			wanted: MAX_INIT_CODE_BYTES,
			reason: `max initcode size exceeded: code size ${tx.data.length} limit ${MAX_INIT_CODE_BYTES}`,
		}),
	},
	{ code: "senderHasCode", describe: (_, tx) => ({ reason: `sender not an eoa: address ${toHex(tx.sender)}` }) },
	{ code: "nonceMax", describe: (_, tx) => ({ given: tx.nonce, reason: `nonce has max value: address ${toHex(tx.sender)}, nonce: ${tx.nonce}` }) },
	{ code: "setCode", describe: () => ({ reason: "EIP-7702 transaction with empty auth list" }) },
	{
		code: "insufficientFunds",
		describe: (_, tx) => ({ reason: `insufficient funds for gas * price + value: address ${toHex(tx.sender)} required balance exceeds 256 bits` }),
	},
	{ code: "setCode", describe: () => ({ reason: "input: EIP-7702 transaction cannot be used to create contract" }) },
];

/** The outcome of a transaction that the core refused. */
export function invalidOutcome(refusal: CoreRefusal, tx: ExecutableTx, env: BlockEnv): TxOutcome {
	const entry = refusals[refusal.code];
	if (entry === undefined) throw new RangeError(`the execution core has no refusal ${refusal.code}`);
	return { kind: "invalid", code: entry.code, ...entry.describe(refusal, tx, env) };
}
