/** Tells a gateway which of its orders were answered here: after a crash, or after giving one up, it pays for those that it has not paid. */
import {
	type Crypto,
	FreeholdError,
	fromHex,
	type Hex,
	isHex,
	type KeptOrder,
	type KeptOrdersAnswer,
	type KeptOrdersQuestion,
	keptOrdersDigest,
	toHex,
} from "@freehold/protocol";
import type { OperatorBook } from "./operators.js";
import { keptReceipts, type Retention } from "./retention.js";
import type { NodeStore } from "./tables.js";

export interface KeptOrdersModules {
	readonly node: Hex;
	readonly store: NodeStore;
	readonly operators: OperatorBook;
	readonly retention: Retention;
	readonly crypto: Crypto;
	/** Unix milliseconds. */
	readonly now: () => number;
}

const FRESH_MS = 300_000;
const PAGE = 200;
/** Records looked at for one page: other gateways' orders lie between. */
const LOOKED_AT = 5_000;

/** Throws `request.invalid`, and `order.invalid` for a question that no key of the gateway signed. */
export function answerKeptOrders(body: unknown, { node, store, operators, retention, crypto, now }: KeptOrdersModules): KeptOrdersAnswer {
	const { question, signature } = read(body);
	if (question.node !== node) throw invalid("question.node", `names ${question.node}, this node is ${node}`);
	if (Math.abs(now() - question.askedAt) > FRESH_MS) throw invalid("question.askedAt", "must be the present time; is the clock right?");
	const key = crypto.recover(keptOrdersDigest(question, crypto), fromHex(signature));
	if (key === undefined || !operators.isKeyValid(question.gateway, toHex(key), Math.floor(now() / 1000)))
		throw new FreeholdError("order.invalid", { reason: "the question is not signed by a valid key of the gateway" });
	const orders: KeptOrder[] = [];
	let looked = 0;
	for (const { at, record } of keptReceipts(store, retention, question)) {
		const { order } = record as { readonly order: { readonly gateway?: unknown } };
		if (order.gateway === question.gateway) orders.push(record);
		looked += 1;
		if (orders.length >= PAGE || looked >= LOOKED_AT) return { orders, next: at };
	}
	return { orders };
}

function read(body: unknown): { readonly question: KeptOrdersQuestion; readonly signature: Hex } {
	const { question, signature } = (typeof body === "object" && body !== null ? body : {}) as Readonly<Record<string, unknown>>;
	if (!isHex(signature, 65)) throw invalid("signature", "must be 65 bytes of lower-case 0x hex");
	if (typeof question !== "object" || question === null) throw invalid("question", "must be a JSON object");
	const { kind, gateway, node, since, until, after, askedAt, ...rest } = question as Readonly<Record<string, unknown>>;
	const [stranger] = Object.keys(rest);
	if (stranger !== undefined) throw invalid(`question.${stranger.slice(0, 100)}`, "is not known");
	if (kind !== "kept-orders") throw invalid("question.kind", "must be kept-orders");
	if (!isHex(gateway, 20) || !isHex(node, 20)) throw invalid("question", "must name gateway and node by 20 bytes of lower-case 0x hex");
	for (const [name, value] of Object.entries({ since, until, askedAt }))
		if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw invalid(`question.${name}`, "must be Unix milliseconds");
	if (after !== undefined && (typeof after !== "string" || after.length > 200)) throw invalid("question.after", "must be the next of an answer");
	return { question: question as KeptOrdersQuestion, signature };
}

function invalid(field: string, reason: string): FreeholdError {
	return new FreeholdError("request.invalid", { field, reason });
}
