/** What a client gets of a recorded call: the answer, and the receipt file so far. */
import { formatOpg, type InferenceResponseBody, type ReceiptAnchor, type ReceiptFile, receiptFileShape, type Tensors, tensorsToJson } from "@freehold/protocol";
import type { CallRecord } from "../store/tables.js";

export function receiptFileOf(call: CallRecord, chainId: number, anchor?: ReceiptAnchor): ReceiptFile {
	const { order, orderSignature, receipt, receiptSignature, engine, evidence, payer, salt, require, inputs, outputs } = call;
	const bodies = call.stripped === true ? {} : { request: { require, inputs: fileTensors(inputs) }, response: { outputs: fileTensors(outputs) } };
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
		...bodies,
		...(anchor === undefined ? {} : { anchor }),
	};
}

/** JSON of a receipt file, as `*.receipt.json` holds it. */
export function receiptFileJson(call: CallRecord, chainId: number, anchor?: ReceiptAnchor): unknown {
	return receiptFileShape.write(receiptFileOf(call, chainId, anchor));
}

export function answerBody(call: CallRecord, chainId: number): InferenceResponseBody {
	const { receipt, order } = call;
	return {
		outputs: tensorsToJson(call.outputs, "list"),
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

function fileTensors(tensors: Tensors): Record<string, { dtype: string; shape: readonly number[]; data: Uint8Array }> {
	return Object.fromEntries(Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => [name, { dtype, shape, data: bytes }]));
}
