import { createHash } from "node:crypto";
import { defaultHashes, fromHex, toHex, utf8 } from "@freehold/protocol";
import { ed25519 } from "@noble/curves/ed25519.js";
import { describe, expect, it } from "vitest";
import { createDigestSigner, generatePrivateKey, nativeCrypto, recoverWith } from "./native.js";
import { loadNativeSecp256k1, portableSecp256k1 } from "./secp256k1.js";

// Account 0 of the mnemonic that every Ethereum tool uses for development.
const KEY = fromHex("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
const ADDRESS = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const ORDER = BigInt("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");

const digestOf = (text: string): Uint8Array => createHash("sha256").update(text).digest();

describe.each([
	["native", loadNativeSecp256k1()],
	["portable", portableSecp256k1],
] as const)("the %s curve", (_, curve) => {
	it.skipIf(curve === undefined)("signs for the address of its key, as the other implementation does", () => {
		if (curve === undefined) return;
		const signer = createDigestSigner(KEY, curve);
		expect(signer.address).toBe(ADDRESS);
		for (let index = 0; index < 40; index++) {
			const digest = digestOf(`message ${index}`);
			const signature = signer.signDigest(digest);
			expect(signature).toEqual(createDigestSigner(KEY, portableSecp256k1).signDigest(digest));
			expect(toHex(recoverWith(curve, digest, signature) ?? new Uint8Array())).toBe(ADDRESS);
		}
	});

	it.skipIf(curve === undefined)("recovers nothing from anything but a plain signature", () => {
		if (curve === undefined) return;
		const digest = digestOf("a");
		const good = createDigestSigner(KEY, curve).signDigest(digest);
		const changed = (change: (bytes: Uint8Array) => void): Uint8Array => {
			const bytes = Uint8Array.from(good);
			change(bytes);
			return bytes;
		};
		const highS = changed((bytes) => {
			const s = ORDER - BigInt(toHex(bytes.subarray(32, 64)));
			bytes.set(fromHex(`0x${s.toString(16).padStart(64, "0")}`), 32);
			bytes[64] = bytes[64] === 27 ? 28 : 27;
		});
		expect(recoverWith(curve, digest, highS)).toBeUndefined();
		expect(recoverWith(curve, digest, good.subarray(0, 64))).toBeUndefined();
		expect(recoverWith(curve, digest.subarray(1), good)).toBeUndefined();
		for (const v of [0, 1, 29, 30, 255])
			expect(
				recoverWith(
					curve,
					digest,
					changed((bytes) => void bytes.fill(v, 64)),
				),
			).toBeUndefined();
		expect(
			recoverWith(
				curve,
				digest,
				changed((bytes) => void bytes.fill(0, 0, 32)),
			),
		).toBeUndefined();
		expect(
			recoverWith(
				curve,
				digest,
				changed((bytes) => void bytes.fill(0, 32, 64)),
			),
		).toBeUndefined();
		expect(
			recoverWith(
				curve,
				digest,
				changed((bytes) => void bytes.fill(255, 0, 32)),
			),
		).toBeUndefined();
		expect(recoverWith(curve, digestOf("b"), good)).not.toEqual(fromHex(ADDRESS));
	});
});

describe("keys", () => {
	it("are refused outside the curve's range", () => {
		for (const key of [new Uint8Array(32), new Uint8Array(31).fill(1), fromHex(`0x${ORDER.toString(16)}`), new Uint8Array(32).fill(255)]) {
			expect(() => createDigestSigner(key)).toThrow(RangeError);
		}
	});

	it("are drawn at random", () => {
		expect(toHex(generatePrivateKey())).not.toBe(toHex(generatePrivateKey()));
		expect(createDigestSigner(generatePrivateKey()).address).toMatch(/^0x[0-9a-f]{40}$/);
	});
});

describe("hashes", () => {
	it("equal the portable ones at every block boundary", () => {
		for (const length of [0, 1, 31, 32, 64, 135, 136, 137, 272, 5000]) {
			const data = new Uint8Array(length).map((_, index) => index * 7);
			expect(toHex(nativeCrypto.keccak256(data))).toBe(toHex(defaultHashes.keccak256(data)));
			expect(toHex(nativeCrypto.sha256(data))).toBe(toHex(defaultHashes.sha256(data)));
		}
	});

	it("return memory of their own", () => {
		const first = nativeCrypto.keccak256(utf8("a"));
		const copy = Uint8Array.from(first);
		nativeCrypto.keccak256(utf8("b"));
		expect(first).toEqual(copy);
	});
});

describe("Ed25519", () => {
	it("accepts a signature, refuses others, and never throws", () => {
		const key = new Uint8Array(32).fill(9);
		const message = utf8("block 1");
		const signature = ed25519.sign(message, key);
		const publicKey = ed25519.getPublicKey(key);
		expect(nativeCrypto.verifyEd25519(publicKey, message, signature)).toBe(true);
		expect(nativeCrypto.verifyEd25519(publicKey, utf8("block 2"), signature)).toBe(false);
		expect(nativeCrypto.verifyEd25519(publicKey, message, new Uint8Array(64).fill(255))).toBe(false);
		expect(nativeCrypto.verifyEd25519(new Uint8Array(3), message, signature)).toBe(false);
	});

	it("follows ZIP-215 for points of small order", () => {
		// The neutral point as key and R with s = 0: valid by ZIP-215, refused by stricter rules.
		const neutral = new Uint8Array(32);
		neutral[0] = 1;
		const signature = new Uint8Array(64);
		signature[0] = 1;
		expect(nativeCrypto.verifyEd25519(neutral, utf8("anything"), signature)).toBe(true);
	});
});
