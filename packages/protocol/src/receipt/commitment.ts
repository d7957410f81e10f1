/** What request and response commit to: canonical text in which every byte string stands as its SHA-256. */
import { concatBytes, fromHex, type Hex, toHex, utf8 } from "../bytes/bytes.js";
import { defaultHashes, type Hashes } from "../crypto/crypto.js";
import { canonicalJson } from "../json/canonical.js";
import type { TextRequestText, TextResponseText } from "../text/commitment.js";
import type { Mode } from "./types.js";

/** A tensor inside a committed text: its type, shape, and the SHA-256 of its little-endian bytes. */
export interface CommittedTensor {
	readonly dtype: string;
	readonly shape: readonly number[];
	readonly sha256: Hex;
	readonly bytes: number;
}

/** Kinds of evidence that a request may demand (design of receipts, §2). */
export const evidenceKinds = ["routed", "signed", "attested", "audited", "replayed", "proved"] as const;
export type EvidenceKind = (typeof evidenceKinds)[number];

/** The committed form of a request for inference on tensors. */
export interface InferenceRequestText {
	readonly kind: "inference";
	readonly version: 1;
	readonly release: Hex;
	readonly mode: Mode;
	/** Sorted, without repetition. */
	readonly require: readonly EvidenceKind[];
	readonly inputs: Readonly<Record<string, CommittedTensor>>;
}

/** The committed form of its answer. */
export interface InferenceResponseText {
	readonly kind: "inference";
	readonly version: 1;
	readonly outputs: Readonly<Record<string, CommittedTensor>>;
}

/** Names the exact engine that ran: `artifact` is the SHA-256 of the binary, `options` what could change a bit of the output. */
export interface EngineDescription {
	readonly name: string;
	readonly version: string;
	readonly artifact: Hex;
	readonly options: Readonly<Record<string, string | number | boolean>>;
}

/** keccak256(salt ‖ canonical text). */
export function commit(
	value: InferenceRequestText | InferenceResponseText | TextRequestText | TextResponseText,
	salt: Hex,
	hashes: Hashes = defaultHashes,
): Hex {
	return toHex(hashes.keccak256(concatBytes(fromHex(salt), utf8(canonicalJson(value)))));
}

/** `Receipt.engine`. */
export function engineDigest(engine: EngineDescription, hashes: Hashes = defaultHashes): Hex {
	return toHex(hashes.keccak256(utf8(canonicalJson(engine))));
}
