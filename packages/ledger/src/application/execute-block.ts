/** One EVM block: from decoded transactions to the sealed block and a result for each of them. Nothing is durable yet. */
import { fromHex, systemAddresses, type Validator } from "@freehold/protocol";
import { assembleBlock, type Block } from "../block/block.js";
import type { BlockEnv, StateMachine, TxOutcome } from "../execution/types.js";
import type { Transaction } from "../transaction/transaction.js";
import { closeEpoch, type EngineReport, reportFaults } from "../validators/staking.js";
import { type TxResult, txCodes } from "./types.js";

const EMPTY = new Uint8Array(0);
const REWARD_POOL = fromHex(systemAddresses.rewardPool);
/** Reasons after which a transaction may still be included later. */
const WAITING_CODES: ReadonlySet<string> = new Set(["nonceTooHigh", "blockGas", "feeBelowBase"]);

export interface ExecutedBlock {
	readonly block: Block;
	/** Result i belongs to transaction i. */
	readonly txResults: readonly TxResult[];
	/** All that were transactions at all. */
	readonly candidates: readonly Transaction[];
	/** Those that can never be included. */
	readonly dropped: readonly Transaction[];
	readonly validatorUpdates: readonly Validator[];
}

/** `undefined` stands for bytes that are no transaction. When this throws, the state is that of the head again. */
export function executeBlock(state: StateMachine, env: BlockEnv, txs: readonly (Transaction | undefined)[], report: EngineReport): ExecutedBlock {
	const candidates = txs.filter((tx) => tx !== undefined);
	try {
		state.beginBlock(env);
		reportFaults(state, report);
		const outcomes = state.execute(candidates);
		const included: { tx: Transaction; outcome: Extract<TxOutcome, { kind: "executed" }> }[] = [];
		const dropped: Transaction[] = [];
		let gasUsed = 0n;
		candidates.forEach((tx, index) => {
			const outcome = outcomes[index] as TxOutcome;
			if (outcome.kind === "executed") {
				included.push({ tx, outcome });
				gasUsed += outcome.gasUsed;
			} else if (!WAITING_CODES.has(outcome.code ?? "other")) dropped.push(tx);
		});
		// The execution burns the base fee; here it goes to those who secure the chain.
		state.credit(REWARD_POOL, env.baseFeePerGas * gasUsed);
		const validatorUpdates = closeEpoch(state, env);
		const block = assembleBlock(env, included, state.finishBlock());
		const rest = outcomes.values();
		const txResults = txs.map((tx) => resultOf(tx, tx === undefined ? undefined : rest.next().value));
		return { block, txResults, candidates, dropped, validatorUpdates };
	} catch (error) {
		state.discard();
		throw error;
	}
}

function resultOf(tx: Transaction | undefined, outcome: TxOutcome | undefined): TxResult {
	if (tx === undefined || outcome === undefined) return { code: txCodes.malformed, data: EMPTY, gasWanted: 0n, gasUsed: 0n };
	if (outcome.kind === "invalid") return { code: txCodes.invalid, data: EMPTY, gasWanted: tx.gasLimit, gasUsed: 0n };
	return { code: outcome.success ? txCodes.ok : txCodes.failed, data: EMPTY, gasWanted: tx.gasLimit, gasUsed: outcome.gasUsed };
}
