/**
 * What a gateway asks a node after it gave orders up: which of its orders the node has answered all the same. Their ids are the right to read calls, so the
 * question is signed by a key of the gateway (EIP-191 over canonical JSON).
 */
import { concatBytes, type Hex, utf8 } from "../bytes/bytes.js";
import { defaultHashes, type Hashes } from "../crypto/crypto.js";
import { canonicalJson } from "../json/canonical.js";

export interface KeptOrdersQuestion {
	readonly kind: "kept-orders";
	readonly gateway: Hex;
	readonly node: Hex;
	/** Deadlines of the orders, Unix milliseconds: from `since` to before `until`. */
	readonly since: number;
	readonly until: number;
	/** `next` of the answer before. */
	readonly after?: string;
	/** Unix milliseconds; good for a few minutes. */
	readonly askedAt: number;
}

/** `POST /v1/orders/kept` at a node. */
export interface KeptOrdersBody {
	readonly question: KeptOrdersQuestion;
	readonly signature: Hex;
}

/** An order and its receipt, as both signed them. */
export interface KeptOrder {
	readonly order: unknown;
	readonly orderSignature: Hex;
	readonly receipt: unknown;
	readonly receiptSignature: Hex;
}

export interface KeptOrdersAnswer {
	readonly orders: readonly KeptOrder[];
	/** Where to go on; absent at the end. */
	readonly next?: string;
}

/** What is signed. */
export function keptOrdersDigest(question: KeptOrdersQuestion, hashes: Hashes = defaultHashes): Uint8Array {
	const text = utf8(canonicalJson(question));
	return hashes.keccak256(concatBytes(utf8(`\u0019Ethereum Signed Message:\n${text.length}`), text));
}
