/** `eth_simulateV1` as a reading thread does it: blocks that were never made, on a state that may be pretended, with everything a real block has. Gives JSON. */
import { encodeRlp, fromHex, rlpInteger, systemAddresses } from "@freehold/protocol";
import { nextBaseFee } from "../block/base-fee.js";
import { assembleBlock, type Block } from "../block/block.js";
import type { Engine, Traced } from "../execution/engine.js";
import { HISTORY_ADDRESS, SYSTEM_ADDRESS, SYSTEM_CALL_GAS } from "../execution/history-contract.js";
import type { StateReader } from "../execution/state-reader.js";
import type { AccountAmendment, BlockEnv, CallRequest, ExecutableTx, InvalidTxCode, Log, TxOutcome } from "../execution/types.js";
import { revertError } from "../rpc/revert.js";
import { limitExceeded, RpcError, rpcCodes } from "../rpc/rpc-error.js";
import { blockView, quantity } from "../rpc/views.js";
import { keccak256 } from "../state/keccak.js";
import { hexOf } from "../transaction/decode.js";
import { least, type Transaction } from "../transaction/transaction.js";
import { traceBounds } from "./trace-job.js";
import { logsWithTransfers } from "./transfer-logs.js";

export interface SimulatedCall {
	readonly request: CallRequest;
	/** Undefined takes what the block has left. */
	readonly gasLimit: bigint | undefined;
	/** Undefined takes the account's. */
	readonly nonce: bigint | undefined;
	readonly maxFeePerGas: bigint;
	readonly maxPriorityFeePerGas: bigint;
}

export interface SimulatedBlock {
	/** Complete but for base fee and parent: a base fee that is undefined follows from the mode. */
	readonly env: Omit<BlockEnv, "baseFeePerGas" | "parentHash"> & { readonly baseFeePerGas: bigint | undefined };
	readonly amendments: readonly AccountAmendment[];
	readonly calls: readonly SimulatedCall[];
}

export interface SimulateJob {
	readonly at: bigint;
	/** Of block `at`. */
	readonly base: {
		readonly stateRoot: Uint8Array;
		readonly hash: Uint8Array;
		readonly baseFeePerGas: bigint;
		readonly gasUsed: bigint;
		readonly gasLimit: bigint;
	};
	readonly blocks: readonly SimulatedBlock[];
	/** Nonce, funds, fee and base fee as for real transactions. */
	readonly validation: boolean;
	readonly traceTransfers: boolean;
	readonly fullTransactions: boolean;
	/** For all calls together. */
	readonly gasBudget: bigint;
}

const REWARD_POOL = fromHex(systemAddresses.rewardPool);
/** Codes that the method's specification gives (ethereum/execution-apis). */
const refusalCodes: Partial<Record<InvalidTxCode, number>> = {
	nonceTooLow: -38010,
	nonceTooHigh: -38011,
	feeBelowBase: -38012,
	intrinsicGas: -38013,
	insufficientFunds: -38014,
	blockGas: -38015,
	senderHasCode: -38024,
	initCodeSize: -38025,
};
const VM_ERROR = -32015;

type Executed = Extract<TxOutcome, { kind: "executed" }>;
interface Done {
	readonly tx: Transaction;
	readonly outcome: Executed;
	readonly logs: readonly Log[];
}

export function simulate(reader: StateReader, job: SimulateJob): string {
	const [first] = job.blocks;
	if (first === undefined) return "[]";
	return reader.scratch({ ...first.env, baseFeePerGas: 0n, parentHash: job.base.hash }, job.at, (engine, enter) => {
		const world = reader.world(job.at, job.base.stateRoot);
		const nonces = new Nonces((address) => reader.account(address, job.at)?.nonce ?? 0n);
		let parent = job.base;
		let gasLeft = job.gasBudget;
		const texts: string[] = [];
		let size = 0;
		for (const block of job.blocks) {
			const baseFeePerGas = block.env.baseFeePerGas ?? (job.validation ? nextBaseFee(parent) : 0n);
			const env: BlockEnv = { ...block.env, baseFeePerGas, parentHash: parent.hash };
			enter(env);
			engine.amend(block.amendments);
			for (const { address, nonce } of block.amendments) if (nonce !== undefined) nonces.set(address, nonce);
			engine.system(env, { from: SYSTEM_ADDRESS, to: HISTORY_ADDRESS, data: env.parentHash, gasLimit: SYSTEM_CALL_GAS });
			const done: Done[] = [];
			let inBlock = env.gasLimit;
			for (const call of block.calls) {
				const executed = execute(engine, env, call, job, nonces, least(inBlock, gasLeft), inBlock);
				inBlock -= executed.outcome.gasUsed;
				gasLeft -= executed.outcome.gasUsed;
				done.push(executed);
			}
			engine.credit(REWARD_POOL, baseFeePerGas * (env.gasLimit - inBlock));
			const made = assembleBlock(env, done, world.apply(engine.changes().accounts));
			parent = { ...made.header, hash: made.hash };
			const text = JSON.stringify({ ...blockView(made, job.fullTransactions), calls: callViews(made, done) });
			size += text.length;
			if (size > traceBounds.answerCharacters) throw limitExceeded(`the answer is longer than ${traceBounds.answerCharacters} characters`);
			texts.push(text);
		}
		return `[${texts.join(",")}]`;
	});
}

function execute(engine: Engine, env: BlockEnv, call: SimulatedCall, job: SimulateJob, nonces: Nonces, most: bigint, inBlock: bigint): Done {
	if (call.gasLimit !== undefined && call.gasLimit > inBlock)
		throw new RpcError(refusalCodes.blockGas ?? VM_ERROR, `block gas limit reached: ${inBlock} left, the call wants ${call.gasLimit}`);
	const tx = unsigned(call, env.chainId, call.nonce ?? nonces.of(call.request.from), least(call.gasLimit ?? most, most));
	const rules = { funds: true, nonce: job.validation, fee: job.validation, keep: true };
	const wants = job.traceTransfers ? { logs: true } : { topOnly: true };
	// Nobody signed it: what it asks of models is left empty, as in a call.
	const { hash: _, ...call_ } = tx;
	const traced: Traced = engine.trace(env, call_, wants, rules, traceBounds);
	const { outcome, isFull, records, touched } = traced;
	if (outcome.kind === "invalid") throw new RpcError(refusalCodes[outcome.code ?? "other"] ?? rpcCodes.invalidParams, outcome.reason);
	if (isFull) throw limitExceeded(`a call needs more than ${traceBounds.recordBytes} bytes of records`);
	for (const { address, after } of touched) nonces.set(address, after.nonce);
	return { tx, outcome, logs: job.traceTransfers ? logsWithTransfers(records()) : outcome.logs };
}

/** The transaction that a call stands for, with a signature of zeros. */
function unsigned({ request, maxFeePerGas, maxPriorityFeePerGas }: SimulatedCall, chainId: bigint, nonce: bigint, gasLimit: bigint): Transaction {
	const { from: sender, to, value, data, accessList, authorizationList } = request;
	const type = authorizationList.length > 0 ? 4 : 2;
	const executable: ExecutableTx = { type, sender, nonce, to, value, data, gasLimit, maxFeePerGas, maxPriorityFeePerGas, accessList, authorizationList };
	const none = new Uint8Array(0);
	const fields = [
		...[chainId, nonce, maxPriorityFeePerGas, maxFeePerGas, gasLimit].map(rlpInteger),
		to ?? none,
		rlpInteger(value),
		data,
		accessList.map(({ address, storageKeys }) => [address, storageKeys]),
		...(type === 4 ? [authorizationList.map((entry) => [rlpInteger(entry.chainId), entry.address, rlpInteger(entry.nonce), none, none, none])] : []),
		...[none, none, none],
	];
	const raw = Uint8Array.from([type, ...encodeRlp(fields)]);
	const hash = keccak256(raw);
	return { ...executable, raw, hash, id: hexOf(hash), from: hexOf(sender), chainId, v: 0n, r: none, s: none };
}

function callViews({ header, id }: Block, done: readonly Done[]): unknown[] {
	let logIndex = 0;
	return done.map(({ tx, outcome, logs }, index) => ({
		returnData: hexOf(outcome.output),
		logs: logs.map((log) => ({
			address: hexOf(log.address),
			topics: log.topics.map(hexOf),
			data: hexOf(log.data),
			blockNumber: quantity(header.number),
			transactionHash: tx.id,
			transactionIndex: quantity(index),
			blockHash: id,
			blockTimestamp: quantity(header.timestamp),
			logIndex: quantity(logIndex++),
			removed: false,
		})),
		gasUsed: quantity(outcome.gasUsed),
		status: outcome.success ? "0x1" : "0x0",
		...(outcome.success ? {} : { error: failureView(outcome) }),
	}));
}

function failureView({ halt, output }: Executed): unknown {
	if (halt !== undefined) return { code: VM_ERROR, message: /out ?of ?gas/i.test(halt) ? "out of gas" : halt };
	const { code, message, data } = revertError(output);
	return { code, message, data };
}

/** What each account's next nonce is. */
class Nonces {
	readonly #read: (address: Uint8Array) => bigint;
	readonly #known = new Map<string, bigint>();

	constructor(read: (address: Uint8Array) => bigint) {
		this.#read = read;
	}

	of(address: Uint8Array): bigint {
		return this.#known.get(hexOf(address)) ?? this.#read(address);
	}

	set(address: Uint8Array, nonce: bigint): void {
		this.#known.set(hexOf(address), nonce);
	}
}
