/** The primitives that deciding and signing need. Pure JavaScript stands as the default; programs pass a native one. */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";

export interface Hashes {
	/** Keccak-256 as Ethereum uses it. */
	keccak256(data: Uint8Array): Uint8Array;
	sha256(data: Uint8Array): Uint8Array;
}

export interface Crypto extends Hashes {
	/**
	 * Address (20 bytes) whose key made `signature` (r ‖ s ‖ v, 65 bytes, v 27 or 28) over `digest` (32 bytes).
	 * Undefined for anything else: wrong length, other v, high s (EIP-2), or no such point.
	 */
	recover(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined;
	/** Ed25519 by the ZIP-215 rules that consensus uses. */
	verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** Hashes in pure JavaScript. */
export const defaultHashes: Hashes = { keccak256: (data) => keccak_256(data), sha256: (data) => sha256(data) };

/** HMAC-SHA-256, for tokens that a program issues to itself. */
export function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array {
	return hmac(sha256, key, data);
}
