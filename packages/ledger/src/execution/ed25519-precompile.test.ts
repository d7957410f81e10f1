import { concatBytes, fromHex } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { ed25519 } from "@noble/curves/ed25519.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { address, type Bench, bench, environment, executed, request, word } from "../../test/execution-kit.js";
import { Random } from "../../test/random.js";

const PRECOMPILE = address(0xfb);
const PRICE = 30_000;
let ledger: Bench;
beforeAll(() => {
	ledger = bench({});
});
afterAll(() => ledger.close());

const call = (data: Uint8Array, gasLimit = 10_000_000n) => executed(ledger.machine.call(request(address(1), PRECOMPILE, { data, gasLimit }), environment(1n)));
/** What the word that it answers with says. */
const says = (key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
	const { success, output } = call(concatBytes(key, signature, message));
	expect(success).toBe(true);
	expect([word(0), word(1)]).toContainEqual(output);
	return output[31] === 1;
};
/** All encodings of the eight points of small order: under ZIP-215 anything is signed by them. */
const small = ["00".repeat(32), `01${"00".repeat(31)}`, `ec${"ff".repeat(30)}7f`, `ed${"ff".repeat(30)}7f`, `ee${"ff".repeat(30)}7f`]
	.concat("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
	.flatMap((hex) => [0, 0x80].map((sign) => Uint8Array.from(fromHex(`0x${hex}`)).map((byte, index) => (index === 31 ? byte | sign : byte))));

describe("the precompile for Ed25519", () => {
	test("accepts a signature and no change of any byte, as the verifier of votes does", () => {
		const random = new Random(1);
		for (let round = 0; round < 24; round++) {
			const secret = random.bytes(32);
			const message = random.bytes(random.below(200));
			const key = ed25519.getPublicKey(secret);
			const signature = ed25519.sign(message, secret);
			expect(says(key, message, signature)).toBe(true);
			const all = concatBytes(key, signature, message);
			const at = random.below(all.length);
			all[at] = (all[at] as number) ^ (1 << random.below(8));
			const changed = [all.slice(0, 32), all.slice(96), all.slice(32, 96)] as const;
			expect(says(...changed)).toBe(nativeCrypto.verifyEd25519(...changed));
		}
	});

	test("is ZIP-215 to the letter: points of small order, odd encodings, and s below the order", () => {
		const text = new TextEncoder().encode("Zcash");
		for (const key of small) for (const r of small) expect(says(key, text, concatBytes(r, new Uint8Array(32)))).toBe(true);
		const order = 2n ** 252n + 27742317777372353535851937790883648493n;
		const secret = new Uint8Array(32).fill(9);
		const signature = ed25519.sign(text, secret);
		const s = signature.slice(32).reverse();
		const tooLarge = Uint8Array.from(fromHex(`0x${(BigInt(`0x${Buffer.from(s).toString("hex")}`) + order).toString(16).padStart(64, "0")}`)).reverse();
		const forged = concatBytes(signature.slice(0, 32), tooLarge);
		expect(says(ed25519.getPublicKey(secret), text, forged)).toBe(false);
		expect(nativeCrypto.verifyEd25519(ed25519.getPublicKey(secret), text, forged)).toBe(false);
		// No point of the curve.
		expect(says(new Uint8Array(32).fill(2), text, signature)).toBe(nativeCrypto.verifyEd25519(new Uint8Array(32).fill(2), text, signature));
	});

	test("costs 30,000 gas and 2 for each byte, and refuses what is too short", () => {
		const input = new Uint8Array(96 + 4);
		const intrinsic = 21_000 + 4 * input.length;
		// Data costs at least 10 gas a zero byte in all (EIP-7623), which is less here.
		expect(call(input).gasUsed).toBe(BigInt(intrinsic + PRICE + 2 * input.length));
		expect(call(input, BigInt(intrinsic + PRICE + 2 * input.length - 1)).success).toBe(false);
		expect(call(new Uint8Array(95)).success).toBe(false);
	});
});
