import { hashTypedData } from "viem";
import { describe, expect, it } from "vitest";
import { toHex } from "../bytes/bytes.js";
import { isKeyText, keyId, keyRequestDigest, keyRequestDomain, keyRequestTypes, keyTermsText, keyText } from "./key-request.js";

describe("what an owner signs about a key", () => {
	it("has the digest that wallets compute", () => {
		const message = {
			action: "create",
			gateway: `0x${"11".repeat(20)}`,
			terms: keyTermsText({ key: `0x${"22".repeat(32)}`, name: "laptop", budget: "5", channelId: `0x${"33".repeat(32)}` }),
			key: `0x${"22".repeat(32)}`,
			issuedAt: 1_700_000_000_000n,
		} as const;
		const theirs = hashTypedData({ domain: keyRequestDomain(10741), types: keyRequestTypes, primaryType: "KeyRequest", message });
		expect(toHex(keyRequestDigest(message, 10741))).toBe(theirs);
	});

	it("names a key by a digest, never by the key", () => {
		const text = keyText(new Uint8Array(32).fill(0xff));
		expect(isKeyText(text)).toBe(true);
		expect(keyId(text)).toMatch(/^0x[0-9a-f]{64}$/);
		for (const other of ["0x1234567890abcdef", "sk-abc", `${text}x`, text.slice(0, -1)]) expect(isKeyText(other)).toBe(false);
	});
});
