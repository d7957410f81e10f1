/** `eth_simulateV1`: what would happen if these calls came in these blocks (ethereum/execution-apis). */
import type { Crypto } from "@freehold/protocol";
import { BLOCK_GAS_LIMIT } from "../block/block.js";
import type { SimulatedBlock, SimulatedCall } from "../tracing/simulate-job.js";
import { bytesOf, callRequest } from "./call-request.js";
import type { Methods, RpcContext } from "./context.js";
import { JsonText } from "./dispatcher.js";
import { overriddenEnv, stateOverridesParameter } from "./overrides.js";
import { booleanParameter, existingBlock, objectParameter, prunedIsRefused, quantityParameter, stateBlockParameter } from "./parameters.js";
import { invalidParams, RpcError } from "./rpc-error.js";

/** The specification's bound. */
const MAX_BLOCKS = 256;
const MAX_CALLS = 1_000;
const TOO_LARGE = -38026;
const NUMBERS_FALL = -38020;
const TIMES_FALL = -38021;

type Given = Readonly<Record<string, unknown>>;
type PlannedEnv = SimulatedBlock["env"];

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

export function simulateMethods(context: RpcContext): Methods {
	const { application, calls, crypto } = context;
	const { chain } = application;
	return {
		eth_simulateV1: async ([value, block], asker) => {
			const options = objectParameter(value, "simulation");
			const given = options["blockStateCalls"];
			if (!Array.isArray(given) || given.length === 0) throw invalidParams("blockStateCalls: must be a list of at least one block");
			const flag = (name: string): boolean => booleanParameter(options[name], name);
			const { number } = stateBlockParameter(block, chain);
			const base = existingBlock(chain, number);
			const { stateRoot, baseFeePerGas, gasUsed, gasLimit, timestamp, beneficiary: coinbase } = base.header;
			const blocks = plan(
				given,
				{ chainId: application.chainId, number, timestamp, gasLimit, baseFeePerGas: undefined, coinbase, prevRandao: new Uint8Array(32) },
				crypto,
			);
			const job = {
				at: number,
				base: { stateRoot, hash: base.hash, baseFeePerGas, gasUsed, gasLimit },
				blocks,
				validation: flag("validation"),
				traceTransfers: flag("traceTransfers"),
				fullTransactions: flag("returnFullTransactions"),
				gasBudget: BLOCK_GAS_LIMIT,
			};
			if (number !== chain.head.header.number && blocks.some(({ amendments }) => amendments.some(({ onlyTheseSlots }) => onlyTheseSlots)))
				throw invalidParams("state: replaces all slots on the head's state only; name them in stateDiff");
			const bytes = blocks.reduce((sum, { calls: list }) => list.reduce((all, { request }) => all + bytesOf(request), sum + 1_024), 0);
			return new JsonText(await calls.run({ kind: "simulate", bytes, input: () => job }, asker).catch(prunedIsRefused));
		},
	};
}

/** The blocks in order, with the empty ones that stand between them. */
function plan(given: readonly unknown[], base: PlannedEnv, crypto: Pick<Crypto, "recover">): SimulatedBlock[] {
	const blocks: SimulatedBlock[] = [];
	let before = base;
	let calls = 0;
	for (const entry of given) {
		const { blockOverrides, stateOverrides, calls: list = [] } = objectParameter(entry, "blockStateCalls");
		if (!Array.isArray(list)) throw invalidParams("calls: must be a list");
		calls += list.length;
		if (calls > MAX_CALLS) throw new RpcError(TOO_LARGE, `at most ${MAX_CALLS} calls`);
		const env = envAfter(before, isGiven(blockOverrides) ? objectParameter(blockOverrides, "blockOverrides") : {});
		if (env.number - base.number > BigInt(MAX_BLOCKS)) throw new RpcError(TOO_LARGE, `at most ${MAX_BLOCKS} blocks`);
		for (let number = before.number + 1n; number < env.number; number++) {
			before = { ...before, number, timestamp: before.timestamp + 1n, baseFeePerGas: undefined, prevRandao: base.prevRandao };
			blocks.push({ env: before, amendments: [], calls: [] });
		}
		// Blocks of this chain may share a second.
		if (env.timestamp < before.timestamp) throw new RpcError(TIMES_FALL, `block timestamps must not fall: ${env.timestamp} after ${before.timestamp}`);
		blocks.push({ env, amendments: stateOverridesParameter(stateOverrides), calls: list.map((call: unknown) => simulatedCall(call, crypto)) });
		before = env;
	}
	return blocks;
}

/** Unless it is said otherwise a block comes one second after the one before. */
function envAfter(before: PlannedEnv, given: Given): PlannedEnv {
	const number = isGiven(given["number"]) ? quantityParameter(given["number"], "number", 64) : before.number + 1n;
	if (number <= before.number) throw new RpcError(NUMBERS_FALL, `block numbers must rise: ${number} after ${before.number}`);
	const standard = { ...before, number, timestamp: before.timestamp + (number - before.number), baseFeePerGas: 0n, parentHash: new Uint8Array(32) };
	const { parentHash: _, ...env } = overriddenEnv(standard, given);
	const hasFee = isGiven(given["baseFeePerGas"]) || isGiven(given["baseFee"]);
	return { ...env, baseFeePerGas: hasFee ? env.baseFeePerGas : undefined };
}

function simulatedCall(value: unknown, crypto: Pick<Crypto, "recover">): SimulatedCall {
	const given = objectParameter(value, "call");
	const optional = (name: string, bits: number): bigint | undefined => (isGiven(given[name]) ? quantityParameter(given[name], name, bits) : undefined);
	const price = optional("gasPrice", 128);
	return {
		request: callRequest(value, crypto),
		gasLimit: optional("gas", 64),
		nonce: optional("nonce", 64),
		maxFeePerGas: price ?? optional("maxFeePerGas", 128) ?? 0n,
		maxPriorityFeePerGas: price ?? optional("maxPriorityFeePerGas", 128) ?? 0n,
	};
}
