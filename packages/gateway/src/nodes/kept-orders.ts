/** Asking a node which orders of this gateway it has answered. */
import { FreeholdError, isHex, type KeptOrder, type KeptOrdersAnswer, type KeptOrdersBody, limits, nodeRoutes } from "@freehold/protocol";
import { fetchJson } from "@freehold/service";
import { nodeReach } from "./reach.js";

const DEADLINE_MS = 10_000;
/** More than a node gives at once. */
const MOST = 1_000;

/** Throws that the node cannot be reached, what it refused with, or `node.refused`. */
export async function askKeptOrders(endpoint: string, json: KeptOrdersBody, signal: AbortSignal): Promise<KeptOrdersAnswer> {
	const answer = await fetchJson(`${endpoint}${nodeRoutes.keptOrders.path}`, {
		what: `The node at ${endpoint}`,
		json,
		deadlineMs: DEADLINE_MS,
		maxBytes: limits.receiptFileBytes,
		signal,
		...nodeReach(),
	});
	const { orders, next } = (typeof answer === "object" && answer !== null ? answer : {}) as { readonly orders?: unknown; readonly next?: unknown };
	if (!Array.isArray(orders) || orders.length > MOST || !orders.every(isKept)) throw new FreeholdError("node.refused", { reason: "no list of kept orders" });
	if (next !== undefined && (typeof next !== "string" || next === json.question.after))
		throw new FreeholdError("node.refused", { reason: "its list does not end" });
	return { orders, ...(next === undefined ? {} : { next }) };
}

function isKept(value: unknown): value is KeptOrder {
	const { orderSignature, receiptSignature } = (typeof value === "object" && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
	return isHex(orderSignature, 65) && isHex(receiptSignature, 65);
}
