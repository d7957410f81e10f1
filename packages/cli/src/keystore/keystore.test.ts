import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDigestSigner } from "@freehold/service";
import { encryptKeystoreJsonSync, Wallet } from "ethers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { decryptKey, encryptKey, Keystore } from "./keystore.js";

const key = Uint8Array.from({ length: 32 }, (_, index) => index + 1);
const { address } = createDigestSigner(key);
let home = "";
let keystore: Keystore;

beforeEach(() => {
	home = mkdtempSync(join(tmpdir(), "freehold-keystore-"));
	keystore = new Keystore(home);
});
afterEach(() => rmSync(home, { recursive: true }));

test("keeps a key that only its passphrase opens", async () => {
	await keystore.add("ana", key, address, "correct horse");
	expect(await keystore.list()).toEqual([{ name: "ana", address }]);
	expect(await keystore.open("ana", "correct horse")).toEqual(key);
	await expect(keystore.open("ana", "wrong")).rejects.toMatchObject({ code: "account.locked" });
});

test("writes files that nobody else may read, without the key or the passphrase in them", async () => {
	await keystore.add("ana", key, address, "correct horse");
	const path = join(home, "keystore", "ana.json");
	expect(statSync(path).mode & 0o777).toBe(0o600);
	expect(statSync(join(home, "keystore")).mode & 0o777).toBe(0o700);
	const text = readFileSync(path, "utf8");
	expect(text).not.toContain(Buffer.from(key).toString("hex"));
	expect(text).not.toContain("correct horse");
});

test("is what other wallets read and write", async () => {
	const theirs = await Wallet.fromEncryptedJson(await encryptKey(key, address, "päss"), "päss");
	expect(theirs.address.toLowerCase()).toBe(address);
	const text = encryptKeystoreJsonSync({ address, privateKey: `0x${Buffer.from(key).toString("hex")}` }, "päss", { scrypt: { N: 4096, r: 8, p: 1 } });
	expect(await decryptKey(text, "päss", "ana")).toEqual(key);
}, 60_000);

test("refuses a second account of the same name and names that are paths", async () => {
	await keystore.add("ana", key, address, "x");
	await expect(keystore.add("ana", key, address, "x")).rejects.toMatchObject({ code: "request.invalid" });
	await expect(keystore.open("../ana", "x")).rejects.toMatchObject({ code: "account.notFound" });
	await expect(keystore.add("../../ana", key, address, "x")).rejects.toThrow();
});

test("names the field of a damaged file", async () => {
	const text = (await encryptKey(key, address, "x")).replace('"version": 3', '"version": 4');
	await expect(decryptKey(text, "x", "ana")).rejects.toThrow(/version/);
});
