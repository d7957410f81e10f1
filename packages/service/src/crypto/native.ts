/** Fast primitives for programs: native secp256k1, WebAssembly keccak, OpenSSL's SHA-256; the pure ones where no native build exists. */

/** A key that signs digests. The key itself never leaves the object. */
export interface DigestSigner {
	/** Lower-case 0x address. */
	readonly address: `0x${string}`;
	/** r ‖ s ‖ v (27 or 28), low s, deterministic (RFC 6979). */
	readonly signDigest: (digest: Uint8Array) => Uint8Array;
}
