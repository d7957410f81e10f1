/**
 * Ed25519 by the ZIP-215 rules, with OpenSSL's speed where it can be had.
 *
 * What OpenSSL accepts satisfies the equation without cofactor in canonical encoding, so ZIP-215 accepts it too. The converse does not hold: where OpenSSL
 * says no, the slower library with the exact rules decides. So the answer is everywhere the one that a browser gives.
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { toHex } from "@freehold/protocol";
import { ed25519 } from "@noble/curves/ed25519.js";

/** DER of a SubjectPublicKeyInfo for Ed25519 up to the 32 bytes of the key (RFC 8410). */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const MAX_KEYS = 1_024;
const keys = new Map<string, KeyObject>();

export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
	if (publicKey.length !== 32 || signature.length !== 64) return false;
	return byOpenSsl(publicKey, message, signature) || byZip215(publicKey, message, signature);
}

function byOpenSsl(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
	try {
		return verify(null, message, keyObject(publicKey), signature);
	} catch {
		return false;
	}
}

function byZip215(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
	try {
		return ed25519.verify(signature, message, publicKey, { zip215: true });
	} catch {
		return false;
	}
}

/** Parsing a key costs as much as a hash; validators are few and sign often. */
function keyObject(publicKey: Uint8Array): KeyObject {
	const name = toHex(publicKey);
	const known = keys.get(name);
	if (known !== undefined) return known;
	const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: "der", type: "spki" });
	if (keys.size >= MAX_KEYS) keys.clear();
	keys.set(name, key);
	return key;
}
