/** What a client gets of a recorded call: the answer, and the receipt file so far. */
import {
	elementCount,
	formatOpg,
	type InferenceResponseBody,
	limits,
	type ReceiptAnchor,
	type ReceiptFile,
	receiptFileShape,
	type Tensors,
	tensorsToJson,
} from "@freehold/protocol";
import type { CallRecord } from "../store/tables.js";

export function receiptFileOf(call: CallRecord, chainId: number, anchor?: ReceiptAnchor): ReceiptFile {
	const { order, orderSignature, receipt, receiptSignature, engine, evidence, payer, salt } = call;
	return {
		version: 1,
		chainId,
		order,
		orderSignature,
		receipt,
		receiptSignature,
		engine,
		evidence,
		holder: { payer, salt },
		...bodiesOf(call),
		...(anchor === undefined ? {} : { anchor }),
	};
}

/** JSON of a receipt file, as `*.receipt.json` holds it. */
export function receiptFileJson(call: CallRecord, chainId: number, anchor?: ReceiptAnchor): unknown {
	return receiptFileShape.write(receiptFileOf(call, chainId, anchor));
}

function bodiesOf(call: CallRecord): Pick<ReceiptFile, "request" | "response" | "textRequest" | "textResponse"> {
	if ("stripped" in call) return {};
	const { require } = call;
	return {
		...("inputs" in call ? { request: { require, inputs: fileTensors(call.inputs) } } : { textRequest: { require, request: call.textRequest } }),
		...("outputs" in call ? { response: { outputs: fileTensors(call.outputs) } } : { textResponse: { answer: call.textAnswer } }),
	};
}

/** Of a call on tensors; a stripped one has none. */
export function answerBody(call: CallRecord, chainId: number): InferenceResponseBody {
	const { receipt, order } = call;
	return {
		outputs: "outputs" in call ? tensorsToJson(call.outputs, isShort(call.outputs) ? "list" : "base64") : {},
		usage: {
			inputUnits: Number(receipt.inputUnits),
			outputUnits: Number(receipt.outputUnits),
			charge: receipt.charge.toString(),
			chargeOpg: formatOpg(receipt.charge),
		},
		callId: order.callId,
		receiptFile: receiptFileJson(call, chainId),
	};
}

/** Millions of elements as text would keep the program from everybody else for seconds. */
function isShort(tensors: Tensors): boolean {
	return Object.values(tensors).reduce((sum, { shape }) => sum + elementCount(shape), 0) <= limits.tensorListElements;
}

function fileTensors(tensors: Tensors): Record<string, { dtype: string; shape: readonly number[]; data: Uint8Array }> {
	return Object.fromEntries(Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => [name, { dtype, shape, data: bytes }]));
}
