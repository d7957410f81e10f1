/** Model calls that a ledger has answered for `eth_call`, without a transaction: what it asks a node, and what the node signs. */
import { type Hex, utf8 } from "../bytes/bytes.js";
import { defaultHashes, type Hashes } from "../crypto/crypto.js";
import { canonicalJson } from "../json/canonical.js";

export interface LiveAsk {
	/** Random: an answer is for this question alone. */
	readonly id: Hex;
	/** 0 model, 1 completion, 2 chat. */
	readonly kind: number;
	/** ABI-encoded request, as the contract wrote it. */
	readonly request: Hex;
	/** Who pays for the answer, and the most for it: decimal, in the smallest unit. */
	readonly sponsor: Hex;
	readonly most: string;
}

/** Numbers are decimal strings. `output` is the ABI-encoded answer, or, where `ok` is false, the reason in UTF-8. */
export interface LiveAnswer {
	readonly id: Hex;
	readonly operator: Hex;
	readonly release: Hex;
	readonly priceVersion: number;
	readonly inputUnits: string;
	readonly outputUnits: string;
	readonly ok: boolean;
	readonly output: Hex;
}

/** What a node signs with an answer: the answer, and what was asked. */
export function liveAnswerDigest(answer: LiveAnswer, { kind, request }: Pick<LiveAsk, "kind" | "request">, chainId: number, hashes: Hashes = defaultHashes) {
	const { id, operator, release, priceVersion, inputUnits, outputUnits, ok, output } = answer;
	const said = { id, operator, release, priceVersion, inputUnits, outputUnits, ok, output };
	return digest({ freehold: "live answer", chainId, kind, request, ...said }, hashes);
}

/** What a node signs when it offers answers at the time `at`, Unix milliseconds. */
export function liveOfferDigest(operator: Hex, at: number, chainId: number, hashes: Hashes = defaultHashes): Uint8Array {
	return digest({ freehold: "live offer", chainId, operator, at }, hashes);
}

function digest(statement: object, hashes: Hashes): Uint8Array {
	return hashes.keccak256(utf8(canonicalJson(statement)));
}
