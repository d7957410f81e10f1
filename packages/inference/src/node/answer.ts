/** From outputs to a signed answer. Pure but for the signature. */
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
	tensorsToJson,
	toHex,
} from "@freehold/protocol";
import type { DigestSigner } from "@freehold/service";
import { type AcceptedOrder, countUnits, type OrderMessage } from "./order-check.js";

export interface Run {
	readonly outputs: Tensors;
	readonly engine: EngineDescription;
	/** Unix milliseconds. */
	readonly startedAt: number;
	readonly finishedAt: number;
}

export interface SignedAnswer {
	readonly receipt: Receipt;
	readonly receiptSignature: Hex;
	/** JSON of the `OrderResponseBody`. */
	readonly body: string;
}

/** The receipt over a run and the answer that carries it. Throws `order.expired`, or `order.invalid` when the outputs are more than the order allows. */
export function signAnswer(
	message: OrderMessage,
	accepted: AcceptedOrder,
	run: Run,
	{ chainId, signer, crypto }: { readonly chainId: number; readonly signer: DigestSigner; readonly crypto: Crypto },
): SignedAnswer {
	const { order, digest, salt } = message;
	const { outputs, engine, startedAt, finishedAt } = run;
	if (BigInt(finishedAt) > order.deadline) throw new FreeholdError("order.expired");
	const outputUnits = countUnits(outputs);
	if (outputUnits > order.maxOutputUnits)
		throw new FreeholdError("order.invalid", {
			field: "order.maxOutputUnits",
			reason: `order.maxOutputUnits allows ${order.maxOutputUnits}, the outputs have ${outputUnits}`,
		});
	const receipt: Receipt = {
		order: digest,
		response: commit({ kind: "inference", version: 1, outputs: commitTensors(outputs, crypto) }, salt, crypto),
		engine: engineDigest(engine, crypto),
		inputUnits: accepted.inputUnits,
		outputUnits,
		charge: charge(accepted.price, { calls: 1n, inputUnits: accepted.inputUnits, outputUnits }, order),
		startedAt: BigInt(startedAt),
		finishedAt: BigInt(finishedAt),
	};
	const receiptSignature = toHex(signer.signDigest(fromHex(receiptDigest(receipt, chainId, crypto))));
	const body: OrderResponseBody = {
		receipt: receiptShape.write(receipt),
		receiptSignature,
		engine: engineShape.read(engine, "engine"),
		outputs: tensorsToJson(outputs, "base64") as OrderResponseBody["outputs"],
		evidence: [],
	};
	return { receipt, receiptSignature, body: JSON.stringify(body) };
}
