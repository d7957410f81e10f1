/**
 * Where waiting transactions wait for models. Each transaction that could ask one is simulated before it may enter a block; each call that it makes becomes a
 * request to a bonded node; when the results are in the pool or in the state, it is let through behind them. None of this is consensus: what a block contains is
 * judged by executing it. The rules: `docs/concepts/contracts-that-call-models.md`.
 */
import { contractAddresses, equalBytes, fromHex, type Hex } from "@freehold/protocol";
import type { LedgerApplication } from "../application/application.js";
import type { Block } from "../block/block.js";
import type { CallPool } from "../calls/call-pool.js";
import type { BlockEnv, ModelCall, Probed, StateMachine, TxOutcome } from "../execution/types.js";
import { EMPTY_CODE_HASH } from "../state/account.js";
import { hexOf } from "../transaction/decode.js";
import { plainTransaction, type Transaction } from "../transaction/transaction.js";
import { INFERENCE_ADDRESS, isHousekeeping, readDelivery, readOpenings, selector } from "./delivery.js";
import { type AskedModel, RequestBook } from "./request-book.js";
import { eventsIn, OPENING_MS, Sortition } from "./sortition.js";

export const pipeBounds = {
	/** Transactions that wait for results. */
	transactions: 1_024,
	transactionsOfSender: 16,
	/** Simulations of one transaction that found new calls. */
	rounds: 8,
	/** How long a node has to open a call, in milliseconds, and how many are asked for it. */
	openMs: 2_000,
	openTurns: 10,
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
const ALREADY_DELIVERED = selector("AlreadyDelivered(bytes32)");
const ASKER = "contracts that call models";
/** Reasons of the contract that no result can change. */
const FINAL_REASONS = ["unknown model", "prepaid balance is too small", "inference mode is not offered", "too many model calls"];
const CROWDED = "too many transactions wait for models: try again";
const CROWDED_MS = 1_000;
const UNANSWERED = "no node answered the models that it asks";

export class PipeDesk {
	readonly requests: RequestBook;
	readonly #modules: PipeModules;
	readonly #sortition: Sortition;
	/** To be simulated, in order of arrival. */
	readonly #waiting = new Map<Hex, Transaction>();
	readonly #consumers = new Map<Hex, Consumer>();
	/** Destinations that have asked, newest last. */
	readonly #askers = new Set<string>();
	/** Result transactions in the pool, by the call that they are for. */
	readonly #results = new Map<Hex, Transaction>();
	/** Those that the contract refused, by call and operator; only while they are in the pool. */
	readonly #unfit = new Map<string, Transaction>();
	#running = false;
	#stops: readonly (() => void)[] = [];

	constructor(modules: PipeModules) {
		this.#modules = modules;
		this.requests = new RequestBook(modules.now);
		this.#sortition = new Sortition({ state: modules.state, env: () => this.#env() });
	}

	get depth(): { readonly waiting: number; readonly consumers: number; readonly requests: number } {
		return { waiting: this.#waiting.size, consumers: this.#consumers.size, requests: this.requests.size };
	}

	/** True while nothing waits to be simulated. */
	get isIdle(): boolean {
		return !this.#running && this.#waiting.size === 0;
	}

	start(): void {
		const { application } = this.#modules;
		this.#stops = [application.onTransaction((tx) => this.#take(tx)), application.onBlock((block) => this.#afterBlock(block))];
	}

	stop(): void {
		for (const stop of this.#stops) stop();
	}

	/** Looks for nodes that were silent: to be called every now and then. */
	tick(): void {
		for (const request of this.requests.late()) if (!this.#results.has(request.id)) this.#dispatch(request, request.seenAt);
	}

	#take(tx: Transaction): void {
		const { pool } = this.#modules.application;
		const delivery = readDelivery(tx);
		if (delivery !== undefined) {
			this.#results.set(delivery.id, tx);
			const consumer = this.#consumers.get(delivery.transaction);
			if (consumer !== undefined && [...consumer.missing].every((id) => this.#results.has(id))) this.#queue(consumer.tx);
			return;
		}
		if (readOpenings(tx).some((id) => this.requests.get(id)?.step === "open")) pool.promote(tx.id);
		if (!this.#mayAsk(tx)) return;
		pool.hold(tx.id);
		this.#queue(tx);
	}

	/** Whether simulating it could show a call. */
	#mayAsk({ to, data }: Transaction): boolean {
		if (to === undefined) return data.length > 0;
		if (PLAIN.some((address) => equalBytes(address, to)) || (equalBytes(to, INFERENCE_ADDRESS) && isHousekeeping(data))) return false;
		if (this.#waiting.size >= pipeBounds.congestion && !this.#askers.has(hexOf(to)) && !equalBytes(to, INFERENCE_ADDRESS)) return false;
		if (data.length > 0) return true;
		const account = this.#modules.state.account(to);
		return account !== undefined && !equalBytes(account.codeHash, EMPTY_CODE_HASH);
	}

	#reconsider(transaction: Hex): void {
		const consumer = this.#consumers.get(transaction);
		if (consumer !== undefined) this.#queue(consumer.tx);
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
		const isFinal = failsAnyway(outcome);
		if (calls.length > 0 && tx.to !== undefined) this.#learn(hexOf(tx.to));
		if (open.length === 0 || isFinal) {
			this.#letThrough(tx, calls);
			return;
		}
		const known = this.#consumers.get(tx.id);
		const missing = new Set(open.map(({ id }) => hexOf(id)));
		// A result that came and does not answer is of no use now: the contract refused it, or the state has changed.
		for (const id of missing) {
			const unfit = this.#results.get(id);
			if (unfit !== undefined) this.#unfit.set(`${id}${readDelivery(unfit)?.operator}`, unfit);
			this.#results.delete(id);
		}
		const fresh = open.filter(({ id }) => this.requests.get(hexOf(id)) === undefined);
		const rounds = (known?.rounds ?? 0) + 1;
		if (known === undefined && !this.#hasRoom(tx)) {
			application.pool.bar(tx, CROWDED, CROWDED_MS);
			return;
		}
		if (rounds > pipeBounds.rounds) {
			this.#letThrough(tx, calls);
			return;
		}
		application.pool.hold(tx.id);
		this.#consumers.set(tx.id, { tx, rounds, readyAt: undefined, missing });
		this.requests.keepOnly(tx.id, new Set(calls.map(({ id }) => hexOf(id))));
		for (const call of fresh) this.#dispatch(askedBy(tx, call, calls.indexOf(call)), this.#modules.now());
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
		// What is used goes before what pays more: others wait for it.
		for (const id of needs) application.pool.promote(id as string);
		application.pool.release(tx.id, needs as readonly string[]);
		this.requests.keepOnly(tx.id, new Set());
		if (calls.length === 0) this.#forget(tx.id);
		else {
			const rounds = this.#consumers.get(tx.id)?.rounds ?? 0;
			this.#consumers.set(tx.id, { tx, rounds, readyAt: application.chain.head.header.number, missing: new Set(calls.map(({ id }) => hexOf(id))) });
		}
		notify();
	}

	/** Offers a call to the node whose turn it is. Without a node whose turn it is, its transaction leaves. */
	#dispatch(asked: AskedModel, seenAt: number): void {
		const turn = this.#sortition.turn(asked.id, seenAt, this.#modules.now(), pipeBounds);
		if (turn === undefined) this.#drop(asked.transaction);
		else {
			const { step, operator, attempt, dueAt } = turn;
			const { id, transaction, index, kind, payer, request } = asked;
			this.requests.put({ id, transaction, index, kind, payer, request, step, operator, attempt }, { seenAt, dueAt });
		}
	}

	/** Those that were let through and are not in the block see another state now. */
	#afterBlock(block: Block): void {
		const { application } = this.#modules;
		const { opened, delivered } = eventsIn(block);
		for (const id of opened) {
			const request = this.requests.get(id);
			if (request === undefined) continue;
			this.#dispatch(request, request.seenAt);
			// A peer's node can be faster than this ledger: its result was here before the block that allows it.
			const early = this.#unfit.get(`${id}${this.requests.get(id)?.operator}`);
			if (early === undefined || application.pool.get(early.id) === undefined) continue;
			this.#results.set(id, early);
			this.#reconsider(request.transaction);
		}
		for (const id of delivered) {
			const request = this.requests.get(id);
			if (request !== undefined) this.#reconsider(request.transaction);
		}
		for (const [name, result] of this.#unfit) if (application.pool.get(result.id) === undefined) this.#unfit.delete(name);
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
		if (consumer !== undefined) this.#modules.application.pool.bar(consumer.tx, UNANSWERED, OPENING_MS);
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

function askedBy(tx: Transaction, call: ModelCall, index: number): AskedModel {
	return { id: hexOf(call.id), transaction: tx.id, index, ...requestOf(call) };
}

/** What a call asks, which is ABI-encoded: `(uint8 kind, address payer, bytes request)`. */
export function requestOf({ request }: Pick<ModelCall, "request">): Pick<AskedModel, "kind" | "payer" | "request"> {
	const length = Number(BigInt(hexOf(request.subarray(96, 128))));
	return { kind: request[31] ?? 0, payer: hexOf(request.subarray(44, 64)), request: hexOf(request.subarray(128, 128 + length)) };
}

/** Whether it failed for a reason that no result can change. */
export function failsAnyway(outcome: TxOutcome): boolean {
	return outcome.kind !== "executed" || (!outcome.success && FINAL_REASONS.some((reason) => includesText(outcome.output, reason)));
}

function isDelivered(probed: Probed | undefined): boolean {
	const outcome = probed?.outcome;
	return outcome?.kind === "executed" && (outcome.success || equalBytes(outcome.output.subarray(0, 4), ALREADY_DELIVERED));
}

function includesText(bytes: Uint8Array, text: string): boolean {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(text, 0, "latin1");
}
