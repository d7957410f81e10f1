/** What the owner of an API key signs: EIP-712 typed data whose `terms` are canonical JSON, so that a wallet shows what is agreed to. */
import { type Hex, toHex, utf8 } from "../bytes/bytes.js";
import { encodeWords } from "../codec/words.js";
import { defaultHashes, type Hashes } from "../crypto/crypto.js";
import type { KeyTerms } from "../http/api/keys.js";
import { canonicalJson } from "../json/canonical.js";
import { contractAddresses } from "../network/networks.js";

export type KeyAction = "create" | "revoke" | "list";

export interface KeyRequest {
	readonly action: KeyAction;
	readonly gateway: Hex;
	/** Canonical JSON of the terms; empty for the other actions. */
	readonly terms: string;
	/** The key's id; zero where the action has none. */
	readonly key: Hex;
	/** Unix milliseconds; good for a few minutes. */
	readonly issuedAt: bigint;
}

export const keyRequestTypes = {
	KeyRequest: [
		{ name: "action", type: "string" },
		{ name: "gateway", type: "address" },
		{ name: "terms", type: "string" },
		{ name: "key", type: "bytes32" },
		{ name: "issuedAt", type: "uint64" },
	],
} as const;

export const noKey: Hex = `0x${"00".repeat(32)}`;

/** Of the contract that holds the lanes which keys spend from. */
export function keyRequestDomain(chainId: number): {
	readonly name: "Freehold keys";
	readonly version: "1";
	readonly chainId: number;
	readonly verifyingContract: Hex;
} {
	return { name: "Freehold keys", version: "1", chainId, verifyingContract: contractAddresses.Channels };
}

export function keyTermsText(terms: KeyTerms): string {
	return canonicalJson(terms);
}

/** EIP-712 digest. */
export function keyRequestDigest({ action, gateway, terms, key, issuedAt }: KeyRequest, chainId: number, hashes: Hashes = defaultHashes): Uint8Array {
	const hash = (text: string): Uint8Array => hashes.keccak256(utf8(text));
	const separator = hashes.keccak256(
		encodeWords([
			hash("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
			hash("Freehold keys"),
			hash("1"),
			chainId,
			contractAddresses.Channels,
		]),
	);
	const typeHash = hash("KeyRequest(string action,address gateway,string terms,bytes32 key,uint64 issuedAt)");
	const struct = hashes.keccak256(encodeWords([typeHash, hash(action), gateway, hash(terms), key, issuedAt]));
	const packed = new Uint8Array(66);
	packed[0] = 0x19;
	packed[1] = 0x01;
	packed.set(separator, 2);
	packed.set(struct, 34);
	return hashes.keccak256(packed);
}

/** Text of an API key: `fhk_` and 32 random bytes in base64url. */
export function keyText(random: Uint8Array): string {
	let binary = "";
	for (const byte of random) binary += String.fromCharCode(byte);
	return `fhk_${btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

const KEY_PATTERN = /^fhk_[A-Za-z0-9_-]{43}$/;

export function isKeyText(text: string): boolean {
	return KEY_PATTERN.test(text);
}

/** SHA-256 of the key's text: its id, and all that a gateway keeps of it. */
export function keyId(text: string, hashes: Pick<Hashes, "sha256"> = defaultHashes): Hex {
	return toHex(hashes.sha256(utf8(text)));
}
