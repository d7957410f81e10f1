/** The primitives in pure JavaScript, where no program passes faster ones. */
import { type Crypto, defaultHashes } from "@freehold/protocol";
import { ed25519 } from "@noble/curves/ed25519.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";

/**
 * Verifying one Ed25519 signature takes milliseconds here. Programs pass a faster provider: one that asks OpenSSL first and, where that says no, the exact
 * rules of ZIP-215, answers everywhere the same as this one.
 */
export const defaultCrypto: Crypto = {
	...defaultHashes,
	recover(digest, signature) {
		const v = signature[64];
		if (signature.length !== 65 || digest.length !== 32 || (v !== 27 && v !== 28)) return undefined;
		try {
			const parsed = secp256k1.Signature.fromBytes(signature.subarray(0, 64), "compact");
			if (parsed.hasHighS()) return undefined;
			const key = parsed
				.addRecoveryBit(v - 27)
				.recoverPublicKey(digest)
				.toBytes(false);
			return defaultHashes.keccak256(key.subarray(1)).slice(12);
		} catch {
			return undefined;
		}
	},
	verifyEd25519(publicKey, message, signature) {
		try {
			return ed25519.verify(signature, message, publicKey, { zip215: true });
		} catch {
			return false;
		}
	},
};
