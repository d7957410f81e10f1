/**
 * Where orders become answers. An answer is on disk before it leaves, and the same order gets the same answer for as long as it can be asked for; another
 * order under the same call id is refused. So nothing that happens between two steps makes a node sign two receipts for one order.
 */
import { checkTensors, FreeholdError } from "@freehold/protocol";
import { traceAttributes, traceStep } from "@freehold/service";
import type { EnginePool } from "../engine/engine.js";
import { runOnceMore } from "../engine/pool/once-more.js";
import { Acceptance, type AcceptanceModules } from "./acceptance.js";
import { checkGateway, type OrderMessage, readOrder } from "./order-check.js";
import type { StreamJournal } from "./stream-journal.js";
import { type CallRecord, callKey, load } from "./tables.js";
import type { TextCall } from "./text-call.js";
import { TextDesk, type TextRunner } from "./text-desk.js";

export interface OrderDeskModules extends AcceptanceModules {
	readonly pool: EnginePool;
	readonly runText: TextRunner;
	readonly journal: StreamJournal;
}

/** An answer as it is on disk, or one that is still being written. */
export type Taken = { readonly kind: "answer"; readonly body: string } | { readonly kind: "stream"; readonly call: TextCall };

interface Running {
	readonly digest: string;
	readonly answer: Promise<string>;
}

export class OrderDesk {
	readonly #modules: OrderDeskModules;
	/** By call key. A gateway that asks twice while the model runs waits for the one run. */
	readonly #running = new Map<string, Running>();
	readonly #texts: TextDesk;

	constructor(modules: OrderDeskModules) {
		this.#modules = modules;
		this.#texts = new TextDesk(modules);
	}

	/**
	 * The answer to an order. A run on tensors does not depend on who still waits, since the gateway may ask again; one of a language model ends when nobody
	 * listens. `stream`: give the answer while it is written, where there is something to give.
	 */
	async take(body: unknown, { stream, signal }: { readonly stream: boolean; readonly signal: AbortSignal }): Promise<Taken> {
		const { chainId, crypto, rules, clock, events } = this.#modules;
		const message = readOrder(body, chainId, crypto);
		checkGateway(message, rules, clock.now(), crypto);
		const key = callKey(message.order.gateway, message.order.callId);
		traceAttributes({ "freehold.call_id": message.order.callId });
		const running = this.#running.get(key);
		if (running !== undefined) {
			if (running.digest !== message.digest) throw new FreeholdError("order.conflict");
			return { kind: "answer", body: await running.answer };
		}
		const replay = this.#replay(key, message);
		if (replay !== undefined) {
			events.replayed(message.digest);
			return { kind: "answer", body: replay };
		}
		if (message.asked.kind === "text") return this.#texts.take(key, message, message.asked.request, body, { stream, signal });
		const answer = this.#serve(key, message, message.asked.inputs).finally(() => this.#running.delete(key));
		this.#running.set(key, { digest: message.digest, answer });
		return { kind: "answer", body: await answer };
	}

	/** The receipt for the first `deltas` pieces of a stream. Throws `order.notFound`, or `order.invalid` for more pieces than there were. */
	async settle(digest: string, deltas: number): Promise<string> {
		const stored = this.#modules.store.get("answers", digest);
		return stored === undefined ? this.#texts.settle(digest, deltas) : Buffer.from(stored).toString("utf8");
	}

	/** True once what a killed run left is taken up: texts are taken and settled from then on. */
	get restored(): boolean {
		return this.#texts.restored;
	}

	/** Takes up what a killed run left; once the registry is known, and before streams are settled. */
	restore(): Promise<void> {
		return this.#texts.restore();
	}

	/** Signs what was sent of streams that nobody has settled. No new orders may come any more. */
	close(): Promise<void> {
		return this.#texts.close();
	}

	#replay(key: string, { digest }: OrderMessage): string | undefined {
		const { store } = this.#modules;
		const earlier = load<CallRecord>(store, "calls", key);
		if (earlier === undefined) return undefined;
		if (earlier.orderDigest !== digest) throw new FreeholdError("order.conflict");
		const stored = store.get("answers", digest);
		return stored === undefined ? undefined : Buffer.from(stored).toString("utf8");
	}

	async #serve(key: string, message: OrderMessage, inputs: Parameters<typeof checkTensors>[0]): Promise<string> {
		const { clock, events, pool } = this.#modules;
		let acceptance: Acceptance | undefined;
		try {
			acceptance = new Acceptance(key, message, this.#modules);
			const held = await acceptance.hold();
			checkTensors(inputs, held.manifest.inputs);
			const startedAt = clock.now();
			const { accepted, signal } = acceptance;
			const { outputs, engine } = await traceStep("run", { "freehold.release": message.order.release, "freehold.mode": accepted.mode }, () =>
				runOnceMore(pool, held.files, accepted.mode, inputs, signal),
			);
			const finishedAt = Math.max(startedAt, clock.now());
			return await acceptance.sign({ outcome: { kind: "tensors", outputs }, engine, startedAt, finishedAt });
		} catch (error) {
			events.refused(message.order.callId, message.order.release, error);
			throw error;
		} finally {
			acceptance?.end();
		}
	}
}
