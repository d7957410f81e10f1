/** The sequencer's Ed25519 key. The private part never leaves the object. */
import { createPrivateKey, createPublicKey, sign } from "node:crypto";

/** PKCS #8 of an Ed25519 seed, up to the seed (RFC 8410). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

export interface SigningKey {
	/** 32 bytes. */
	readonly publicKey: Uint8Array;
	/** 64 bytes, deterministic (RFC 8032). */
	readonly sign: (message: Uint8Array) => Uint8Array;
}

/** Key of a 32-byte seed. */
export function signingKey(seed: Uint8Array): SigningKey {
	const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
	const der = createPublicKey(key).export({ format: "der", type: "spki" });
	return {
		publicKey: Uint8Array.from(der.subarray(der.length - 32)),
		sign: (message) => Uint8Array.from(sign(null, message, key)),
	};
}
