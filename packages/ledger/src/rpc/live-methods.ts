/** How nodes offer and give answers for calls without a transaction, where the ledger's operator lets it ask. */
import type { LiveAnswer } from "@freehold/protocol";
import { hexOf } from "../transaction/decode.js";
import type { Methods, RpcContext } from "./context.js";
import { addressParameter, bytesParameter, fixedParameter, objectParameter } from "./parameters.js";
import { invalidParams, serverError } from "./rpc-error.js";

const MAX_WAIT_MS = 30_000;
/** As the contract takes results. */
const MAX_OUTPUT = 8_192;

export function liveMethods({ live, closing }: RpcContext): Methods {
	const desk = () => {
		if (live === undefined) throw serverError("this ledger asks no models in calls: its operator did not say --live-calls");
		return live;
	};
	return {
		freehold_liveRequests: ([operator, timeout, at, signature], asker) => {
			const open = desk();
			const address = hexOf(addressParameter(operator, "operator"));
			const timeoutMs = wholeNumber(timeout, "timeout", MAX_WAIT_MS);
			const time = wholeNumber(at, "at", Number.MAX_SAFE_INTEGER);
			return open.offer(address, time, fixedParameter(signature, 65, "signature"), timeoutMs, [asker.signal(), closing]);
		},
		freehold_answerLive: ([answer, signature]) => {
			desk().take(readAnswer(answer), fixedParameter(signature, 65, "signature"));
			return true;
		},
	};
}

function readAnswer(value: unknown): LiveAnswer {
	const { id, operator, release, priceVersion, inputUnits, outputUnits, ok, output, ...rest } = objectParameter(value, "answer");
	const [stranger] = Object.keys(rest);
	if (stranger !== undefined) throw invalidParams(`answer.${stranger.slice(0, 100)}: is no field of an answer`);
	if (typeof ok !== "boolean") throw invalidParams("answer.ok: must be true or false");
	return {
		id: hexOf(fixedParameter(id, 32, "answer.id")),
		operator: hexOf(addressParameter(operator, "answer.operator")),
		release: hexOf(fixedParameter(release, 32, "answer.release")),
		priceVersion: wholeNumber(priceVersion, "answer.priceVersion", 2 ** 32 - 1),
		inputUnits: decimal(inputUnits, "answer.inputUnits"),
		outputUnits: decimal(outputUnits, "answer.outputUnits"),
		ok,
		output: hexOf(bytesParameter(output, "answer.output", MAX_OUTPUT)),
	};
}

function decimal(value: unknown, name: string): string {
	if (typeof value !== "string" || !/^(0|[1-9]\d{0,18})$/.test(value)) throw invalidParams(`${name}: must be a decimal of at most 19 digits`);
	return value;
}

function wholeNumber(value: unknown, name: string, most: number): number {
	if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > most) throw invalidParams(`${name}: must be a whole number up to ${most}`);
	return value;
}
