/** An order that was found good, while it is worked on: what is set aside for it, its deadline, and how its answer is signed and kept. */
import { type Crypto, FreeholdError, orderShape, ownerAmount, receiptShape } from "@freehold/protocol";
import { aborted, type Clock, type DigestSigner } from "@freehold/service";
import { type Run, signAnswer } from "./answer.js";
import type { NodeEvents } from "./events.js";
import type { Exposure } from "./exposure.js";
import type { HeldModel, Models } from "./models.js";
import type { OperatorBook } from "./operators.js";
import { type AcceptedOrder, checkOrder, type OrderMessage, type OrderRules } from "./order-check.js";
import { type Retention, recordAnswer } from "./retention.js";
import type { NodeStore } from "./tables.js";

export interface AcceptanceModules {
	readonly chainId: number;
	readonly rules: OrderRules;
	readonly signer: DigestSigner;
	readonly crypto: Crypto;
	readonly store: NodeStore;
	readonly operators: OperatorBook;
	readonly exposure: Exposure;
	readonly models: Models;
	readonly retention: Retention;
	readonly events: NodeEvents;
	readonly clock: Clock;
	readonly crashPoint: (name: string) => void;
	/** Aborted when the program must stop at once. */
	readonly signal: AbortSignal;
}

export class Acceptance {
	readonly message: OrderMessage;
	readonly accepted: AcceptedOrder;
	/** Ends with the order's deadline, or with the program. */
	readonly signal: AbortSignal;
	readonly #key: string;
	readonly #modules: AcceptanceModules;
	readonly #deadline: NodeJS.Timeout;
	readonly #free: () => void;
	#held: HeldModel | undefined;
	#ended = false;

	/** Checks the order and sets its most aside. Throws what `checkOrder` throws, or `order.unbacked`. `key` is that of the table of calls. */
	constructor(key: string, message: OrderMessage, modules: AcceptanceModules) {
		const { rules, clock, crypto, exposure, operators, signal } = modules;
		const { order } = message;
		const now = clock.now();
		this.message = message;
		this.accepted = checkOrder(message, rules, now, crypto);
		const most = ownerAmount(this.accepted.price, { calls: 1n, inputUnits: this.accepted.inputUnits, outputUnits: order.maxOutputUnits }) + order.nodeFee;
		this.#free = exposure.reserve(order.gateway, most, operators.freeBond(order.gateway));
		this.#key = key;
		this.#modules = modules;
		const controller = new AbortController();
		this.#deadline = setTimeout(() => controller.abort(new FreeholdError("order.expired")), Number(order.deadline) - now);
		this.signal = AbortSignal.any([controller.signal, signal]);
	}

	/** The release's files, kept on disk until the end. */
	async hold(): Promise<HeldModel> {
		this.#held = await orAborted(this.#modules.models.hold(this.accepted.release.manifest), this.signal);
		if (this.#ended) this.#held.giveBack();
		return this.#held;
	}

	/** JSON of the signed answer, on disk before it is handed out. */
	async sign(run: Run): Promise<string> {
		const { crashPoint, store, exposure, retention } = this.#modules;
		const { order, digest, orderSignature } = this.message;
		crashPoint("inference.run.finished");
		const { receipt, receiptSignature, body } = signAnswer(this.message, this.accepted, run, this.#modules);
		const owed = ownerAmount(this.accepted.price, { calls: 1n, inputUnits: receipt.inputUnits, outputUnits: receipt.outputUnits }) + order.nodeFee;
		const record = { order: orderShape.write(order), orderSignature, receipt: receiptShape.write(receipt), receiptSignature };
		await store.transact((writer) => {
			recordAnswer({ key: this.#key, digest, body, record, deadline: Number(order.deadline) }, retention, writer);
			exposure.add(order.gateway, owed, writer);
		});
		crashPoint("inference.answer.stored");
		this.#modules.events.served(order.callId, order.release, this.accepted.mode, run.finishedAt - run.startedAt);
		return body;
	}

	/** Gives back what was set aside. */
	end(): void {
		if (this.#ended) return;
		this.#ended = true;
		clearTimeout(this.#deadline);
		this.#free();
		this.#held?.giveBack();
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
