/**
 * Conversations at rest: AES-256-GCM under a key that hangs on the account. For a key of this browser it is derived from the private key (HKDF with SHA-256, RFC
 * 5869), so a passphrase that guards the one guards the other, and whoever brings the key back has the conversations back. A wallet never shows its key: for its
 * accounts the browser makes one that no script can read out.
 */
import { fromHex, type Hex } from "@freehold/protocol";

export interface Sealed {
	readonly iv: Uint8Array<ArrayBuffer>;
	readonly sealed: ArrayBuffer;
}

const PURPOSE = "freehold conversations 1";

export async function keyFromAccount(privateKey: Hex, address: Hex): Promise<CryptoKey> {
	const base = await crypto.subtle.importKey("raw", fromHex(privateKey) as Uint8Array<ArrayBuffer>, "HKDF", false, ["deriveKey"]);
	const info = new TextEncoder().encode(address.toLowerCase());
	return crypto.subtle.deriveKey(
		{ name: "HKDF", hash: "SHA-256", salt: new TextEncoder().encode(PURPOSE), info },
		base,
		{ name: "AES-GCM", length: 256 },
		false,
		["encrypt", "decrypt"],
	);
}

export function browserKey(): Promise<CryptoKey> {
	return crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** `place` is bound to what is sealed: moved to another place it does not open. */
export async function seal(value: unknown, key: CryptoKey, place: string): Promise<Sealed> {
	const iv = crypto.getRandomValues(new Uint8Array(12));
	const plain = new TextEncoder().encode(JSON.stringify(value));
	return { iv, sealed: await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: new TextEncoder().encode(place) }, key, plain) };
}

/** Undefined when it was sealed under another key or for another place, or was altered. */
export async function unseal({ iv, sealed }: Sealed, key: CryptoKey, place: string): Promise<unknown> {
	try {
		const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: new TextEncoder().encode(place) }, key, sealed);
		return JSON.parse(new TextDecoder().decode(plain)) as unknown;
	} catch {
		return undefined;
	}
}
