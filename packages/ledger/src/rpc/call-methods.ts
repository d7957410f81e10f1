/** `eth_call` and `eth_estimateGas`. */

import type { Crypto } from "@freehold/protocol";
import { limits } from "@freehold/protocol";
import { BLOCK_GAS_LIMIT } from "../block/block.js";
import type { Asker } from "../calls/call-pool.js";
import type { Jobs } from "../calls/jobs.js";
import type { AccessListItem, Authorization, BlockEnv, CallRequest, TxOutcome } from "../execution/types.js";
import { hexOf, SignedAuthorization } from "../transaction/decode.js";
import { intrinsicGas } from "../transaction/intrinsic.js";
import { least } from "../transaction/transaction.js";
import type { Methods, RpcContext } from "./context.js";
import {
	addressParameter,
	bytesParameter,
	existingBlock,
	hashParameter,
	objectParameter,
	prunedIsRefused,
	quantityParameter,
	stateBlockParameter,
} from "./parameters.js";
import { revertError } from "./revert.js";
import { invalidParams, RpcError, rpcCodes, serverError } from "./rpc-error.js";
import { quantity } from "./views.js";

const ZERO_ADDRESS = new Uint8Array(20);
/** The search for the least gas ends when it is known to this share. */
const ESTIMATE_PRECISION = 67n;
const CALL_STIPEND = 2_300n;
const MAX_LIST = 10_000;

interface Target {
	readonly number: bigint;
	readonly env: BlockEnv;
}

export function callMethods({ application, state, calls, crypto, now }: RpcContext): Methods {
	const { chain } = application;

	const target = (block: unknown): Target => {
		const { number, isPending } = stateBlockParameter(block, chain);
		if (isPending) return { number, env: application.nextEnv(BigInt(Math.floor(now() / 1000))) };
		const { header } = existingBlock(chain, number);
		const { timestamp, gasLimit, baseFeePerGas, beneficiary: coinbase, prevRandao, parentHash } = header;
		return { number, env: { chainId: application.chainId, number, timestamp, gasLimit, baseFeePerGas, coinbase, prevRandao, parentHash } };
	};
	const run = (request: CallRequest, at: () => Target, asker: Asker): Promise<TxOutcome> => {
		const input = (): Jobs["call"]["input"] => {
			const { number, env } = at();
			return { request, env, at: number };
		};
		return calls.run({ kind: "call", bytes: bytesOf(request), input }, asker).catch(prunedIsRefused);
	};
	return {
		eth_call: async ([call, block, overrides], asker) => {
			refuseOverrides(overrides);
			const request = callRequest(call, crypto);
			return hexOf(succeeded(await run(request, () => target(block), asker)));
		},
		eth_estimateGas: async ([call, block, overrides], asker) => {
			refuseOverrides(overrides);
			const at = target(block);
			const request = callRequest(call, crypto);
			const balance = state.account(request.from, at.number)?.balance ?? 0n;
			const cap = gasThatSenderCanPay(request, balance);
			const most = least(request.gasLimit, cap);
			// Each attempt is a turn of its own.
			const attempt = (gasLimit: bigint) => run({ ...request, gasLimit, gasPrice: 0n }, () => at, asker);
			return quantity(await leastGas(request, most, attempt, most < request.gasLimit));
		},
	};
}

/** The least gas with which the call succeeds, to within one part in `ESTIMATE_PRECISION`. */
async function leastGas(request: CallRequest, most: bigint, attempt: (gasLimit: bigint) => Promise<TxOutcome>, limitedByFunds: boolean): Promise<bigint> {
	const { intrinsic, floor } = intrinsicGas(request);
	let base = intrinsic;
	if (floor > base) base = floor;
	if (most < base)
		throw serverError(limitedByFunds ? `gas required exceeds allowance (${most})` : `intrinsic gas too low: gas ${most}, minimum needed ${base}`);
	const first = await attempt(most);
	if (first.kind === "executed" && !first.success && first.halt !== undefined && isOutOfGas(first.halt))
		throw serverError(`gas required exceeds allowance (${most})`);
	succeeded(first);
	if (first.kind !== "executed") throw new Error("a call that succeeded was executed");
	let enough = most;
	let little = first.gasUsed - 1n;
	const works = async (gasLimit: bigint): Promise<boolean> => {
		const outcome = await attempt(gasLimit);
		return outcome.kind === "executed" && outcome.success;
	};
	const tryGas = async (gasLimit: bigint): Promise<void> => {
		if (await works(gasLimit)) enough = gasLimit;
		else little = gasLimit;
	};
	// Most calls need what they used; those that call onward keep a 64th back (EIP-150).
	if (first.gasUsed < enough) await tryGas(first.gasUsed);
	if (enough === first.gasUsed) return enough;
	const usual = ((first.gasUsed + CALL_STIPEND) * 64n) / 63n;
	if (usual < enough) await tryGas(usual);
	while (little + 1n < enough && (enough - little) * ESTIMATE_PRECISION > enough) await tryGas((little + enough) / 2n);
	return enough;
}

function gasThatSenderCanPay({ gasPrice, value }: CallRequest, balance: bigint): bigint {
	if (value > balance) throw serverError("insufficient funds for transfer");
	if (gasPrice === 0n) return BLOCK_GAS_LIMIT;
	const affordable = (balance - value) / gasPrice;
	return least(affordable, BLOCK_GAS_LIMIT);
}

/** What a request holds in memory, roughly. */
function bytesOf({ data, accessList, authorizationList }: CallRequest): number {
	return 512 + data.length + accessList.reduce((sum, { storageKeys }) => sum + 64 + 64 * storageKeys.length, 0) + 256 * authorizationList.length;
}

/** Output of a call that succeeded; throws what its failure is on the wire. */
function succeeded(outcome: TxOutcome): Uint8Array {
	if (outcome.kind === "invalid") throw serverError(`err: ${outcome.reason}`);
	if (outcome.success) return outcome.output;
	if (outcome.halt === undefined) throw revertError(outcome.output);
	throw serverError(isOutOfGas(outcome.halt) ? "out of gas" : outcome.halt);
}

const isOutOfGas = (halt: string): boolean => /out ?of ?gas/i.test(halt);

function refuseOverrides(overrides: unknown): void {
	if (overrides === undefined || overrides === null || Object.keys(objectParameter(overrides, "overrides")).length === 0) return;
	throw new RpcError(rpcCodes.invalidParams, "state overrides: not supported here");
}

function callRequest(value: unknown, crypto: Pick<Crypto, "recover">): CallRequest {
	const call = objectParameter(value, "transaction");
	const optional = (name: string, bits: number): bigint | undefined => {
		const given = call[name];
		return given === undefined || given === null ? undefined : quantityParameter(given, name, bits);
	};
	const gas = optional("gas", 64) ?? BLOCK_GAS_LIMIT;
	const to = call["to"];
	const data = call["input"] ?? call["data"];
	return {
		from: call["from"] === undefined || call["from"] === null ? ZERO_ADDRESS : addressParameter(call["from"], "from"),
		to: to === undefined || to === null || to === "0x" ? undefined : addressParameter(to, "to"),
		value: optional("value", 256) ?? 0n,
		data: data === undefined || data === null ? new Uint8Array(0) : bytesParameter(data, "data"),
		gasLimit: least(gas, BLOCK_GAS_LIMIT),
		gasPrice: optional("gasPrice", 128) ?? optional("maxFeePerGas", 128) ?? 0n,
		accessList: listParameter(call["accessList"], "accessList").map(accessListItem),
		authorizationList: listParameter(call["authorizationList"], "authorizationList", limits.rpcAuthorizations).map((entry) => authorization(entry, crypto)),
		strict: false,
	};
}

function listParameter(value: unknown, name: string, most = MAX_LIST): readonly unknown[] {
	if (value === undefined || value === null) return [];
	if (!Array.isArray(value) || value.length > most) throw invalidParams(`${name}: must be a list of at most ${most}`);
	return value;
}

function accessListItem(value: unknown): AccessListItem {
	const { address, storageKeys } = objectParameter(value, "accessList");
	return {
		address: addressParameter(address, "accessList.address"),
		storageKeys: listParameter(storageKeys, "accessList.storageKeys").map((key) => hashParameter(key, "accessList.storageKeys")),
	};
}

function authorization(value: unknown, crypto: Pick<Crypto, "recover">): Authorization {
	const entry = objectParameter(value, "authorizationList");
	const field = (name: string, bits: number): bigint => quantityParameter(entry[name], `authorizationList.${name}`, bits);
	const { chainId, address, nonce, authority } = new SignedAuthorization(
		{
			chainId: field("chainId", 256),
			address: addressParameter(entry["address"], "authorizationList.address"),
			nonce: field("nonce", 64),
			yParity: field(entry["yParity"] === undefined ? "v" : "yParity", 8),
			r: field("r", 256),
			s: field("s", 256),
		},
		crypto,
	);
	// Plain data: it goes to another thread.
	return { chainId, address, nonce, authority };
}
