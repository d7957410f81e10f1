/**
 * Calls paid by one signed transfer of an exact amount. The money goes to the till before the run; what the call does not use, all of it when the call
 * fails, goes back as a refund line of a batch. Each step is durable before the next, so a kill between any two neither loses nor repeats a payment.
 */

import { exactReasons } from "@freehold/payments";
import { exactCall, permit2NoncePosition } from "@freehold/payments/facilitator";
import { checkExact, type ExactPayload, exactSettlement, type TillTerms } from "@freehold/payments/server";
import { type Crypto, FreeholdError, type Hex, toHex, utf8 } from "@freehold/protocol";
import { type ChainClient, contracts, type Transactor } from "@freehold/sdk/chain";
import type { BatchLog } from "../anchoring/batch-log.js";
import type { GatewayEvents } from "../program/events.js";
import { type GatewayStore, load, type PaymentRecord, pack, type RefundRecord, unpack, type Writer } from "../store/tables.js";
import { isContract } from "./contract-wallet.js";
import { findLanding } from "./exact-landing.js";
import { type Acceptance, type Reservation, refused } from "./reservation.js";

export interface ExactPaymentModules {
	readonly terms: TillTerms;
	readonly store: GatewayStore;
	readonly client: ChainClient;
	readonly transactor: Transactor;
	readonly batches: BatchLog;
	readonly events: GatewayEvents;
	readonly crypto: Crypto;
	readonly crashPoint: (name: string) => void;
	/** Unix milliseconds. */
	readonly now: () => number;
}

const SETTLE_DEADLINE_MS = 20_000;

/** A payment that is in the till. */
type Landed = Required<Omit<PaymentRecord, "state">>;

export class ExactPayments {
	readonly #modules: ExactPaymentModules;
	/** Payments whose call is under way. */
	readonly #active = new Set<string>();
	/** Payments whose end is not decided; beyond the active ones these were interrupted. */
	readonly #open = new Set<string>();

	constructor(modules: ExactPaymentModules) {
		this.#modules = modules;
		for (const { key, value } of modules.store.scan("payments", {})) if (isOpen(unpack<PaymentRecord>(value))) this.#open.add(key);
	}

	/** Settles the payment into the till and holds it for one call that costs exactly, or at most, `amount`. */
	async accept(payment: ExactPayload, amount: bigint): Promise<Acceptance> {
		const { terms, store, now, events, crashPoint, client } = this.#modules;
		const signed = checkExact(payment, amount, terms, Math.floor(now() / 1000), this.#modules.crypto);
		if (!signed.ok && !(signed.reason === exactReasons.signature && (await isContract(client, payment.from)))) return refused(signed.reason);
		const id = paymentId(payment);
		if (this.#active.has(id) || load(store, "payments", id) !== undefined) throw new FreeholdError("payment.replayed");
		this.#active.add(id);
		try {
			const since = await client.blockNumber();
			// Used by a transaction that is not ours: whoever sent it, it paid for nothing here.
			if (await this.#isUsed(payment)) return this.#give(id, exactReasons.used);
			await this.#put(id, { payment, state: "intended", since });
			crashPoint("exact-intended");
			// Refused because somebody else has sent it meanwhile: then it is in the till all the same.
			const transaction = (await this.#settle(id, payment)) ?? (this.#hasRival(id, payment) ? undefined : await this.#landing(id, payment, since));
			// Anyone who has seen the signature can still send it until it expires, so the payment stays open until then.
			if (transaction === undefined) return this.#give(id, exactReasons.failed);
			crashPoint("exact-settled");
			await this.#put(id, { payment, state: "settled", since, transaction });
			crashPoint("exact-recorded");
			events.exactSettled(id, payment.amount, transaction);
			return { reservation: this.#reservation(id, { payment, since, transaction }) };
		} catch (error) {
			this.#active.delete(id);
			throw error;
		}
	}

	/** Holds a payment again for an order from before a restart; undefined when it is spent or gone back. */
	resume(id: string): Reservation | undefined {
		const record = load<PaymentRecord>(this.#modules.store, "payments", id);
		if (record?.state !== "settled" || record.transaction === undefined || this.#active.has(id)) return undefined;
		this.#active.add(id);
		const { payment, since, transaction } = record;
		return this.#reservation(id, { payment, since, transaction });
	}

	/** Ends what was interrupted: payments that reached the till and bought nothing go back; such as can never reach it are let go. */
	async reconcile(): Promise<void> {
		const { store, client } = this.#modules;
		for (const id of [...this.#open]) {
			const record = load<PaymentRecord>(store, "payments", id);
			if (record === undefined || this.#active.has(id)) continue;
			// What was decided is never decided again, whatever became of the answer to its writing.
			if (!isOpen(record)) {
				this.#open.delete(id);
				continue;
			}
			if (record.state === "settled") {
				await this.#refund(id, record);
				continue;
			}
			const { payment, since } = record;
			if (this.#hasRival(id, payment)) continue;
			// By the chain's clock: it decides when a signature can be used no more. Asked first, so that nothing can land between the questions.
			const time = (await client.block("latest"))?.timestamp ?? 0n;
			const isOver = (await this.#isUsed(payment)) || payment.validBefore < time;
			if (!isOver) continue;
			const transaction = await this.#landing(id, payment, since);
			if (transaction === undefined) await this.#put(id, { ...record, state: "void" });
			else await this.#refund(id, { ...record, transaction });
		}
	}

	/**
	 * Whether another payment of the same payer is under way. By Permit2 the two cannot be told apart on the chain until that one's transaction is written down:
	 * it would be taken for this one's, and its money given back though it bought an answer.
	 */
	#hasRival(id: string, payment: ExactPayload): boolean {
		if (payment.method === "eip3009") return false;
		const prefix = paymentPrefix(payment);
		return [...this.#active].some((other) => other !== id && other.startsWith(prefix));
	}

	/** Transaction that brought the payment to the till. What was never used cannot have come, whatever else of its payer came meanwhile. */
	async #landing(id: string, payment: ExactPayload, since: bigint): Promise<Hex | undefined> {
		const { client, store } = this.#modules;
		if (!(await this.#isUsed(payment))) return undefined;
		const isTaken = (transaction: Hex): boolean => {
			const prefix = paymentPrefix(payment);
			for (const { key, value } of store.scan("payments", { start: prefix, end: `${prefix}~` }))
				if (key !== id && unpack<PaymentRecord>(value).transaction === transaction) return true;
			return false;
		};
		return findLanding(client, payment, since, isTaken);
	}

	#give(id: string, reason: string): Acceptance {
		this.#active.delete(id);
		return refused(reason);
	}

	/** Hash of the transaction that moved the money; undefined when the chain refused it. */
	async #settle(id: string, payment: ExactPayload): Promise<Hex | undefined> {
		try {
			const receipt = await this.#modules.transactor.send({ key: `exact:${id}`, ...exactCall(payment) }, { timeoutMs: SETTLE_DEADLINE_MS });
			return receipt.hash;
		} catch (error) {
			if (error instanceof FreeholdError && error.code === "chain.reverted") return undefined;
			throw error;
		}
	}

	#reservation(id: string, { payment, since, transaction }: Landed): Reservation {
		const { terms, events } = this.#modules;
		const settlement = (charged: bigint) => exactSettlement({ chainId: terms.chainId, payer: payment.from, amount: payment.amount, charged, transaction });
		let spent: bigint | undefined;
		return {
			payer: payment.from,
			allowed: payment.amount,
			reference: toHex(this.#modules.crypto.keccak256(utf8(id))),
			link: { kind: "exact", id, amount: payment.amount },
			spend: (charge) => {
				const rest = payment.amount - charge;
				if (rest < 0n) throw new Error(`a charge on payment ${id} exceeds it`);
				const refund: RefundRecord | undefined = rest === 0n ? undefined : { payer: payment.from, amount: rest, payment: id };
				return {
					channel: undefined,
					refund,
					write: (writer) => writer.put("payments", id, pack({ payment, state: "spent", since, transaction } satisfies PaymentRecord)),
					finish: () => {
						spent = charge;
						this.#active.delete(id);
						this.#open.delete(id);
						if (rest > 0n) events.paymentRefunded(id, rest);
						return settlement(charge);
					},
				};
			},
			abandon: async () => {
				// What bought an answer stays spent, also where that answer could not be told.
				if (spent !== undefined) return settlement(spent);
				// Where it cannot be written now, it is found among the open ones later.
				await this.#refund(id, { payment, state: "settled", since, transaction }).finally(() => this.#active.delete(id));
				return settlement(0n);
			},
		};
	}

	/** All of it goes back: the refund line and the payment's end are one transaction. */
	async #refund(id: string, record: PaymentRecord): Promise<void> {
		const { store, batches, events, crashPoint } = this.#modules;
		await store.transact((writer) => {
			batches.placeRefund({ payer: record.payment.from, amount: record.payment.amount, payment: id }, writer);
			writer.put("payments", id, pack({ ...record, state: "refunded" } satisfies PaymentRecord));
		});
		crashPoint("exact-refunded");
		this.#open.delete(id);
		events.paymentRefunded(id, record.payment.amount);
	}

	async #put(id: string, record: PaymentRecord): Promise<void> {
		await this.#modules.store.transact((writer: Writer) => writer.put("payments", id, pack(record)));
		if (isOpen(record)) this.#open.add(id);
		else this.#open.delete(id);
	}

	async #isUsed(payment: ExactPayload): Promise<boolean> {
		const { client } = this.#modules;
		if (payment.method === "eip3009") return client.read(contracts.OPG, "authorizationState", [payment.from, payment.nonce]);
		const { word, bit } = permit2NoncePosition(payment.nonce);
		return ((await client.read(contracts.Permit2, "nonceBitmap", [payment.from, word])) & bit) !== 0n;
	}
}

function isOpen({ state }: PaymentRecord): boolean {
	return state === "intended" || state === "settled";
}

function paymentId(payment: ExactPayload): string {
	return `${paymentPrefix(payment)}${payment.nonce}`;
}

function paymentPrefix({ method, from }: ExactPayload): string {
	return `${method}:${from}:`;
}
