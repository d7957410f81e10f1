import { fromHex } from "@freehold/protocol";
import { ed25519 } from "@noble/curves/ed25519.js";
import { describe, expect, it } from "vitest";
import { verifyEd25519 } from "./ed25519.js";

describe("Ed25519", () => {
	it("accepts what was signed and refuses every altered bit of signature, message and key", () => {
		const secret = new Uint8Array(32).fill(3);
		const publicKey = ed25519.getPublicKey(secret);
		const message = new TextEncoder().encode("block 7");
		const signature = ed25519.sign(message, secret);
		expect(verifyEd25519(publicKey, message, signature)).toBe(true);
		const flipped = (bytes: Uint8Array, index: number): Uint8Array => bytes.map((byte, at) => (at === index ? byte ^ 1 : byte));
		for (let index = 0; index < 64; index += 9) expect(verifyEd25519(publicKey, message, flipped(signature, index))).toBe(false);
		for (let index = 0; index < 32; index += 5) expect(verifyEd25519(flipped(publicKey, index), message, signature)).toBe(false);
		expect(verifyEd25519(publicKey, flipped(message, 0), signature)).toBe(false);
		expect(verifyEd25519(publicKey, message, signature.subarray(1))).toBe(false);
	});

	it("accepts the small-order encodings that ZIP-215 accepts and OpenSSL does not", () => {
		// A, R of order 4 and 8 among the torsion points of ZIP-215's test vectors: with s = 0 the cofactored equation holds for every message.
		const zero = new Uint8Array(32);
		const orderFour = fromHex("0x0000000000000000000000000000000000000000000000000000000000000080");
		const orderEight = fromHex("0x26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");
		for (const publicKey of [orderFour, orderEight]) {
			for (const r of [orderFour, orderEight]) expect(verifyEd25519(publicKey, new TextEncoder().encode("Zcash"), Uint8Array.of(...r, ...zero))).toBe(true);
		}
	});
});
