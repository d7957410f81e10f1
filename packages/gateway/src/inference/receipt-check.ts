/** Whether a node's answer is what its order asked for: signed by the node, committed, counted and charged exactly. Pure. */
import {
	type Crypto,
	charge,
	commit,
	commitTensors,
	type EngineDescription,
	type EvidenceItem,
	engineDigest,
	engineShape,
	evidenceShape,
	FreeholdError,
	fromHex,
	type Hex,
	isHex,
	modeName,
	type Order,
	orderDigest,
	type Price,
	parseTensors,
	type Receipt,
	receiptDigest,
	receiptShape,
	shape,
	type Tensors,
	toHex,
} from "@freehold/protocol";
import { unitsOf } from "./plan.js";

/** A node's answer that holds. */
export interface CheckedAnswer {
	readonly receipt: Receipt;
	readonly receiptSignature: Hex;
	readonly receiptDigest: Hex;
	/** Key that signed the receipt. */
	readonly nodeKey: Hex;
	readonly engine: EngineDescription;
	readonly evidence: readonly EvidenceItem[];
	readonly outputs: Tensors;
}

export interface CheckContext {
	readonly chainId: number;
	readonly crypto: Crypto;
	readonly price: Price;
	readonly inputs: Tensors;
	readonly salt: Hex;
	/** Whether the key signs for the order's node now. */
	readonly isNodeKey: (key: Hex) => boolean;
}

const evidenceList = shape.list(evidenceShape, 64);

/** Throws `node.refused` with what does not hold: such an answer is worth nothing, and is not paid. */
export function checkAnswer(order: Order, answer: unknown, context: CheckContext): CheckedAnswer {
	const { chainId, crypto } = context;
	const { receipt, receiptSignature, engine, evidence, outputs } = readAnswer(answer);
	const digest = receiptDigest(receipt, chainId, crypto);
	const signer = crypto.recover(fromHex(digest), fromHex(receiptSignature));
	const nodeKey = signer === undefined ? undefined : toHex(signer);
	if (nodeKey === undefined || !context.isNodeKey(nodeKey)) throw refuse("its receipt is not signed by a key of the node");
	if (receipt.order !== orderDigest(order, chainId, crypto)) throw refuse("its receipt is for another order");
	if (receipt.engine !== engineDigest(engine, crypto)) throw refuse("its receipt names another engine");
	if (modeName(order.mode) === undefined) throw refuse("the order's mode is not known");
	const response = { kind: "inference", version: 1, outputs: commitTensors(outputs, crypto) } as const;
	if (receipt.response !== commit(response, context.salt, crypto)) throw refuse("its receipt commits to another answer");
	if (receipt.inputUnits !== unitsOf(context.inputs) || receipt.outputUnits !== unitsOf(outputs)) throw refuse("it counts other units than were used");
	if (receipt.inputUnits > order.maxInputUnits || receipt.outputUnits > order.maxOutputUnits) throw refuse("it uses more units than the order allows");
	const due = charge(context.price, { calls: 1n, inputUnits: receipt.inputUnits, outputUnits: receipt.outputUnits }, order);
	if (receipt.charge !== due) throw refuse("it charges another amount than the price says");
	if (receipt.startedAt > receipt.finishedAt || receipt.finishedAt > order.deadline) throw refuse("its times are not within the order's");
	return { receipt, receiptSignature, receiptDigest: digest, nodeKey, engine, evidence, outputs };
}

function readAnswer(answer: unknown): Omit<CheckedAnswer, "receiptDigest" | "nodeKey"> {
	if (typeof answer !== "object" || answer === null) throw refuse("its answer is no object");
	const { receipt, receiptSignature, engine, evidence, outputs } = answer as Readonly<Record<string, unknown>>;
	if (!isHex(receiptSignature, 65)) throw refuse("its signature is malformed");
	try {
		return {
			receipt: receiptShape.read(receipt, "receipt"),
			receiptSignature,
			engine: engineShape.read(engine, "engine"),
			evidence: evidenceList.read(evidence ?? [], "evidence"),
			outputs: parseTensors(outputs),
		};
	} catch (error) {
		throw refuse(error instanceof Error ? error.message : "its answer is malformed");
	}
}

function refuse(reason: string): FreeholdError {
	return new FreeholdError("node.refused", { reason });
}
