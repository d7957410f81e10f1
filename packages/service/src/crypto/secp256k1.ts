/**
 * The curve of Ethereum's signatures, behind two functions: libsecp256k1 where a prebuilt binary fits this machine, else pure JavaScript.
 * The package `secp256k1` would fall back to a slow third library without a word, so its native entry is loaded by name.
 */
import { createRequire } from "node:module";
import { secp256k1 as portable } from "@noble/curves/secp256k1.js";

export interface Secp256k1 {
	/** `native` is libsecp256k1; `portable` is pure JavaScript, several times slower. */
	readonly kind: "native" | "portable";
	/** x ‖ y (64 bytes) of a private key; undefined when the key is zero or too large. */
	publicKey(privateKey: Uint8Array): Uint8Array | undefined;
	/** r ‖ s (64 bytes, low s, RFC 6979) and the recovery bit. */
	sign(digest: Uint8Array, privateKey: Uint8Array): { readonly signature: Uint8Array; readonly recovery: number };
	/** x ‖ y (64 bytes); undefined when there is no such point. */
	recover(digest: Uint8Array, signature: Uint8Array, recovery: number): Uint8Array | undefined;
}

/** The part of the native package that we use. */
interface NativeBinding {
	publicKeyCreate(key: Uint8Array, compressed: boolean, output: Uint8Array): Uint8Array;
	ecdsaSign(digest: Uint8Array, key: Uint8Array): { readonly signature: Uint8Array; readonly recid: number };
	ecdsaRecover(signature: Uint8Array, recovery: number, digest: Uint8Array, compressed: boolean, output: Uint8Array): Uint8Array;
}

export function loadNativeSecp256k1(): Secp256k1 | undefined {
	let binding: NativeBinding;
	try {
		binding = createRequire(import.meta.url)("secp256k1/bindings.js") as NativeBinding;
	} catch {
		return undefined;
	}
	const point = new Uint8Array(65);
	return {
		kind: "native",
		publicKey: (privateKey) => quietly(() => binding.publicKeyCreate(privateKey, false, point).slice(1)),
		sign(digest, privateKey) {
			const { signature, recid } = binding.ecdsaSign(digest, privateKey);
			return { signature, recovery: recid };
		},
		// A view of the shared output: callers hash it at once.
		recover: (digest, signature, recovery) => quietly(() => binding.ecdsaRecover(signature, recovery, digest, false, point).subarray(1)),
	};
}

export const portableSecp256k1: Secp256k1 = {
	kind: "portable",
	publicKey: (privateKey) => quietly(() => portable.getPublicKey(privateKey, false).slice(1)),
	sign(digest, privateKey) {
		const recovered = portable.sign(digest, privateKey, { prehash: false, format: "recovered" });
		return { signature: recovered.slice(1), recovery: recovered[0] ?? 0 };
	},
	recover: (digest, signature, recovery) =>
		quietly(() => portable.Signature.fromBytes(signature, "compact").addRecoveryBit(recovery).recoverPublicKey(digest).toBytes(false).slice(1)),
};

function quietly(work: () => Uint8Array): Uint8Array | undefined {
	try {
		return work();
	} catch {
		return undefined;
	}
}
