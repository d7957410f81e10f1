/**
 * Where waiting transactions wait for models. Each transaction that could ask one is simulated before it may enter a block; each call that it makes becomes a
 * request to a bonded node; when the results are in the pool or in the state, it is let through behind them. None of this is consensus: what a block contains is
 * judged by executing it. The rules: `docs/concepts/contracts-that-call-models.md`.
 */
import { contractAddresses, equalBytes, fromHex, type Hex } from "@freehold/protocol";
import type { LedgerApplication } from "../application/application.js";
import type { CallPool } from "../calls/call-pool.js";
import type { BlockEnv, ModelCall, Probed, StateMachine } from "../execution/types.js";
import { EMPTY_CODE_HASH } from "../state/account.js";
import { hexOf } from "../transaction/decode.js";
import { plainTransaction, type Transaction } from "../transaction/transaction.js";
import { INFERENCE_ADDRESS, readDelivery, selector } from "./delivery.js";
import { type ModelRequest, RequestBook } from "./request-book.js";

export const pipeBounds = {
	/** Transactions that wait for results. */
	transactions: 1_024,
	transactionsOfSender: 16,
	/** Simulations of one transaction that found new calls. */
	rounds: 8,
	/** How long an assigned node has, in milliseconds. */
	attemptMs: 15_000,
	/** The assigned node and two more. */
	attempts: 3,
	/** Waiting simulations above which only destinations that have asked before are simulated. */
	congestion: 1_024,
	batch: 32,
	/** Pending transactions of the same sender that are simulated before. */
	earlier: 16,
	askers: 10_000,
	probeMs: 5_000,
} as const;

export interface PipeModules {
	readonly application: LedgerApplication;
	readonly state: Pick<StateMachine, "account" | "call">;
	readonly calls: CallPool;
	/** Unix milliseconds. */
	readonly now: () => number;
	/** Called when a transaction may enter a block now. */
	readonly notify: () => void;
	readonly onFault: (error: unknown) => void;
	readonly signal: AbortSignal;
}

interface Consumer {
	readonly tx: Transaction;
	/** Simulations that found something new. */
	rounds: number;
	/** Block on which it was let through. */
	readyAt: bigint | undefined;
	/** Ids of its calls that have no result. */
	missing: ReadonlySet<Hex>;
}

/** These never call what a caller chooses, but for one ERC-1271 check that can change nothing. */
const PLAIN: readonly Uint8Array[] = [
	contractAddresses.OPG,
	contractAddresses.UsageLedger,
	contractAddresses.Royalties,
	contractAddresses.NodeRegistry,
	contractAddresses.Channels,
].map(fromHex);
const ASSIGNED = selector("assigned(bytes32,uint256,uint8)");
const ALREADY_DELIVERED = selector("AlreadyDelivered(bytes32)");
const ASKER = "contracts that call models";
/** Reasons of the contract that no result can change. */
const FINAL_REASONS = ["unknown model", "prepaid balance is too small", "inference mode is not offered", "too many model calls"];
const VIEW_GAS = 5_000_000n;
const NOBODY = new Uint8Array(20);

export class PipeDesk {
	readonly requests: RequestBook;
	readonly #modules: PipeModules;
	/** To be simulated, in order of arrival. */
	readonly #waiting = new Map<Hex, Transaction>();
	readonly #consumers = new Map<Hex, Consumer>();
	/** Destinations that have asked, newest last. */
	readonly #askers = new Set<string>();
	/** Result transactions in the pool, by the call that they are for. */
	readonly #results = new Map<Hex, Transaction>();
	#running = false;
	#stops: readonly (() => void)[] = [];

	constructor(modules: PipeModules) {
		this.#modules = modules;
		this.requests = new RequestBook({ now: modules.now, attemptMs: pipeBounds.attemptMs });
	}

	get depth(): { readonly waiting: number; readonly consumers: number; readonly requests: number } {
		return { waiting: this.#waiting.size, consumers: this.#consumers.size, requests: this.requests.size };
	}

	start(): void {
		const { application } = this.#modules;
		this.#stops = [application.onTransaction((tx) => this.#take(tx)), application.onBlock(() => this.#afterBlock())];
	}

	stop(): void {
		for (const stop of this.#stops) stop();
	}

	/** Looks for nodes that were silent: to be called every now and then. */
	tick(): void {
		for (const request of this.requests.late()) {
			if (this.#results.has(request.id)) continue;
			if (request.attempt + 1 < pipeBounds.attempts) this.#dispatch(request, request.attempt + 1);
			else this.#drop(request.transaction);
		}
	}

	#take(tx: Transaction): void {
		const { pool } = this.#modules.application;
		const delivery = readDelivery(tx);
		if (delivery !== undefined) {
			pool.promote(tx.id);
			this.#results.set(delivery.id, tx);
			const consumer = this.#consumers.get(delivery.transaction);
			if (consumer !== undefined && [...consumer.missing].every((id) => this.#results.has(id))) this.#queue(consumer.tx);
			return;
		}
		if (!this.#mayAsk(tx)) return;
		pool.hold(tx.id);
		this.#queue(tx);
	}

	/** Whether simulating it could show a call. */
	#mayAsk({ to, data }: Transaction): boolean {
		if (to === undefined) return data.length > 0;
		if (PLAIN.some((address) => equalBytes(address, to))) return false;
		if (this.#waiting.size >= pipeBounds.congestion && !this.#askers.has(hexOf(to)) && !equalBytes(to, INFERENCE_ADDRESS)) return false;
		if (data.length > 0) return true;
		const account = this.#modules.state.account(to);
		return account !== undefined && !equalBytes(account.codeHash, EMPTY_CODE_HASH);
	}

	#queue(tx: Transaction): void {
		this.#waiting.set(tx.id, tx);
		void this.#run();
	}

	async #run(): Promise<void> {
		if (this.#running) return;
		this.#running = true;
		try {
			while (this.#waiting.size > 0 && !this.#modules.signal.aborted) await this.#probe([...this.#waiting.values()].slice(0, pipeBounds.batch));
		} finally {
			this.#running = false;
		}
	}

	/** One batch on a reading thread. Each transaction comes after what it builds on, so that it sees what it will see in a block. */
	async #probe(batch: readonly Transaction[]): Promise<void> {
		const { application, calls, signal, onFault } = this.#modules;
		for (const { id } of batch) this.#waiting.delete(id);
		const txs = new Map<Hex, Transaction>();
		for (const tx of batch) {
			for (const { tx: earlier } of application.pool.waiting(tx.from))
				if (earlier.nonce < tx.nonce && tx.nonce - earlier.nonce <= pipeBounds.earlier) txs.set(earlier.id, earlier);
			for (const id of this.#consumers.get(tx.id)?.missing ?? []) {
				const result = this.#results.get(id);
				if (result !== undefined) txs.set(result.id, result);
			}
			txs.set(tx.id, tx);
		}
		try {
			const bytes = [...txs.values()].reduce((sum, { raw }) => sum + 2 * raw.length, 0);
			const input = () => ({ env: this.#env(), at: application.chain.head.header.number, txs: [...txs.values()].map(plainTransaction) });
			const found = await calls.run({ kind: "probe", bytes, input, deadlineMs: pipeBounds.probeMs }, { name: ASKER, signal: () => signal });
			const byId = new Map([...txs.keys()].map((id, index) => [id, found[index] as Probed]));
			for (const tx of batch) this.#judge(tx, byId.get(tx.id) as Probed, (id) => isDelivered(byId.get(this.#results.get(id)?.id ?? "0x")));
		} catch (error) {
			if (signal.aborted) return;
			// What cannot be simulated alone cannot be judged: it goes on as it is, and fails in its block if an answer is missing.
			if (batch.length === 1) this.#letThrough(batch[0] as Transaction, []);
			else for (const tx of batch) await this.#probe([tx]);
			if (batch.length === 1) onFault(error);
		}
	}

	/** `hasResult`: a result for this call was accepted, whether or not the transaction could use it. */
	#judge(tx: Transaction, { outcome, calls }: Probed, hasResult: (id: Hex) => boolean): void {
		const { application } = this.#modules;
		if (application.pool.get(tx.id) === undefined) {
			this.#forget(tx.id);
			return;
		}
		// A refusal, and a result that the payer cannot pay, are results: the transaction fails with the reason.
		const open = calls.filter(({ id, isAnswered }) => !isAnswered && !hasResult(hexOf(id)));
		const isFinal = outcome.kind !== "executed" || (!outcome.success && FINAL_REASONS.some((reason) => includesText(outcome.output, reason)));
		if (calls.length > 0 && tx.to !== undefined) this.#learn(hexOf(tx.to));
		if (open.length === 0 || isFinal) {
			this.#letThrough(tx, calls);
			return;
		}
		const known = this.#consumers.get(tx.id);
		const missing = new Set(open.map(({ id }) => hexOf(id)));
		// A result that came and does not answer is of no use: the contract refused it, or the state has changed.
		for (const id of missing) this.#results.delete(id);
		const fresh = open.filter(({ id }) => !this.requests.has(hexOf(id)));
		const rounds = (known?.rounds ?? 0) + 1;
		if (known === undefined && !this.#hasRoom(tx)) {
			application.pool.drop([tx]);
			return;
		}
		if (rounds > pipeBounds.rounds) {
			this.#letThrough(tx, calls);
			return;
		}
		application.pool.hold(tx.id);
		this.#consumers.set(tx.id, { tx, rounds, readyAt: undefined, missing });
		this.requests.keepOnly(tx.id, new Set(calls.map(({ id }) => hexOf(id))));
		for (const call of fresh) this.#dispatch(requestOf(tx, call, calls.indexOf(call)), 0);
	}

	#hasRoom(tx: Transaction): boolean {
		if (this.#consumers.size >= pipeBounds.transactions) return false;
		let count = 0;
		for (const consumer of this.#consumers.values()) if (consumer.tx.from === tx.from) count++;
		return count < pipeBounds.transactionsOfSender;
	}

	#letThrough(tx: Transaction, calls: readonly ModelCall[]): void {
		const { application, notify } = this.#modules;
		const needs = calls.map(({ id }) => this.#results.get(hexOf(id))?.id).filter((id) => id !== undefined && application.pool.get(id) !== undefined);
		application.pool.release(tx.id, needs as readonly string[]);
		this.requests.keepOnly(tx.id, new Set());
		if (calls.length === 0) this.#forget(tx.id);
		else {
			const rounds = this.#consumers.get(tx.id)?.rounds ?? 0;
			this.#consumers.set(tx.id, { tx, rounds, readyAt: application.chain.head.header.number, missing: new Set(calls.map(({ id }) => hexOf(id))) });
		}
		notify();
	}

	/** Assigns a call on the newest block and offers it to that node. */
	#dispatch(request: Omit<ModelRequest, "operator" | "dispatchBlock" | "attempt">, attempt: number): void {
		const { application, state } = this.#modules;
		const { number } = application.chain.head.header;
		const data = Buffer.concat([ASSIGNED, fromHex(request.id), word(number), word(BigInt(attempt))]);
		const nothing = { value: 0n, gasPrice: 0n, accessList: [], authorizationList: [], strict: false } as const;
		const outcome = state.call({ ...nothing, from: NOBODY, to: INFERENCE_ADDRESS, data, gasLimit: VIEW_GAS }, this.#env());
		const operator = outcome.kind === "executed" && outcome.success ? hexOf(outcome.output.subarray(12, 32)) : undefined;
		this.requests.put({ ...request, operator: operator ?? "0x", dispatchBlock: number, attempt });
	}

	/** Those that were let through and are not in the block see another state now. */
	#afterBlock(): void {
		const { application } = this.#modules;
		for (const [id, result] of this.#results) if (application.pool.get(result.id) === undefined && !this.#isWaitedFor(id)) this.#results.delete(id);
		for (const { tx, readyAt } of this.#consumers.values()) {
			if (application.pool.get(tx.id) === undefined) this.#forget(tx.id);
			else if (readyAt !== undefined && readyAt < application.chain.head.header.number) this.#queue(tx);
		}
	}

	#isWaitedFor(id: Hex): boolean {
		for (const { missing } of this.#consumers.values()) if (missing.has(id)) return true;
		return false;
	}

	#drop(id: Hex): void {
		const consumer = this.#consumers.get(id);
		if (consumer !== undefined) this.#modules.application.pool.drop([consumer.tx]);
		this.#forget(id);
	}

	#forget(id: Hex): void {
		this.#consumers.delete(id);
		this.requests.keepOnly(id, new Set());
	}

	#learn(to: string): void {
		this.#askers.delete(to);
		this.#askers.add(to);
		for (const oldest of this.#askers) {
			if (this.#askers.size <= pipeBounds.askers) break;
			this.#askers.delete(oldest);
		}
	}

	#env(): BlockEnv {
		return this.#modules.application.nextEnv(BigInt(Math.floor(this.#modules.now() / 1000)));
	}
}

/** `call.request` is ABI-encoded (uint8 kind, address payer, bytes request). */
function requestOf(tx: Transaction, { id, request }: ModelCall, index: number): Omit<ModelRequest, "operator" | "dispatchBlock" | "attempt"> {
	const length = Number(BigInt(hexOf(request.subarray(96, 128))));
	return {
		id: hexOf(id),
		transaction: tx.id,
		index,
		kind: request[31] ?? 0,
		payer: hexOf(request.subarray(44, 64)),
		request: hexOf(request.subarray(128, 128 + length)),
	};
}

function isDelivered(probed: Probed | undefined): boolean {
	const outcome = probed?.outcome;
	return outcome?.kind === "executed" && (outcome.success || equalBytes(outcome.output.subarray(0, 4), ALREADY_DELIVERED));
}

function includesText(bytes: Uint8Array, text: string): boolean {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(text, 0, "latin1");
}

function word(value: bigint): Uint8Array {
	return fromHex(`0x${value.toString(16).padStart(64, "0")}`);
}
