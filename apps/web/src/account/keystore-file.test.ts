import { describe, expect, it } from "vitest";
import { KeystoreError, readKeystore } from "./keystore-file.js";

/** Test vector "scrypt" of the Web3 Secret Storage definition (ethereum.org). */
const VECTOR = JSON.stringify({
	crypto: {
		cipher: "aes-128-ctr",
		cipherparams: { iv: "83dbcc02d8ccb40e466191a123791e0e" },
		ciphertext: "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
		kdf: "scrypt",
		kdfparams: { dklen: 32, n: 262_144, p: 8, r: 1, salt: "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19" },
		mac: "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
	},
	id: "3198bc9c-6672-5ab3-d995-4942343ae5b6",
	version: 3,
});

describe("key files of wallets", () => {
	it("open with their passphrase, and not with another", async () => {
		expect(await readKeystore(VECTOR, "testpassword")).toBe("0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d");
		await expect(readKeystore(VECTOR, "wrong")).rejects.toThrow("does not open");
	}, 60_000);

	it.each(["", "{}", "[]", "null", '{"version":3,"crypto":{}}', VECTOR.replace("262144", "1073741824"), "x".repeat(10_000)])(
		"are refused in words when they are none",
		async (text) => {
			await expect(readKeystore(text, "x")).rejects.toBeInstanceOf(KeystoreError);
		},
	);
});
