/** Whether a node's answer is what its order asked for: signed by the node, committed, counted and charged exactly. Pure. */
import {
	answerOfDeltas,
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
	type Price,
	parseTensors,
	type Receipt,
	receiptDigest,
	receiptShape,
	shape,
	type TextAnswer,
	type TextDelta,
	type TextRequest,
	textAnswerShape,
	textResponseText,
	toHex,
} from "@freehold/protocol";
import type { Answer, Question } from "../store/tables.js";
import { unitsOf } from "./tensor-question.js";

/** A node's answer that holds. */
export interface CheckedAnswer {
	readonly receipt: Receipt;
	readonly receiptSignature: Hex;
	readonly receiptDigest: Hex;
	/** Key that signed the receipt. */
	readonly nodeKey: Hex;
	readonly engine: EngineDescription;
	readonly evidence: readonly EvidenceItem[];
	readonly content: Answer;
}

export interface CheckContext {
	readonly chainId: number;
	readonly crypto: Crypto;
	readonly price: Price;
	/** Of the order, as the gateway signed it. */
	readonly digest: Hex;
	readonly question: Question;
	readonly salt: Hex;
	/** What came of a stream; undefined where the answer came whole. */
	readonly streamed?: Streamed;
	/** An outside provider runs the release and counts its tokens itself, most of them only at the end: what a stream began with is an estimate (decision 0032). */
	readonly routed?: boolean;
	/** Whether the key signs for the order's node now. */
	readonly isNodeKey: (key: Hex) => boolean;
}

/** What the caller of a stream received. */
export interface Streamed {
	readonly inputTokens: number;
	readonly deltas: readonly TextDelta[];
}

const evidenceList = shape.list(evidenceShape, 64);

/** Throws `node.refused` with what does not hold: such an answer is worth nothing, and is not paid. */
export function checkAnswer(order: Order, answer: unknown, context: CheckContext): CheckedAnswer {
	const { chainId, crypto } = context;
	const { receipt, receiptSignature, engine, evidence, body } = readAnswer(answer);
	const digest = receiptDigest(receipt, chainId, crypto);
	const signer = crypto.recover(fromHex(digest), fromHex(receiptSignature));
	const nodeKey = signer === undefined ? undefined : toHex(signer);
	if (nodeKey === undefined || !context.isNodeKey(nodeKey)) throw refuse("its receipt is not signed by a key of the node");
	if (receipt.order !== context.digest) throw refuse("its receipt is for another order");
	if (receipt.engine !== engineDigest(engine, crypto)) throw refuse("its receipt names another engine");
	if (modeName(order.mode) === undefined) throw refuse("the order's mode is not known");
	const content = "inputs" in context.question ? checkTensors(receipt, body, context, context.question) : checkText(receipt, body, context, context.question);
	if (receipt.inputUnits > order.maxInputUnits || receipt.outputUnits > order.maxOutputUnits) throw refuse("it uses more units than the order allows");
	const due = charge(context.price, { calls: 1n, inputUnits: receipt.inputUnits, outputUnits: receipt.outputUnits }, order);
	if (receipt.charge !== due) throw refuse("it charges another amount than the price says");
	if (receipt.startedAt > receipt.finishedAt || receipt.finishedAt > order.deadline) throw refuse("its times are not within the order's");
	return { receipt, receiptSignature, receiptDigest: digest, nodeKey, engine, evidence, content };
}

function checkTensors(receipt: Receipt, body: Body, { crypto, salt }: CheckContext, { inputs }: Extract<Question, { inputs: unknown }>): Answer {
	const outputs = reading(() => parseTensors(body.outputs));
	const response = { kind: "inference", version: 1, outputs: commitTensors(outputs, crypto) } as const;
	if (receipt.response !== commit(response, salt, crypto)) throw refuse("its receipt commits to another answer");
	if (receipt.inputUnits !== unitsOf(inputs) || receipt.outputUnits !== unitsOf(outputs)) throw refuse("it counts other units than were used");
	return { outputs };
}

/** Of a stream what came is what must be signed, whatever the node says now; of a whole answer, what it says. */
function checkText(receipt: Receipt, body: Body, context: CheckContext, { textRequest }: Extract<Question, { textRequest: unknown }>): Answer {
	const { streamed, crypto, salt, routed = false } = context;
	const came = streamed === undefined || textRequest.task === "embedding" ? undefined : answerOfDeltas(textRequest.task, textRequest.choices, streamed.deltas);
	const answer = came?.answer ?? reading(() => textAnswerShape.read(body.text, "text"));
	if (answer.task !== textRequest.task || countOf(answer) !== wantedOf(textRequest)) throw refuse("its answer is of another kind than the question");
	if (receipt.response !== commit(textResponseText(answer, crypto), salt, crypto)) throw refuse("its receipt commits to another answer");
	if (came !== undefined && receipt.outputUnits !== came.outputTokens)
		throw refuse(`it counts ${receipt.outputUnits} output tokens, ${came.outputTokens} came`);
	if (streamed !== undefined && !routed && receipt.inputUnits !== BigInt(streamed.inputTokens)) throw refuse("it counts other input tokens than it said");
	return { textAnswer: answer };
}

function countOf(answer: TextAnswer): number {
	return answer.task === "embedding" ? answer.vectors.length : answer.choices.length;
}

function wantedOf(request: TextRequest): number {
	return request.task === "embedding" ? request.inputs.length : request.choices;
}

interface Body {
	readonly outputs: unknown;
	readonly text: unknown;
}

function readAnswer(answer: unknown): Omit<CheckedAnswer, "receiptDigest" | "nodeKey" | "content"> & { readonly body: Body } {
	if (typeof answer !== "object" || answer === null) throw refuse("its answer is no object");
	const { receipt, receiptSignature, engine, evidence, outputs, text } = answer as Readonly<Record<string, unknown>>;
	if (!isHex(receiptSignature, 65)) throw refuse("its signature is malformed");
	return reading(() => ({
		receipt: receiptShape.read(receipt, "receipt"),
		receiptSignature,
		engine: engineShape.read(engine, "engine"),
		evidence: evidenceList.read(evidence ?? [], "evidence"),
		body: { outputs, text },
	}));
}

function reading<T>(read: () => T): T {
	try {
		return read();
	} catch (error) {
		throw refuse(error instanceof Error ? error.message : "its answer is malformed");
	}
}

function refuse(reason: string): FreeholdError {
	return new FreeholdError("node.refused", { reason });
}
