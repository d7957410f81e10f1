/** Asking a node to run an order. The same order gets the same answer, however often it is asked. */
import { type EvidenceKind, type Hex, limits, type Order, type OrderRequestBody, orderShape, type Tensors, tensorsToJson } from "@freehold/protocol";
import { fetchJson } from "@freehold/service";

export interface OrderMessage {
	readonly order: Order;
	readonly orderSignature: Hex;
	readonly salt: Hex;
	readonly require: readonly EvidenceKind[];
	readonly inputs: Tensors;
}

/** JSON of an order as a node takes it. */
export function orderBody({ order, orderSignature, salt, require, inputs }: OrderMessage): OrderRequestBody {
	return { order: orderShape.write(order), orderSignature, salt, require, inputs: tensorsToJson(inputs, "base64") as OrderRequestBody["inputs"] };
}

/** The node's answer, unread. Throws what the node refused with, or that it cannot be reached. */
export function sendOrder(endpoint: string, body: OrderRequestBody, options: { readonly deadlineMs: number }): Promise<unknown> {
	return fetchJson(`${endpoint}/v1/orders`, {
		what: `The node at ${endpoint}`,
		json: body,
		deadlineMs: options.deadlineMs,
		maxBytes: limits.receiptFileBytes,
	});
}
