import { describe, expect, it } from "vitest";
import { browserKey, keyFromAccount, seal, unseal } from "./seal.js";

const KEY = `0x${"11".repeat(32)}` as const;
const ADDRESS = `0x${"aa".repeat(20)}` as const;

describe("what is sealed", () => {
	it("opens again with the same account's key, also one that was brought back, and shows nothing of itself meanwhile", async () => {
		const sealed = await seal({ said: "a secret" }, await keyFromAccount(KEY, ADDRESS), "bodies 1");
		expect(new TextDecoder().decode(sealed.sealed)).not.toContain("secret");
		expect(await unseal(sealed, await keyFromAccount(KEY, ADDRESS), "bodies 1")).toEqual({ said: "a secret" });
	});

	it("does not open with another key, in another place, or altered", async () => {
		const key = await keyFromAccount(KEY, ADDRESS);
		const sealed = await seal("x", key, "bodies 1");
		const altered = new Uint8Array(sealed.sealed.slice(0));
		altered[0] = (altered[0] ?? 0) ^ 1;
		expect(
			await Promise.all([
				unseal(sealed, await keyFromAccount(`0x${"22".repeat(32)}`, ADDRESS), "bodies 1"),
				unseal(sealed, await browserKey(), "bodies 1"),
				unseal(sealed, key, "bodies 2"),
				unseal({ ...sealed, sealed: altered.buffer }, key, "bodies 1"),
			]),
		).toEqual([undefined, undefined, undefined, undefined]);
	});
});
