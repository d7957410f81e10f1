/** `Idempotency-Key`: the same request with the same key is one call, however often it is sent, also across a restart. Keys are a payer's own. */
import { FreeholdError, type Hex, limits } from "@freehold/protocol";
import type { HttpRequest, HttpResponse } from "@freehold/service";
import { type AnswerRecord, type CallRecord, type GatewayStore, load } from "../store/tables.js";

interface UnderWay {
	readonly requestDigest: Hex;
	readonly response: Promise<unknown>;
}

export class Idempotency {
	readonly #store: GatewayStore;
	readonly #underWay = new Map<string, UnderWay>();

	constructor(store: GatewayStore) {
		this.#store = store;
	}

	/** Throws `request.invalid` for a key that is too long. */
	keyOf(request: HttpRequest): string | undefined {
		const key = request.headers["idempotency-key"];
		if (typeof key !== "string" || key === "") return undefined;
		if (key.length > limits.idempotencyKeyBytes || !/^[\x21-\x7e]+$/.test(key))
			throw new FreeholdError("request.invalid", {
				field: "Idempotency-Key",
				reason: `must be at most ${limits.idempotencyKeyBytes} printable ASCII characters`,
				limit: limits.idempotencyKeyBytes,
			});
		return key;
	}

	/** The call that was answered under the key; waits for one that is under way. Throws `idempotency.conflict` for another request. */
	async replay(answerKey: string, requestDigest: Hex): Promise<CallRecord | undefined> {
		const underWay = this.#underWay.get(answerKey);
		if (underWay !== undefined) {
			if (underWay.requestDigest !== requestDigest) throw conflict(answerKey);
			await underWay.response.catch(() => undefined);
		}
		const known = load<AnswerRecord>(this.#store, "answers", answerKey);
		if (known === undefined) return undefined;
		if (known.requestDigest !== requestDigest) throw conflict(answerKey);
		return load<CallRecord>(this.#store, "calls", known.callId);
	}

	/** Runs `work` while the key is taken. */
	async once(answerKey: string, requestDigest: Hex, work: () => Promise<HttpResponse>): Promise<HttpResponse> {
		const response = work();
		this.hold(answerKey, requestDigest, response);
		return response;
	}

	/** Lets requests with the key wait for `response`. */
	hold(answerKey: string, requestDigest: Hex, response: Promise<unknown>): void {
		const underWay = { requestDigest, response };
		this.#underWay.set(answerKey, underWay);
		const end = (): void => {
			if (this.#underWay.get(answerKey) === underWay) this.#underWay.delete(answerKey);
		};
		response.then(end, end);
	}
}

function conflict(answerKey: string): FreeholdError {
	return new FreeholdError("idempotency.conflict", { key: answerKey.slice(answerKey.indexOf(":") + 1) });
}
