/** Fast primitives for programs: native secp256k1, WebAssembly keccak, OpenSSL's SHA-256; the pure ones where no native build exists. */
import { createHash, randomBytes } from "node:crypto";
import { type Crypto, equalBytes, toHex } from "@freehold/protocol";
import { createKeccak } from "hash-wasm";
import { verifyEd25519 } from "./ed25519.js";
import { loadNativeSecp256k1, portableSecp256k1, type Secp256k1 } from "./secp256k1.js";

/** A key that signs digests. The key itself never leaves the object. */
export interface DigestSigner {
	/** Lower-case 0x address. */
	readonly address: `0x${string}`;
	/** r ‖ s ‖ v (27 or 28), low s, deterministic (RFC 6979). */
	readonly signDigest: (digest: Uint8Array) => Uint8Array;
}

const curve: Secp256k1 = loadNativeSecp256k1() ?? portableSecp256k1;
const keccak = await createKeccak(256);

/** Which implementation of secp256k1 this process uses; programs log it, since the portable one is several times slower. */
export const secp256k1Kind: Secp256k1["kind"] = curve.kind;

/** The protocol's primitives, as fast as this machine has them. */
export const nativeCrypto: Crypto = {
	keccak256,
	sha256: (data) => createHash("sha256").update(data).digest(),
	recover: (digest, signature) => recoverWith(curve, digest, signature),
	verifyEd25519,
};

function keccak256(data: Uint8Array): Uint8Array {
	return keccak.init().update(data).digest("binary");
}

/** Half of the group's order, big-endian: a signature with a larger s is the twin of one with a smaller (EIP-2). */
const HALF_ORDER = Uint8Array.from(Buffer.from("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0", "hex"));

/** `Crypto.recover` over a given implementation of the curve. */
export function recoverWith(implementation: Secp256k1, digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
	const v = signature[64];
	if (digest.length !== 32 || signature.length !== 65 || (v !== 27 && v !== 28) || hasHighS(signature)) return undefined;
	const point = implementation.recover(digest, signature.subarray(0, 64), v - 27);
	return point === undefined ? undefined : keccak256(point).subarray(12);
}

function hasHighS(signature: Uint8Array): boolean {
	for (let index = 0; index < 32; index++) {
		const difference = (signature[32 + index] as number) - (HALF_ORDER[index] as number);
		if (difference !== 0) return difference > 0;
	}
	return false;
}

/** A signer for a private key of 32 bytes, which is copied. Throws `RangeError` when it is no key of the curve. */
export function createDigestSigner(privateKey: Uint8Array, implementation: Secp256k1 = curve): DigestSigner {
	const key = Uint8Array.from(privateKey);
	const point = key.length === 32 ? implementation.publicKey(key) : undefined;
	if (point === undefined) throw new RangeError("a private key is 32 bytes, above zero and below the order of the curve");
	return {
		address: toHex(keccak256(point).subarray(12)),
		signDigest(digest) {
			const { signature, recovery } = implementation.sign(digest, key);
			const packed = new Uint8Array(65);
			packed.set(signature);
			packed[64] = 27 + recovery;
			return packed;
		},
	};
}

/** 32 random bytes that are a key of the curve. */
export function generatePrivateKey(): Uint8Array {
	for (;;) {
		const key = new Uint8Array(randomBytes(32));
		if (curve.publicKey(key) !== undefined && !equalBytes(key, new Uint8Array(32))) return key;
	}
}
