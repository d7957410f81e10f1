/** `eth_call` and `eth_estimateGas`. */

import { equalBytes } from "@freehold/protocol";
import { BLOCK_GAS_LIMIT } from "../block/block.js";
import type { Asker } from "../calls/call-pool.js";
import type { Jobs } from "../calls/jobs.js";
import type { AccountAmendment, CallRequest, TxOutcome } from "../execution/types.js";
import { hexOf } from "../transaction/decode.js";
import { intrinsicGas } from "../transaction/intrinsic.js";
import { least } from "../transaction/transaction.js";
import { bytesOf, type CallTarget, callRequest, callTarget } from "./call-request.js";
import type { Methods, RpcContext } from "./context.js";
import { overriddenEnv, stateOverridesParameter } from "./overrides.js";
import { prunedIsRefused } from "./parameters.js";
import { revertError } from "./revert.js";
import { serverError } from "./rpc-error.js";
import { quantity } from "./views.js";

/** The search for the least gas ends when it is known to this share. */
const ESTIMATE_PRECISION = 67n;
const CALL_STIPEND = 2_300n;

export function callMethods(context: RpcContext): Methods {
	const { state, calls, crypto, live, application } = context;
	const run = (request: CallRequest, at: () => CallTarget, amendments: readonly AccountAmendment[], asker: Asker): Promise<TxOutcome> => {
		const input = (): Jobs["call"]["input"] => {
			const { number, env } = at();
			return { request, env, at: number, amendments };
		};
		return calls.run({ kind: "call", bytes: bytesOf(request), input }, asker).catch(prunedIsRefused);
	};
	const target = (block: unknown, blockOverrides: unknown): CallTarget => {
		const { number, env } = callTarget(context, block);
		return { number, env: overriddenEnv(env, blockOverrides) };
	};
	return {
		eth_call: async ([call, block, overrides, blockOverrides], asker) => {
			const amendments = stateOverridesParameter(overrides);
			const request = callRequest(call, crypto);
			const at = (): CallTarget => target(block, blockOverrides);
			// An earlier block asked nobody.
			if (live === undefined || at().number !== application.chain.head.header.number) return hexOf(succeeded(await run(request, at, amendments, asker)));
			const job = (): Jobs["call"]["input"] => {
				const { number, env } = at();
				return { request, env, at: number, amendments };
			};
			return hexOf(succeeded(await live.call(job, asker).catch(prunedIsRefused)));
		},
		eth_estimateGas: async ([call, block, overrides, blockOverrides], asker) => {
			const amendments = stateOverridesParameter(overrides);
			const at = target(block, blockOverrides);
			const request = callRequest(call, crypto);
			const pretended = amendments.find(({ address }) => equalBytes(address, request.from))?.balance;
			const balance = pretended ?? state.account(request.from, at.number)?.balance ?? 0n;
			const cap = gasThatSenderCanPay(request, balance);
			const most = least(request.gasLimit, cap);
			// Each attempt is a turn of its own.
			const attempt = (gasLimit: bigint) => run({ ...request, gasLimit, gasPrice: 0n }, () => at, amendments, asker);
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

/** Output of a call that succeeded; throws what its failure is on the wire. */
function succeeded(outcome: TxOutcome): Uint8Array {
	if (outcome.kind === "invalid") throw serverError(`err: ${outcome.reason}`);
	if (outcome.success) return outcome.output;
	if (outcome.halt === undefined) throw revertError(outcome.output);
	throw serverError(isOutOfGas(outcome.halt) ? "out of gas" : outcome.halt);
}

const isOutOfGas = (halt: string): boolean => /out ?of ?gas/i.test(halt);
