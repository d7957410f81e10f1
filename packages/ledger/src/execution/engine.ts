/** One instance of the execution core over one view of the state. */
import { accountFields } from "../state/account.js";
import type { AccountChange } from "../state/world-state.js";
import { AnswerReader, RequestWriter } from "./codec.js";
import type { TouchedAccount, TraceRecord, TraceRules, TraceWants } from "./trace-record.js";
import type { AccountAmendment, BlockEnv, CallRequest, ExecutableTx, Probed, TxOutcome } from "./types.js";
import { type EvmCore, instantiateEvmCore } from "./wasm.js";

/** What the core reads when its cache lacks it. */
export interface StateView {
	/** Account RLP. */
	account(address: Uint8Array): Uint8Array | undefined;
	/** Value without leading zeros. */
	slot(address: Uint8Array, slot: Uint8Array): Uint8Array | undefined;
	code(hash: Uint8Array): Uint8Array;
	blockHash(number: bigint): Uint8Array | undefined;
}

/** One watched transaction. Nothing is recorded of one that was refused. */
export interface Traced {
	readonly outcome: TxOutcome;
	/** The bounds were reached: what was recorded is cut off, and the execution with it. */
	readonly isFull: boolean;
	readonly records: () => Iterable<TraceRecord>;
	readonly touched: readonly TouchedAccount[];
}

export interface TraceBounds {
	readonly recordBytes: number;
	readonly steps: number;
}

type Operation = "execute" | "call" | "trace" | "probe" | "amend" | "system" | "deploy" | "credit" | "changes";

export class Engine {
	readonly #view: StateView;
	readonly #request = new RequestWriter();
	#core: EvmCore;
	#memory = new Uint8Array(0);
	/** The code whose size the core asked last. */
	#code = new Uint8Array(0) as Uint8Array;

	constructor(view: StateView) {
		this.#view = view;
		this.#core = this.#instantiate();
	}

	/** Cached accounts and slots: the measure of the core's memory. */
	get entries(): number {
		return this.#core.entries();
	}

	/** Executes in order; each outcome's effects are seen by the next. `gasAvailable` is what the block has left. */
	execute(env: BlockEnv, gasAvailable: bigint, txs: readonly ExecutableTx[]): TxOutcome[] {
		if (txs.length === 0) return [];
		const request = this.#request.clear().environment(env).u64(gasAvailable).u32(txs.length);
		for (const tx of txs) request.transaction(tx);
		const answer = this.#ask("execute");
		return txs.map((tx) => answer.outcome(tx, env));
	}

	/** Executes without effect. */
	call(env: BlockEnv, call: CallRequest): TxOutcome {
		return this.asking(env, call).outcome;
	}

	/** The same, with the models that it asks. */
	asking(env: BlockEnv, call: CallRequest): Probed {
		const tx = callTransaction(call);
		this.#request
			.clear()
			.environment(env)
			.u8(call.strict ? 1 : 0)
			.transaction(tx);
		const answer = this.#ask("call");
		const outcome = answer.outcome(tx, env);
		return { outcome, calls: outcome.kind === "invalid" ? [] : answer.modelCalls() };
	}

	/** Executes one transaction and records what it does. */
	trace(env: BlockEnv, tx: ExecutableTx, wants: TraceWants, rules: TraceRules, bounds: TraceBounds): Traced {
		const bits = (flags: readonly (boolean | undefined)[]): number => flags.reduce<number>((sum, flag, bit) => sum | (Number(flag === true) << bit), 0);
		this.#request.clear().environment(env);
		this.#request.u8(bits([rules.funds, rules.nonce, rules.fee, rules.keep]));
		this.#request.u8(bits([wants.calls, wants.logs, wants.steps, wants.stack, wants.memory, wants.returnData, wants.topOnly]));
		this.#request.u32(bounds.recordBytes).u32(bounds.steps).transaction(tx);
		const answer = this.#ask("trace");
		const outcome = answer.outcome(tx, env);
		return outcome.kind === "invalid" ? { outcome, isFull: false, records: () => [], touched: [] } : { outcome, ...answer.watched() };
	}

	/** Executes what waits, in order and each on the effects of the one before, to learn which models it asks. Nonces, funds and fees are not checked. */
	probe(env: BlockEnv, txs: readonly ExecutableTx[]): Probed[] {
		const request = this.#request.clear().environment(env).u32(txs.length);
		for (const tx of txs) request.transaction(tx);
		const answer = this.#ask("probe");
		return txs.map((tx) => {
			const outcome = answer.outcome(tx, env);
			return { outcome, calls: outcome.kind === "invalid" ? [] : answer.modelCalls() };
		});
	}

	/** Pretends that accounts are otherwise, until `reset`. */
	amend(list: readonly AccountAmendment[]): void {
		this.#request.clear().amendments(list);
		this.#ask("amend");
	}

	/** A call by the protocol: no fee, no nonce. Its effects stay if it succeeds. */
	system(env: BlockEnv, call: { readonly from: Uint8Array; readonly to: Uint8Array; readonly data: Uint8Array; readonly gasLimit: bigint }): TxOutcome {
		this.#request.clear().environment(env).raw(call.from, 20).raw(call.to, 20).u64(call.gasLimit).data(call.data);
		return this.#ask("system").outcome(protocolTransaction(call.from, call.data, call.gasLimit), env);
	}

	/** Runs creation code as the constructor of a fixed address. */
	deploy(env: BlockEnv, address: Uint8Array, initCode: Uint8Array, gasLimit: bigint): TxOutcome {
		this.#request.clear().environment(env).raw(address, 20).u64(gasLimit).data(initCode);
		return this.#ask("deploy").outcome(protocolTransaction(address, initCode, gasLimit), env);
	}

	credit(address: Uint8Array, amount: bigint): void {
		this.#request.clear().raw(address, 20).word(amount);
		this.#ask("credit");
	}

	/** What changed since the last time this was asked. */
	changes(): { accounts: AccountChange[]; codes: { hash: Uint8Array; code: Uint8Array }[] } {
		this.#request.clear();
		return this.#ask("changes").changes();
	}

	/** Forgets cached state and changes: what is read next comes from the view. */
	reset(): void {
		this.#core.reset();
	}

	#ask(operation: Operation): AnswerReader {
		const request = this.#request.bytes;
		try {
			const offset = this.#core.input(request.length);
			this.#bytes().set(request, offset);
			const length = this.#core[operation]();
			const start = this.#core.output();
			return new AnswerReader(this.#bytes().slice(start, start + length));
		} catch (error) {
			// A trap, or a failing read, leaves the instance in the middle of its work: it is not used again.
			this.#core = this.#instantiate();
			throw error;
		}
	}

	/** The core's memory; growing it makes a new buffer. */
	#bytes(): Uint8Array {
		if (this.#memory.buffer !== this.#core.memory.buffer) this.#memory = new Uint8Array(this.#core.memory.buffer);
		return this.#memory;
	}

	#read(offset: number, length: number): Uint8Array {
		return this.#bytes().slice(offset, offset + length);
	}

	#instantiate(): EvmCore {
		return instantiateEvmCore({
			account: (address, out) => {
				const rlp = this.#view.account(this.#read(address, 20));
				if (rlp === undefined) return 0;
				const { nonce, balance, codeHash } = accountFields(rlp);
				const memory = this.#bytes();
				memory.fill(0, out, out + 40);
				for (let index = 0; index < nonce.length; index++) memory[out + index] = nonce[nonce.length - 1 - index] as number;
				memory.set(balance, out + 40 - balance.length);
				memory.set(codeHash, out + 40);
				return 1;
			},
			storage: (address, slot, out) => {
				const value = this.#view.slot(this.#read(address, 20), this.#read(slot, 32));
				if (value !== undefined) this.#bytes().set(value, out + 32 - value.length);
			},
			code_size: (hash) => {
				this.#code = this.#view.code(this.#read(hash, 32));
				return this.#code.length;
			},
			code_read: (out) => this.#bytes().set(this.#code, out),
			block_hash: (number, out) => {
				const hash = this.#view.blockHash(BigInt.asUintN(64, number));
				if (hash !== undefined) this.#bytes().set(hash, out);
			},
		});
	}
}

/** The transaction that a call stands for: of the least type that can carry its lists. */
export function callTransaction(call: CallRequest): ExecutableTx {
	return {
		type: call.authorizationList.length > 0 ? 4 : call.accessList.length > 0 ? 1 : 0,
		sender: call.from,
		nonce: 0n,
		to: call.to,
		value: call.value,
		data: call.data,
		gasLimit: call.gasLimit,
		maxFeePerGas: call.gasPrice,
		maxPriorityFeePerGas: call.gasPrice,
		accessList: call.accessList,
		authorizationList: call.authorizationList,
	};
}

function protocolTransaction(sender: Uint8Array, data: Uint8Array, gasLimit: bigint): ExecutableTx {
	return {
		type: 0,
		sender,
		nonce: 0n,
		to: undefined,
		value: 0n,
		data,
		gasLimit,
		maxFeePerGas: 0n,
		maxPriorityFeePerGas: 0n,
		accessList: [],
		authorizationList: [],
	};
}
