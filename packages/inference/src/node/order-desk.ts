/**
 * Where orders become answers. An answer is on disk before it leaves, and the same order gets the same answer for as long as it can be asked for; another
 * order under the same call id is refused. So nothing that happens between two steps makes a node sign two receipts for one order.
 */
import { type Crypto, checkTensors, FreeholdError, orderShape, ownerAmount, receiptShape } from "@freehold/protocol";
import { aborted, type Clock, type DigestSigner, traceAttributes, traceStep } from "@freehold/service";
import type { EnginePool } from "../engine/engine.js";
import { runOnceMore } from "../engine/pool/once-more.js";
import { type SignedAnswer, signAnswer } from "./answer.js";
import type { NodeEvents } from "./events.js";
import type { Exposure } from "./exposure.js";
import type { HeldModel, Models } from "./models.js";
import type { OperatorBook } from "./operators.js";
import { checkGateway, checkOrder, type OrderMessage, type OrderRules, readOrder } from "./order-check.js";
import { type Retention, recordAnswer } from "./retention.js";
import { type CallRecord, callKey, load, type NodeStore } from "./tables.js";

export interface OrderDeskModules {
	readonly chainId: number;
	readonly rules: OrderRules;
	readonly signer: DigestSigner;
	readonly crypto: Crypto;
	readonly store: NodeStore;
	readonly operators: OperatorBook;
	readonly exposure: Exposure;
	readonly models: Models;
	readonly pool: EnginePool;
	readonly retention: Retention;
	readonly events: NodeEvents;
	readonly clock: Clock;
	readonly crashPoint: (name: string) => void;
	/** Aborted when the program must stop at once. */
	readonly signal: AbortSignal;
}

interface Running {
	readonly digest: string;
	readonly answer: Promise<string>;
}

export class OrderDesk {
	readonly #modules: OrderDeskModules;
	/** By call key. A gateway that asks twice while the model runs waits for the one run. */
	readonly #running = new Map<string, Running>();

	constructor(modules: OrderDeskModules) {
		this.#modules = modules;
	}

	/** JSON of the answer to an order. The run does not depend on who still waits: the gateway may ask again. */
	async take(body: unknown): Promise<string> {
		const { chainId, crypto, rules, clock, events } = this.#modules;
		const message = readOrder(body, chainId, crypto);
		checkGateway(message, rules, clock.now(), crypto);
		const key = callKey(message.order.gateway, message.order.callId);
		traceAttributes({ "freehold.call_id": message.order.callId });
		const running = this.#running.get(key);
		if (running !== undefined) {
			if (running.digest !== message.digest) throw new FreeholdError("order.conflict");
			return running.answer;
		}
		const replay = this.#replay(key, message);
		if (replay !== undefined) {
			events.replayed(message.digest);
			return replay;
		}
		const answer = this.#serve(key, message).finally(() => this.#running.delete(key));
		this.#running.set(key, { digest: message.digest, answer });
		return answer;
	}

	#replay(key: string, { digest }: OrderMessage): string | undefined {
		const { store } = this.#modules;
		const earlier = load<CallRecord>(store, "calls", key);
		if (earlier === undefined) return undefined;
		if (earlier.orderDigest !== digest) throw new FreeholdError("order.conflict");
		const stored = store.get("answers", digest);
		return stored === undefined ? undefined : Buffer.from(stored).toString("utf8");
	}

	async #serve(key: string, message: OrderMessage): Promise<string> {
		const { rules, clock, crypto, exposure, operators, models, events } = this.#modules;
		const { order } = message;
		let held: HeldModel | undefined;
		let free = (): void => {};
		try {
			const accepted = checkOrder(message, rules, clock.now(), crypto);
			const most = ownerAmount(accepted.price, { calls: 1n, inputUnits: accepted.inputUnits, outputUnits: order.maxOutputUnits }) + order.nodeFee;
			free = exposure.reserve(order.gateway, most, operators.freeBond(order.gateway));
			const deadline = this.#deadline(message);
			try {
				held = await orAborted(models.hold(accepted.release.manifest), deadline.signal);
				checkTensors(message.inputs, held.manifest.inputs);
				const { files } = held;
				const startedAt = clock.now();
				const { outputs, engine } = await traceStep("run", { "freehold.release": order.release, "freehold.mode": accepted.mode }, () =>
					runOnceMore(this.#modules.pool, files, accepted.mode, message.inputs, deadline.signal),
				);
				const finishedAt = clock.now();
				this.#modules.crashPoint("inference.run.finished");
				const signed = signAnswer(message, accepted, { outputs, engine, startedAt, finishedAt: Math.max(startedAt, finishedAt) }, this.#modules);
				const owed = ownerAmount(accepted.price, { calls: 1n, inputUnits: accepted.inputUnits, outputUnits: signed.receipt.outputUnits }) + order.nodeFee;
				await this.#keep(key, message, signed, owed);
				this.#modules.crashPoint("inference.answer.stored");
				events.served(order.callId, order.release, accepted.mode, finishedAt - startedAt);
				return signed.body;
			} finally {
				deadline.end();
			}
		} catch (error) {
			events.refused(order.callId, order.release, error);
			throw error;
		} finally {
			free();
			held?.giveBack();
		}
	}

	async #keep(key: string, { order, digest, orderSignature }: OrderMessage, { receipt, receiptSignature, body }: SignedAnswer, owed: bigint): Promise<void> {
		const { store, exposure, retention } = this.#modules;
		const record = { order: orderShape.write(order), orderSignature, receipt: receiptShape.write(receipt), receiptSignature };
		await store.transact((writer) => {
			recordAnswer({ key, digest, body, record, deadline: Number(order.deadline) }, retention, writer);
			exposure.add(order.gateway, owed, writer);
		});
	}

	/** A signal that ends with the order, or with the program. */
	#deadline({ order }: OrderMessage): { readonly signal: AbortSignal; readonly end: () => void } {
		const controller = new AbortController();
		const timer = setTimeout(() => controller.abort(new FreeholdError("order.expired")), Number(order.deadline) - this.#modules.clock.now());
		return { signal: AbortSignal.any([controller.signal, this.#modules.signal]), end: () => clearTimeout(timer) };
	}
}

/** What stands behind the promise goes on for the next who asks; what it holds for this caller is given back. */
function orAborted(promise: Promise<HeldModel>, signal: AbortSignal): Promise<HeldModel> {
	return new Promise((resolve, reject) => {
		const onAbort = (): void => {
			reject(aborted(signal));
			promise.then(
				({ giveBack }) => giveBack(),
				() => undefined,
			);
		};
		if (signal.aborted) {
			onAbort();
			return;
		}
		signal.addEventListener("abort", onAbort, { once: true });
		promise.then(
			(held) => {
				signal.removeEventListener("abort", onAbort);
				if (!signal.aborted) resolve(held);
			},
			(error: unknown) => {
				signal.removeEventListener("abort", onAbort);
				reject(error);
			},
		);
	});
}
