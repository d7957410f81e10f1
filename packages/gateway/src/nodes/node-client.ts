/** Asking a node to run an order. The same order gets the same answer, however often it is asked. */
import { limits, nodeRoutes, type OrderRequestBody, orderShape, type TextOrderRequestBody, tensorsToJson, textRequestShape } from "@freehold/protocol";
import { fetchJson } from "@freehold/service";
import type { OrderRecord } from "../store/tables.js";
import { nodeReach } from "./reach.js";

/** JSON of an order as a node takes it. */
export function orderBody(record: OrderRecord): OrderRequestBody | TextOrderRequestBody {
	const { order, orderSignature, salt, require } = record;
	const common = { order: orderShape.write(order), orderSignature, salt, require };
	return "inputs" in record
		? { ...common, inputs: tensorsToJson(record.inputs, "base64") as OrderRequestBody["inputs"] }
		: { ...common, text: textRequestShape.write(record.textRequest) };
}

/** The node's answer, unread. Throws what the node refused with, or that it cannot be reached. */
export function sendOrder(endpoint: string, body: OrderRequestBody | TextOrderRequestBody, options: { readonly deadlineMs: number }): Promise<unknown> {
	return fetchJson(`${endpoint}${nodeRoutes.order.path}`, {
		what: `The node at ${endpoint}`,
		json: body,
		...options,
		...nodeReach(),
		maxBytes: limits.receiptFileBytes,
	});
}
