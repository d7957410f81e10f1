/** From what a run gave to a signed answer. Pure but for the signature. */
import {
	type Crypto,
	charge,
	commit,
	commitTensors,
	type EngineDescription,
	engineDigest,
	engineShape,
	FreeholdError,
	fromHex,
	type Hex,
	type OrderResponseBody,
	type Receipt,
	receiptDigest,
	receiptShape,
	type Tensors,
	type TextAnswer,
	type TextOrderResponseBody,
	tensorsToJson,
	textAnswerShape,
	textResponseText,
	toHex,
} from "@freehold/protocol";
import type { DigestSigner } from "@freehold/service";
import { type AcceptedOrder, countUnits, type OrderMessage } from "./order-check.js";

export interface Run {
	readonly outcome:
		| { readonly kind: "tensors"; readonly outputs: Tensors }
		| { readonly kind: "text"; readonly answer: TextAnswer; readonly inputTokens: bigint; readonly outputTokens: bigint };
	readonly engine: EngineDescription;
	/** Unix milliseconds. */
	readonly startedAt: number;
	readonly finishedAt: number;
}

export interface SignedAnswer {
	readonly receipt: Receipt;
	readonly receiptSignature: Hex;
	/** JSON of the `OrderResponseBody` or `TextOrderResponseBody`. */
	readonly body: string;
}

/** The receipt over a run and the answer that carries it. Throws `order.expired`, or `order.invalid` when it used more than the order allows. */
export function signAnswer(
	message: OrderMessage,
	accepted: AcceptedOrder,
	run: Run,
	{ chainId, signer, crypto }: { readonly chainId: number; readonly signer: DigestSigner; readonly crypto: Crypto },
): SignedAnswer {
	const { order, digest, salt } = message;
	const { outcome, engine, startedAt, finishedAt } = run;
	if (BigInt(finishedAt) > order.deadline) throw new FreeholdError("order.expired");
	const inputUnits = outcome.kind === "text" ? outcome.inputTokens : accepted.inputUnits;
	const outputUnits = outcome.kind === "text" ? outcome.outputTokens : countUnits(outcome.outputs);
	checkUnits("order.maxInputUnits", order.maxInputUnits, inputUnits, "the request has");
	checkUnits("order.maxOutputUnits", order.maxOutputUnits, outputUnits, "the answer has");
	const response =
		outcome.kind === "text"
			? textResponseText(outcome.answer, crypto)
			: ({ kind: "inference", version: 1, outputs: commitTensors(outcome.outputs, crypto) } as const);
	const receipt: Receipt = {
		order: digest,
		response: commit(response, salt, crypto),
		engine: engineDigest(engine, crypto),
		inputUnits,
		outputUnits,
		charge: charge(accepted.price, { calls: 1n, inputUnits, outputUnits }, order),
		startedAt: BigInt(startedAt),
		finishedAt: BigInt(finishedAt),
	};
	const receiptSignature = toHex(signer.signDigest(fromHex(receiptDigest(receipt, chainId, crypto))));
	const common = { receipt: receiptShape.write(receipt), receiptSignature, engine: engineShape.read(engine, "engine"), evidence: [] };
	const body: OrderResponseBody | TextOrderResponseBody =
		outcome.kind === "text"
			? { ...common, text: textAnswerShape.write(outcome.answer) }
			: { ...common, outputs: tensorsToJson(outcome.outputs, "base64") as OrderResponseBody["outputs"] };
	return { receipt, receiptSignature, body: JSON.stringify(body) };
}

/** Throws `order.invalid` naming the field, what it allows and what was used. */
export function checkUnits(field: string, allowed: bigint, used: bigint, whose: string): void {
	if (used > allowed) throw new FreeholdError("order.invalid", { field, reason: `${field} allows ${allowed}, ${whose} ${used}` });
}
