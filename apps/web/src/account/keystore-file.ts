/** Taking a key elsewhere: Web3 Secret Storage version 3, which `freehold wallet import` and Ethereum wallets read. */
import { fromHex, type Hex, toHex } from "@freehold/protocol";
import { scryptAsync } from "@noble/hashes/scrypt.js";
import { keccak_256 } from "@noble/hashes/sha3.js";

/** The cost that wallets use; about a second. */
const COST = { N: 131_072, r: 8, p: 1, dkLen: 32 } as const;
const MAX_COST = 2 ** 20;
const MAX_CHARACTERS = 8_192;

export class KeystoreError extends Error {
	override readonly name = "KeystoreError";
}

export async function writeKeystore(privateKey: Hex, address: Hex, passphrase: string, onProgress?: (part: number) => void): Promise<string> {
	const salt = crypto.getRandomValues(new Uint8Array(32));
	const iv = crypto.getRandomValues(new Uint8Array(16));
	const derived = await scryptAsync(new TextEncoder().encode(passphrase), salt, { ...COST, ...(onProgress === undefined ? {} : { onProgress }) });
	const sealed = await counterMode(derived.subarray(0, 16), iv, fromHex(privateKey));
	const file = {
		version: 3,
		id: crypto.randomUUID(),
		address: address.slice(2).toLowerCase(),
		crypto: {
			cipher: "aes-128-ctr",
			ciphertext: bare(sealed),
			cipherparams: { iv: bare(iv) },
			kdf: "scrypt",
			kdfparams: { n: COST.N, r: COST.r, p: COST.p, dklen: COST.dkLen, salt: bare(salt) },
			mac: bare(macOf(derived, sealed)),
		},
	};
	return `${JSON.stringify(file, null, 2)}\n`;
}

/** Private key of a keystore file. Throws `KeystoreError` in words for people. */
export async function readKeystore(text: string, passphrase: string, onProgress?: (part: number) => void): Promise<Hex> {
	const { n, r, p, salt, iv, ciphertext, mac } = parse(text);
	const derived = await scryptAsync(new TextEncoder().encode(passphrase), salt, {
		N: n,
		r,
		p,
		dkLen: 32,
		maxmem: 1024 ** 3 + 2 ** 20,
		...(onProgress === undefined ? {} : { onProgress }),
	});
	if (bare(macOf(derived, ciphertext)) !== mac) throw new KeystoreError("The passphrase does not open this file.");
	return toHex(await counterMode(derived.subarray(0, 16), iv, ciphertext));
}

function parse(text: string) {
	try {
		if (text.length > MAX_CHARACTERS) throw new Error("too long");
		const file = JSON.parse(text) as { version: number; crypto?: Record<string, never>; Crypto?: Record<string, never> };
		const box = (file.crypto ?? file.Crypto) as unknown as {
			cipher: string;
			ciphertext: string;
			cipherparams: { iv: string };
			kdf: string;
			kdfparams: { n: number; r: number; p: number; dklen: number; salt: string };
			mac: string;
		};
		const { n, r, p, dklen, salt } = box.kdfparams;
		const sane =
			Number.isInteger(n) &&
			n > 1 &&
			n <= MAX_COST &&
			Number.isInteger(r) &&
			r >= 1 &&
			r <= 32 &&
			Number.isInteger(p) &&
			p >= 1 &&
			p <= 16 &&
			n * r * 128 <= 1024 ** 3;
		if (file.version !== 3 || box.cipher !== "aes-128-ctr" || box.kdf !== "scrypt" || dklen !== 32 || !sane) throw new Error("another form");
		return { n, r, p, salt: unbare(salt, 32), iv: unbare(box.cipherparams.iv, 16), ciphertext: unbare(box.ciphertext, 32), mac: String(box.mac).toLowerCase() };
	} catch (error) {
		throw new KeystoreError("This is no key file of version 3 with scrypt, as freehold and Ethereum wallets write it.", { cause: error });
	}
}

function macOf(derived: Uint8Array, sealed: Uint8Array): Uint8Array {
	const input = new Uint8Array(16 + sealed.length);
	input.set(derived.subarray(16, 32));
	input.set(sealed, 16);
	return keccak_256(input);
}

async function counterMode(key: Uint8Array, counter: Uint8Array, data: Uint8Array): Promise<Uint8Array> {
	const imported = await crypto.subtle.importKey("raw", Uint8Array.from(key), "AES-CTR", false, ["encrypt"]);
	return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CTR", counter: Uint8Array.from(counter), length: 128 }, imported, Uint8Array.from(data)));
}

function bare(bytes: Uint8Array): string {
	return toHex(bytes).slice(2);
}

function unbare(text: string, length: number): Uint8Array {
	if (typeof text !== "string" || text.length !== 2 * length || !/^[0-9a-fA-F]*$/.test(text)) throw new Error("not hex");
	return fromHex(`0x${text.toLowerCase()}`);
}
