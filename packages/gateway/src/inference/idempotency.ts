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

	/**
	 * Gives the call that was answered under the key again, waiting for one that is under way; else runs `work` with the key taken.
	 * Throws `idempotency.conflict` when the key stands for another request.
	 */
	async run(answerKey: string, requestDigest: Hex, again: (call: CallRecord) => HttpResponse, work: () => Promise<HttpResponse>): Promise<HttpResponse> {
		for (let underWay = this.#underWay.get(answerKey); underWay !== undefined; underWay = this.#underWay.get(answerKey)) {
			if (underWay.requestDigest !== requestDigest) throw conflict(answerKey);
			await underWay.response.catch(() => undefined);
		}
		// From here to the holding nothing waits, so that no other request with the key can slip in.
		const known = load<AnswerRecord>(this.#store, "answers", answerKey);
		if (known !== undefined && known.requestDigest !== requestDigest) throw conflict(answerKey);
		const call = known === undefined ? undefined : load<CallRecord>(this.#store, "calls", known.callId);
		if (call !== undefined) return again(call);
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
