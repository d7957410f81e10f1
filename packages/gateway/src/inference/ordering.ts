/** Orders: the gateway's signed promise, sent to a node until it answers, its time is over, or the next node gets a new order. */
import { type Crypto, callId, FreeholdError, fromHex, type Hex, modes, type Order, orderDigest, type Price, toHex } from "@freehold/protocol";
import { type DigestSigner, nativeCrypto, pause, traceStep } from "@freehold/service";
import { nodeFailure } from "../nodes/failures.js";
import { orderBody, sendOrder } from "../nodes/node-client.js";
import type { Operators } from "../nodes/operators.js";
import type { Roster } from "../nodes/roster.js";
import type { Reservation } from "../payment/reservation.js";
import type { GatewayEvents } from "../program/events.js";
import { type GatewayStore, type OperatorRecord, type OrderRecord, pack, type SignedLicence } from "../store/tables.js";
import { type CallPlan, payerOf } from "./plan.js";
import { type CheckedAnswer, checkAnswer, type Streamed } from "./receipt-check.js";
import { beginStream, type RunningStream } from "./running-stream.js";

export interface OrderingModules {
	readonly gateway: Hex;
	readonly chainId: number;
	/** Signs orders; its key may change while the gateway runs. */
	readonly signer: DigestSigner;
	readonly operators: Operators;
	readonly roster: Roster;
	readonly store: GatewayStore;
	readonly events: GatewayEvents;
	readonly crashPoint: (name: string) => void;
	/** Time that a node gets for a call, in milliseconds. */
	readonly callTimeoutMs: number;
	/** The same for a language model. */
	readonly textTimeoutMs: number;
	/** Unix milliseconds. */
	readonly now: () => number;
	/** Milliseconds of a clock that is never set. */
	readonly steady: () => number;
	/** Price of a release's version. */
	readonly priceOf: (release: Hex, version: number) => Price | undefined;
	/** An order was given up that its node may answer, or have answered. */
	readonly gaveUp: (order: Order) => void;
	/** Whether an outside provider runs the release. */
	readonly isRouted: (release: Hex) => boolean;
}

/** Under which the answer can be asked for again, and for which request; and the licence that was accepted for it. */
export interface CallKey {
	readonly answerKey: string | undefined;
	readonly requestDigest: Hex;
	readonly licence?: SignedLicence | undefined;
}

/** A call that a node has answered. */
export interface ServedCall {
	readonly order: OrderRecord;
	readonly answer: CheckedAnswer;
	/** Time that the node took, in milliseconds. */
	readonly nodeMs: number;
}

const RETRY_MS = 200;
/** How long an order whose fate is unknown is tried at the same node before another one gets the call. */
const PATIENCE_MS = 5_000;
/** Time for the answer's way, beyond the order's deadline. */
const GRACE_MS = 500;

export class Ordering {
	readonly #modules: OrderingModules;
	/** Needed to sign an order, to settle it, and to check its answer. */
	readonly #digests = new WeakMap<Order, Hex>();
	/** Streams that are not settled yet. */
	readonly #streams = new Set<Hex>();
	readonly #crypto: Crypto = nativeCrypto;

	constructor(modules: OrderingModules) {
		this.#modules = modules;
	}

	/** Runs a paid call. Throws the node's refusal, or `node.unavailable` when no node answered in time; `request.aborted` when the signal says so. */
	run(plan: CallPlan, payment: Reservation, key: CallKey, signal?: AbortSignal): Promise<ServedCall> {
		return this.#tryNodes(plan, payment, key, signal, (record, node, last) => this.#place(record, node, last, signal));
	}

	/** Begins a paid stream. Resolves when a node has begun to answer, and nothing has been handed to anyone; throws as `run` does. */
	open(plan: CallPlan, payment: Reservation, key: CallKey, signal?: AbortSignal): Promise<RunningStream> {
		return this.#tryNodes(plan, payment, key, signal, (record, node) => this.#open(record, node, signal));
	}

	/** Whether a stream of this call is under way here. */
	isStreaming(callId: Hex): boolean {
		return this.#streams.has(callId);
	}

	async #tryNodes<T>(
		plan: CallPlan,
		payment: Reservation,
		key: CallKey,
		signal: AbortSignal | undefined,
		take: (record: OrderRecord, node: OperatorRecord, last: boolean) => Promise<T>,
	): Promise<T> {
		const { now, steady, callTimeoutMs, textTimeoutMs } = this.#modules;
		const timeoutMs = "inputs" in plan.question ? callTimeoutMs : textTimeoutMs;
		const deadline = now() + timeoutMs;
		const end = steady() + timeoutMs;
		// A dearer node than the payer signed for is no way out.
		const room = payment.allowed - plan.amount + (plan.nodes[0]?.nodeFee ?? 0n);
		const nodes = plan.nodes.filter((node) => node.nodeFee <= room);
		let failure: unknown;
		for (const [attempt, node] of nodes.entries()) {
			const record = this.#sign(plan, payment, node, attempt, deadline, key);
			const last = attempt === nodes.length - 1;
			try {
				return await take(record, node, last);
			} catch (error) {
				failure = error;
				await this.#forget(record);
				this.#modules.events.orderFailed(record.order.callId, node.address, attempt, error);
				const failed = nodeFailure(error);
				if (failed?.mayHaveRun === true || signal?.aborted === true) this.#modules.gaveUp(record.order);
				if (failed === undefined || steady() >= end || signal?.aborted === true) break;
			}
		}
		throw failure instanceof FreeholdError ? failure : new FreeholdError("node.unavailable", { release: plan.release.name }, { cause: failure });
	}

	/** Asks again for an order from before a restart. */
	async resume(record: OrderRecord): Promise<ServedCall> {
		const node = this.#modules.operators.get(record.order.node);
		if (node === undefined) throw new FreeholdError("node.unavailable", { release: record.order.release });
		return this.#exchange(record, node, true);
	}

	#sign(
		plan: CallPlan,
		payment: Reservation,
		node: OperatorRecord,
		attempt: number,
		deadline: number,
		{ answerKey, requestDigest, licence }: CallKey,
	): OrderRecord {
		const { gateway, signer } = this.#modules;
		const payer = payerOf(payment.payer, plan.salt);
		const order: Order = {
			callId: callId({ gateway, payer, paymentReference: payment.reference, request: plan.request, attempt }, this.#crypto),
			gateway,
			node: node.address,
			release: plan.release.record.release,
			priceVersion: plan.release.price.version,
			payer,
			request: plan.request,
			mode: modes[plan.mode],
			maxInputUnits: plan.inputUnits,
			maxOutputUnits: plan.maxOutputUnits,
			nodeFee: node.nodeFee,
			gatewayFee: plan.gatewayFee,
			deadline: BigInt(deadline),
		};
		const { address: orderKey } = signer;
		return {
			order,
			...(orderKey === gateway ? {} : { orderKey }),
			orderSignature: toHex(signer.signDigest(fromHex(this.#digestOf(order)))),
			salt: plan.salt,
			require: plan.require,
			...plan.question,
			payer: payment.payer,
			payment: payment.link,
			...(licence === undefined ? {} : { licence }),
			answerKey,
			requestDigest,
		};
	}

	/**
	 * The order is written while it is on its way; both have to end well, so that a restart knows every order a node may have answered. Where nobody can ask
	 * for the answer again, a restart gives the call up anyway and need not know of it.
	 */
	async #place(record: OrderRecord, node: OperatorRecord, last: boolean, signal: AbortSignal | undefined): Promise<ServedCall> {
		const { store, crashPoint } = this.#modules;
		if (record.answerKey === undefined) {
			const served = await this.#exchange(record, node, last, signal);
			crashPoint("order-answered");
			return served;
		}
		const written = store.transact((writer) => writer.put("orders", record.order.callId, pack(record)));
		written.then(() => crashPoint("order-stored")).catch(() => undefined);
		const served = await this.#exchange(record, node, last);
		await written;
		crashPoint("order-answered");
		return served;
	}

	/** Sends the same order until it is answered, refused, or better given to the next node. `last`: there is no next one. */
	async #exchange(record: OrderRecord, node: OperatorRecord, last: boolean, signal?: AbortSignal): Promise<ServedCall> {
		const { roster, now, steady, callTimeoutMs, textTimeoutMs } = this.#modules;
		// By a clock that nobody sets: after a jump of the other one the same order would be sent for a day.
		const begun = steady();
		const end = begun + Math.min(Number(record.order.deadline) - now(), Math.max(callTimeoutMs, textTimeoutMs));
		const body = orderBody(record);
		for (;;) {
			const sentAt = performance.now();
			const visit = roster.begin(node.address);
			try {
				const deadlineMs = Math.max(1, end - steady() + GRACE_MS);
				const answer = this.#check(
					record,
					await traceStep("order", { "freehold.call_id": record.order.callId, "freehold.node": node.address }, () =>
						sendOrder(node.endpoint, body, { deadlineMs, ...(signal === undefined ? {} : { signal }) }),
					),
				);
				const nodeMs = performance.now() - sentAt;
				visit.answered(nodeMs);
				return { order: record, answer, nodeMs };
			} catch (error) {
				const failure = nodeFailure(error);
				if (failure === undefined || signal?.aborted === true) throw error;
				visit.failed();
				// An order that was certainly not run goes to the next node at once; one that may have been is asked for a while longer.
				const patienceMs = last ? failure.patienceMs : failure.mayHaveRun ? Math.min(failure.patienceMs, PATIENCE_MS) : 0;
				const next = steady() + RETRY_MS;
				if (next >= end || next > begun + patienceMs) throw error;
				await pause(RETRY_MS);
			} finally {
				visit.end();
			}
		}
	}

	/** One try: a stream that does not begin goes to the next node. */
	async #open(record: OrderRecord, node: OperatorRecord, signal: AbortSignal | undefined): Promise<RunningStream> {
		const { roster, now, crashPoint } = this.#modules;
		const sentAt = performance.now();
		const { callId } = record.order;
		const visit = roster.begin(node.address);
		this.#streams.add(callId);
		const end = (): void => {
			this.#streams.delete(callId);
			visit.end();
		};
		const fail = (): void => {
			visit.failed();
			end();
		};
		try {
			return await beginStream(record, node.endpoint, {
				digest: this.#digestOf(record.order),
				deadlineMs: Math.max(1, Number(record.order.deadline) - now() + GRACE_MS),
				signal,
				check: (answer, streamed) => this.#check(record, answer, streamed),
				answered: () => {
					crashPoint("order-answered");
					visit.answered(performance.now() - sentAt);
					end();
				},
				left: end,
				failed: fail,
				lost: () => this.#modules.gaveUp(record.order),
			});
		} catch (error) {
			if (nodeFailure(error) === undefined || signal?.aborted === true) end();
			else fail();
			throw error;
		}
	}

	#check(record: OrderRecord, answer: unknown, streamed?: Streamed): CheckedAnswer {
		const { operators, chainId, priceOf, isRouted, now } = this.#modules;
		const { order, salt } = record;
		const price = priceOf(order.release, order.priceVersion);
		if (price === undefined) throw new FreeholdError("internal", { reference: order.callId });
		const time = Math.floor(now() / 1000);
		const isNodeKey = (key: Hex): boolean => operators.isKeyValid(order.node, key, time);
		return checkAnswer(order, answer, {
			chainId,
			crypto: this.#crypto,
			price,
			digest: this.#digestOf(order),
			question: record,
			salt,
			isNodeKey,
			routed: isRouted(order.release),
			...(streamed === undefined ? {} : { streamed }),
		});
	}

	#digestOf(order: Order): Hex {
		const known = this.#digests.get(order) ?? orderDigest(order, this.#modules.chainId, this.#crypto);
		this.#digests.set(order, known);
		return known;
	}

	/** The order bought nothing and is not tried again. */
	async #forget(record: OrderRecord): Promise<void> {
		if (record.answerKey === undefined) return;
		await this.#modules.store.transact((writer) => writer.remove("orders", record.order.callId));
		this.#modules.crashPoint("order-forgotten");
	}
}
