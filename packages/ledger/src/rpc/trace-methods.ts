/** `debug_trace*` and `eth_createAccessList`: executions watched again on reading threads. */
import type { Block } from "../block/block.js";
import type { Asker } from "../calls/call-pool.js";
import { callTransaction } from "../execution/engine.js";
import type { BlockEnv } from "../execution/types.js";
import type { TraceJob } from "../tracing/trace-job.js";
import { tracerParameter } from "../tracing/tracer-options.js";
import { hexOf } from "../transaction/decode.js";
import { plainTransaction } from "../transaction/transaction.js";
import { bytesOf, callRequest, callTarget } from "./call-request.js";
import type { Methods, RpcContext } from "./context.js";
import { JsonText } from "./dispatcher.js";
import { overriddenEnv, stateOverridesParameter } from "./overrides.js";
import { existingBlock, hashParameter, objectParameter, prunedIsRefused, stateBlockParameter } from "./parameters.js";
import { serverError } from "./rpc-error.js";
import { quantity } from "./views.js";

export function traceMethods(context: RpcContext): Methods {
	const { application, calls, crypto } = context;
	const { chain } = application;

	const run = async (asker: Asker, deadlineMs: number, bytes: number, input: () => TraceJob): Promise<JsonText> =>
		new JsonText(await calls.run({ kind: "trace", bytes, input, deadlineMs }, asker).catch(prunedIsRefused));

	/** The transactions of `block` from `first` on, `count` of them, after those before. */
	const traceIn = (block: Block, first: number, count: number, config: unknown, asList: boolean, asker: Asker): Promise<JsonText> => {
		const { tracer, deadlineMs } = tracerParameter(config);
		if (block.header.number === 0n) throw serverError("genesis is not traceable");
		const watched = block.transactions.slice(first, first + count).map((tx) => ({ tx: plainTransaction(tx), id: tx.id }));
		const before = block.transactions.slice(0, first).map(plainTransaction);
		const bytes = block.transactions.slice(0, first + count).reduce((sum, { raw }) => sum + 512 + raw.length, 0);
		const job = { at: block.header.number - 1n, env: envOf(block, application.chainId), before, amendments: [], watched, asList, tracer };
		return run(asker, deadlineMs, bytes, () => job);
	};
	const traceBlock = (block: Block, config: unknown, asker: Asker) => traceIn(block, 0, block.transactions.length, config, true, asker);

	return {
		debug_traceTransaction: ([hash, config], asker) => {
			const found = chain.transaction(hashParameter(hash, "transaction hash"));
			if (found === undefined) throw serverError("transaction not found");
			return traceIn(found.block, found.index, 1, config, false, asker);
		},
		debug_traceBlockByNumber: ([number, config], asker) => traceBlock(existingBlock(chain, stateBlockParameter(number, chain).number), config, asker),
		debug_traceBlockByHash: ([value, config], asker) => {
			const number = chain.numberOf(hashParameter(value, "block hash"));
			if (number === undefined) throw serverError("block not found");
			return traceBlock(existingBlock(chain, number), config, asker);
		},
		debug_traceCall: ([call, block, config], asker) => {
			const { tracer, deadlineMs } = tracerParameter(config);
			const given = config === undefined || config === null ? {} : objectParameter(config, "trace config");
			const amendments = stateOverridesParameter(given["stateOverrides"]);
			const request = callRequest(call, crypto);
			return run(asker, deadlineMs, bytesOf(request), () => {
				const { number, env } = callTarget(context, block);
				const changed = overriddenEnv(env, given["blockOverrides"]);
				const gasLimit = request.gasLimit > changed.gasLimit ? changed.gasLimit : request.gasLimit;
				return { at: number, env: changed, amendments, watched: [{ tx: callTransaction({ ...request, gasLimit }) }], asList: false, tracer };
			});
		},
		eth_createAccessList: async ([call, block, overrides], asker) => {
			const amendments = stateOverridesParameter(overrides);
			const request = callRequest(call, crypto);
			const input = () => {
				const { number, env } = callTarget(context, block);
				return { request, env, at: number, amendments };
			};
			const { list, gasUsed, error } = await calls.run({ kind: "accessList", bytes: bytesOf(request), input }, asker).catch(prunedIsRefused);
			return {
				accessList: list.map(({ address, storageKeys }) => ({ address: hexOf(address), storageKeys: storageKeys.map(hexOf) })),
				gasUsed: quantity(gasUsed),
				...(error === undefined ? {} : { error }),
			};
		},
	};
}

/** The environment that the block's transactions saw. */
export function envOf({ header }: Block, chainId: bigint): BlockEnv {
	const { number, timestamp, gasLimit, baseFeePerGas, beneficiary: coinbase, prevRandao, parentHash } = header;
	return { chainId, number, timestamp, gasLimit, baseFeePerGas, coinbase, prevRandao, parentHash };
}
